"""The fulfiller as a process of its own with a table for a bus: `python -m tests.support.table_bus`.

Everything but Faust and Kafka is the real thing: both stages, their steps, outboxes and effects. A record is delivered
again when the process died before it noted how far it had come, as a bus would do.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final, cast

import structlog
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from schemas.wire import Headers, Record
from services.fulfiller.app import build
from services.fulfiller.settings import Settings
from services.kernel import logs
from services.kernel.house import House, open_house
from services.kernel.publisher import Publisher
from services.kernel.stage import Stage, keep_time
from services.kernel.store import Stored

TABLES: Final = """CREATE TABLE bus (id bigserial PRIMARY KEY, topic text, key bytea, value bytea, headers jsonb);
CREATE TABLE heard (stage text PRIMARY KEY, id bigint NOT NULL)"""
SAY: Final = "INSERT INTO bus (topic, key, value, headers) VALUES (%s, %s, %s, %s)"
_ALONE: Final = "SELECT pg_advisory_xact_lock(7)"
_NEXT: Final = """SELECT id, topic, key, value, headers FROM bus
WHERE topic = ANY(%s) AND id > coalesce((SELECT id FROM heard WHERE stage = %s), 0) ORDER BY id LIMIT 50"""
_HEARD: Final = "INSERT INTO heard VALUES (%s, %s) ON CONFLICT (stage) DO UPDATE SET id = excluded.id"
EVERY_S: Final = 0.02
log = structlog.get_logger()


def row(topic: str, key: bytes | None, value: bytes, headers: Headers) -> tuple[str, bytes | None, bytes, Jsonb]:
    """One record as the table holds it."""
    return topic, key, value, Jsonb([(name, said.decode()) for name, said in headers])


class TableBus:
    """Where a stage publishes; rows of one transaction follow each other, and none appears behind a later one."""

    def __init__(self, house: House) -> None:
        self._house = house

    def refused(self) -> list[str]:
        """It takes everything."""
        return []

    async def __call__(self, rows: Sequence[Stored]) -> list[int]:
        """Publish, and say what was taken."""
        messages = [row(m.topic, m.key, m.value, m.headers) for m in (stored.message for stored in rows)]
        async with self._house.pool.connection() as conn, conn.transaction(), conn.cursor() as cursor:
            await cursor.execute(_ALONE)
            await cursor.executemany(SAY, messages)
        return [stored.id for stored in rows]


async def feed(conn: AsyncConnection[Any], stage: Stage[Any, Any], topics: list[str]) -> None:
    """Take what was published, as the agent does."""
    while True:
        found = await (await conn.execute(_NEXT, [topics, stage.name])).fetchall()
        if not found:
            await asyncio.sleep(EVERY_S)
            continue
        now_ms = int(stage._clock.real().timestamp() * 1_000)
        records = [
            Record(topic, 0, number, key, value, tuple((n, said.encode()) for n, said in headers), now_ms)
            for number, topic, key, value, headers in found
        ]
        await stage.publish(await stage._step.take(records))
        stage._effects.nudge()
        await conn.execute(_HEARD, [stage.name, found[-1][0]])


async def serve() -> None:
    """Run until killed."""
    house = open_house("fulfiller", Settings())
    await house.pool.open(wait=True)
    url = house.settings.database_url.get_secret_value()
    async with asyncio.TaskGroup() as group:
        group.create_task(keep_time(house.clock, house.pool))
        for stage in build(house):
            stage._publisher = cast(Publisher, TableBus(house))
            conn = await AsyncConnection.connect(url, autocommit=True)
            group.create_task(feed(conn, stage, list(house.app.agents[stage.name].channel.topics)))
            for task in stage.tasks():
                group.create_task(task())
        log.info("serving")


if __name__ == "__main__":
    logs.configure("fulfiller")
    asyncio.run(serve())
