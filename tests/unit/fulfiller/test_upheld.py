from dataclasses import replace

import pytest

from schemas.events import DecisionApplied, PartWaiting, RequestClosed, RequestSettled, TaskAssigned
from schemas.values import Action, Ending, Outcome, Reason, Right, Verb
from tests.support.desk import Desk
from tests.support.values import ACCESS_REQUEST, SUBJECT, a_decision, an_accepted, an_id, around, of

ABOUT = ACCESS_REQUEST
YES = a_decision(Verb.APPROVE, "answer")
NO = a_decision(Verb.DENY, "answer", reason=Reason.ACCURACY_CONFIRMED, basis="11 CCR 7023(f)")
NOT_BELIEVED = a_decision(Verb.DENY, reason=Reason.SUSPECTED_FRAUD)


def heard(right: Right, **fields) -> Desk:
    return Desk(an_accepted(right, verify=False, parts=["answer"], **fields))


def reported() -> Desk:
    return heard(Right.MINOR_REPORT, subjects=[SUBJECT])


def test_an_upheld_appeal_says_which_request_is_taken_up_again() -> None:
    settled = heard(Right.APPEAL, refers_to=ABOUT).hear(YES).one(RequestSettled)

    assert (settled.ending, settled.reopens) == (Ending.FULFILLED, ABOUT)


@pytest.mark.parametrize("decision", [a_decision(Verb.DONE, "answer"), NO])
def test_one_that_was_only_answered_or_turned_down_takes_nothing_up(decision) -> None:
    assert heard(Right.APPEAL, refers_to=ABOUT).hear(decision).one(RequestSettled).reopens is None


def test_an_appeal_turned_down_says_on_what_ground() -> None:
    settled = heard(Right.APPEAL, refers_to=ABOUT).hear(NO).one(RequestSettled)

    assert (settled.ending, settled.reason) == (Ending.DENIED, Reason.ACCURACY_CONFIRMED)
    assert settled.parts["answer"].basis == "11 CCR 7023(f)"


@pytest.mark.parametrize("right", [Right.APPEAL, Right.COMPLAINT, Right.INQUIRY])
def test_what_says_about_no_request_cannot_be_upheld(right: Right) -> None:
    [applied] = of(DecisionApplied, heard(right).hear(YES).last)

    assert not applied.applied
    assert applied.reason
    assert "done, deny" in applied.reason


def test_an_appeal_about_a_request_that_still_runs_is_shown_as_such_and_opens_no_second_one() -> None:
    early = replace(around("acorn"), undecided=frozenset({ABOUT}))
    desk = Desk(an_accepted(Right.APPEAL, verify=False, parts=["answer"], refers_to=ABOUT), facts=early)
    [waiting] = desk.all(PartWaiting)
    [applied] = of(DecisionApplied, desk.hear(YES).last)

    assert (waiting.part, waiting.why) == ("answer", "not_decided_yet")
    assert not applied.applied
    assert applied.reason
    assert "has not been decided" in applied.reason
    assert desk.hear(a_decision(Verb.DONE, "answer", basis="told where it stands")).one(RequestSettled).reopens is None


def test_once_that_was_decided_it_can_be_upheld() -> None:
    early = replace(around("acorn"), undecided=frozenset({ABOUT}))
    desk = Desk(an_accepted(Right.APPEAL, verify=False, parts=["answer"], refers_to=ABOUT), YES, facts=early)
    desk.facts = around("acorn")

    again = YES.model_copy(update={"event_id": an_id("again")})
    assert desk.hear(again).one(RequestSettled).reopens == ABOUT


def test_a_report_about_a_minor_that_is_upheld_deletes_without_asking_anybody() -> None:
    desk = reported().hear(YES)

    tasks = desk.all(TaskAssigned)
    assert {(task.action, task.right) for task in tasks} == {(Action.ERASE, Right.DELETE)}
    assert all(task.subjects == [SUBJECT] for task in tasks)
    assert desk.finish().one(RequestClosed).parts["own/system:accounts"].outcome is Outcome.ERASED


@pytest.mark.parametrize("decision", [YES, NO, NOT_BELIEVED, a_decision(Verb.DONE, "answer")])
def test_who_reports_a_minor_hears_the_same_whatever_was_decided(decision) -> None:
    settled = reported().hear(decision).one(RequestSettled)

    assert (settled.ending, settled.reason, settled.subject) == (Ending.FULFILLED, None, None)
    assert settled.parts.keys() == {"answer"}
    assert settled.parts["answer"].model_dump() == {
        "outcome": Outcome.ANSWERED, "counts": {}, "retained": [], "reason": None, "basis": None,
    }  # fmt: skip


@pytest.mark.parametrize("decision", [NO, NOT_BELIEVED, a_decision(Verb.DONE, "answer")])
def test_a_report_that_is_not_upheld_deletes_nothing(decision) -> None:
    desk = reported().hear(decision)

    assert desk.systems() == []
    assert desk.state.closed
