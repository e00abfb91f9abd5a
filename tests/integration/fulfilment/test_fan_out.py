"""A few deletions over twelve systems of every temper, and a fulfiller that is killed twice; a table is the bus.

`python -m bench fanout` is the same on the real bus with hundreds of requests.
"""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from bench.ship import BRAND, row_of
from bench.tempers import ALL, BROKEN, BY_HTTP, LATE, TWICE, Tempers, data_map, finished, serving
from schemas import wire
from schemas.base import Event
from schemas.events import Clock, RequestVerified, TaskAssigned, TaskFinished
from schemas.values import Assurance, Population, Right
from services.directory.digests import Digests
from services.directory.load import load
from services.directory.rows import person_of
from services.kernel.keys import FileKeyStore
from services.kernel.migrate import upgrade
from tests.support.children import Nursery, nursery, wait_until
from tests.support.policies import POLICIES
from tests.support.table_bus import SAY, TABLES, row
from tests.support.values import an_accepted, an_id

pytestmark = pytest.mark.integration

REQUESTS: Final = 6
DOWN_S: Final = 2.5
HERALD: Final = "herald"
"""Holds nothing: a service provider of the first system is told through it."""
PROVIDER: Final = "provider:meadow-mail"
TOLD: Final = """
  herald:
    connector: http
    url_env: FANOUT_HERALD
    brands: [parcelwise]
    first_wait_s: 0.5
    options:
      record_key: recipient_id
      find: {method: GET, path: "/herald/{{ key.recipient_id }}"}
      erase: {method: DELETE, path: "/herald/{{ key.recipient_id }}"}
"""
ASK: Final = "SELECT id, topic, value FROM bus WHERE id > %s ORDER BY id"
AHEAD: Final = "INSERT INTO kernel.clock VALUES (true, %s)"
OVER: Final = """WITH first AS (UPDATE fulfiller.effects SET leased_until = NULL)
UPDATE tasks.effects SET leased_until = NULL"""
"""What a killed worker had in hand is anybody's after 30 seconds; nobody waits for them here."""
EARLIER: Final = timedelta(days=20)
"""When the last day to answer is."""
GOOD: Final = {*ALL, PROVIDER} - {BROKEN, LATE}
"""Who erases before that day."""


@dataclass
class Bus:
    """What the fulfiller told, and what the participants say to it."""

    db: psycopg.Connection[Any]
    last: int = 0
    asked: dict[str, list[TaskAssigned]] = field(default_factory=lambda: {TWICE: [], LATE: []})
    closed: dict[str, dict[str, str]] = field(default_factory=dict)
    wholes: list[str] = field(default_factory=list)
    operators: Counter[str] = field(default_factory=Counter)
    amended: dict[str, tuple[str, str]] = field(default_factory=dict)
    done: set[tuple[str, str]] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)

    def say(self, events: Sequence[Event]) -> None:
        """Publish."""
        rows = [row(*wire.encode(event, source="test")[:3], wire.encode(event, source="test")[3]) for event in events]
        with self.db.cursor() as cursor:
            cursor.executemany(SAY, rows)

    def look(self) -> "Bus":
        """Take in what was published; one participant answers, twice."""
        answers: list[TaskFinished] = []
        for number, topic, value in self.db.execute(ASK, [self.last]).fetchall():
            self.last, told = number, json.loads(value)
            system = topic.rpartition(".")[2]
            if system in self.asked:
                task = TaskAssigned.model_validate(told)
                self.asked[system].append(task)
                answers += [finished(task), finished(task, again=True)] if system == TWICE else []
            elif told["event_id"] not in self.seen:
                self._hear(told)
            self.seen.add(told["event_id"])
        self.say(answers)
        return self

    def _hear(self, told: dict[str, Any]) -> None:
        match told["type"]:
            case "PartWaiting" if told["party"] == "operator":
                self.operators[told["who"]] += 1
            case "TaskFinished" if told["outcome"] != "failed":
                self.done.add((told["request_id"], told["part"]))
            case "RequestClosed":
                self.wholes.append(told["ending"])
                self.closed[told["request_id"]] = {
                    name.removeprefix("own/").removeprefix("system:"): end["outcome"]
                    for name, end in told["parts"].items()
                }
            case "RequestAmended":
                self.amended[told["request_id"]] = told["part"].rpartition(":")[2], told["end"]["outcome"]

    def erased(self, tempers: Tempers) -> int:
        """How much was erased by now."""
        self.look()
        return tempers.erased.total()

    def late(self) -> list[TaskAssigned]:
        """The tasks nobody has answered, each once."""
        return list({task.task_id: task for task in self.asked[LATE]}.values())


