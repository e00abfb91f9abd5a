"""Run a sweep over a whole installation."""

from collections.abc import Mapping

import psycopg

from connectors.registry import open_system
from services.directory.digests import Digests
from services.kernel.clock import Clock
from services.ops.installation import Installation
from services.ops.sweep import Swept, sweep


async def run(found: Installation, environment: Mapping[str, str], *, apply: bool) -> list[Swept]:
    """Open every system we run a connector for, sweep them one after the other, and close them.

    Raises:
        NoSuchConnector: a system cannot be opened.
    """
    declared = {name: one for name, one in found.systems().systems.items() if not one.participant}
    opened = {name: open_system(name, one, environment) for name, one in declared.items()}
    clock = Clock()
    try:
        async with await psycopg.AsyncConnection.connect(found.endpoints.database_url, autocommit=True) as conn:
            await clock.refresh(conn)
            return await sweep(conn, opened, Digests(found.keys), clock(), apply=apply)
    finally:
        for system in opened.values():
            await system.close()
