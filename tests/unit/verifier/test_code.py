"""A code sent to the contact on file and given back is a point of its group: in time, of its round and record."""

from datetime import datetime

import pytest

from schemas.base import Event
from schemas.events import PartWaiting, RequestVerified
from schemas.values import AnswerKind, Group, PointKind, Right
from services.verifier.decide import Facts, Verification, decide
from tests.support.values import (
    DAYS,
    ENDS_AT,
    LATER,
    NOON,
    REQUEST,
    SUBJECT,
    a_record,
    an_accepted,
    an_answer,
    of,
    seen,
)

EMAIL, PHONE, NAME, ADDRESS = PointKind.EMAIL, PointKind.PHONE, PointKind.NAME, PointKind.ADDRESS
STUB = Verification.stub(REQUEST)
HOME = seen(a_record(PHONE, ADDRESS))
"""Located, and one point short for three."""
THREE = an_accepted(Right.KNOW_SPECIFIC, points_needed=3)


def given(code_of: int = 1, at: datetime = LATER) -> Event:
    return an_answer(AnswerKind.CODE, code_of, round=code_of, at=at)


def codes(facts: Facts, *events: Event) -> list[tuple[int, str | None]]:
    """To whose contact on file each round's code went."""
    state, waits = STUB, list[PartWaiting]()
    for event in events or (THREE,):
        decision = decide(state, event, facts, NOON)
        state, waits = decision.state, [*waits, *of(PartWaiting, decision.events)]
    return [(wait.round, wait.code_to) for wait in waits if wait.part == "own/verification"]


def test_the_contact_on_file_of_the_one_record_located_is_sent_a_code_in_each_round() -> None:
    assert codes(HOME, THREE, an_answer(AnswerKind.POINTS)) == [(1, SUBJECT), (2, SUBJECT)]


@pytest.mark.parametrize("facts", [
    seen(), seen(a_record(PHONE)), seen(a_record(PHONE, ADDRESS), a_record(PHONE, ADDRESS, subject=f"{SUBJECT[:-1]}f")),
    seen(a_record(EMAIL, PHONE)),
], ids=["no record", "one point", "two records", "the e-mail is counted already"])  # fmt: skip
def test_nobody_else_is_sent_one(facts: Facts) -> None:
    assert codes(facts) == [(1, None)]


def test_an_email_under_correction_is_sent_no_code() -> None:
    correction = an_accepted(Right.CORRECT, points_needed=3, contested=[EMAIL])

    assert codes(HOME, correction) == [(1, None)]


def test_the_code_is_the_point_that_was_missing() -> None:
    state = decide(STUB, THREE, HOME, NOON).state

    [verdict] = of(RequestVerified, decide(state, given(), HOME, LATER).events)
    assert (verdict.subject, verdict.groups) == (SUBJECT, [Group.ADDRESS, Group.EMAIL, Group.PHONE])


def test_name_and_address_of_a_household_need_the_code_from_outside_it() -> None:
    household = seen(a_record(NAME, ADDRESS))
    state = decide(STUB, an_accepted(), household, NOON).state

    assert of(RequestVerified, decide(state, an_answer(AnswerKind.POINTS), household, LATER).events) == []
    assert len(of(RequestVerified, decide(state, given(), household, LATER).events)) == 1


@pytest.mark.parametrize("answer", [
    given(2), given(at=NOON + 5 * DAYS), given(at=ENDS_AT),
], ids=["a round that sent none", "after its time", "after the end"])  # fmt: skip
def test_a_code_out_of_turn_proves_nothing(answer: Event) -> None:
    state = decide(STUB, THREE, HOME, NOON).state

    assert of(RequestVerified, decide(state, answer, HOME, LATER).events) == []


def test_a_code_proves_nothing_of_another_record() -> None:
    state = decide(STUB, THREE, HOME, NOON).state
    other = seen(a_record(PHONE, ADDRESS, subject=f"{SUBJECT[:-1]}f"))

    assert of(RequestVerified, decide(state, given(), other, LATER).events) == []


def test_a_code_that_was_heard_of_before_its_request_counts_when_it_comes() -> None:
    early = decide(STUB, given(at=NOON), HOME, NOON).state

    decision = decide(early, THREE, HOME, NOON)
    late = decide(decision.state, an_answer(AnswerKind.POINTS, 9), HOME, LATER)
    assert len(of(RequestVerified, [*decision.events, *late.events])) == 1


def test_who_is_asked_sees_the_same_with_and_without_a_code() -> None:
    with_code = of(PartWaiting, decide(STUB, THREE, HOME, NOON).events)
    without = of(PartWaiting, decide(STUB, THREE, seen(), NOON).events)

    assert [wait.model_copy(update={"code_to": None}) for wait in with_code] == without
