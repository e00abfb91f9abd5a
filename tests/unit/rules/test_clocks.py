from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from holidays import country_holidays
from hypothesis import given
from hypothesis import strategies as st

from rules.clocks import (
    add,
    add_business_days,
    deadlines,
    instant_of_end,
    is_business_day,
    past_weekend,
    paused,
    paused_days,
)
from rules.errors import NoClock
from rules.facts import ClockRule, Span
from schemas.values import Right
from tests.support.policies import handbook

FEDERAL = frozenset(country_holidays("US", years=range(2023, 2038), observed=True))
LAWS = handbook().laws
TIMED = [(law, right) for law in LAWS.values() for right in Right if (c := law.clock(right, date.max)) and c.respond]
WEST_TO_EAST = {
    "US-CA-CCPA": ["America/Los_Angeles", "America/New_York", "UTC"],
    "US-TX-TDPSA": ["America/Denver", "America/Chicago", "UTC"],
    "US-TN-TIPA": ["America/Chicago", "America/New_York", "UTC"],
    "US-FL-FDBR": ["America/Chicago", "America/New_York", "UTC"],
    "CA-PIPEDA": ["America/Vancouver", "America/Toronto", "America/St_Johns", "UTC"],
    "CA-QC-LAW25": ["America/Toronto", "America/Halifax", "UTC"],
    "EU-GDPR": ["UTC", "Europe/Lisbon", "Europe/Berlin", "Europe/Helsinki"],
    "GB-UKGDPR": ["UTC", "Europe/London"],
}
moments = st.datetimes(datetime(2024, 1, 1), datetime(2035, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001
timed = st.sampled_from(TIMED)


def span(*, days: int | None = None, months: int | None = None) -> Span:
    return Span(days=days, months=months, source="a test", confidence="verified")


@pytest.mark.parametrize(
    ("day", "what"),
    [
        (date(2026, 1, 19), "Martin Luther King"),
        (date(2026, 2, 16), "Washington's Birthday"),
        (date(2026, 5, 25), "Memorial Day"),
        (date(2026, 6, 19), "Juneteenth"),
        (date(2026, 7, 3), "Independence Day, a Saturday"),
        (date(2026, 9, 7), "Labor Day"),
        (date(2026, 10, 12), "Columbus Day"),
        (date(2026, 11, 11), "Veterans Day"),
        (date(2026, 11, 26), "Thanksgiving"),
        (date(2026, 12, 25), "Christmas"),
        (date(2027, 12, 31), "New Year 2028, a Saturday"),
        (date(2027, 7, 5), "Independence Day, a Sunday"),
    ],
)
def test_federal_holidays_are_no_business_days_on_the_day_they_are_observed(day, what) -> None:
    assert not is_business_day(day), what


def test_the_friday_after_thanksgiving_and_state_holidays_are_business_days() -> None:
    assert is_business_day(date(2026, 11, 27))
    assert is_business_day(date(2026, 3, 31))


def test_the_day_itself_is_never_counted() -> None:
    assert add_business_days(date(2026, 3, 2), 1) == date(2026, 3, 3)
    assert add_business_days(date(2026, 3, 6), 1) == date(2026, 3, 9)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        (date(2026, 1, 31), 1, date(2026, 2, 28)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2026, 11, 30), 3, date(2027, 2, 28)),
        (date(2026, 12, 15), 1, date(2027, 1, 15)),
        (date(2026, 2, 28), 1, date(2026, 3, 28)),
    ],
)
def test_a_month_later_is_the_same_day_or_the_months_last(start, months, end) -> None:
    assert add(start, span(months=months)) == end


def test_a_deadline_never_rolls_forward_and_the_rolled_day_is_information() -> None:
    saturday = date(2026, 2, 28)

    assert add(date(2026, 1, 31), span(months=1)) == saturday
    assert past_weekend(saturday) == past_weekend(date(2026, 3, 1)) == date(2026, 3, 2)
    assert past_weekend(date(2026, 3, 2)) == date(2026, 3, 2)


def test_an_opt_out_is_not_acknowledged_and_not_extended_in_california() -> None:
    for right in (Right.OPT_OUT_SALE_SHARE, Right.OPT_OUT_TARGETED_ADS, Right.LIMIT_SENSITIVE):
        dates = deadlines(LAWS["US-CA-CCPA"], right, datetime(2026, 11, 25, 20, tzinfo=UTC))

        assert dates.acknowledge_by is None
        assert dates.extended_respond_by is None
        assert dates.respond_by == date(2026, 12, 17)


def test_our_own_target_is_a_day_earlier_where_the_day_of_receipt_could_count() -> None:
    received = datetime(2026, 3, 2, 18, tzinfo=UTC)

    assert deadlines(LAWS["US-CA-CCPA"], Right.DELETE, received).target_by == date(2026, 4, 15)
    assert deadlines(LAWS["US-CA-CCPA"], Right.LIMIT_SENSITIVE, received).target_by == date(2026, 3, 23)
    assert deadlines(LAWS["US-VA-VCDPA"], Right.DELETE, received).target_by == date(2026, 4, 16)


