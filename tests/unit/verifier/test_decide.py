from datetime import timedelta
from typing import Any

import pytest

from rules.matching import Candidate
from schemas.base import Event
from schemas.events import DecisionApplied, PartWaiting, RequestVerified, VerificationFailed
from schemas.values import AnswerKind, Assurance, Group, Party, PointKind, Population, Reason, Right, Verb, Waiting
from services.verifier.decide import Facts, Verification, decide
from tests.support.values import (
    DAYS,
    ENDS_AT,
    LATER,
    NOON,
    REQUEST,
    SUBJECT,
    a_close,
    a_decision,
    a_record,
    a_verdict,
    a_waking,
    an_accepted,
    an_answer,
    of,
    seen,
)

EMAIL, PHONE, ACCOUNT = PointKind.EMAIL, PointKind.PHONE, PointKind.ACCOUNT_NUMBER
NOBODY = seen()
STUB = Verification.stub(REQUEST)
OTHER = f"{SUBJECT[:-1]}f"
SPECIFIC: dict[str, Any] = {"right": Right.KNOW_SPECIFIC, "points_needed": 3, "declaration_needed": True}


def asked(facts: Facts = NOBODY, **fields: Any) -> Verification:
    """A request that was accepted and, if nothing fits, asked about."""
    return decide(STUB, an_accepted(**fields), facts, NOON).state


def test_two_matching_points_verify_a_deletion() -> None:
    decision = decide(STUB, an_accepted(), seen(a_record(EMAIL, PHONE)), NOON)

    [verdict] = of(RequestVerified, decision.events)
    assert (verdict.subject, verdict.groups, verdict.by) == (SUBJECT, [Group.EMAIL, Group.PHONE], "points")
    assert decision.due_at is None


def test_one_point_is_asked_for_more_until_the_fixed_instant() -> None:
    decision = decide(STUB, an_accepted(), seen(a_record(EMAIL)), NOON)

    [waiting] = decision.events
    assert isinstance(waiting, PartWaiting)
    assert (waiting.part, waiting.party, waiting.waiting) == ("own/verification", Party.PERSON, Waiting.PROOF)
    assert (waiting.round, waiting.until, waiting.declaration) == (1, NOON + 5 * DAYS, False)
    assert decision.due_at == ENDS_AT


def test_what_is_asked_is_the_same_with_and_without_a_record() -> None:
    with_record = decide(STUB, an_accepted(), seen(a_record(EMAIL)), NOON)
    without = decide(STUB, an_accepted(), NOBODY, NOON)

    assert with_record.events == without.events
    assert with_record.due_at == without.due_at


def test_no_round_waits_beyond_the_fixed_instant() -> None:
    decision = decide(STUB, an_accepted(unverified_at=NOON + 2 * DAYS), NOBODY, NOON)

    assert of(PartWaiting, decision.events)[0].until == NOON + 2 * DAYS


def test_specific_pieces_need_a_declaration_beside_three_points() -> None:
    facts = seen(a_record(EMAIL, PHONE, ACCOUNT))
    waiting = decide(STUB, an_accepted(**SPECIFIC), facts, NOON)
    declared = decide(waiting.state, an_answer(AnswerKind.DECLARATION), facts, LATER)

    assert [event.declaration for event in of(PartWaiting, waiting.events)] == [True]
    assert [event.subject for event in of(RequestVerified, declared.events)] == [SUBJECT]


def test_two_points_are_not_enough_for_specific_pieces() -> None:
    decision = decide(STUB, an_accepted(**SPECIFIC, declared=True), seen(a_record(EMAIL, PHONE)), NOON)

    assert of(RequestVerified, decision.events) == []


def test_two_records_that_both_fit_verify_nobody() -> None:
    facts = seen(a_record(EMAIL, PHONE), a_record(EMAIL, PHONE, subject=OTHER))

    assert of(RequestVerified, decide(STUB, an_accepted(), facts, NOON).events) == []


def test_a_clients_record_of_a_recipient_verifies_nobody() -> None:
    facts = seen(a_record(EMAIL, PHONE, population=Population.RECIPIENT, client="acorn"))

    assert of(RequestVerified, decide(STUB, an_accepted(), facts, NOON).events) == []


