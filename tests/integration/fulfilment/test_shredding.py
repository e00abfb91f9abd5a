"""Whoever holds a dump of the open case and today's keys reads nothing after their destruction."""

import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
import structlog
from kafka import TopicPartition
from kafka.admin import OffsetSpec
from psycopg import sql

from schemas.topics import topic_of
from schemas.wire import Record
from services.intake.app import build as build_intake
from services.kernel.errors import Misconfigured
from services.kernel.house import House
from services.kernel.keys import FileKeyStore, KeyGone
from services.kernel.sealing import CannotOpen, Sealer, unseal
from services.kernel.tokens import case_key
from services.kernel.vault import count_under
from services.ops.kafka import Access, Publisher, read_all
from services.packages.stored import Outgoing, Shelf
from tests.support.lab import a_request
from tests.support.servers import TestBroker

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

CANARY = "Zebulon Quixworth"
REQUEST = a_request("shredded")
CASE = case_key(REQUEST)


@dataclass(frozen=True)
class Loot:
    """What somebody took while the case was open: every table of ours as text, its rows, and records of topics."""

    dump: bytes
    keys: Sequence[tuple[str, str, bytes]]
    items: Sequence[tuple[str, str, bytes]]
    records: Sequence[bytes]

    def plain(self, store: FileKeyStore) -> Iterator[bytes]:
        """Everything that opens with these keys, tried one by one; and what needed no key."""
        yield self.dump
        yield from self.records
        for case, epoch, wrapped in self.keys:
            with suppress(CannotOpen, KeyGone):
                key = unseal(store.wrapping_key(epoch), wrapped, case.encode())
                yield from (unseal(key, sealed, f"{case}|{n}".encode()) for c, n, sealed in self.items if c == case)
        for sealed in self.records:
            with suppress(CannotOpen, KeyGone):
                yield Sealer(store, "outbox").open(sealed)

    def tells(self, keys_dir: Path) -> int:
        """In how many places the canary can be read."""
        return sum(CANARY.encode() in plain for plain in self.plain(FileKeyStore(keys_dir)))


def taken(url: str, records: Sequence[bytes]) -> Loot:
    with psycopg.connect(url) as db:
        tables = db.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        dump = b"".join(_copied(db, schema, table) for schema, table in tables)
        keys = db.execute("SELECT case_key, epoch, wrapped FROM vault.keys").fetchall()
        items = db.execute("SELECT case_key, name, sealed FROM vault.items").fetchall()
    return Loot(dump, keys, items, records)


def _copied(db: psycopg.Connection, schema: str, table: str) -> bytes:
    with db.cursor() as cursor, cursor.copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(schema, table))) as copy:
        return b"".join(bytes(block) for block in copy)


async def an_open_case(house: House) -> list[bytes]:
    """Keep a case with its submission, a package and its link; returns what left it sealed for a topic."""
    said = json.dumps({"subject": {"name": CANARY}}).encode()
    async with house.pool.connection() as conn, conn.transaction():
        await house.vault.put(conn, {(CASE, "submission"): said})
        outgoing, shelf = Outgoing(), Shelf(house.vault, conn, REQUEST, "own")
        outgoing.write(said)
        await shelf.close(outgoing, datetime(2026, 3, 4, tzinfo=UTC))
    return [house.sealer.seal(said)]


async def end(house: House, store: FileKeyStore) -> None:
    """Do what the schedule does: the data key on its day, the epoch once nothing depends on it."""
    async with house.pool.connection() as conn:
        assert await house.vault.destroy(conn, [CASE]) == 1
    store.rotate()
    await destroy(house, store, "e1")


async def destroy(house: House, store: FileKeyStore, epoch: str) -> None:
    async with house.pool.connection() as conn:
        count = await count_under(conn, epoch)
    store.destroy(epoch, in_use=lambda _: count)


async def test_after_the_destruction_a_dump_with_todays_keys_tells_nothing(
    house: House, fulfilment_url: str, tmp_path: Path
) -> None:
    store = FileKeyStore(tmp_path / "keys")
    loot = taken(fulfilment_url, await an_open_case(house))
    backup = tmp_path / "backup"
    store.backup(backup)
    assert loot.tells(tmp_path / "keys") == 3
    await end(house, store)

    assert loot.tells(tmp_path / "keys") == 0
    assert loot.tells(backup) == 3
    shutil.rmtree(backup)


