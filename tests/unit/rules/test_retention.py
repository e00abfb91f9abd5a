"""How long data is kept, by the brands' own words."""

from datetime import date

import pytest

from rules.brands import Brand
from rules.facts import Span
from rules.retention import first_kept, strictest
from tests.support.policies import handbook

TODAY = date(2026, 3, 31)


def brands(*names: str) -> list[Brand]:
    return [handbook().brands[name] for name in names]


@pytest.mark.parametrize(
    ("unit", "number", "first"),
    [("days", 30, date(2026, 3, 1)), ("months", 24, date(2024, 3, 31)), ("months", 1, date(2026, 2, 28)),
     ("business_days", 5, date(2026, 3, 21))],
)  # fmt: skip
def test_the_first_day_that_is_kept(unit: str, number: int, first: date) -> None:
    assert (
        first_kept(TODAY, Span.model_validate({unit: number, "source": "the test", "confidence": "verified"})) == first
    )


def test_desktopshipper_keeps_thirty_days_and_cookies_two_years() -> None:
    personal = strictest(brands("desktopshipper"), "personal", TODAY)
    cookies = strictest(brands("desktopshipper"), "cookies", TODAY)

    assert personal
    assert cookies
    assert (personal.span, cookies.span) != (None, None)
    assert [rule.span.text() for rule in (personal, cookies) if rule.span] == ["30 calendar days", "24 calendar months"]


def test_firstmile_keeps_as_long_as_its_purposes_need() -> None:
    rule = strictest(brands("firstmile"), "personal", TODAY)

    assert rule
    assert rule.span is None
    assert strictest(brands("firstmile"), "cookies", TODAY) is None


def test_of_two_brands_that_share_rows_the_shorter_promise_holds() -> None:
    both = strictest(brands("firstmile", "desktopshipper"), "personal", TODAY)

    assert both
    assert both.brand == "desktopshipper"
