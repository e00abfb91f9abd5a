"""A client's own account is deleted when what was handed over to that client has ended; its recipients stay its own."""

from dataclasses import replace

from schemas.events import ClientReminder, PartWaiting, RequestClosed, TaskAssigned
from schemas.values import Outcome, Party, Right, Verb, Waiting
from services.fulfiller.decide import Facts
from services.fulfiller.decide.holder import LOOK
from tests.support.desk import Desk
from tests.support.values import LAST_MOMENT, NOON, REQUEST, a_decision, a_verdict, an_accepted, around

HANDOVERS = "own/handovers"


def knowing(open_: int, client: str = "birch-co") -> Facts:
    return replace(around("acorn"), holders={REQUEST: client}, open_with={client: open_})


def a_desk(open_: int, right: Right = Right.DELETE) -> Desk:
    return Desk(an_accepted(right), a_verdict(), facts=knowing(open_))


def test_the_deletion_of_a_clients_account_waits_for_its_hand_overs() -> None:
    desk = a_desk(2)

    waiting = desk.one(PartWaiting)
    assert (waiting.part, waiting.party, waiting.waiting) == (HANDOVERS, Party.CLIENT, Waiting.REPLY)
    assert (waiting.who, waiting.until) == ("birch-co", LAST_MOMENT)
    assert desk.systems() == []


def test_it_looks_again_until_they_have_ended_and_says_so_once() -> None:
    desk = a_desk(1).wake()
    later = desk.now
    desk.facts = knowing(0)
    desk.wake()

    assert later == NOON + LOOK
    assert (desk.outcome(HANDOVERS), desk.systems()) == (Outcome.COMPLETED, ["billing"])
    assert len(desk.all(PartWaiting)) == 1
    assert desk.all(ClientReminder) == []


def test_where_nothing_is_open_nobody_waits() -> None:
    desk = a_desk(0)

    assert (desk.outcome(HANDOVERS), desk.systems()) == (Outcome.COMPLETED, ["billing"])


def test_on_the_last_day_the_account_goes_all_the_same_and_the_end_says_what_stayed_open() -> None:
    desk = a_desk(1)
    while not desk.systems():
        desk.wake()

    assert desk.now == LAST_MOMENT
    desk.finish()
    assert desk.one(RequestClosed).parts[HANDOVERS].outcome is Outcome.FAILED


def test_an_operator_can_decide_not_to_wait() -> None:
    desk = a_desk(1).hear(a_decision(Verb.SKIP, HANDOVERS))

    assert desk.systems() == ["billing"]


def test_an_access_to_the_account_and_anybody_elses_deletion_wait_for_nothing() -> None:
    assert HANDOVERS not in a_desk(3, Right.KNOW_SPECIFIC).state.parts
    assert HANDOVERS not in Desk(an_accepted(), a_verdict(), facts=around("acorn")).state.parts


def test_no_task_of_the_account_is_about_the_records_the_company_holds_for_the_client() -> None:
    desk = a_desk(0).finish()

    assert {task.client for task in desk.all(TaskAssigned)} == {None}
    assert not any(task.part.startswith("client:") for task in desk.all(TaskAssigned))