@contextmanager
def company(url: str, folder: Path, tempers: Tempers) -> Iterator[tuple[Nursery, FileKeyStore]]:
    """The twelve systems, their people, and a place where fulfillers can be started."""
    upgrade(url)
    keys = FileKeyStore(folder / "keys")
    keys.create()
    shutil.copytree(POLICIES, folder / "policies")
    told = f'providers: [{{name: Meadow Mail, contract: "order form, 7", told: {HERALD}}}]'
    text = data_map().replace("rights: [delete]", f"rights: [delete]\n    {told}", 1) + TOLD
    (folder / "policies" / "systems.yaml").write_text(text, "utf-8")
    rows = (row_of(number, system) for number in range(1, REQUESTS + 1) for system in ALL)
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(TABLES)
        load(db, (person_of(number, one) for number, one in enumerate(rows, 1)), keys)
    with serving(tempers) as address:
        env = {
            "DATABASE_URL": url, "RIGHTSBUS_KEYS_DIR": str(folder / "keys"), "KAFKA_BOOTSTRAP": "127.0.0.1:1",
            "RIGHTSBUS_POLICIES_DIR": str(folder / "policies"), "KAFKA_USERNAME": "nobody", "KAFKA_PASSWORD": "none",
            **{f"FANOUT_{name.upper()}": address for name in (*BY_HTTP, HERALD)},
        }  # fmt: skip
        with nursery(folder, {**os.environ, **env}) as children:
            yield children, keys


def deletions(keys: FileKeyStore, now: datetime) -> Iterator[Event]:
    """What a request's intake and verifier tell of it; half of the verdicts come before."""
    for number in range(1, REQUESTS + 1):
        name = str(an_id("fan-out", number))
        ids: dict[str, Any] = {"request_id": name, "case_id": name, "occurred_at": now}
        subject = Digests(keys).subject(BRAND, Population.ACCOUNT_HOLDER, None, f"r{number}")
        clock = Clock(receipt_date=now.date(), respond_by=(now + EARLIER).date(), timezone="America/Los_Angeles")
        accepted = an_accepted(Right.DELETE, received_at=now, clock=clock, unverified_at=now + EARLIER).model_copy(
            update={**ids, "event_id": an_id("accepted", number)}
        )
        verified = RequestVerified(
            event_id=an_id("verified", number), subject=str(subject), groups=[], assurance=Assurance.REASONABLE, **ids
        )
        yield from (accepted, verified) if number % 2 else (verified, accepted)


def test_every_system_answers_for_itself_however_often_the_fulfiller_is_killed(
    database_url: str, tmp_path: Path
) -> None:
    tempers = Tempers(REQUESTS, DOWN_S)
    tempers.held |= {(HERALD, str(number)) for number in range(1, REQUESTS + 1)}
    with (
        company(database_url, tmp_path, tempers) as (children, keys),
        psycopg.connect(database_url, autocommit=True) as db,
    ):
        bus = Bus(db)
        bus.say(list(deletions(keys, datetime.now(UTC))))
        for erased in (5, 30):
            child = children.start("tests.support.table_bus")
            wait_until(lambda: bus.erased(tempers) >= erased, every_s=0.01)  # noqa: B023  waited for at once
            child.kill()
            db.execute(OVER)
        children.start("tests.support.table_bus")
        wait_until(lambda: len(bus.look().done) == len(GOOD) * REQUESTS and bus.operators[BROKEN] == REQUESTS)
        wait_until(lambda: len(bus.look().late()) == REQUESTS)
        db.execute(AHEAD, [2 * EARLIER])
        wait_until(lambda: len(bus.look().closed) == REQUESTS)
        bus.say([finished(task) for task in bus.late()])
        wait_until(lambda: len(bus.look().amended) == REQUESTS)
        parked = db.execute("SELECT count(*) FROM bus WHERE topic LIKE 'privacy.parked.%'").fetchall()

    must = dict.fromkeys(GOOD, "erased") | {BROKEN: "failed", LATE: "failed"}
    assert [{name: ends[name] for name in must} for ends in bus.closed.values()] == [must] * REQUESTS
    assert bus.wholes == ["partially_fulfilled"] * REQUESTS
    assert bus.operators == {BROKEN: REQUESTS}
    assert set(tempers.erased.values()) == {1}
    assert set(bus.amended.values()) == {(LATE, "erased")}
    assert parked == [(0,)]
