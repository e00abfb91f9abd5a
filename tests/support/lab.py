"""A stage without a bus: a real database, a made-up service whose messages say themselves what shall come of them."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, cast
from uuid import NAMESPACE_OID, UUID, uuid5

import psycopg

from schemas import wire
from schemas.base import Due
from schemas.events import HandedOver, OperatorDecided
from schemas.values import Verb
from schemas.wire import Record
from services.kernel.decision import Count, Decision, Effect, State
from services.kernel.errors import BrokerAway
from services.kernel.house import House, open_house
from services.kernel.keys import FileKeyStore
from services.kernel.publisher import Publisher
from services.kernel.settings import ServiceSettings
from services.kernel.stage import Stage
from services.kernel.step import Blueprint, Step
from services.kernel.store import Conn, Store, Stored

STAGE = "verifier"
"""Whose tables the lab uses."""
TOPIC = "privacy.decisions"


class Broken(Exception):
    """What a message that says so raises. Its text must never get out."""


class Memory(State):
    """What the made-up service remembers: the words of its messages, in order."""

    words: tuple[str, ...] = ()


def decide(state: Memory, event: OperatorDecided | Due, facts: Any, now: datetime) -> Decision[Memory]:
    """Do what the word says; remember it."""
    if isinstance(event, Due):
        return Decision(state.but(words=(*state.words, "woken")), (_said(event, now),))
    word = event.basis or ""
    if word.startswith("broken"):
        raise Broken("Erika Mustermann")
    ids = {"request_id": state.id, "case_id": state.id}
    return Decision(
        state if word == "same" else state.but(words=(*state.words, word)),
        () if word == "quiet" else (_said(event, now, **ids),),
        (Effect("letter", state.id, state.id, word, {"word": word}, lane=word.partition("/")[2]),)
        if word.startswith("effect")
        else (),
        (Count("throttle", now + timedelta(hours=1)),) if word == "count" else (),
        now + timedelta(hours=1) if word == "later" else now if word == "now" else None,
        {"note": b"Erika Mustermann"} if word == "secret" else {},
    )


def _said(cause: Any, now: datetime, **ids: str) -> HandedOver:
    fields: dict[str, Any] = {"part": "client:acme/handover", "client": "acme", "handover_id": "h"}
    fields |= ids or {"request_id": cause.request_id, "case_id": cause.request_id}
    return HandedOver.after(cause, now, parcel_named=False, **fields)


def a_request(name: str) -> str:
    """The id of a request, the same for the same name."""
    return str(uuid5(NAMESPACE_OID, name))


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
_offsets = count()


def a_message(request: str, word: str, *, twin: str = "", topic: str = TOPIC) -> Record:
    """A record of the lab's topic about a request; the same request, word and twin make the same event."""
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    event = OperatorDecided(
        event_id=uuid5(UUID(request), word + twin), occurred_at=now, request_id=request, case_id=request,
        verb=Verb.APPROVE, basis=word, by="op",
    )  # fmt: skip
    _, key, value, headers = wire.encode(event, source="lab", traceparent=TRACE)
    return Record(topic, 0, next(_offsets), key, value, tuple(headers), int(now.timestamp() * 1000))


async def nothing(*_: Any) -> None:
    """Gather nothing."""


