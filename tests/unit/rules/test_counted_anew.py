"""The dates once more, by a calculation that shares nothing with the rules: own table, own holidays, own calendar."""

from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rules.choice import Question, choose
from rules.clocks import deadlines, paused
from schemas.values import Context, Right
from tests.support.policies import handbook

DAY = timedelta(days=1)
R = Right
FORTY_FIVE = ("days", 45, 90)
US: dict[str, tuple[str, Any, Any]] = {
    "US-CO-CPA": ("America/Denver", FORTY_FIVE, (45, 105)),
    "US-CT-CTDPA": ("America/New_York", FORTY_FIVE, (60, None)),
    "US-VA-VCDPA": ("America/New_York", FORTY_FIVE, (60, None)),
    "US-UT-UCPA": ("America/Denver", FORTY_FIVE, None),
    "US-TX-TDPSA": ("America/Denver", FORTY_FIVE, (60, None)),
    "US-OR-OCPA": ("America/Los_Angeles", FORTY_FIVE, (45, None)),
    "US-MT-MTCDPA": ("America/Denver", FORTY_FIVE, (60, None)),
    "US-DE-DPDPA": ("America/New_York", FORTY_FIVE, (60, None)),
    "US-IA-ICDPA": ("America/Chicago", ("days", 90, 135), (60, None)),
    "US-NE-NDPA": ("America/Denver", FORTY_FIVE, (60, None)),
    "US-NH-NHDPA": ("America/New_York", FORTY_FIVE, (60, None)),
    "US-NJ-NJDPA": ("America/New_York", FORTY_FIVE, (45, None)),
    "US-TN-TIPA": ("America/Chicago", FORTY_FIVE, (60, None)),
    "US-MN-MCDPA": ("America/Chicago", FORTY_FIVE, (45, 105)),
    "US-MD-MODPA": ("America/New_York", FORTY_FIVE, (60, None)),
    "US-IN-INCDPA": ("America/Chicago", FORTY_FIVE, (60, None)),
    "US-KY-KCDPA": ("America/Chicago", FORTY_FIVE, (60, None)),
    "US-RI-RIDTPPA": ("America/New_York", FORTY_FIVE, (60, None)),
    "US-FL-FDBR": ("America/Chicago", ("days", 45, 60), (60, None)),
}
"""Law -> zone; days to answer, and with an extension from receipt; the same of an appeal."""
ELSEWHERE: dict[str, tuple[str, Any, Any]] = {
    "US-CA-CCPA": ("America/Los_Angeles", FORTY_FIVE, None),
    "CA-PIPEDA": ("America/Vancouver", ("days", 30, 60), None),
    "CA-QC-LAW25": ("America/Toronto", ("days", 30, None), None),
    "EU-GDPR": ("UTC", ("months", 1, 3), None),
    "GB-UKGDPR": ("UTC", ("months", 1, 3), None),
}
TABLE = US | ELSEWHERE
EVERYWHERE = (R.KNOW_SPECIFIC, R.KNOW_CATEGORIES, R.DELETE, R.CORRECT, R.PORTABILITY)
FAST = {R.OPT_OUT_SALE_SHARE, R.OPT_OUT_TARGETED_ADS, R.LIMIT_SENSITIVE}
"""In California: fifteen business days, neither acknowledged nor extended."""
PIECES = list(product(TABLE, EVERYWHERE))
SLOW_OPT_OUTS = [(law, R.OPT_OUT_SALE_SHARE) for law in US]
APPEALS = [(law, R.APPEAL) for law, (_, _, appeal) in US.items() if appeal]
CASES = [*PIECES, *SLOW_OPT_OUTS, *APPEALS, *(("US-CA-CCPA", right) for right in sorted(FAST)),
         ("US-NV-603A", R.OPT_OUT_SALE_SHARE)]  # fmt: skip


def holidays(year: int) -> set[date]:
    """Federal holidays as observed within a year, by the rule of each."""

    def nth(month: int, weekday: int, number: int) -> date:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))

    last_of_may = date(year, 5, 31)
    fixed = [date(year, 1, 1), date(year, 6, 19), date(year, 7, 4), date(year, 11, 11), date(year, 12, 25),
             date(year + 1, 1, 1)]  # fmt: skip
    moved = [nth(1, 0, 3), nth(2, 0, 3), last_of_may - timedelta(days=last_of_may.weekday()), nth(9, 0, 1),
             nth(10, 0, 2), nth(11, 3, 4)]  # fmt: skip
    observed = {day - DAY if day.weekday() == 5 else day + DAY if day.weekday() == 6 else day for day in fixed}
    return {day for day in {*observed, *moved} if day.year == year}


def business_days_after(day: date, number: int) -> date:
    while number:
        day += DAY
        number -= 1 if day.weekday() < 5 and day not in holidays(day.year) else 0
    return day


def months_after(day: date, number: int) -> date:
    """One month at a time by the calendar, and back to the last day there is."""
    year, month = day.year, day.month
    for _ in range(number):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    first_of_next = date(year + 1, 1, 1) if month == 12 else date(year, month + 1, 1)
    return date(year, month, min(day.day, (first_of_next - DAY).day))