async def test_a_data_key_alone_does_not_end_what_lies_in_a_dump(
    house: House, fulfilment_url: str, tmp_path: Path
) -> None:
    loot = taken(fulfilment_url, await an_open_case(house))
    async with house.pool.connection() as conn:
        await house.vault.destroy(conn, [CASE])
    after = taken(fulfilment_url, [])

    assert loot.tells(tmp_path / "keys") == 3
    assert after.tells(tmp_path / "keys") == 0


async def test_an_epoch_that_a_case_depends_on_is_not_destroyed(house: House, tmp_path: Path) -> None:
    store = FileKeyStore(tmp_path / "keys")
    await an_open_case(house)
    store.rotate()

    with pytest.raises(Misconfigured, match="1 data keys are still wrapped"):
        await destroy(house, store, "e1")


async def test_a_running_service_feels_the_destruction_at_once(house: House, tmp_path: Path) -> None:
    store = FileKeyStore(tmp_path / "keys")
    [sealed] = await an_open_case(house)
    await end(house, store)

    with pytest.raises(KeyGone):
        house.sealer.open(sealed)


class Topics:
    """The real topics of one run: what was published, as it lies there."""

    def __init__(self, broker: TestBroker, prefix: str) -> None:
        self._broker, self._prefix = broker, prefix
        self.access = Access(broker.bootstrap, broker.admin.username, broker.admin.password, None, prefix)
        self.names: set[str] = set()

    def lay(self, records: Sequence[tuple[str, bytes, bytes]]) -> None:
        """Publish records of (topic, key, value)."""
        with self._broker.admin_client() as admin:
            for name in {topic for topic, _, _ in records} - self.names:
                admin.create_topics({self._prefix + name: {"num_partitions": 1, "replication_factor": 1}})
                self.names.add(name)
        with closing(Publisher(self.access)) as publisher:
            publisher.send_all([(topic, key, value, []) for topic, key, value in records])

    def read(self) -> list[bytes]:
        return [record.value or b"" for record in read_all(self.access, sorted(self.names))]

    def trim(self) -> None:
        """Cut personal topics as the broker does once their time is over."""
        with self._broker.admin_client() as admin:
            mine = [TopicPartition(self._prefix + n, 0) for n in self.names if topic_of(n).personal == "yes"]
            ends = admin.list_partition_offsets(dict.fromkeys(mine, OffsetSpec.LATEST))
            admin.delete_records({part: at.offset for part, at in ends.items()})


@pytest.fixture
def topics(broker: TestBroker, topic_prefix: str) -> Topics:
    return Topics(broker, topic_prefix)


async def submitted(house: House) -> list[tuple[str, bytes, bytes]]:
    """Let intake take a submission up; what then lies on topics, the submission first."""
    said = {
        "submission_id": "shredded-1", "source": "webform", "brand": "parcelwise", "rights": ["know_specific"],
        "subject": {"name": CANARY, "emails": ["zebulon@example.org"]}, "message": f"It is {CANARY}.",
    }  # fmt: skip
    raw = json.dumps(said).encode()
    await rows_of(house, "INSERT INTO ops.sources (name) VALUES ('webform') ON CONFLICT DO NOTHING RETURNING name")
    record = Record("privacy.requests", 0, 0, b"1", raw, (), int(datetime.now(UTC).timestamp() * 1000))
    stored = await build_intake(house)[0]._step.take([record])
    return [("privacy.requests", b"1", raw), *((r.message.topic, r.message.key, r.message.value) for r in stored)]


async def test_the_topics_and_the_logs_tell_nothing_beside_the_dump(
    house: House, fulfilment_url: str, tmp_path: Path, topics: Topics, caplog: pytest.LogCaptureFixture
) -> None:
    store = FileKeyStore(tmp_path / "keys")
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as lines:
        laid = await submitted(house)
    topics.lay(laid)
    logs, [(case,)] = (caplog.text + str(lines)).encode(), await rows_of(house, "SELECT case_key FROM vault.keys")
    then = taken(fulfilment_url, [*topics.read(), logs])
    told = then.tells(tmp_path / "keys")
    async with house.pool.connection() as conn:
        await house.vault.destroy(conn, [case])
    store.rotate()
    await destroy(house, store, "e1")
    topics.trim()
    left = topics.read()

    assert {"privacy.requests", "privacy.accepted"} <= topics.names
    assert told >= 2
    assert then.tells(tmp_path / "keys") == 1
    assert len(left) == len(laid) - 1
    assert Loot(then.dump, then.keys, then.items, [*left, logs]).tells(tmp_path / "keys") == 0


async def rows_of(house: House, query: str) -> list[tuple[str, ...]]:
    async with house.pool.connection() as conn:
        return [tuple(row) async for row in await conn.execute(query.encode())]
