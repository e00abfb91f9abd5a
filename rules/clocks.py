"""Count days as the law's own calendar does, always on the safe side. Pure.

Receipt is the local day in the westernmost zone of the place; the day of receipt is not counted; months are clipped to
the month's end and counted once from receipt; nothing rolls forward past a weekend or holiday.
"""

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from holidays import country_holidays

from rules.errors import NoClock
from rules.facts import ClockRule, Span
from rules.laws import Law
from schemas.values import Right

_SATURDAY: Final = 5
_YEAR: Final = 12
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The dates of one request; each ends with the local day of `timezone`.

    `target_by` is our own date: earlier than `respond_by` where the law can be read so that the day of receipt counts.
    """

    receipt_date: date
    acknowledge_by: date | None
    respond_by: date
    extended_respond_by: date | None
    target_by: date
    timezone: str
    rule: str
    source: str


@lru_cache(maxsize=64)
def _federal(year: int) -> frozenset[date]:
    """US federal holidays as observed in one year; New Year's Day may be observed on 31 December before."""
    days = country_holidays("US", years=(year, year + 1), observed=True)
    return frozenset(day for day in days if day.year == year)


def is_business_day(day: date) -> bool:
    """Whether a day counts as a business day: no weekend, no observed federal holiday."""
    return day.weekday() < _SATURDAY and day not in _federal(day.year)


@lru_cache(maxsize=4_096)
def add_business_days(day: date, number: int) -> date:
    """The `number`-th business day after `day`, which itself is not counted."""
    while number:
        day += _DAY
        number -= is_business_day(day)
    return day


def add(day: date, span: Span) -> date:
    """The day on which a span that starts with `day` ends."""
    if span.days:
        return day + timedelta(days=span.days)
    if span.business_days:
        return add_business_days(day, span.business_days)
    return months_later(day, span.months or 0)


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or that month's last."""
    years, month = divmod(day.month - 1 + months, _YEAR)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def past_weekend(day: date) -> date:
    """The day itself, or the Monday after its weekend: how some laws let a deadline end. Information only."""
    return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() >= _SATURDAY else day


def receipt_date(received_at: datetime, zone: ZoneInfo) -> date:
    """The local day a request was received on."""
    return received_at.astimezone(zone).date()


def clock_of(law: Law, right: Right, on: date, otherwise: ClockRule | None = None) -> ClockRule:
    """The law's clock for a right, completed by the brand's where the law says nothing.

    Raises:
        NoClock: neither sets a time to answer.
    """
    own = law.clock(right, on)
    if own and own.respond:
        return own
    if otherwise is None:
        raise NoClock(law.id, right)
    return otherwise.model_copy(update={"acknowledge": own.acknowledge}) if own else otherwise


def count(clock: ClockRule, receipt: date, timezone: str, *, receipt_day_counts: bool = False) -> Deadlines:
    """Count one clock from the day of receipt. The clock must have a time to answer."""
    if clock.respond is None:
        raise NoClock("this rule", "it")
    respond_by = add(receipt, clock.respond)
    earlier = receipt_day_counts and clock.respond.days
    return Deadlines(
        receipt_date=receipt,
        acknowledge_by=add(receipt, clock.acknowledge) if clock.acknowledge else None,
        respond_by=respond_by,
        extended_respond_by=add(receipt, clock.extended) if clock.extended else None,
        target_by=respond_by - _DAY if earlier else respond_by,
        timezone=timezone,
        rule=clock.text(),
        source=clock.source,
    )


def counted(law: Law, right: Right, receipt: date, *, otherwise: ClockRule | None = None) -> Deadlines:
    """The dates of a request the law says was received on this day. `otherwise` is the brand's own clock.

    Raises:
        NoClock: the law sets no time for this right, and no other clock was given.
    """
    clock = clock_of(law, right, receipt, otherwise)
    return count(clock, receipt, law.timezone, receipt_day_counts=bool(law.reading and law.reading.receipt_day_counts))


def deadlines(law: Law, right: Right, received_at: datetime, *, otherwise: ClockRule | None = None) -> Deadlines:
    """When a request must be acknowledged and answered, and by which rule.

    Raises:
        NoClock: as `counted`.
    """
    return counted(law, right, receipt_date(received_at, law.zone), otherwise=otherwise)


def earliest(all_dates: Sequence[Deadlines]) -> Deadlines:
    """The earliest of every date of several laws. An extension only where each of them has one."""
    first = min(all_dates, key=lambda dates: dates.respond_by)
    acknowledged = [dates.acknowledge_by for dates in all_dates if dates.acknowledge_by]
    extended = [dates.extended_respond_by for dates in all_dates if dates.extended_respond_by]
    return replace(
        first,
        receipt_date=min(dates.receipt_date for dates in all_dates),
        acknowledge_by=min(acknowledged, default=None),
        extended_respond_by=min(extended) if len(extended) == len(all_dates) else None,
        target_by=min(dates.target_by for dates in all_dates),
    )


def paused(dates: Deadlines, days: int) -> Deadlines:
    """The dates after the clock stood still for some days, where the law lets it: both move, the acknowledgement stays.

    Source: Data (Use and Access) Act 2025 s. 76, for the United Kingdom.
    """
    move = timedelta(days=days)
    later = dates.extended_respond_by + move if dates.extended_respond_by else None
    return replace(
        dates, respond_by=dates.respond_by + move, extended_respond_by=later, target_by=dates.target_by + move
    )


def paused_days(pauses: Iterable[tuple[datetime, datetime]], zone: ZoneInfo) -> int:
    """How many local days the clock stood still; pauses may overlap, and a pause within one day is none."""
    total, until = 0, date.min
    for start, end in sorted(pauses):
        first, last = max(receipt_date(start, zone), until), receipt_date(end, zone)
        total += max(0, (last - first).days)
        until = max(until, last)
    return total


@lru_cache(maxsize=4_096)
def instant_of_end(day: date, timezone: str) -> datetime:
    """The last instant of a local day, in UTC."""
    midnight = datetime.combine(day + _DAY, time(), ZoneInfo(timezone))
    return midnight.astimezone(UTC) - timedelta(microseconds=1)
