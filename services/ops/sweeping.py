"""Run a pass of upkeep by hand over a whole installation."""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

import psycopg

from connectors.port import System
from connectors.registry import open_system
from services.directory.digests import Digests
from services.kernel.clock import Clock
from services.kernel.policies import load_handbook
from services.kernel.store import Conn
from services.ops.installation import Installation
from services.upkeep.purge import Company, Line, purge
from services.upkeep.sweep import Swept, sweep


async def run(found: Installation, environment: Mapping[str, str], *, apply: bool) -> list[Swept]:
    """Sweep every system we run a connector for, one after the other.

    Raises:
        NoSuchConnector: a system cannot be opened.
    """
    async with _opened(found, environment) as (conn, clock, opened):
        return await sweep(conn, opened, Digests(found.keys), clock(), apply=apply)


async def let_go(found: Installation, environment: Mapping[str, str], apply: Collection[str] = ()) -> list[Line]:
    """Say what is over in every system; in those of `apply` it goes.

    Raises:
        NoSuchConnector: a system cannot be opened.
        Misconfigured: a policy file is wrong.
    """
    company = Company(found.keys, found.systems(), load_handbook(found.policies))
    async with _opened(found, environment) as (conn, clock, opened):
        return await purge(conn, company, opened, now=clock(), apply=apply)


@asynccontextmanager
async def _opened(
    found: Installation, environment: Mapping[str, str]
) -> AsyncIterator[tuple[Conn, Clock, dict[str, System]]]:
    declared = {name: one for name, one in found.systems().systems.items() if not one.participant}
    opened = {name: open_system(name, one, environment) for name, one in declared.items()}
    clock = Clock()
    try:
        async with await psycopg.AsyncConnection.connect(found.endpoints.database_url, autocommit=True) as conn:
            await clock.refresh(conn)
            yield conn, clock, opened
    finally:
        for system in opened.values():
            await system.close()
