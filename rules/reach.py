"""Which laws can reach a person: by place, by day, by the capacity they ask in. Compiled once per place. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from rules.brands import Brand
from rules.clocks import receipt_date
from rules.handbook import Handbook
from rules.laws import Law
from rules.places import place
from schemas.values import Context

Why = Literal[
    "law_grants", "law_does_not_grant", "no_law_applies", "not_yet_in_force", "context_not_covered", "not_bound"
]
"""The law's part of the answer. Whether the brand grants it all the same is `granted_by`."""


AT_WORK: Final = frozenset({Context.BUSINESS_CONTACT, Context.EMPLOYEE})
_QUARTER_S: Final = 900
_KEPT: Final = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Every law of one place, the region's before the country's, and the zones its days are counted in.

    `alike` maps each context to the first one that no law of the place tells from it.
    """

    laws: tuple[Law, ...]
    known: bool
    zones: tuple[ZoneInfo, ...]
    alike: Mapping[Context, Context]

    def days(self, instant: datetime) -> tuple[date, ...]:
        """The local day of an instant in each zone."""
        return _local_days(self, int(instant.timestamp()) // _QUARTER_S)


@lru_cache(maxsize=4_096)
def place_of(handbook: Handbook, brand: str, country: str | None, region: str | None) -> Place:
    """The place a person says they live in, as the laws see it; the brand's own zone comes first."""
    country, region, known = place(country, region)
    laws = [law for law in handbook.laws.values() if _could_reach(law, country, region, known=known)]
    laws.sort(key=lambda law: (law.region is None, law.id))
    names = dict.fromkeys([handbook.brands[brand].timezone, *(law.timezone for law in laws)])
    first: dict[object, Context] = {}
    alike = {context: first.setdefault(_told_apart(laws, context), context) for context in Context}
    return Place(tuple(laws), known, tuple(ZoneInfo(name) for name in names), alike)


def _told_apart(laws: Sequence[Law], context: Context) -> object:
    """What the laws make of a context: two with the same answer are alike."""
    protected = tuple(context in part.contexts for law in laws for part in law.protects)
    return protected, any(law.business_contact for law in laws) and context in AT_WORK


def _could_reach(law: Law, country: str | None, region: str | None, *, known: bool) -> bool:
    return country is None or law.reaches(country, region if known else law.region)


@lru_cache(maxsize=_KEPT)
def _local_days(found: Place, quarter: int) -> tuple[date, ...]:
    """The local day in each zone of a place during one quarter of an hour; no zone's midnight lies within one."""
    instant = datetime.fromtimestamp(quarter * _QUARTER_S, UTC)
    return tuple([receipt_date(instant, zone) for zone in found.zones])


def sift(
    found: Place, house: Brand, context: Context, by_zone: Mapping[str, date]
) -> tuple[list[Law], Why | None]:  # fmt: skip
    """The laws that bind this brand for this person on this day; where none does, why not."""
    if not found.laws:
        return [], "no_law_applies"
    valid = [law for law in found.laws if law.holds(by_zone[law.timezone])]
    if not valid:
        return [], "not_yet_in_force"
    free = {one.law for one in house.not_bound_by if one.holds(by_zone[house.timezone])}
    binding = [law for law in valid if law.id not in free]
    if not binding:
        return [], "not_bound"
    protecting = [law for law in binding if law.protects_in(context, by_zone[law.timezone])]
    return protecting, None if protecting else "context_not_covered"