def test_a_promise_to_some_reaches_only_them() -> None:
    visitor = seen(a_record(EMAIL, PHONE, population=Population.VISITOR))
    holder = seen(a_record(EMAIL, PHONE, population=Population.ACCOUNT_HOLDER))
    promised = an_accepted(only_for=[Population.ACCOUNT_HOLDER, Population.CLIENT_STAFF])

    assert of(RequestVerified, decide(STUB, promised, visitor, NOON).events) == []
    assert len(of(RequestVerified, decide(STUB, promised, holder, NOON).events)) == 1


def test_what_a_correction_contests_neither_proves_nor_is_asked_for() -> None:
    decision = decide(STUB, an_accepted(Right.CORRECT, contested=[PHONE]), seen(a_record(EMAIL, PHONE)), NOON)

    [waiting] = decision.events
    assert isinstance(waiting, PartWaiting)
    assert PHONE not in waiting.kinds


def test_a_right_without_verification_is_left_alone() -> None:
    decision = decide(STUB, an_accepted(verify=False), seen(a_record(EMAIL, PHONE)), NOON)

    assert decision.events == ()
    assert decision.due_at is None


def test_an_answer_is_weighed_and_asked_once_more() -> None:
    decision = decide(asked(), an_answer(AnswerKind.POINTS), NOBODY, LATER)

    assert [event.round for event in of(PartWaiting, decision.events)] == [2]


def test_nothing_is_asked_after_the_last_round() -> None:
    state = asked()
    for number in (1, 2, 3):
        decision = decide(state, an_answer(AnswerKind.POINTS, number), NOBODY, LATER)
        state = decision.state

    assert decision.events == ()
    assert decision.due_at == ENDS_AT


def test_an_answer_that_came_before_the_request_counts_when_it_comes() -> None:
    early = decide(STUB, an_answer(AnswerKind.POINTS), NOBODY, NOON)
    decision = decide(early.state, an_accepted(), NOBODY, NOON)

    assert [event.round for event in of(PartWaiting, decision.events)] == [1, 2]


def test_an_answer_after_the_fixed_instant_proves_nothing() -> None:
    late = an_answer(AnswerKind.POINTS, at=ENDS_AT)

    assert decide(asked(), late, seen(a_record(EMAIL, PHONE)), ENDS_AT).events == ()


@pytest.mark.parametrize(("facts", "answers", "detail"), [
    (NOBODY, 0, "silent"),
    (NOBODY, 1, "no_record"),
    (seen(a_record(EMAIL)), 1, "not_enough"),
    (seen(a_record(EMAIL, PHONE), a_record(EMAIL, PHONE, subject=OTHER)), 1, "ambiguous"),
])  # fmt: skip
def test_it_ends_unverified_at_the_fixed_instant_and_only_the_register_learns_why(
    facts: Facts, answers: int, detail: str
) -> None:
    state = asked(facts)
    for number in range(answers):
        state = decide(state, an_answer(AnswerKind.POINTS, number), facts, LATER).state

    early = decide(state, a_waking(REQUEST, ENDS_AT), facts, ENDS_AT - timedelta(seconds=1))
    decision = decide(state, a_waking(REQUEST, ENDS_AT), facts, ENDS_AT)

    [failed] = decision.events
    assert isinstance(failed, VerificationFailed)
    assert (failed.reason, failed.detail) == ("insuf_verification", detail)
    assert (early.events, early.due_at) == ((), ENDS_AT)
    assert decision.due_at is None


def test_specific_pieces_without_a_declaration_end_as_not_enough() -> None:
    facts = seen(a_record(EMAIL, PHONE, ACCOUNT))
    state = decide(asked(facts, **SPECIFIC), an_answer(AnswerKind.POINTS), facts, LATER).state

    [failed] = of(VerificationFailed, decide(state, a_waking(REQUEST, ENDS_AT), facts, ENDS_AT).events)
    assert failed.detail == "not_enough"


@pytest.mark.parametrize("stop", [an_answer(AnswerKind.WITHDRAWAL), an_answer(AnswerKind.NOT_ME), a_close()])
def test_what_was_stopped_is_not_weighed_any_more(stop: Any) -> None:
    stopped = decide(asked(), stop, NOBODY, LATER)
    decision = decide(stopped.state, an_answer(AnswerKind.POINTS), seen(a_record(EMAIL, PHONE)), LATER)

    assert stopped.due_at is None
    assert decision.events == ()


