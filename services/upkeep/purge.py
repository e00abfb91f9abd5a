"""Purge by age: what is over in each system, whose rows are spared, and what became of it."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from connectors.datamap import DataMap
from connectors.port import Limit, Overdue, Purgeable, System, SystemAway
from rules.handbook import Handbook
from services.kernel.keys import KeyStore
from services.kernel.store import Conn
from services.upkeep.holding import spared
from services.upkeep.limits import Kept, limits

ELSEWHERE: Final = "its owner lets go of it"
NO_DAY: Final = "rows have no day"


@dataclass(frozen=True, slots=True)
class Line:
    """One table: its rule, what of it is over, and what became of that; `state` says why nothing goes by age."""

    kept: Kept
    rows: int = 0
    oldest: date | None = None
    gone: bool = False
    state: str = ""


@dataclass(frozen=True, slots=True)
class Company:
    """What the pass goes by: the keys, the data map, the rules."""

    keys: KeyStore
    systems: DataMap
    handbook: Handbook


async def purge(
    conn: Conn, company: Company, opened: Mapping[str, System], *, now: datetime, apply: Collection[str] = ()
) -> list[Line]:
    """Look at every system; in those of `apply`, let go of what is over. Safe to repeat."""
    kept = list(limits(company.systems, company.handbook.brands, now.date()))
    able = [name for name, system in opened.items() if isinstance(system, Purgeable)]
    stay = await spared(conn, company.keys, company.handbook.laws, able, now)
    lines: list[Line] = []
    for name in company.systems.systems:
        mine = [one for one in kept if one.system == name]
        limit = Limit(
            {k.table: k.first_kept for k in mine if k.first_kept and k.by_age}, stay.get(name, {}), now.date()
        )
        lines += await _of(opened.get(name), mine, limit, apply=name in apply)
    return lines


async def _of(system: System | None, kept: list[Kept], limit: Limit, *, apply: bool) -> list[Line]:
    if not isinstance(system, Purgeable):
        return [Line(one, state=ELSEWHERE if one.first_kept else "") for one in kept]
    try:
        found = {one.table: one for one in await system.purge(limit, apply=apply)} if limit.first_kept else {}
    except SystemAway as away:
        return [Line(one, state=str(away)) for one in kept]
    return list(_told(kept, found, apply=apply))


def _told(kept: list[Kept], found: Mapping[str, Overdue], *, apply: bool) -> Iterator[Line]:
    for one in kept:
        line = Line(one, state=NO_DAY if one.first_kept and not one.by_age else "")
        if over := found.get(one.table):
            gone = apply and not over.trouble and over.rows > 0
            line = replace(line, rows=over.rows, oldest=over.oldest, gone=gone, state=over.trouble)
        yield line
