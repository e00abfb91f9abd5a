import re
from datetime import timedelta
from typing import Any

import pytest

from schemas.events import (
    ClientRequest,
    DeadlineReached,
    DecisionApplied,
    OperatorDecided,
    RequestClosed,
    RequestSettled,
    TaskAssigned,
)
from schemas.values import AnswerKind, Ending, Outcome, Reason, Right, Verb
from services.fulfiller.decide import Fulfilment, decide
from tests.support.desk import Desk
from tests.support.values import (
    ACCESS_REQUEST,
    DAYS,
    LAST_MOMENT,
    NOON,
    REQUEST,
    a_close,
    a_decision,
    a_failure,
    a_release,
    a_reply,
    a_result,
    a_verdict,
    a_waking,
    an_accepted,
    an_answer,
    around,
    located,
    of,
    told,
)

ACCOUNTS, BILLING = "own/system:accounts", "own/system:billing"
ACORN = "client:acorn/handover"
AFTER = f"after:{ACCESS_REQUEST}"
MINUTE = timedelta(minutes=1)


def failing() -> Desk:
    """A deletion whose first system has failed."""
    desk = Desk(an_accepted(), a_verdict())
    return desk.hear(a_result(desk.one(TaskAssigned), Outcome.FAILED))


def denial(part: str | None = None) -> OperatorDecided:
    """Whoever asks is not believed: a ground that needs no citation."""
    return a_decision(Verb.DENY, part, reason=Reason.SUSPECTED_FRAUD)


def answer(desk: Desk) -> tuple[bool, str | None]:
    """What became of the last decision."""
    [applied] = of(DecisionApplied, desk.last)
    return applied.applied, applied.reason


def test_a_denied_request_ends_at_once_with_the_reason() -> None:
    desk = Desk(an_accepted(), a_decision(Verb.DENY, reason=Reason.SUSPECTED_FRAUD))

    assert (desk.one(RequestSettled).ending, desk.one(RequestSettled).reason) == (Ending.DENIED, Reason.SUSPECTED_FRAUD)
    assert answer(desk) == (True, None)
    assert desk.state.closed


def test_a_denial_without_a_reason_is_refused_with_the_list_of_them() -> None:
    desk = Desk(an_accepted(), a_decision(Verb.DENY))

    applied, why = answer(desk)
    assert not applied
    assert why
    assert {"would_violate_law", "fee_declined", "suspected_fraud"} <= set(re.findall(r"\w+", why))
    assert Reason.NEED_USER_VERIFICATION not in why
    assert desk.all(RequestSettled) == []


@pytest.mark.parametrize("part", [None, "own/system:billing"])
def test_a_denial_that_rests_on_a_provision_is_refused_until_it_is_cited(part: str | None) -> None:
    desk = failing().hear(a_decision(Verb.DENY, part, reason=Reason.WOULD_VIOLATE_LAW))

    applied, why = answer(desk)
    assert (applied, "basis" in (why or "")) == (False, True)
    desk.hear(a_decision(Verb.DENY, part, reason=Reason.WOULD_VIOLATE_LAW, basis="26 U.S.C. 6001"))
    assert answer(desk) == (True, None)
    assert {end.basis for end in desk.state.ends().values() if end.outcome is Outcome.DENIED} == {"26 U.S.C. 6001"}


def test_an_operator_withdraws_for_the_person() -> None:
    assert Desk(an_accepted(), a_decision(Verb.WITHDRAW)).one(RequestClosed).ending is Ending.WITHDRAWN


def test_a_failed_system_is_asked_again_under_the_same_task_and_token() -> None:
    desk = failing().hear(a_decision(Verb.RETRY, BILLING))

    first, second = desk.all(TaskAssigned)
    assert (first.attempt, second.attempt) == (1, 2)
    assert (first.task_id, first.reply_token) == (second.task_id, second.reply_token)
    assert desk.hear(a_result(second)).outcome(BILLING) is Outcome.ERASED