def test_a_request_that_was_closed_before_it_was_heard_of_is_known_and_over() -> None:
    closed = decide(STUB, a_close(), NOBODY, NOON).state
    decision = decide(closed, an_accepted(), seen(a_record(EMAIL, PHONE)), NOON)

    assert (decision.events, decision.due_at) == ((), None)
    assert decision.state.brand == "parcelwise"


def test_an_operator_vouches_for_the_one_record_that_was_located() -> None:
    facts = seen(a_record(EMAIL, PHONE))
    decision = decide(asked(facts, **SPECIFIC), a_decision(Verb.APPROVE), facts, LATER)

    verdict, answer = decision.events
    assert isinstance(verdict, RequestVerified)
    assert isinstance(answer, DecisionApplied)
    assert (verdict.subject, verdict.by, answer.applied) == (SUBJECT, "operator", True)


@pytest.mark.parametrize(("facts", "fields", "reason"), [
    (NOBODY, {}, "no single record was located that the request could be about"),
    (seen(a_record(EMAIL)), {}, "no single record was located that the request could be about"),
    (seen(a_record(EMAIL, PHONE)), {}, "the request does not wait for verification"),
    (NOBODY, {"verify": False}, "the request does not wait for verification"),
])  # fmt: skip
def test_an_approval_that_does_not_fit_is_refused_with_the_reason(
    facts: Facts, fields: dict[str, Any], reason: str
) -> None:
    decision = decide(asked(facts, **fields), a_decision(Verb.APPROVE), facts, LATER)

    [answer] = decision.events
    assert isinstance(answer, DecisionApplied)
    assert (answer.applied, answer.reason) == (False, reason)


def test_approvals_that_come_before_the_request_wait_for_it_and_are_answered_one_by_one() -> None:
    facts = seen(a_record(EMAIL, PHONE))
    first = decide(STUB, a_decision(Verb.APPROVE), facts, NOON)
    second = decide(first.state, a_decision(Verb.APPROVE, basis="again"), facts, NOON)
    decision = decide(second.state, an_accepted(**SPECIFIC), facts, NOON)

    assert (first.events, first.due_at) == ((), NOON + timedelta(minutes=1))
    assert len(of(PartWaiting, decision.events)) == 1
    assert len(of(RequestVerified, decision.events)) == 1
    assert [answer.applied for answer in of(DecisionApplied, decision.events)] == [True, False]


def test_an_approval_of_a_request_nobody_knows_is_refused_after_a_minute() -> None:
    waiting = decide(STUB, a_decision(Verb.APPROVE), NOBODY, NOON)
    minute = NOON + timedelta(minutes=1)
    refused = decide(waiting.state, a_waking(REQUEST, minute), NOBODY, minute)

    [answer] = refused.events
    assert isinstance(answer, DecisionApplied)
    assert (answer.applied, answer.reason) == (False, "no request of that id is known")
    assert refused.due_at is None


@pytest.mark.parametrize("decision", [a_decision(Verb.DENY), a_decision(Verb.APPROVE, "client:acorn/handover")])
def test_decisions_that_others_answer_are_left_to_them(decision: Any) -> None:
    assert decide(asked(), decision, NOBODY, LATER).events == ()


@pytest.mark.parametrize(
    "event",
    [an_accepted(), an_answer(AnswerKind.POINTS), a_decision(Verb.APPROVE), a_waking(REQUEST, ENDS_AT), a_verdict()],
)
def test_deciding_twice_tells_the_same_and_once_decided_nothing_more(event: Any) -> None:
    facts, state = seen(a_record(EMAIL)), asked()

    once, twice = decide(state, event, facts, ENDS_AT), decide(state, event, facts, ENDS_AT)
    again = decide(once.state, event, facts, ENDS_AT)

    assert once.events == twice.events
    assert again.events == ()
    assert again.state == once.state


CATEGORIES: dict[str, Any] = {**SPECIFIC, "fallback": Right.KNOW_CATEGORIES, "fallback_points": 2}


