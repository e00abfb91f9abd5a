"""A processor's callback makes us look at once, and whatever is not proven its own changes nothing."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid5

import httpx
import psycopg
import pytest

from connectors.datamap import DataMap
from connectors.opendsr.messages import request_id
from services.kernel.errors import Misconfigured
from services.kernel.migrate import upgrade
from services.ops.callbacks import door
from tests.contract.company import CASE, held
from tests.contract.processor import CALLBACK, OPTIONS, sign
from tests.contract.worlds import RIGHTS, OpenDsrWorld

pytestmark = [pytest.mark.integration, pytest.mark.anyio]
TASK = uuid5(CASE, "a task")
PATH = "/opendsr/callbacks"
WAITS = """INSERT INTO tasks.effects (id, kind, lane, request_id, case_id, name, body, not_before)
VALUES (%s, 'task', 'shop', %s, %s, 'own/system:shop/1', %s, clock_timestamp() + interval '1 hour')"""
DUE = "SELECT count(*) FROM tasks.effects WHERE not_before <= clock_timestamp()"


class Here:
    """The door, a processor that knocks, and one task that waits for an hour."""

    def __init__(self, url: str, world: OpenDsrWorld) -> None:
        self.db: psycopg.Connection[Any] = psycopg.connect(url, autocommit=True)
        self.db.execute("TRUNCATE tasks.effects")
        self.db.execute(WAITS, [uuid5(CASE, "effect"), str(CASE), str(CASE), json.dumps({"task_id": str(TASK)})])
        self.app = door(url, DataMap({"shop": held("opendsr", OPTIONS, rights=RIGHTS)}), world.environment)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[httpx.AsyncClient]:
        client = httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="https://privacy.example")
        async with self.app.router.lifespan_context(self.app), client:
            yield client

    def due(self) -> int:
        [row] = self.db.execute(DUE).fetchall()
        return int(row[0])


@pytest.fixture
def here(module_database_url: str, tmp_path: Path) -> Iterator[Here]:
    upgrade(module_database_url)
    world = OpenDsrWorld(tmp_path)
    made = Here(module_database_url, world)
    yield made
    made.db.close()
    world.close()


def said(**changes: Any) -> bytes:
    told = {"controller_id": "us", "subject_request_id": str(request_id(TASK)), "request_status": "completed",
            "status_callback_url": CALLBACK}  # fmt: skip
    return json.dumps(told | changes).encode()


async def test_a_callback_makes_its_task_due_and_a_repeated_or_unknown_one_nothing_more(here: Here) -> None:
    unknown = said(subject_request_id=str(request_id(uuid5(CASE, "another task"))))

    async with here.open() as client:
        first = await client.post(PATH, content=unknown, headers=sign(unknown))
        due = [here.due()]
        for _ in range(2):
            answer = await client.post(PATH, content=said(), headers=sign(said()))
            due.append(here.due())

    assert (first.status_code, answer.status_code) == (202, 202)
    assert due == [0, 1, 1]


async def test_what_is_not_proven_changes_nothing_and_is_told_no_more_than_why(here: Here) -> None:
    async with here.open() as client:
        answers = [
            await client.post(PATH, content=said()),
            await client.post(PATH, content=said() + b" ", headers=sign(said())),
            await client.post(PATH, content=b"x" * 70_000, headers=sign(said())),
            await client.get(PATH),
            await client.post("/", content=said(), headers=sign(said())),
        ]

    assert [answer.status_code for answer in answers] == [401, 400, 413, 405, 404]
    assert answers[1].json() == {"error": {"code": 400, "message": "bad_signature"}}
    assert here.due() == 0


async def test_a_door_nobody_would_knock_at_is_not_opened(module_database_url: str) -> None:
    with pytest.raises(Misconfigured, match="callback_url"):
        door(module_database_url, DataMap({}), {})