@dataclass
class Lab:
    """One worker of the made-up service, and what its tables hold."""

    house: House
    db: Conn
    store: Store[Memory] = field(init=False)
    step: Step[Memory, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Wire the service."""
        self.store = Store(STAGE, Memory)
        self.wire()

    def wire(self, **changes: Any) -> "Lab":
        """Wire the service anew with some of its parts exchanged."""
        blueprint = Blueprint(STAGE, Memory, keys=lambda e: [e.request_id], gather=nothing, decide=decide)
        self.step = Step(replace(blueprint, **changes), self.house, self.store)
        return self

    async def take(self, *records: Record) -> list[Stored]:
        """Carry records through the step."""
        return await self.step.take(records)

    async def rows(self, query: str, *args: Any) -> list[Any]:
        """Ask the database, the stage's own tables by their bare names; single columns come as values."""
        found = await (await self.db.execute(query.encode(), args)).fetchall()
        return [row[0] if len(row) == 1 else row for row in found]

    async def run(self, statement: str, *args: Any) -> None:
        """Change the database."""
        await self.db.execute(statement.encode(), args)

    async def until(self, query: str, *wanted: Any) -> None:
        """Wait until the database answers so."""
        async with asyncio.timeout(10):
            while await self.rows(query) != [*wanted]:  # noqa: ASYNC110  nobody tells us
                await asyncio.sleep(0.01)

    async def words(self, request: str) -> list[str]:
        """What the service remembers of a request."""
        [body] = await self.rows("SELECT body FROM state WHERE id = %s", request) or [None]
        return body["words"] if body else []

    async def outbox(self) -> list[tuple[str, str]]:
        """Topic and key of every message waiting, in order."""
        return [(topic, key.decode()) for topic, key in await self.rows("SELECT topic, key FROM outbox ORDER BY id")]

    async def parked(self) -> list[str]:
        """The requests with parked messages, as often as there are some."""
        found = await self.rows("SELECT id, parked FROM state WHERE parked > 0 ORDER BY id")
        return [state for state, times in found for _ in range(times)]


class Broker:
    """Stands in for the publisher: keeps what it was sent, and may be away, slow, or without a topic."""

    def __init__(self) -> None:
        self.sent: list[Stored] = []
        self.away = 0
        self.refuses: set[str] = set()
        self.ready, self.asked = asyncio.Event(), asyncio.Event()
        self.ready.set()

    async def __call__(self, rows: Sequence[Stored]) -> list[int]:
        """Take what is sent."""
        self.asked.set()
        await self.ready.wait()
        if self.away:
            self.away -= 1
            raise BrokerAway("away")
        taken = [row for row in rows if row.message.topic not in self.refuses]
        self.sent += taken
        return [row.id for row in taken]

    def refused(self) -> list[str]:
        """The topics it does not take."""
        return sorted(self.refuses)

    @property
    def keys(self) -> list[str]:
        """The keys of what was sent, in order."""
        return [row.message.key.decode() for row in self.sent]


def a_stage(lab: Lab, broker: Broker) -> Stage[Memory, Any]:
    """The lab's service as a stage that publishes to this broker."""
    blueprint = Blueprint(STAGE, Memory, keys=lambda e: [e.request_id], gather=nothing, decide=decide)
    stage = Stage(lab.house, blueprint, reads=[TOPIC])
    stage._publisher = cast(Publisher, broker)
    return stage


def settings(database_url: str, keys_dir: Path, **more: Any) -> ServiceSettings:
    """Settings of a worker; its broker answers nobody unless another one is named."""
    nobody = {"kafka_bootstrap": "127.0.0.1:9", "kafka_username": "nobody", "kafka_password": "nothing"}
    return ServiceSettings(**{**nobody, "database_url": database_url, "keys_dir": keys_dir, **more})


@asynccontextmanager
async def a_lab(database_url: str, keys_dir: Path, **more: Any) -> AsyncIterator[Lab]:
    """Open one worker on a migrated database; several may work on the same one."""
    FileKeyStore(keys_dir).create()
    house = open_house(STAGE, settings(database_url, keys_dir, **more))
    await house.pool.open(wait=True)
    path = f"-c search_path={STAGE},public"
    try:
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True, options=path) as db:
            yield Lab(house, db)
    finally:
        await house.pool.close()


def empty(database_url: str) -> None:
    """Forget what earlier tests left in the lab's tables."""
    tables = ", ".join(f"{STAGE}.{name}" for name in ("state", "inbox", "outbox", "effects", "counters"))
    with psycopg.connect(database_url, autocommit=True) as db:
        db.execute(f"TRUNCATE {tables}, vault.keys CASCADE".encode())