def ended(*found: Candidate, **fields: Any) -> tuple[Event, ...]:
    """What is told at the fixed instant about specific pieces that become categories."""
    waiting = decide(STUB, an_accepted(**{**CATEGORIES, **fields}), seen(*found), NOON)
    assert of(RequestVerified, waiting.events) == []
    return decide(waiting.state, a_waking(REQUEST, ENDS_AT), NOBODY, ENDS_AT).events


def test_specific_pieces_that_reach_two_points_become_categories_at_the_fixed_instant() -> None:
    [verdict] = ended(a_record(EMAIL, PHONE))

    assert isinstance(verdict, RequestVerified)
    assert (verdict.subject, verdict.instead) == (SUBJECT, Right.KNOW_CATEGORIES)
    assert (verdict.groups, verdict.assurance) == ([Group.EMAIL, Group.PHONE], Assurance.REASONABLE)


@pytest.mark.parametrize("found", [
    (), (a_record(EMAIL),), (a_record(EMAIL, PHONE), a_record(EMAIL, PHONE, subject=OTHER)),
    (a_record(EMAIL, PHONE, population=Population.RECIPIENT, client="acorn"),),
], ids=["no record", "one point", "two persons", "a client's record"])  # fmt: skip
def test_below_two_points_specific_pieces_end_as_if_there_were_no_record(found) -> None:
    [verdict] = ended(*found)

    assert isinstance(verdict, VerificationFailed)
    assert verdict.reason is Reason.INSUF_VERIFICATION


def test_only_where_the_law_says_so_something_else_is_given_instead() -> None:
    told = ended(a_record(EMAIL, PHONE), fallback=None, fallback_points=0)

    assert (len(of(VerificationFailed, told)), of(RequestVerified, told)) == (1, [])


def test_a_later_answer_that_leaves_two_persons_takes_the_fallback_back() -> None:
    waiting = decide(STUB, an_accepted(**CATEGORIES), seen(a_record(EMAIL, PHONE)), NOON)
    two = seen(a_record(EMAIL, PHONE), a_record(EMAIL, PHONE, subject=OTHER))
    later = decide(waiting.state, an_answer(AnswerKind.POINTS), two, LATER)

    [verdict] = decide(later.state, a_waking(REQUEST, ENDS_AT), NOBODY, ENDS_AT).events
    assert isinstance(verdict, VerificationFailed)


UNSAID: dict[str, Any] = {"right": Right.CORRECT, "unsaid": True, "parts": ["own/hold:detail", "own/verification"]}
THE_PHONE = an_answer(AnswerKind.DETAIL, 7, contested=[PHONE])


@pytest.mark.parametrize("events", [
    [an_accepted(**UNSAID), THE_PHONE], [THE_PHONE, an_accepted(**UNSAID)],
], ids=["in order", "the answer first"])  # fmt: skip
def test_a_correction_is_weighed_once_it_says_what_is_wrong_and_that_proves_nothing(events: list[Event]) -> None:
    two, three = seen(a_record(EMAIL, PHONE)), seen(a_record(EMAIL, PHONE, ACCOUNT))
    for facts, verified in ((two, False), (three, True)):
        state, told_of = STUB, list[Event]()
        for event in events:
            decision = decide(state, event, facts, NOON)
            state, told_of = decision.state, [*told_of, *decision.events]
        assert bool(of(RequestVerified, told_of)) is verified
        asked = [one for one in of(PartWaiting, told_of) if one.party is Party.PERSON]
        assert [PHONE in one.kinds for one in asked] == ([] if verified else [False])


def test_before_it_does_nobody_is_believed_or_asked_and_it_ends_when_all_do() -> None:
    known = seen(a_record(EMAIL, PHONE))
    first = decide(STUB, an_accepted(**UNSAID), known, NOON)
    more = decide(first.state, an_answer(AnswerKind.POINTS), known, NOON)
    last = decide(more.state, a_waking(REQUEST, ENDS_AT), known, ENDS_AT)

    [waiting] = of(PartWaiting, first.events)
    assert (waiting.party, waiting.waiting, waiting.until) == (Party.SYSTEM, Waiting.DETAIL, ENDS_AT)
    assert more.events == ()
    assert first.due_at == ENDS_AT
    assert of(VerificationFailed, last.events)
