from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.frequency import Beyond, fee_ground, limit_of
from schemas.values import OPT_OUTS, Reason, Right
from tests.support.policies import handbook

LAWS, BRANDS = handbook().laws, handbook().brands
FIRSTMILE, DESKTOPSHIPPER = BRANDS["firstmile"], BRANDS["desktopshipper"]
TODAY = date(2026, 11, 23)
ACCESS = Right.KNOW_SPECIFIC
days = st.dates(date(2024, 1, 1), date(2034, 1, 1))


def test_california_and_firstmile_answer_twice_in_twelve_months() -> None:
    limit = limit_of(LAWS["US-CA-CCPA"], FIRSTMILE, ACCESS, TODAY)

    assert limit
    assert [limit.judge(earlier) for earlier in range(4)] == [
        Beyond.ANSWER,
        Beyond.ANSWER,
        Beyond.REFUSE,
        Beyond.REFUSE,
    ]


def test_a_law_that_counts_free_answers_lets_a_fee_follow_and_never_a_refusal() -> None:
    limit = limit_of(LAWS["US-VA-VCDPA"], FIRSTMILE, ACCESS, TODAY)

    assert limit
    assert limit.judge(2) is Beyond.FEE


def test_a_brand_may_answer_more_often_than_the_law_makes_it() -> None:
    firstmile = limit_of(LAWS["US-CT-CTDPA"], FIRSTMILE, ACCESS, TODAY)
    desktopshipper = limit_of(LAWS["US-CT-CTDPA"], DESKTOPSHIPPER, ACCESS, TODAY)

    assert firstmile
    assert desktopshipper
    assert (firstmile.count, desktopshipper.count) == (2, 1)


def test_a_law_that_sets_no_number_leaves_none_to_the_brand() -> None:
    assert limit_of(LAWS["EU-GDPR"], FIRSTMILE, ACCESS, TODAY) is None


def test_without_a_law_the_brands_own_number_counts() -> None:
    limit = limit_of(None, FIRSTMILE, ACCESS, TODAY)

    assert limit
    assert (limit.count, limit.beyond, limit.source) == (2, Beyond.REFUSE, "section 7(C)")
    assert limit_of(None, DESKTOPSHIPPER, ACCESS, TODAY) is None


@pytest.mark.parametrize("law", [None, *sorted(LAWS)])
@pytest.mark.parametrize("right", [Right.DELETE, Right.CORRECT, *sorted(OPT_OUTS)])
def test_deletion_correction_and_opt_outs_are_never_limited(law, right) -> None:
    assert limit_of(LAWS[law] if law else None, FIRSTMILE, right, TODAY) is None


def test_rights_of_one_rule_are_counted_together_and_apart_from_others() -> None:
    law = LAWS["US-CO-CPA"]
    access, categories, copy = (
        limit_of(law, DESKTOPSHIPPER, right, TODAY) for right in (ACCESS, Right.KNOW_CATEGORIES, Right.PORTABILITY)
    )

    assert access
    assert categories
    assert copy
    assert access.slot(TODAY) == categories.slot(TODAY)
    assert access.slot(TODAY)[0] != copy.slot(TODAY)[0]
    assert copy.slots(TODAY) == (copy.slot(TODAY)[0],)


def test_brands_and_laws_are_counted_apart() -> None:
    names = {
        limit.slot(TODAY)[0]
        for law in LAWS.values()
        for brand in BRANDS.values()
        if (limit := limit_of(law, brand, ACCESS, TODAY))
    }

    assert len(names) == len(BRANDS) * sum(law.limit(ACCESS, TODAY) is not None for law in LAWS.values())


@given(first=days, later=st.integers(0, 800))
def test_nothing_older_than_twelve_months_ever_counts_and_nothing_within_eleven_is_lost(first, later) -> None:
    limit = limit_of(LAWS["US-CA-CCPA"], FIRSTMILE, ACCESS, TODAY)
    assert limit
    day = date.fromordinal(first.toordinal() + later)

    name, until = limit.slot(first)
    counts = name in limit.slots(day)

    assert not (counts and later > 366)
    assert counts or later > 330
    assert counts == (day < until)


@given(day=days)
def test_a_calendar_year_counts_from_its_first_day(day) -> None:
    limit = limit_of(LAWS["US-CO-CPA"], FIRSTMILE, Right.PORTABILITY, TODAY)
    assert limit

    name, until = limit.slot(day)

    assert until == date(day.year + 1, 1, 1)
    assert limit.slots(day) == (name,)
    assert name not in limit.slots(until)


UNREASONABLE = (Reason.EXCESSIVE, Reason.MANIFESTLY_UNFOUNDED)
COSTLY = DESKTOPSHIPPER


@pytest.mark.parametrize(("law", "reason", "ground"), [
    *(("US-CA-CCPA", reason, "1798.145(h)(3)") for reason in UNREASONABLE),
    ("US-CA-CCPA", Reason.OTHER, None), ("US-CA-CCPA", None, None), ("US-CA-CCPA", Reason.SUSPECTED_FRAUD, None),
    ("CA-PIPEDA", Reason.OTHER, "8(6)"), ("CA-PIPEDA", Reason.EXCESSIVE, None), ("CA-QC-LAW25", Reason.OTHER, "s. 33"),
    ("US-NV-603A", Reason.EXCESSIVE, None), (None, Reason.EXCESSIVE, "estimate come first"), (None, Reason.OTHER, None),
])  # fmt: skip
def test_a_fee_is_asked_only_where_the_law_has_one_for_that_reason(law, reason, ground) -> None:
    found = fee_ground(LAWS[law] if law else None, COSTLY, reason)

    assert (ground is None and found is None) or (ground and found and ground in found)


@pytest.mark.parametrize("law", [None, "US-CA-CCPA", "CA-PIPEDA"])
def test_a_brand_that_tells_no_estimate_asks_no_fee(law) -> None:
    silent = COSTLY.fees.model_copy(update={"estimate": None}) if COSTLY.fees else None

    for brand in (FIRSTMILE, COSTLY.model_copy(update={"fees": silent})):
        assert fee_ground(LAWS[law] if law else None, brand, Reason.EXCESSIVE) is None
