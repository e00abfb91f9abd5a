"""Failed tries add up across requests; beyond the limit a try proves nothing, and nobody outside can tell."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rules.points import Throttle, Throttled
from schemas.events import PartWaiting, RequestVerified
from schemas.values import AnswerKind, Group, Party, PointKind, Right, Verb, Waiting
from services.kernel.decision import Tally
from services.verifier.decide import Facts, Verification, decide
from tests.support.values import (
    LATER,
    NOON,
    REQUEST,
    SUBJECT,
    a_decision,
    a_record,
    an_accepted,
    an_answer,
    of,
    seen,
)

EMAIL, PHONE, ACCOUNT = PointKind.EMAIL, PointKind.PHONE, PointKind.ACCOUNT_NUMBER
STUB = Verification.stub(REQUEST)
LIMITS = {kind: Throttle(failures=3, within_hours=24, source="a test") for kind in Throttled}
ASKING: dict[Throttled, str] = {kind: f"{kind}/x" for kind in Throttled if kind is not Throttled.RECORD}
FITS = (EMAIL, PHONE)
NEARLY: dict[str, Any] = {"right": Right.KNOW_SPECIFIC, "points_needed": 3}


def facts(*kinds: PointKind, **counted: int) -> Facts:
    """One record that fits so, and how often tries failed under each name before."""
    points = replace(seen().points, throttles=LIMITS)
    tally = Tally({f"{kind}/{'r' if kind == 'record' else 'x'}": number for kind, number in counted.items()})
    found = seen(a_record(*kinds)) if kinds else seen()
    return replace(found, points=points, asking={REQUEST: ASKING}, aimed={SUBJECT: "record/r"}, tally=tally)


def test_a_try_that_fits_counts_nothing() -> None:
    decision = decide(STUB, an_accepted(), facts(*FITS), NOON)

    assert len(of(RequestVerified, decision.events)) == 1
    assert decision.counters == ()


def test_a_failed_try_counts_for_who_asks_and_for_the_record_it_was_aimed_at() -> None:
    decision = decide(STUB, an_accepted(**NEARLY), facts(*FITS), NOON)

    assert {count.key for count in decision.counters} == {*ASKING.values(), "record/r"}
    assert {count.until for count in decision.counters} == {NOON + timedelta(hours=24)}


def test_a_try_at_nobody_counts_for_who_asks_alone() -> None:
    decision = decide(STUB, an_accepted(), facts(), NOON)

    assert {count.key for count in decision.counters} == set(ASKING.values())


@pytest.mark.parametrize("kind", list(Throttled))
def test_after_too_many_failures_even_what_fits_proves_nothing_and_an_operator_sees_why(kind: Throttled) -> None:
    just = decide(STUB, an_accepted(), facts(*FITS, **{kind: 2}), NOON)
    over = decide(STUB, an_accepted(), facts(*FITS, **{kind: 3}), NOON)

    assert len(of(RequestVerified, just.events)) == 1
    assert of(RequestVerified, over.events) == []
    [shown] = [wait for wait in of(PartWaiting, over.events) if wait.party is Party.OPERATOR]
    assert (shown.part, shown.waiting, shown.why) == ("own/review", Waiting.REVIEW, "throttled")
    assert shown.groups == [Group.EMAIL, Group.PHONE]


@pytest.mark.parametrize("kind", list(Throttled))
def test_who_is_throttled_is_told_what_everybody_is_told(kind: Throttled) -> None:
    over = decide(STUB, an_accepted(), facts(*FITS, **{kind: 3}), NOON)
    nobody = decide(STUB, an_accepted(), facts(), NOON)

    assert [e for e in over.events if not (isinstance(e, PartWaiting) and e.party is Party.OPERATOR)] == [
        *nobody.events
    ]
    assert over.due_at == nobody.due_at


def test_an_operator_can_believe_who_is_throttled() -> None:
    over = decide(STUB, an_accepted(), facts(*FITS, requester=3), NOON)
    approved = decide(over.state, a_decision(Verb.APPROVE, "own/review"), facts(), LATER)

    [verdict] = of(RequestVerified, approved.events)
    assert (verdict.subject, verdict.by, verdict.late) == (SUBJECT, "operator", False)


def test_tries_of_one_batch_know_of_each_other() -> None:
    known, state = facts(EMAIL, request=0), STUB
    for number, event in enumerate([an_accepted(), *(an_answer(AnswerKind.POINTS, n) for n in range(2))]):
        decision = decide(state, event, known, NOON)
        state, known = decision.state, known.learning(decision.counters)
        assert known.tally.of("request/x") == number + 1

    fits = replace(known, candidates=seen(a_record(*FITS)).candidates)
    assert of(RequestVerified, decide(state, an_answer(AnswerKind.POINTS, 3), fits, NOON).events) == []


def test_without_limits_in_the_policy_nothing_is_counted() -> None:
    known = facts(EMAIL, source=9)
    free = replace(known, points=replace(known.points, throttles={}))

    assert decide(STUB, an_accepted(), free, NOON).counters == ()
