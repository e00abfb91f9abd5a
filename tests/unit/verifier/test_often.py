from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from rules.frequency import limit_of
from schemas.events import RequestVerified
from schemas.values import PointKind, Right
from services.kernel.decision import Count, Tally
from services.verifier.decide import Facts, Verification, decide
from services.verifier.decide.often import names_of
from services.verifier.decide.state import told
from tests.support.policies import handbook as shipped
from tests.support.values import ENDS_AT, NOON, REQUEST, SUBJECT, a_record, a_waking, an_accepted, of, seen

CALIFORNIA, VIRGINIA, GDPR = "US-CA-CCPA", "US-VA-VCDPA", "EU-GDPR"
TODAY = NOON.date()
OTHER = "00000000-0000-8000-8000-00000000000c"
ADA = a_record(PointKind.EMAIL, PointKind.PHONE, PointKind.ORDER_NUMBER)


def asking(right: Right = Right.KNOW_SPECIFIC, law: str = CALIFORNIA, **fields: Any) -> Any:
    return an_accepted(right, law=law, **fields)


def around(times: int = 0, *, on: date = TODAY, who: str = SUBJECT, law: str = CALIFORNIA) -> Facts:
    """What is known when this person was answered so often before, in the month of a day."""
    book, facts = shipped(), seen(ADA)
    limit = limit_of(book.laws.get(law), book.brands["parcelwise"], Right.KNOW_SPECIFIC, on)
    counted = {facts.answered(who, limit.slot(on)[0]): times} if limit else {}
    return replace(facts, laws=book.laws, tally=Tally(counted))


def verdict(facts: Facts, event: Any) -> tuple[RequestVerified, tuple[Count, ...]]:
    decision = decide(Verification.stub(REQUEST), event, facts, NOON)
    [verified] = of(RequestVerified, decision.events)
    return verified, decision.counters


def test_two_answers_in_twelve_months_are_given_and_a_third_is_refused_in_california() -> None:
    told_of = [verdict(around(times), asking())[0] for times in (0, 1, 2, 3)]

    assert [one.beyond for one in told_of] == ["answer", "answer", "refuse", "refuse"]
    assert told_of[2].beyond_by
    assert "1798.130(b)" in told_of[2].beyond_by


def test_where_a_law_counts_free_answers_a_fee_follows() -> None:
    facts = around(2, law=VIRGINIA)

    assert verdict(facts, asking(law=VIRGINIA))[0].beyond == "fee"
    free = facts.brands["parcelwise"].model_copy(update={"fees": None})
    assert verdict(replace(facts, brands={"parcelwise": free}), asking(law=VIRGINIA))[0].beyond == "answer"


@pytest.mark.parametrize("on", [date(2025, 4, 1), date(2025, 9, 30), date(2026, 3, 1)])
def test_earlier_answers_of_the_last_twelve_months_count_whether_their_requests_ended_or_not(on: date) -> None:
    assert verdict(around(2, on=on), asking())[0].beyond == "refuse"


@pytest.mark.parametrize("facts", [
    around(9, on=date(2025, 3, 1)), around(9, who=OTHER), around(9, law=GDPR),
], ids=["long ago", "another", "no law"])  # fmt: skip
def test_what_lies_further_back_or_concerns_others_does_not(facts: Facts) -> None:
    assert verdict(facts, asking(law=GDPR if not facts.tally.counted else CALIFORNIA))[0].beyond == "answer"


@pytest.mark.parametrize("right", [Right.DELETE, Right.CORRECT])
def test_deletions_and_corrections_are_neither_counted_nor_limited(right: Right) -> None:
    verified, counts = verdict(around(9), asking(right))

    assert (verified.beyond, counts) == ("answer", ())


def test_what_is_answered_counts_once_more_until_it_no_longer_matters() -> None:
    facts = around(1)
    _, [count] = verdict(facts, asking())

    assert facts.tally.of(count.key) == 1
    assert count.until.date() == date(2027, 3, 1)


def test_what_is_refused_or_not_proven_is_not_counted() -> None:
    unproven = decide(Verification.stub(REQUEST), asking(points_needed=4), around(0), NOON)

    assert verdict(around(2), asking())[1] == ()
    assert unproven.counters == ()


def test_what_an_upheld_appeal_takes_up_again_is_not_counted_twice() -> None:
    verified, counts = verdict(around(9), asking(upheld_by=OTHER))

    assert (verified.beyond, counts) == ("answer", ())


def test_categories_instead_of_the_pieces_are_limited_like_any() -> None:
    event = asking(points_needed=4, fallback=Right.KNOW_CATEGORIES, fallback_points=2)
    state = decide(Verification.stub(REQUEST), event, around(2), NOON).state
    decision = decide(state, a_waking(REQUEST, ENDS_AT), around(2), ENDS_AT)

    [verified] = of(RequestVerified, decision.events)
    assert (verified.instead, verified.beyond) == (Right.KNOW_CATEGORIES, "refuse")


def test_what_is_looked_up_is_one_name_per_person_and_month_and_nothing_without_a_limit() -> None:
    limited = told(Verification.stub(REQUEST), asking(fallback=Right.KNOW_CATEGORIES))
    free = told(Verification.stub(REQUEST), asking(Right.DELETE))

    assert len(set(names_of(limited, around(), [SUBJECT, OTHER]))) == 24
    assert names_of(free, around(), [SUBJECT]) == []