@pytest.mark.parametrize(
    ("law", "right", "extended"),
    [
        ("US-CA-CCPA", Right.APPEAL, None),
        ("US-UT-UCPA", Right.APPEAL, None),
        ("US-NV-603A", Right.DELETE, None),
        ("US-VA-VCDPA", Right.INQUIRY, None),
        ("EU-GDPR", Right.COMPLAINT, None),
    ],
)
def test_where_a_law_sets_no_time_the_brands_own_clock_is_asked_for(law, right, extended) -> None:
    received = datetime(2026, 3, 2, 18, tzinfo=UTC)
    own = ClockRule(rights=[right], respond=span(days=20), extended=extended)

    with pytest.raises(NoClock, match=f"{law} sets no time to answer {right}"):
        deadlines(LAWS[law], right, received)
    assert deadlines(LAWS[law], right, received, otherwise=own).respond_by == date(2026, 3, 22)


def test_a_complaint_in_the_united_kingdom_is_acknowledged_by_law_and_answered_by_the_brands_time() -> None:
    own = ClockRule(rights=[Right.COMPLAINT], respond=span(days=45))
    before, after = datetime(2026, 6, 18, 12, tzinfo=UTC), datetime(2026, 6, 19, 12, tzinfo=UTC)

    dates = deadlines(LAWS["GB-UKGDPR"], Right.COMPLAINT, after, otherwise=own)

    assert (dates.acknowledge_by, dates.respond_by) == (date(2026, 7, 19), date(2026, 8, 3))
    assert deadlines(LAWS["GB-UKGDPR"], Right.COMPLAINT, before, otherwise=own).acknowledge_by is None


def test_paused_days_move_both_dates_and_leave_the_acknowledgement() -> None:
    dates = deadlines(LAWS["GB-UKGDPR"], Right.KNOW_SPECIFIC, datetime(2026, 9, 3, 10, tzinfo=UTC))

    later = paused(dates, 6)

    assert (later.respond_by, later.extended_respond_by) == (date(2026, 10, 9), date(2026, 12, 9))
    assert (later.receipt_date, later.acknowledge_by) == (dates.receipt_date, dates.acknowledge_by)


def test_pauses_that_overlap_are_counted_once() -> None:
    def at(day: int, hour: int = 12) -> datetime:
        return datetime(2026, 9, day, hour, tzinfo=UTC)

    assert paused_days([(at(3), at(8)), (at(5), at(9)), (at(20), at(20, 23))], ZoneInfo("UTC")) == 6
    assert paused_days([], ZoneInfo("UTC")) == 0


def test_a_deadline_ends_with_the_local_day_also_when_the_clocks_change() -> None:
    assert instant_of_end(date(2026, 3, 7), "America/Los_Angeles") == datetime(2026, 3, 8, 8, tzinfo=UTC) - timedelta(
        microseconds=1
    )
    assert instant_of_end(date(2026, 3, 8), "America/Los_Angeles") == datetime(2026, 3, 9, 7, tzinfo=UTC) - timedelta(
        microseconds=1
    )


@given(case=timed, received=moments)
def test_no_date_lies_before_receipt_and_an_extension_never_before_the_first_date(case, received) -> None:
    dates = deadlines(case[0], case[1], received)

    assert dates.receipt_date < dates.respond_by
    assert dates.receipt_date < dates.target_by <= dates.respond_by
    assert dates.extended_respond_by is None or dates.extended_respond_by >= dates.respond_by
    assert dates.acknowledge_by is None or dates.receipt_date < dates.acknowledge_by <= dates.respond_by


@given(case=timed, received=moments, later=st.timedeltas(timedelta(0), timedelta(days=400)))
def test_what_is_received_later_is_never_due_earlier(case, received, later) -> None:
    first, second = (deadlines(case[0], case[1], moment) for moment in (received, received + later))

    assert first.receipt_date <= second.receipt_date
    assert first.respond_by <= second.respond_by
    for name in ("acknowledge_by", "extended_respond_by"):
        assert getattr(first, name) is None or getattr(first, name) <= getattr(second, name)


@given(law=st.sampled_from(sorted(WEST_TO_EAST)), right=st.sampled_from([Right.KNOW_SPECIFIC, Right.CORRECT]),
       received=moments)  # fmt: skip
def test_no_calendar_of_the_place_or_east_of_it_would_give_an_earlier_date(law, right, received) -> None:
    ours = deadlines(LAWS[law], right, received)
    clock = LAWS[law].clock(right, ours.receipt_date)
    assert clock
    assert clock.respond

    for name in WEST_TO_EAST[law]:
        theirs = add(received.astimezone(ZoneInfo(name)).date(), clock.respond)

        assert ours.respond_by <= theirs


@given(start=st.dates(date(2024, 1, 1), date(2035, 1, 1)), number=st.integers(1, 30))
def test_business_days_are_counted_one_by_one(start, number) -> None:
    end = add_business_days(start, number)

    between = [start + timedelta(days=n) for n in range(1, (end - start).days + 1)]
    assert sum(day.weekday() < 5 and day not in FEDERAL for day in between) == number
    assert end.weekday() < 5
    assert end not in FEDERAL
