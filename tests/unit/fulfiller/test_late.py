"""Who is believed after the public end is served all the same: every part is an amendment, no end is told twice."""

import pytest

from schemas.events import ContactWarned, PartWaiting, RequestAmended, RequestClosed, RequestSettled, TaskAssigned
from schemas.values import AnswerKind, Ending, Outcome, Party, Reason, Right, Verb
from tests.support.desk import Desk
from tests.support.values import (
    SUBJECT,
    a_decision,
    a_failure,
    a_result,
    a_verdict,
    an_accepted,
    an_answer,
    of,
    told,
)

LATE = a_verdict().model_copy(update={"late": True, "by": "operator"})


def amended(desk: Desk) -> list[tuple[str, Outcome, bool]]:
    return [(one.part, one.end.outcome, one.told_otherwise) for one in desk.all(RequestAmended)]


def finish(desk: Desk) -> Desk:
    """Every system does what it was asked."""
    done: set[str] = set()
    while left := [task for task in desk.all(TaskAssigned) if task.part not in done]:
        for task in left:
            done.add(task.part)
            outcomes = {"export": Outcome.EXPORTED, "erase": Outcome.ERASED, "apply": Outcome.APPLIED}
            desk.hear(a_result(task, outcomes[task.action]))
    return desk


@pytest.mark.parametrize("events", [(a_failure(), LATE), (LATE, a_failure())], ids=["after", "heard of before"])
def test_a_late_approval_begins_the_work_and_tells_each_end_as_an_amendment(events) -> None:
    desk = finish(Desk(an_accepted(), *events))

    assert [closed.ending for closed in desk.all(RequestClosed)] == [Ending.UNVERIFIED]
    assert len(desk.all(RequestSettled)) == 1
    assert amended(desk) == [
        ("own/verification", Outcome.VERIFIED, False),
        ("own/system:billing", Outcome.ERASED, True),
        ("own/system:accounts", Outcome.ERASED, True),
        ("own/suppress", Outcome.APPLIED, False),
    ]
    assert {subject for task in desk.all(TaskAssigned) for subject in task.subjects} == {SUBJECT}
    assert (desk.state.pending(), desk.state.due_at) == ([], None)


def test_a_late_package_is_told_of() -> None:
    desk = finish(Desk(an_accepted(Right.KNOW_SPECIFIC), a_failure(), LATE))

    assert amended(desk)[-1] == ("own/package", Outcome.EXPORTED, True)


def test_the_contact_on_file_is_warned_before_late_work_too() -> None:
    desk = Desk(an_accepted(Right.KNOW_SPECIFIC, brand="shipdesk"), a_failure(), LATE)
    before = desk.systems()
    desk.hear(told(ContactWarned, sent=True))

    assert (before, desk.systems()) == ([], ["accounts", "billing"])


def test_this_was_not_me_stops_late_work() -> None:
    desk = Desk(an_accepted(Right.KNOW_SPECIFIC, brand="shipdesk"), a_failure(), LATE, an_answer(AnswerKind.NOT_ME))

    assert desk.systems() == []
    assert (desk.state.pending(), desk.state.due_at) == ([], None)


def test_a_late_system_that_fails_waits_for_an_operator_who_can_end_it() -> None:
    desk = Desk(an_accepted(), a_failure(), LATE)
    [task] = desk.all(TaskAssigned)
    desk.hear(a_result(task, Outcome.FAILED, reason="no_connection"))
    waits = of(PartWaiting, desk.last)
    desk.hear(a_decision(Verb.SKIP, task.part))

    assert [(wait.part, wait.party) for wait in waits] == [(task.part, Party.OPERATOR)]
    assert (task.part, Outcome.SKIPPED, True) in amended(desk)


def test_nothing_is_late_while_nobody_was_told_an_end() -> None:
    desk = Desk(an_accepted(), LATE)

    assert (desk.systems(), desk.all(RequestAmended)) == ([], [])


def test_a_request_that_was_denied_for_another_reason_stays_so() -> None:
    denied = a_decision(Verb.DENY, reason=Reason.SUSPECTED_FRAUD)
    desk = Desk(an_accepted(), denied, LATE)

    assert desk.state.closed
    assert desk.systems() == []
