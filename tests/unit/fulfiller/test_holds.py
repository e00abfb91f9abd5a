import pytest

from schemas.events import ClientRequest, PartWaiting, RequestSettled, TaskAssigned
from schemas.values import AnswerKind, Ending, Outcome, Party, Reason, Right, Waiting
from tests.support.desk import Desk
from tests.support.values import NOON, a_verdict, an_accepted, an_answer, an_opt_out, around, located, of

MANDATE, DETAIL = "own/hold:mandate", "own/hold:detail"
HOLDS = [(MANDATE, Waiting.MANDATE, AnswerKind.MANDATE), (DETAIL, Waiting.DETAIL, AnswerKind.DETAIL)]


@pytest.mark.parametrize(("name", "waiting", "kind"), HOLDS)
def test_nothing_is_done_or_passed_on_while_it_is_open_whether_somebody_was_sent_for(name, waiting, kind) -> None:
    accepted = an_accepted(parts=[name, "own/verification"], clients=[located(named=True)])
    desk = Desk(accepted, a_verdict(), facts=around("acorn"))

    [asked] = [event for event in desk.all(PartWaiting) if event.part == name]
    assert (asked.party, asked.waiting) == (Party.PERSON, waiting)
    assert (desk.systems(), desk.all(ClientRequest)) == ([], [])
    desk.hear(an_answer(kind))
    assert desk.outcome(name) is Outcome.ANSWERED
    assert desk.systems() == ["billing"]
    assert len(desk.all(ClientRequest)) == 1


@pytest.mark.parametrize(("name", "waiting", "kind"), HOLDS)
@pytest.mark.parametrize("accepted", [an_accepted, an_opt_out])
def test_what_is_never_proven_ends_with_nothing_done(name, waiting, kind, accepted) -> None:
    desk = Desk(accepted(parts=[name], clients=[located(named=True)], verify=False), facts=around("acorn")).wake()

    [settled] = of(RequestSettled, desk.told)
    assert settled.ending is Ending.EXPIRED
    assert desk.now > NOON
    assert (desk.systems(), desk.all(ClientRequest)) == ([], [])
    assert desk.hear(an_answer(kind)).systems() == []
    assert waiting in {event.waiting for event in desk.all(PartWaiting)}


def test_a_mandate_that_was_heard_of_before_the_request_counts() -> None:
    desk = Desk(an_answer(AnswerKind.MANDATE), an_accepted(parts=[MANDATE, "own/verification"]), a_verdict())

    assert desk.outcome(MANDATE) is Outcome.ANSWERED
    assert desk.systems() == ["billing"]


def test_where_nobody_may_act_for_the_person_the_claim_is_not_covered() -> None:
    desk = Desk(an_accepted(Right.DELETE, granted=False, verify=False, parts=[], law_why="law_grants"))

    assert desk.one(RequestSettled).reason is Reason.CLAIM_NOT_COVERED


def test_categories_instead_of_the_pieces_are_what_systems_and_package_are_asked_for() -> None:
    verdict = a_verdict().model_copy(update={"instead": Right.KNOW_CATEGORIES})
    desk = Desk(an_accepted(Right.KNOW_SPECIFIC), verdict).finish()

    assert {task.right for task in desk.all(TaskAssigned)} == {Right.KNOW_CATEGORIES}
    assert desk.outcome("own/pieces") is Outcome.DENIED
    assert desk.one(RequestSettled).ending is Ending.PARTIALLY_FULFILLED
    assert desk.one(RequestSettled).package
