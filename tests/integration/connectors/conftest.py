"""A migrated database with three people in its directory; on it the fulfiller's second stage, without a bus."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import psycopg
import pytest

from connectors.datamap import DataMap
from connectors.memory import Remembering
from connectors.port import System
from rules import parts
from schemas import wire
from schemas.base import Event
from schemas.events import RequestClosed, TaskAssigned, TaskFinished
from schemas.values import Action, Ending, Outcome, PartEnd, Population, Right
from schemas.wire import Record
from services.directory.digests import Digests
from services.directory.load import load
from services.directory.person import person_of
from services.fulfiller.adapters.memory import VaultMemory
from services.fulfiller.adapters.participants import Uploads
from services.fulfiller.adapters.recalls import Recalls
from services.fulfiller.adapters.tasks import TaskPerformer
from services.fulfiller.decide.task import RECALL, TASK, TaskFacts, TaskRun, take_up
from services.kernel import tokens
from services.kernel.effects import EffectPool, Performer
from services.kernel.house import House
from services.kernel.keys import FileKeyStore
from services.kernel.migrate import upgrade
from services.kernel.step import Blueprint, Step
from services.kernel.store import Store, Stored
from tests.contract.company import shop
from tests.support.lab import a_lab
from tests.support.servers import TestServers

NOON = datetime.now(UTC).replace(microsecond=0)
"""When it all begins."""
PEOPLE = [
    {"brand": "parcelwise", "population": "account_holder", "link": f"a{n}", "system": "shop", "name": f"Person {n}",
     "email": f"person.{n}@example.org", "record_keys": f"person_id={n}"}
    for n in (1, 2, 3)
]  # fmt: skip


@pytest.fixture(scope="package")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="package")
def tasks_url(servers: TestServers) -> Iterator[str]:
    with servers.fresh_database("connector_tasks") as url:
        upgrade(url)
        yield url


def a_request(person: int) -> str:
    """The id of the request a test makes about a person."""
    return str(uuid5(NAMESPACE_OID, f"about person {person}"))


@dataclass
class Desk:
    """The second stage with one system behind it; what it tells is kept here."""

    house: House
    system: System
    told: list[Stored] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Wire the stage as the fulfiller does."""
        self.now = NOON
        key = self.house.keys.derive("tokens")
        self.facts = TaskFacts(lambda *names: tokens.reply_token(key, *names), tokens.matches)
        self.systems = DataMap({"shop": shop("fake").model_copy(update={"attempts": 3, "first_wait_s": 60.0})})
        self.opened = {"shop": Remembering(self.system, VaultMemory(self.house))}
        self.store = Store("tasks", TaskRun)

        async def gather(*_: object) -> TaskFacts:
            return self.facts

        decode = Uploads(self.house, self.systems)
        blueprint = Blueprint("tasks", TaskRun, lambda e: [e.request_id], gather, take_up, decode)
        self.step = Step(blueprint, self.house, self.store)

    def token(self, person: int) -> str:
        """What shows that the shop was asked."""
        return self.facts.token(parts.system("shop"), a_request(person), "shop")

    def assigned(self, person: int, action: Action = Action.ERASE, **more: Any) -> TaskAssigned:
        """An assignment to the shop, from the person's request."""
        subject = Digests(self.house.keys).subject("parcelwise", Population.ACCOUNT_HOLDER, None, f"a{person}")
        request = a_request(person)
        return TaskAssigned(
            event_id=uuid5(NAMESPACE_OID, f"{request}{action}{more}"), occurred_at=NOON, request_id=request,
            case_id=request, task_id=str(uuid5(NAMESPACE_OID, f"task {request}")), system="shop",
            part=parts.system("shop"), action=action, right=Right.DELETE, brand="parcelwise", subjects=[str(subject)],
            deadline=NOON + timedelta(days=45), law="US-CA-CCPA", received_at=NOON - timedelta(hours=1),
            reply_token=self.token(person), **more,
        )  # fmt: skip

    def closed(self, person: int, outcome: Outcome) -> RequestClosed:
        """The end of the person's request, in which the shop's part ended so."""
        request, ends = a_request(person), {parts.system("shop"): PartEnd(outcome=outcome)}
        return RequestClosed(
            event_id=uuid5(NAMESPACE_OID, f"{request} closed"), occurred_at=NOON, request_id=request, case_id=request,
            ending=Ending.WITHDRAWN, parts=ends,
        )  # fmt: skip

    async def take(self, *events: Event) -> None:
        """Carry events through the step, as records."""
        await self.take_raw(*(_record(number, event) for number, event in enumerate(events)))

    async def take_raw(self, *records: Record) -> None:
        """Carry records through the step."""
        self.told += await self.step.take(list(records))

    async def work(self) -> None:
        """Perform once everything that is due."""
        performers = {
            TASK: Performer(TaskPerformer(self.house, self.systems, self.opened)),
            RECALL: Performer(Recalls(self.house, self.opened)),
        }

        async def publish(stored: Any) -> None:
            self.told.extend(stored)

        for kind, performer in performers.items():
            pool = EffectPool("tasks", self.house, self.store, {kind: performer}, publish)
            leased = await self._lease(pool, kind)
            if leased:
                ends = await pool._tried(performer, leased)
                await publish(await pool._settle(kind, leased, ends))

    async def _lease(self, pool: EffectPool, kind: str) -> list[Any]:
        async with self.house.pool.connection() as conn:
            return await pool._leases.take(
                conn, kind=kind, most=50, lanes=8, busy=[], lease=pool.lease, now=max(self.now, self.house.clock())
            )

    async def waiting(self) -> list[tuple[int, datetime]]:
        """Attempts counted and next moment of what waits."""
        async with self.house.pool.connection() as conn:
            rows = await conn.execute("SELECT attempts, not_before FROM tasks.effects WHERE kind = 'task' ORDER BY 2")
            return [(attempts, at) async for attempts, at in rows]

    def results(self) -> list[TaskFinished]:
        """What was told of tasks, oldest first; what was not published is told again with what follows."""
        rows = {row.id: row.message for row in self.told if row.message.topic == "privacy.task-results"}
        return [TaskFinished.model_validate_json(message.value) for message in rows.values()]

    async def kept(self, person: int) -> Mapping[tuple[str, str], bytes]:
        """What lies in the vault of the person's case."""
        async with self.house.pool.connection() as conn:
            return await self.house.vault.under(conn, [tokens.case_key(a_request(person))], "")


def _record(number: int, event: Event) -> Record:
    topic, key, value, headers = wire.encode(event, source="test")
    return Record(topic, 0, number, key, value, tuple(headers), int(NOON.timestamp() * 1000))


@asynccontextmanager
async def a_desk(url: str, keys_dir: Path, system: System) -> AsyncIterator[Desk]:
    """Open the stage on an emptied database with the three people."""
    FileKeyStore(keys_dir).create()
    stages = ", ".join(f"tasks.{name}" for name in ("state", "inbox", "outbox", "effects"))
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"TRUNCATE {stages}, vault.keys, directory.person CASCADE".encode())
        load(db, (person_of(line, row) for line, row in enumerate(PEOPLE, 2)), FileKeyStore(keys_dir))
    async with a_lab(url, keys_dir) as lab:
        yield Desk(lab.house, system)
