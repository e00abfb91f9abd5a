"""The pass of every day, as an effect that is never done: one worker at a time has it in hand."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from connectors.datamap import DataMap
from connectors.port import System
from rules.handbook import Handbook
from services.kernel.effects import Again
from services.kernel.house import House
from services.kernel.leases import Leased
from services.upkeep.daily import every_day
from services.upkeep.purge import Company

UPKEEP: Final = "upkeep"
EVERY: Final = timedelta(days=1)


def upkeeping(
    house: House, systems: DataMap, handbook: Handbook, opened: Mapping[str, System]
) -> Callable[[Sequence[Leased], datetime], Awaitable[list[Again]]]:
    """Perform `upkeep`, and again a day later. Systems that can neither be looked through nor purged are left out."""
    company = Company(house.keys, systems, handbook)

    async def perform(effects: Sequence[Leased], now: datetime) -> list[Again]:
        async with house.pool.connection() as conn:
            await every_day(conn, company, opened, now)
        return [Again(now + EVERY, counted=False) for _ in effects]

    return perform
