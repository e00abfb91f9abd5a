"""Count days as the law's own calendar does, always on the safe side. Pure.

Receipt is the local day in the westernmost zone of the place; the day of receipt is not counted; months are clipped to
the month's end and counted once from receipt; nothing rolls forward past a weekend or holiday.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta
from holidays.countries import UnitedStates

from rules.laws import Law, Span
from schemas.values import Right

_SATURDAY: Final = 5


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The dates of one request; each ends with the local day of `timezone`."""

    receipt_date: date
    acknowledge_by: date | None
    respond_by: date
    extended_respond_by: date | None
    timezone: str
    rule: str
    source: str


@lru_cache(maxsize=64)
def _federal(year: int) -> frozenset[date]:
    """US federal holidays as observed in one year; New Year's Day may be observed on 31 December before."""
    days = UnitedStates(years=(year, year + 1), observed=True)
    return frozenset(day for day in days if day.year == year)


def is_business_day(day: date) -> bool:
    """Whether a day counts as a business day: no weekend, no observed federal holiday."""
    return day.weekday() < _SATURDAY and day not in _federal(day.year)


def add_business_days(day: date, number: int) -> date:
    """The `number`-th business day after `day`, which itself is not counted."""
    while number:
        day += timedelta(days=1)
        number -= is_business_day(day)
    return day


def add(day: date, span: Span) -> date:
    """The day on which a span that starts with `day` ends."""
    if span.days:
        return day + timedelta(days=span.days)
    if span.business_days:
        return add_business_days(day, span.business_days)
    return day + relativedelta(months=span.months or 0)


def deadlines(law: Law, right: Right, received_at: datetime) -> Deadlines:
    """When a request must be acknowledged and answered, and by which rule."""
    receipt, clock = received_at.astimezone(law.zone).date(), law.clock(right)
    rule = clock.respond.text()
    if clock.extended:
        rule += f"; extended {clock.extended.text()} from receipt"
    if clock.acknowledge:
        rule += f"; acknowledge {clock.acknowledge.text()}"
    return Deadlines(
        receipt_date=receipt,
        acknowledge_by=add(receipt, clock.acknowledge) if clock.acknowledge else None,
        respond_by=add(receipt, clock.respond),
        extended_respond_by=add(receipt, clock.extended) if clock.extended else None,
        timezone=law.timezone,
        rule=rule,
        source=clock.respond.source,
    )


@lru_cache(maxsize=4_096)
def instant_of_end(day: date, timezone: str) -> datetime:
    """The last instant of a local day, in UTC."""
    midnight = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(timezone))
    return midnight.astimezone(UTC) - timedelta(microseconds=1)