def test_a_retry_in_the_last_hour_still_gets_a_day() -> None:
    desk = failing()
    desk.now = LAST_MOMENT - timedelta(hours=1)
    desk.hear(a_decision(Verb.RETRY, BILLING))

    assert desk.all(TaskAssigned)[-1].deadline == desk.now + DAYS


@pytest.mark.parametrize(("verb", "outcome"), [
    (Verb.SKIP, Outcome.SKIPPED), (Verb.DONE, Outcome.COMPLETED), (Verb.DENY, Outcome.DENIED)])  # fmt: skip
def test_one_system_is_ended_by_an_operator_and_the_rest_goes_on(verb: Verb, outcome: Outcome) -> None:
    desk = failing().hear(a_decision(verb, BILLING, reason=Reason.EXCEPTION_TRANSACTION, basis="sold-in-2025"))

    assert desk.outcome(BILLING) is outcome
    assert desk.systems() == ["billing", "accounts"]


def test_a_system_may_still_speak_after_it_was_left_out() -> None:
    desk = failing()
    task = desk.one(TaskAssigned)
    desk.hear(a_decision(Verb.SKIP, BILLING)).hear(a_result(task))

    assert desk.outcome(BILLING) is Outcome.ERASED
    assert desk.finish().one(RequestClosed).ending is Ending.FULFILLED


def test_a_yes_by_telephone_confirms() -> None:
    desk = Desk(an_accepted(brand="shipdesk"), a_verdict(), a_decision(Verb.DONE, "own/hold:confirmation"))

    assert desk.outcome("own/hold:confirmation") is Outcome.CONFIRMED
    assert desk.systems() == ["billing"]


def test_an_answer_given_by_a_person_ends_what_waited_for_it() -> None:
    desk = Desk(an_accepted(Right.APPEAL, verify=False, parts=["answer"]), a_decision(Verb.DONE, "answer"))

    assert desk.one(RequestClosed).ending is Ending.FULFILLED
    assert desk.outcome("answer") is Outcome.ANSWERED


def test_an_appeal_that_is_turned_down_is_denied() -> None:
    desk = Desk(
        an_accepted(Right.APPEAL, verify=False, parts=["answer"]),
        a_decision(Verb.DENY, "answer", reason=Reason.ACCURACY_CONFIRMED, basis="11 CCR 7023(f)"),
    )

    assert desk.one(RequestClosed).ending is Ending.DENIED


def test_a_wait_for_another_request_can_be_cut_short() -> None:
    desk = Desk(an_accepted(parts=["own/verification", AFTER]), a_verdict(), a_decision(Verb.SKIP, AFTER))

    assert desk.systems() == ["billing"]


def test_a_denied_proof_is_never_worked_on_even_when_a_verdict_comes_later() -> None:
    desk = Desk(an_accepted(clients=[located(named=True)]), a_decision(Verb.DENY, "own/verification"), a_verdict())

    assert desk.systems() == []
    assert desk.hear(a_reply("completed")).state.closed


def test_a_hand_over_is_sent_again_when_an_operator_asks() -> None:
    desk = Desk(an_accepted(clients=[located()])).hear(a_decision(Verb.RETRY, ACORN))

    first, second = desk.all(ClientRequest)
    assert first.reply_token == second.reply_token
    assert desk.part(ACORN).attempt == 2


@pytest.mark.parametrize("verb", [Verb.RETRY, Verb.APPROVE])
def test_nothing_is_sent_to_a_client_that_cannot_be_reached(verb: Verb) -> None:
    desk = Desk(an_accepted(clients=[located()]), facts=around()).hear(a_decision(verb, ACORN))

    assert answer(desk) == (False, "client acorn is not registered, or disabled; enable it first")
    assert desk.all(ClientRequest) == []


def test_a_client_that_was_enabled_meanwhile_is_asked() -> None:
    desk = Desk(an_accepted(clients=[located()]), facts=around())
    desk.facts = around("acorn")

    assert desk.hear(a_decision(Verb.RETRY, ACORN)).one(ClientRequest).client == "acorn"


