"""How often a right is answered: which rule binds, what it counts, and what follows beyond it. Pure.

Only requests that were verified count, also those that have ended. What is kept is a number under a keyed name per
month or year; a month that lies only partly within the last twelve is not counted: that never harms the person.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final, Literal

from rules.brands import Brand
from rules.facts import Frequency, first_for
from rules.laws import Law
from schemas.values import Reason, Right

_MONTHS: Final = 12
_UNREASONABLE: Final = frozenset({"unfounded_or_excessive"})
_COSTS: Final = {
    Reason.EXCESSIVE: _UNREASONABLE,
    Reason.MANIFESTLY_UNFOUNDED: _UNREASONABLE,
    Reason.OTHER: frozenset({"minimal_cost", "cost_of_copies"}),
}
"""Reason -> what a law must allow for it."""


class Beyond(StrEnum):
    """What may follow once a right was answered often enough."""

    ANSWER = "answer"
    FEE = "fee"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Limit:
    """The rule that binds: how many answers are free in which window, and what follows; `group` names what counts."""

    count: int
    window: Literal["12_months", "calendar_year"]
    beyond: Beyond
    group: str
    source: str

    def judge(self, earlier: int) -> Beyond:
        """What becomes of a verified request after so many earlier ones within the window."""
        return Beyond.ANSWER if earlier < self.count else self.beyond

    def slots(self, on: date) -> tuple[str, ...]:
        """The names to add up for the answers before a request received on a day, oldest first."""
        if self.window == "calendar_year":
            return (f"{self.group}/{on.year}",)
        return tuple(f"{self.group}/{month:%Y-%m}" for month in _last_months(on))

    def slot(self, on: date) -> tuple[str, date]:
        """The name to count one more under, and the first day on which it no longer matters."""
        if self.window == "calendar_year":
            return f"{self.group}/{on.year}", date(on.year + 1, 1, 1)
        return f"{self.group}/{on:%Y-%m}", date(on.year + 1, on.month, 1)


def limit_of(law: Law | None, brand: Brand, right: Right, on: date) -> Limit | None:
    """The rule for a right on a day: the law's, never stricter than it allows; the brand's where no law applies.

    A brand may answer more often than the law makes it, so the higher number counts; what follows is the law's. A law
    that sets no number leaves none to the brand either.
    """
    own = first_for(brand.frequency, right, on)
    if law is None:
        return _limit(own, own.count, brand.id) if own else None
    by_law = law.limit(right, on)
    if by_law is None:
        return None
    return _limit(by_law, max(by_law.count, own.count if own else 0), f"{brand.id}/{law.id}")


def fee_ground(law: Law | None, brand: Brand, reason: Reason | None) -> str | None:
    """What lets a fee be asked for a reason; none where nothing does, or where the brand has no estimate to tell.

    Excessive and unfounded requests may cost something where the law that applies says so; for any `other` reason only
    where it lets costs be passed on. Without a law the brand's own word counts.
    """
    fees, own = law.fees if law else brand.fees, brand.fees
    if fees is None or own is None or own.estimate is None:
        return None
    return fees.source if _COSTS.get(reason or Reason.OTHER, frozenset()) & set(fees.when) else None


def _limit(rule: Frequency, count: int, whose: str) -> Limit:
    names = "all" if rule.rights == "all" else "+".join(sorted(rule.rights))
    return Limit(count, rule.window, Beyond(rule.beyond), f"{whose}/{names}", rule.source)


def _last_months(on: date) -> list[date]:
    """The first days of this month and of the eleven before it."""
    months = [on.replace(day=1)]
    while len(months) < _MONTHS:
        months.append((months[-1] - timedelta(days=1)).replace(day=1))
    return months[::-1]
