"""How many requests a second the verifier's stage takes, alone: real PostgreSQL, no broker, nobody else.

Each batch goes through the whole step: lock, drop repeats, open the vault, look up, count, decide, write, commit; then
what would be sent leaves the outbox. What intake does before (the vault's items, the events) is made beforehand.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final
from uuid import uuid5

import psycopg

from bench import throughput
from bench.crowd import BRAND, fill, subject_of
from schemas import wire
from schemas.events import Clock, RequestAccepted
from schemas.public import RequestSubmitted, Subject
from schemas.values import Assurance, Context, Right, Role
from schemas.wire import Record
from services.directory.digests import Digests
from services.directory.offered import offered, with_normal_form
from services.kernel import tokens
from services.kernel.house import House, open_house
from services.kernel.keys import FileKeyStore
from services.kernel.migrate import upgrade
from services.kernel.policies import load_handbook
from services.kernel.settings import ServiceSettings
from services.kernel.step import Blueprint, Step
from services.kernel.store import Conn, Store
from services.verifier.adapters import PostgresDirectory
from services.verifier.app import keys
from services.verifier.decide import Facts, Verification, decide
from stack.database import Database

LEAST: Final = 1_500
BATCH: Final = 200
WARM: Final = 5
"""Batches that are taken before the clock starts: connections, caches, plans."""
POLICIES: Final = Path(__file__).parents[1] / "policies"


@dataclass(slots=True)
class Spent:
    """Where the time went, in seconds: all of it, this process's own on a core, finding what is known, deciding."""

    all: float = 0.0
    cpu: float = 0.0
    gathering: float = 0.0
    deciding: float = 0.0
    requests: int = 0
    verified: int = 0

    def told(self) -> dict[str, Any]:
        """The result as data."""
        writing = self.all - self.gathering - self.deciding
        shares = {"gather": self.gathering, "decide": self.deciding, "lock, write, commit": writing}
        return {
            "requests": self.requests,
            "verified": self.verified,
            "requests_per_s": round(self.requests / self.all),
            "requests_per_cpu_s": round(self.requests / self.cpu),
            "ms_per_batch_of_200": {
                name: round(part / self.requests * BATCH * 1000, 1) for name, part in shares.items()
            },
        }


@dataclass(slots=True)
class Stage:
    """The verifier's step on a database of its own, with a watch on each of its parts."""

    house: House
    spent: Spent = field(default_factory=Spent)
    step: Step[Verification, Facts] = field(init=False)
    store: Store[Verification] = field(init=False)

    def __post_init__(self) -> None:
        """Wire it as the worker does."""
        directory = PostgresDirectory(load_handbook(POLICIES), self.house)

        async def gather(conn: Conn, batch: Sequence[Any], states: Mapping[str, Verification]) -> Facts:
            started = perf_counter()
            facts = await directory.gather(conn, batch, states)
            self.spent.gathering += perf_counter() - started
            return facts

        def timed(state: Verification, event: Any, facts: Facts, now: datetime) -> Any:  # noqa: ANN401
            started = perf_counter()
            decision = decide(state, event, facts, now)
            self.spent.deciding += perf_counter() - started
            self.spent.verified += decision.state.ended == "verified"
            return decision

        self.store = Store("verifier", Verification)
        blueprint = Blueprint("verifier", Verification, keys=keys, gather=gather, decide=timed, learn=Facts.learning)
        self.step = Step(blueprint, self.house, self.store)

    async def take(self, records: Sequence[Record]) -> None:
        """Carry one batch through, and forget what would have been sent."""
        started, cpu = perf_counter(), process_time()
        stored = await self.step.take(records)
        async with self.house.pool.connection() as conn:
            await self.store.sent(conn, [row.id for row in stored])
        self.spent.all += perf_counter() - started
        self.spent.cpu += process_time() - cpu
        self.spent.requests += len(records)


def run(argv: Sequence[str]) -> int:
    """Print the rate and where the time goes; 1 when it stays under the least that is wanted."""
    parser = argparse.ArgumentParser(prog="bench verifier", description=__doc__)
    parser.add_argument("--people", type=int, default=20_000, help="people in the directory")
    parser.add_argument("--requests", type=int, default=10_000, help="requests to verify")
    parser.add_argument("--least", type=int, default=LEAST, help="requests a second below which it fails")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="rightsbus-", ignore_cleanup_errors=True) as folder:
        found = measure(Path(folder), args.people, args.requests)
    print(json.dumps({"machine": throughput.machine(), "people": args.people, **found}, indent=2))
    if found["requests_per_s"] < args.least:
        print(f"FAILED: {args.least} requests a second are wanted", file=sys.stderr)
        return 1
    return 0