@pytest.mark.parametrize(("decision", "reason"), [
    (a_decision(Verb.SKIP), "skip needs a part; pending are: own/suppress, own/system:accounts, own/system:billing"),
    (a_decision(Verb.SKIP, "own/system:web"), "no such part is pending; pending are: own/suppress, "),
    (a_decision(Verb.RETRY, ACCOUNTS), "retry does not fit own/system:accounts; what does: skip, done, deny"),
    (a_decision(Verb.HOLD), "hold needs a part, one of: own/hold:detail"),
    (a_decision(Verb.RELEASE, BILLING), "release does not fit own/system:billing; what does: retry, skip, done, deny"),
    (a_decision(Verb.APPROVE, BILLING), "approve does not fit own/system:billing; "),
])  # fmt: skip
def test_a_decision_that_does_not_fit_is_refused_with_what_would(decision: Any, reason: str) -> None:
    applied, why = answer(failing().hear(decision))

    assert not applied
    assert (why or "").startswith(reason)


@pytest.mark.parametrize("verb", [Verb.SKIP, Verb.RETRY, Verb.DONE])
def test_proof_is_approved_or_denied_and_nothing_else(verb: Verb) -> None:
    desk = Desk(an_accepted()).hear(a_decision(verb, "own/verification"))

    assert answer(desk) == (False, f"{verb} does not fit own/verification; what does: approve, deny")


@pytest.mark.parametrize("verb", [Verb.SKIP, Verb.RETRY])
def test_a_question_to_the_person_is_answered_or_denied_and_not_skipped(verb: Verb) -> None:
    desk = Desk(an_accepted(brand="shipdesk"), a_verdict()).hear(a_decision(verb, "own/hold:confirmation"))

    assert answer(desk)[0] is False
    assert desk.systems() == []


def test_a_wait_cannot_be_denied_because_the_work_would_begin() -> None:
    desk = Desk(an_accepted(parts=["own/verification", AFTER]), a_verdict()).hear(denial(AFTER))

    assert answer(desk) == (False, f"deny does not fit {AFTER}; what does: skip")


def test_a_request_is_stopped_once() -> None:
    desk = Desk(an_accepted(clients=[located()]), denial())
    desk.hear(a_decision(Verb.WITHDRAW))

    assert answer(desk) == (False, "the request is closed")


def test_what_the_person_withdrew_is_not_denied_as_well() -> None:
    desk = Desk(an_answer(AnswerKind.WITHDRAWAL), denial(), an_accepted())

    assert answer(desk) == (False, "the request was stopped before")
    assert desk.one(RequestClosed).ending is Ending.WITHDRAWN


def test_a_decision_that_comes_before_the_request_is_carried_out_when_it_comes() -> None:
    desk = Desk(denial())
    waits = desk.state.due_at
    desk.hear(an_accepted())

    assert waits == NOON + MINUTE
    assert answer(desk) == (True, None)
    assert desk.state.closed


def test_a_decision_about_a_request_nobody_knows_is_refused_after_a_minute() -> None:
    desk = Desk(denial(), a_decision(Verb.RETRY, BILLING)).wake()

    assert desk.now == NOON + MINUTE
    assert [(a.verb, a.applied, a.reason) for a in desk.all(DecisionApplied)] == [
        (Verb.DENY, False, "no request of that id is known"),
        (Verb.RETRY, False, "no request of that id is known"),
    ]
    assert desk.state.due_at is None


def test_a_decision_heard_twice_is_answered_once() -> None:
    retry = a_decision(Verb.RETRY, BILLING)
    desk = failing().hear(retry)
    desk.hear(retry)

    assert desk.last == ()
    assert desk.part(BILLING).attempt == 2


@pytest.mark.parametrize(
    "decision", [a_decision(Verb.APPROVE), a_decision(Verb.EXTEND), a_decision(Verb.APPROVE, "own/verification")]
)
def test_decisions_that_others_answer_are_left_to_them(decision: Any) -> None:
    desk = Desk(an_accepted()).hear(decision)

    assert desk.last == ()
    assert desk.state.decided == frozenset()


