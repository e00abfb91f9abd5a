"""What was located and not proven goes to an operator: by groups, once, and beyond the public end."""

from datetime import timedelta

import pytest

from schemas.base import Event
from schemas.events import DecisionApplied, PartWaiting, RequestAmended, RequestVerified, VerificationFailed
from schemas.values import AnswerKind, Group, Outcome, Party, PointKind, Right, Verb
from services.verifier.decide import Facts, Verification, decide
from tests.support.values import (
    ENDS_AT,
    LATER,
    NOON,
    REQUEST,
    SUBJECT,
    a_close,
    a_decision,
    a_record,
    a_waking,
    an_accepted,
    an_answer,
    of,
    seen,
)

EMAIL, PHONE, ACCOUNT = PointKind.EMAIL, PointKind.PHONE, PointKind.ACCOUNT_NUMBER
STUB = Verification.stub(REQUEST)
NOBODY, LOCATED = seen(), seen(a_record(EMAIL, PHONE))
AFTER = ENDS_AT + timedelta(days=1)
OVER = ENDS_AT + timedelta(days=30)


def asked(facts: Facts = LOCATED) -> Verification:
    """A request for specific pieces that two points were given for."""
    return decide(STUB, an_accepted(Right.KNOW_SPECIFIC, points_needed=3), facts, NOON).state


def ended(facts: Facts = LOCATED) -> Verification:
    """The same after its public end."""
    return decide(asked(facts), a_waking(REQUEST, ENDS_AT), facts, ENDS_AT).state


def shown(events: tuple[Event, ...]) -> list[PartWaiting]:
    return [wait for wait in of(PartWaiting, events) if wait.party is Party.OPERATOR]


def test_after_the_last_round_an_operator_sees_which_groups_fit() -> None:
    state = decide(asked(), an_answer(AnswerKind.POINTS, 1), LOCATED, LATER).state
    decision = decide(state, an_answer(AnswerKind.POINTS, 2), LOCATED, LATER)

    [wait] = shown(decision.events)
    assert (wait.part, wait.why, wait.groups) == ("own/review", "not_enough", [Group.EMAIL, Group.PHONE])
    assert wait.until == OVER
    assert shown(decide(decision.state, an_answer(AnswerKind.POINTS, 3), LOCATED, LATER).events) == []


def test_at_the_fixed_instant_it_ends_outside_and_goes_on_inside() -> None:
    decision = decide(asked(), a_waking(REQUEST, ENDS_AT), LOCATED, ENDS_AT)

    assert [wait.until for wait in shown(decision.events)] == [OVER]
    assert len(of(VerificationFailed, decision.events)) == 1
    assert decision.due_at == OVER


def test_where_nothing_was_located_there_is_nothing_to_look_at() -> None:
    decision = decide(asked(NOBODY), a_waking(REQUEST, ENDS_AT), NOBODY, ENDS_AT)

    assert shown(decision.events) == []
    assert decision.due_at is None


@pytest.mark.parametrize("part", [None, "own/verification", "own/review"])
def test_an_approval_after_the_public_end_verifies_late(part: str | None) -> None:
    closed = decide(ended(), a_close(), NOBODY, AFTER).state
    decision = decide(closed, a_decision(Verb.APPROVE, part), NOBODY, AFTER)

    [verdict] = of(RequestVerified, decision.events)
    assert (verdict.subject, verdict.groups, verdict.late) == (SUBJECT, [Group.EMAIL, Group.PHONE], True)
    assert [one.end.outcome for one in of(RequestAmended, decision.events)] == [Outcome.VERIFIED]
    assert [one.applied for one in of(DecisionApplied, decision.events)] == [True]
    assert decision.due_at is None


def test_a_second_approval_is_refused() -> None:
    first = decide(ended(), a_decision(Verb.APPROVE), NOBODY, AFTER).state
    decision = decide(first, a_decision(Verb.APPROVE, basis="again"), NOBODY, AFTER)

    [answer] = decision.events
    assert isinstance(answer, DecisionApplied)
    assert not answer.applied


def test_a_denied_review_is_over_and_the_request_ends_when_it_would_have() -> None:
    state = decide(asked(), an_answer(AnswerKind.POINTS, 1), LOCATED, LATER).state
    state = decide(state, an_answer(AnswerKind.POINTS, 2), LOCATED, LATER).state
    denied = decide(state, a_decision(Verb.DENY, "own/review"), NOBODY, LATER)
    last = decide(denied.state, a_waking(REQUEST, ENDS_AT), NOBODY, ENDS_AT)

    assert [one.end.outcome for one in of(RequestAmended, denied.events)] == [Outcome.DENIED]
    assert (of(VerificationFailed, denied.events), denied.due_at) == ([], ENDS_AT)
    assert (shown(last.events), last.due_at) == ([], None)


def test_what_nobody_looked_at_in_time_is_over() -> None:
    decision = decide(ended(), a_waking(REQUEST, OVER), NOBODY, OVER)
    late = decide(decision.state, a_decision(Verb.APPROVE), NOBODY, OVER)

    assert [one.end.outcome for one in of(RequestAmended, decision.events)] == [Outcome.EXPIRED]
    assert of(RequestVerified, late.events) == []
    assert decision.due_at is None


@pytest.mark.parametrize("stop", [an_answer(AnswerKind.WITHDRAWAL), an_answer(AnswerKind.NOT_ME), a_close()])
def test_nobody_need_look_at_what_was_stopped(stop: Event) -> None:
    state = decide(asked(), an_answer(AnswerKind.POINTS, 1), LOCATED, LATER).state
    state = decide(state, an_answer(AnswerKind.POINTS, 2), LOCATED, LATER).state
    decision = decide(state, stop, NOBODY, LATER)

    assert [one.end.outcome for one in of(RequestAmended, decision.events)] == [Outcome.UNNEEDED]
    assert decision.due_at is None


def test_a_denial_of_what_nobody_was_shown_is_refused() -> None:
    [answer] = decide(asked(), a_decision(Verb.DENY, "own/review"), LOCATED, LATER).events

    assert isinstance(answer, DecisionApplied)
    assert (answer.applied, answer.reason) == (False, "nothing waits for a review")