def measure(folder: Path, people: int, requests: int) -> dict[str, Any]:
    """Make a directory and so many requests about it, and take them through the stage."""
    keys_dir, database = folder / "keys", Database(folder / "postgres", echo=lambda _: None)
    store = FileKeyStore(keys_dir)
    store.create()
    database.start()
    try:
        url = database.create("verifier")
        upgrade(url)
        with psycopg.connect(url, autocommit=True) as db:
            fill(db, Digests(store), people)
        return asyncio.run(_measured(url, keys_dir, (people, requests)))
    finally:
        database.stop()


async def _measured(url: str, keys_dir: Path, sizes: tuple[int, int]) -> dict[str, Any]:
    people, requests = sizes
    async with _opened(url, keys_dir) as house:
        stage = Stage(house)
        key, now = house.keys.derive("ids"), house.clock()
        asked = [_asked(key, number, people, now) for number in range(requests + WARM * BATCH)]
        batches = [asked[at : at + BATCH] for at in range(0, len(asked), BATCH)]
        for batch in batches:
            async with house.pool.connection() as conn, conn.transaction():
                await house.vault.put(conn, {at: raw for _, items in batch for at, raw in items.items()})
        for number, batch in enumerate(batches):
            if number == WARM:
                stage.spent = Spent()
            await stage.take([record for record, _ in batch])
        return stage.spent.told()


@asynccontextmanager
async def _opened(url: str, keys_dir: Path) -> AsyncIterator[House]:
    nowhere: dict[str, Any] = {
        "kafka_bootstrap": "127.0.0.1:9", "kafka_username": "nobody", "kafka_password": "nothing",
        "database_url": url, "keys_dir": keys_dir,
    }  # fmt: skip
    house = open_house("verifier", ServiceSettings(**nowhere))
    await house.pool.open(wait=True)
    try:
        yield house
    finally:
        await house.pool.close()


def _asked(key: bytes, number: int, people: int, now: datetime) -> tuple[Record, dict[tuple[str, str], bytes]]:
    """One deletion as intake tells it, and what lies in the vault for it: most fit, some nearly, some not at all."""
    subject = _claim(number, people)
    body = RequestSubmitted(
        submission_id=f"s-{number}", source="webform", brand=BRAND, rights=[Right.DELETE], subject=subject
    )
    case = tokens.case_id(key, body.source, body.submission_id)
    event = RequestAccepted(
        event_id=uuid5(case, "accepted"), occurred_at=now, request_id=str(tokens.request_id(key, case, Right.DELETE)),
        case_id=str(case), source=body.source, submission_id=body.submission_id, brand=BRAND, right=Right.DELETE,
        role=Role.SUBJECT, channel="web", context=Context.UNKNOWN, locale="en-US", law="BRAND",
        law_why="no_law_applies", granted=True, provisional=False, policy_version="2020-01-01", received_at=now,
        clock=Clock(receipt_date=now.date(), respond_by=now.date() + timedelta(days=45), timezone="UTC"), verify=True,
        assurance=Assurance.REASONABLE, points_needed=2, declaration_needed=False, parts=["own/verification"],
        unverified_at=now + timedelta(days=14),
    )  # fmt: skip
    topic, name, value, headers = wire.encode(event, source="rightsbus/intake")
    record = Record(topic, 0, number, name, value, tuple(headers), int(now.timestamp() * 1000))
    said = {"submission": body.model_dump_json().encode(), "subject:0": with_normal_form(subject, offered(subject))}
    return record, {(tokens.case_key(case), item): raw for item, raw in said.items()}


def _claim(number: int, people: int) -> Subject:
    """What somebody says of themself: eight of ten what is true, one of ten half of it, one of ten nothing known."""
    true = subject_of(number * 7 % people)
    nearly = true.model_copy(update={"emails": [f"nearly-{number}@example.net"], "account_number": None})
    nobody = Subject(name="Nobody Known", emails=[f"nobody-{number}@example.net"])
    return [*[true] * 8, nearly, nobody][number % 10]
