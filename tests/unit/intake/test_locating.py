"""Parcels that fit nobody add up against who names them; then one that fits is passed on and not told of."""

from dataclasses import replace
from typing import Any

import pytest

from rules.points import Throttle, Throttled
from schemas.events import RequestAccepted
from schemas.values import PointKind, Population
from services.intake.decide import Case, Facts, decide
from services.kernel import tokens
from services.kernel.decision import Decision, Tally
from tests.support.intake import CASE_ID, Window, a_submission, an_answer_of
from tests.support.values import DAYS, NOON, a_record, of

PARCEL = a_record(PointKind.TRACKING_NUMBER, PointKind.NAME, population=Population.RECIPIENT, client="acorn")
OWN = a_record(PointKind.ORDER_NUMBER, PointKind.EMAIL)
ASKING = {Throttled.REQUESTER: "requester/x", Throttled.SOURCE: "source/x"}
LIMITS = {kind: Throttle(failures=3, within_hours=24, source="a test") for kind in Throttled}
NAMED = a_submission(subject={"name": "Ada Quill", "tracking_numbers": ["TRACK-1"]})


def facts(*found: Any, counted: int = 0, about: Any = NAMED) -> Facts:
    book = Window().facts(about)
    handbook = replace(book.handbook, points=replace(book.handbook.points, throttles=LIMITS))
    tally = Tally({"requester/x": counted})
    return replace(book, handbook=handbook, found={about.event_id: found}, asking={about.event_id: ASKING}, tally=tally)


def asked(known: Facts, event: Any = NAMED, state: Case | None = None) -> Decision[Case]:
    return decide(state or Case.stub(tokens.case_key(CASE_ID)), event, known, NOON)


def named(decision: Decision[Case]) -> list[bool]:
    return [one.parcel_named for accepted in of(RequestAccepted, decision.events) for one in accepted.clients]


def test_a_parcel_that_fits_nobody_counts_against_who_named_it() -> None:
    decision = asked(facts())

    assert {(count.key, count.until) for count in decision.counters} == {
        (name, NOON + DAYS) for name in ASKING.values()
    }


@pytest.mark.parametrize("found", [PARCEL, OWN], ids=["a client's parcel", "an order of one's own"])
def test_a_number_that_some_record_holds_counts_nothing(found: Any) -> None:
    assert asked(facts(found)).counters == ()


def test_who_names_no_parcel_counts_nothing() -> None:
    plain = a_submission()

    assert asked(facts(about=plain), plain).counters == ()


def test_after_too_many_misses_a_parcel_that_fits_is_passed_on_and_not_told_of() -> None:
    just, over = asked(facts(PARCEL, counted=2)), asked(facts(PARCEL, counted=3))

    assert (named(just), named(over)) == ([True], [False])
    assert [event.request_id for event in over.events] == [event.request_id for event in just.events]


def test_parcels_named_in_answers_count_too() -> None:
    state = asked(facts()).state
    answer = an_answer_of("points", subject={"order_numbers": ["ORDER-1"]})

    assert {count.key for count in asked(facts(about=answer), answer, state).counters} == set(ASKING.values())


def test_one_message_knows_what_the_one_before_it_counted() -> None:
    known = facts(counted=2)
    after = known.learning(asked(known).counters)

    assert named(asked(replace(after, found={NAMED.event_id: (PARCEL,)}))) == [False]
