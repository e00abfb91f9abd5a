"""What of each system ends by age, by which rule, and why something stays longer. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from connectors.datamap import DataMap
from connectors.holdings import Held
from connectors.systems import SystemMap
from connectors.tables import TableMap
from rules.brands import Brand
from rules.retention import Rule, first_kept, strictest


@dataclass(frozen=True, slots=True)
class Kept:
    """One table or kind of a system: the rule, why it is kept longer if it is, and the first day that stays.

    Without that day nothing ends by age, and `why` says why not. `by_age` says that rows have a day to go by.
    """

    system: str
    table: str
    rule: str
    why: str = ""
    first_kept: date | None = None
    by_age: bool = False


def limits(systems: DataMap, brands: Mapping[str, Brand], today: date) -> Iterator[Kept]:
    """Every table and kind of every system, in the data map's order."""
    for name, system in systems.systems.items():
        mine = [brands[brand] for brand in system.brands if brand in brands]
        for held in system.held:
            yield _limit((name, system), held, strictest(mine, held.retention, today), today)


def _limit(where: tuple[str, SystemMap], held: Held, rule: Rule | None, today: date) -> Kept:
    name, system = where
    table = str(getattr(held, "name", ""))
    said = f"{rule.brand}: {rule.span.text()} ({rule.source})" if rule and rule.span else "as long as its purposes need"
    if held.use == "client":
        return Kept(name, table, "the client's instruction", "held for the client that owns it")
    if rule is None or rule.span is None:
        return Kept(name, table, said)
    if held.longer and held.longer.days is None:
        return Kept(name, table, said, f"{_words(held.longer.ground)}: {held.longer.citation}")
    why, days = _longest(held)
    first = min(first_kept(today, rule.span), today - timedelta(days=days))
    return Kept(name, table, said, why, first, by_age=_dated(system, held))


def _longest(held: Held) -> tuple[str, int]:
    """Why something stays longer, and how many days; an exception from deletion is a ground of the law."""
    grounds = [("law", held.keep.citation, held.keep.days)] if held.keep else []
    grounds += [(held.longer.ground, held.longer.citation, held.longer.days or 0)] if held.longer else []
    if not grounds:
        return "", 0
    ground, citation, days = max(grounds, key=lambda one: one[2])
    return f"{_words(ground)}: {citation}, {days} days", days


def _words(ground: str) -> str:
    return ground.replace("_", " ")


def _dated(system: SystemMap, held: Held) -> bool:
    """Whether rows have a day of their own, or that of the row they point at."""
    if not isinstance(held, TableMap):
        return False
    if held.date_column or held.through is None:
        return held.date_column is not None
    through = held.through.table
    return any(_dated(system, table) for table in system.tables if table.name == through)
