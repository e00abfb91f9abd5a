"""Before anything is released or deleted the contact on file is told; without that letter nothing begins."""

from dataclasses import replace

import pytest

from rules.handbook import Handbook
from schemas.events import ContactWarned, PartWaiting, RequestSettled, TaskAssigned
from schemas.values import AnswerKind, Ending, Outcome, Party, Reason, Right, Verb, Waiting
from services.fulfiller.decide import Facts
from tests.support.desk import Desk
from tests.support.values import (
    DAYS,
    LAST_MOMENT,
    NOON,
    a_decision,
    a_verdict,
    an_accepted,
    an_answer,
    an_opt_out,
    around,
    told,
)
from tests.support.world import handbook

NOTICE = "own/hold:notice"
SENT, NOT_SENT = told(ContactWarned, sent=True), told(ContactWarned, sent=False)
SHOWS = an_accepted(Right.KNOW_SPECIFIC, brand="shipdesk")


def careful() -> Facts:
    """A brand that does not ask twice before it deletes, but warns and then waits three days."""
    book = handbook()
    brand = book.brands["parcelwise"]
    windows = brand.windows.model_copy(update={"waiting_period": 3 * DAYS})
    brands = {"parcelwise": brand.model_copy(update={"notice_first": True, "windows": windows})}
    return replace(around(), handbook=Handbook(book.laws, brands, book.points))


def notices(desk: Desk) -> list[tuple[Party, Waiting]]:
    return [(wait.party, wait.waiting) for wait in desk.all(PartWaiting) if wait.part == NOTICE]


@pytest.mark.parametrize("accepted", [SHOWS, an_accepted(Right.PORTABILITY, brand="shipdesk")])
def test_nothing_is_released_before_the_letter_has_left(accepted) -> None:
    desk = Desk(accepted, a_verdict())
    before = desk.systems()
    desk.hear(SENT)

    assert notices(desk) == [(Party.SYSTEM, Waiting.NOTICE)]
    assert (before, desk.systems()) == ([], ["accounts", "billing"])
    assert desk.outcome(NOTICE) is Outcome.SENT


@pytest.mark.parametrize("accepted", [
    an_accepted(brand="parcelwise"),
    an_accepted(Right.CORRECT, brand="shipdesk"),
    an_opt_out(brand="shipdesk"),
])  # fmt: skip
def test_where_the_brand_or_the_right_asks_for_no_warning_the_work_begins_at_once(accepted) -> None:
    desk = Desk(accepted, a_verdict())

    assert notices(desk) == []
    assert desk.systems() != []


def test_a_confirmation_asked_of_the_contact_on_file_is_warning_enough() -> None:
    desk = Desk(an_accepted(brand="shipdesk"), a_verdict(), an_answer(AnswerKind.CONFIRMATION))

    assert notices(desk) == []
    assert desk.systems() == ["billing"]


def test_the_waiting_period_of_a_deletion_begins_when_the_letter_has_left() -> None:
    desk = Desk(an_accepted(), a_verdict(), facts=careful())
    desk.now = NOON + DAYS
    desk.hear(SENT)
    [period] = [wait for wait in desk.all(PartWaiting) if wait.waiting is Waiting.PERIOD]
    before = desk.systems()
    desk.wake()

    assert (period.until, desk.now) == (NOON + 4 * DAYS, NOON + 4 * DAYS)
    assert (before, desk.systems()) == ([], ["billing"])


def test_not_me_within_the_waiting_period_deletes_nothing() -> None:
    desk = Desk(an_accepted(), a_verdict(), SENT, an_answer(AnswerKind.NOT_ME), facts=careful())

    assert (desk.systems(), desk.one(RequestSettled).reason) == ([], Reason.SUSPECTED_FRAUD)


def test_a_warning_heard_of_first_counts_all_the_same() -> None:
    desk = Desk(SENT, SHOWS, a_verdict())

    assert desk.outcome(NOTICE) is Outcome.SENT
    assert desk.systems() == ["accounts", "billing"]


def test_a_letter_that_cannot_leave_waits_for_an_operator_who_can_say_it_was_told_otherwise() -> None:
    desk = Desk(SHOWS, a_verdict(), NOT_SENT)
    waits, before = notices(desk), desk.systems()
    desk.hear(a_decision(Verb.DONE, NOTICE))

    assert waits == [(Party.SYSTEM, Waiting.NOTICE), (Party.OPERATOR, Waiting.NOTICE)]
    assert (before, desk.systems()) == ([], ["accounts", "billing"])


def test_an_operator_can_refuse_what_nobody_could_be_warned_of() -> None:
    denied = a_decision(Verb.DENY, NOTICE, reason=Reason.SUSPECTED_FRAUD)
    desk = Desk(SHOWS, a_verdict(), NOT_SENT, denied)

    assert (desk.systems(), desk.one(RequestSettled).ending) == ([], Ending.DENIED)


def test_a_letter_nobody_hears_of_becomes_an_operators_and_at_last_ends_with_nothing_done() -> None:
    desk = Desk(SHOWS, a_verdict()).wake()

    assert desk.now == NOON + 3 * DAYS
    assert notices(desk)[-1] == (Party.OPERATOR, Waiting.NOTICE)
    assert desk.all(PartWaiting)[-1].until == LAST_MOMENT
    desk.wake()
    assert (desk.systems(), desk.one(RequestSettled).ending) == ([], Ending.EXPIRED)


@pytest.mark.parametrize("before", [(), (SENT,)], ids=["before it was sent", "after it was sent"])
def test_this_was_not_me_stops_everything_at_once(before) -> None:
    desk = Desk(SHOWS, a_verdict(), *before, an_answer(AnswerKind.NOT_ME))

    assert desk.one(RequestSettled).reason is Reason.SUSPECTED_FRAUD
    assert desk.state.closed
    assert len(desk.all(TaskAssigned)) == 2 * len(before)
