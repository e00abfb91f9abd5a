"""Destroy what was exported for nobody: rows that came too late, and those of requests that were stopped."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import structlog

from services.kernel.effects import Done
from services.kernel.house import House
from services.kernel.leases import Leased
from services.kernel.tokens import case_key

log = structlog.get_logger()


def discarding(house: House) -> Callable[[Sequence[Leased], datetime], Awaitable[list[Done]]]:
    """Perform `discard_export`. Safe to repeat."""

    async def discard(effects: Sequence[Leased], _now: datetime) -> list[Done]:
        async with house.pool.connection() as conn, conn.transaction():
            for effect in effects:
                case, prefixes = case_key(effect.case_id), tuple(effect.body["prefixes"])
                names = [name for name in await house.vault.names(conn, case) if name.startswith(prefixes)]
                gone = await house.vault.drop(conn, case, names)
                log.info("export_discarded", request_id=effect.request_id, items=gone)
        return [Done() for _ in effects]

    return discard