def after(day: date, unit: str, number: int | None) -> date | None:
    if number is None:
        return None
    return months_after(day, number) if unit == "months" else day + timedelta(days=number)


def anew(law: str, right: Right, received: datetime) -> tuple[date, date | None, date | None, date | None]:
    """Receipt, acknowledgement, answer, extended answer."""
    if law == "US-NV-603A":
        day = received.astimezone(ZoneInfo("America/Los_Angeles")).date()
        return day, None, after(day, "days", 60), after(day, "days", 90)
    zone, (unit, respond, extended), appeal = TABLE[law]
    day = received.astimezone(ZoneInfo(zone)).date()
    if right is R.APPEAL:
        unit, (respond, extended) = "days", appeal
    if law == "US-CA-CCPA" and right in FAST:
        return day, None, business_days_after(day, 15), None
    acknowledge = business_days_after(day, 10) if law == "US-CA-CCPA" else None
    return day, acknowledge, after(day, unit, respond), after(day, unit, extended)


def ours(law: str, right: Right, received: datetime) -> tuple[date, date | None, date | None, date | None]:
    dates = deadlines(handbook().laws[law], right, received)
    return dates.receipt_date, dates.acknowledge_by, dates.respond_by, dates.extended_respond_by


EDGES = [
    *(datetime(year, month, day, tzinfo=UTC)
      for year in range(2026, 2033)
      for month, day in ((1, 1), (1, 31), (2, 28), (3, 1), (3, 31), (5, 31), (8, 31), (10, 31), (11, 30), (12, 31))),
    datetime(2028, 2, 29, 12, tzinfo=UTC), datetime(2032, 2, 29, 12, tzinfo=UTC),
    *(datetime(2026, 3, 8, 7, tzinfo=UTC) + timedelta(minutes=30 * n) for n in range(12)),
    *(datetime(2026, 11, 1, 4, tzinfo=UTC) + timedelta(minutes=30 * n) for n in range(16)),
    *(datetime(2027, 12, day, 20, tzinfo=UTC) for day in range(10, 32)),
]  # fmt: skip
"""Month ends, leap days, the hours in which clocks change, the weeks around a New Year that is observed before it."""
edges = st.builds(lambda at, by: at + timedelta(seconds=by), st.sampled_from(EDGES), st.integers(-43_200, 43_200))
anytime = st.datetimes(datetime(2026, 7, 2), datetime(2038, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(case=st.sampled_from(CASES), received=edges | anytime)
@settings(max_examples=1_500)
@example(case=("US-CA-CCPA", R.DELETE), received=datetime(2027, 12, 20, 20, tzinfo=UTC))
@example(case=("EU-GDPR", R.DELETE), received=datetime(2028, 1, 31, 23, 59, 59, tzinfo=UTC))
@example(case=("GB-UKGDPR", R.CORRECT), received=datetime(2027, 11, 30, 12, tzinfo=UTC))
def test_every_law_counts_as_a_calculation_of_its_own_does(case: tuple[str, Right], received: datetime) -> None:
    assert ours(*case, received) == anew(*case, received)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]} {case[1]}")
def test_every_law_and_right_counts_so_at_every_edge(case: tuple[str, Right]) -> None:
    wrong = [at for at in EDGES if at.year >= 2027 and ours(*case, at) != anew(*case, at)]

    assert wrong == []


@given(received=edges | anytime, days=st.integers(0, 60))
def test_a_pause_moves_both_dates_by_its_days_and_clips_nothing_twice(received: datetime, days: int) -> None:
    found = paused(deadlines(handbook().laws["GB-UKGDPR"], R.KNOW_SPECIFIC, received), days)
    _, _, respond, extended = anew("GB-UKGDPR", R.KNOW_SPECIFIC, received)

    assert respond
    assert extended
    assert (found.respond_by, found.extended_respond_by) == (respond + days * DAY, extended + days * DAY)


@given(law=st.sampled_from(sorted(TABLE)), received=edges | anytime, brand=st.sampled_from(sorted(handbook().brands)),
       right=st.sampled_from(EVERYWHERE))  # fmt: skip
@settings(max_examples=300)
def test_a_resident_gets_the_dates_of_that_calculation_and_never_later_ones(law, received, brand, right) -> None:
    held = handbook().laws[law]
    home = ("FR", None) if law == "EU-GDPR" else (held.country, held.region or ("ON" if law == "CA-PIPEDA" else None))
    choice = choose(handbook(), Question(brand, right, *home, Context.INDIVIDUAL_HOUSEHOLD), received)
    _, acknowledge, respond, extended = anew(law, right, received)

    assert respond
    if choice.granted_by == "law":
        told = (choice.acknowledge_by, choice.respond_by, choice.extended_respond_by)
        assert told == (acknowledge, respond, extended)
    elif choice.law == law:
        assert choice.respond_by <= respond