@pytest.mark.parametrize("stop", [an_answer(AnswerKind.WITHDRAWAL), an_answer(AnswerKind.NOT_ME), denial()])
def test_a_stop_at_any_moment_ends_what_has_not_ended_and_keeps_what_has(stop: Any) -> None:
    desk = Desk(an_accepted(), a_verdict())
    desk.hear(a_result(desk.one(TaskAssigned)))
    desk.hear(stop)

    settled = desk.one(RequestSettled)
    assert settled.parts[BILLING].outcome is Outcome.ERASED
    assert settled.parts["own/system:accounts"].outcome in {Outcome.WITHDRAWN, Outcome.DENIED}
    assert desk.systems() == ["billing", "accounts"]
    assert desk.state.closed


def test_not_me_ends_as_suspected_fraud() -> None:
    settled = Desk(an_accepted(), an_answer(AnswerKind.NOT_ME)).one(RequestSettled)

    assert (settled.ending, settled.reason) == (Ending.DENIED, Reason.SUSPECTED_FRAUD)


def test_the_first_stop_counts() -> None:
    desk = Desk(an_answer(AnswerKind.WITHDRAWAL), an_answer(AnswerKind.NOT_ME), an_accepted())

    assert desk.one(RequestClosed).ending is Ending.WITHDRAWN


def test_a_stop_and_a_verdict_heard_before_the_request_end_it_as_stopped() -> None:
    desk = Desk(an_answer(AnswerKind.WITHDRAWAL), a_verdict(), an_accepted(clients=[located()]))

    assert desk.one(RequestSettled).ending is Ending.WITHDRAWN
    assert desk.all(TaskAssigned) == []


def test_a_request_stopped_before_it_had_parts_ends_all_the_same() -> None:
    desk = Desk(an_answer(AnswerKind.WITHDRAWAL), an_accepted(Right.OPT_OUT_SALE_SHARE, verify=False, parts=[]))

    assert desk.one(RequestClosed).ending is Ending.WITHDRAWN


def test_the_wait_for_another_request_ends_the_same_whichever_ends_first() -> None:
    held = an_accepted(brand="shipdesk", parts=["own/verification", AFTER])
    stopped_first = Desk(held, a_verdict(), an_answer(AnswerKind.NOT_ME), a_release())
    released_first = Desk(held, a_verdict(), a_release(), an_answer(AnswerKind.NOT_ME))

    assert stopped_first.one(RequestClosed).parts == released_first.one(RequestClosed).parts


EVENTS = [
    an_accepted(clients=[located(named=True)]), a_verdict(), a_failure(), a_release(), a_close(), a_reply("received"),
    a_reply("completed"), a_decision(Verb.RETRY, BILLING), denial(), an_answer(AnswerKind.WITHDRAWAL),
    an_answer(AnswerKind.POINTS, clients=[located("acorn", named=True)]), a_waking(REQUEST, LAST_MOMENT),
]  # fmt: skip


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_deciding_twice_tells_the_same_and_once_decided_nothing_more(event: Any) -> None:
    desk = Desk(an_accepted(clients=[located(named=True)]), a_verdict())
    desk.hear(a_result(desk.one(TaskAssigned), Outcome.FAILED))
    now = LAST_MOMENT - DAYS

    once, twice = (decide(desk.state, event, desk.facts, now) for _ in range(2))
    again = decide(once.state, event, desk.facts, now)

    assert once == twice
    assert again.events == ()
    assert again.state == once.state


@pytest.mark.parametrize("event", [
    told(DeadlineReached, percent=50, respond_by=LAST_MOMENT.date()), a_decision(Verb.EXTEND),
], ids=lambda event: type(event).__name__)  # fmt: skip
def test_what_is_no_news_leaves_the_state_as_it_lies(event: Any) -> None:
    state = Desk(an_accepted(), a_verdict()).state

    decision = decide(state, event, around(), NOON)
    assert decision.state is state
    assert (decision.events, decision.due_at) == ((), None)


def test_a_fact_about_a_request_nobody_knows_opens_a_stub_and_wakes_nobody() -> None:
    decision = decide(Fulfilment.stub(REQUEST), a_verdict(), around(), NOON)

    assert (decision.events, decision.due_at) == ((), None)
    assert decision.state.subject is not None
