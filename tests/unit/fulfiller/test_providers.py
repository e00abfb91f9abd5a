"""Service providers and third parties are told, each with a part, a deadline and a word of its own."""

from dataclasses import replace

import pytest

from schemas.events import PartWaiting, RequestClosed, RequestSettled, TaskAssigned
from schemas.values import Action, AnswerKind, Ending, Outcome, Party, Right, Verb, Waiting
from services.fulfiller.decide.result import ForgedToken
from tests.support.desk import Desk
from tests.support.values import (
    DAYS,
    LAST_MOMENT,
    NOON,
    a_decision,
    a_result,
    a_verdict,
    an_accepted,
    an_answer,
    an_opt_out,
    around,
)
from tests.support.world import WITH_COPIES

MEADOW = "own/provider:meadow-mail"
HARBOR = "own/third-party:harbor-ads"
FACTS = replace(around("acorn"), systems=WITH_COPIES)


def a_desk(right: Right = Right.DELETE) -> Desk:
    return Desk(an_accepted(right), a_verdict(), facts=FACTS)


def opting_out(**fields: Right) -> Desk:
    return Desk(an_opt_out(**fields), facts=FACTS)


def task(desk: Desk, part: str = MEADOW) -> TaskAssigned:
    return [one for one in desk.all(TaskAssigned) if one.part == part][-1]


def test_a_provider_is_told_at_once_through_its_system_by_the_keys_it_was_given() -> None:
    told = task(a_desk())

    assert (told.system, told.action, told.keys_from) == ("mail", Action.ERASE, ["accounts"])
    assert told.deadline == NOON + 10 * DAYS


def test_what_is_asked_of_a_provider_is_only_a_deletion() -> None:
    assert "mail" not in a_desk(Right.KNOW_SPECIFIC).systems()
    assert "mail" not in a_desk(Right.CORRECT).systems()


def test_its_word_is_in_the_end() -> None:
    desk = a_desk().finish()

    assert desk.one(RequestClosed).parts[MEADOW].outcome is Outcome.ERASED
    assert desk.one(RequestClosed).ending is Ending.FULFILLED


def test_the_directory_keeps_the_person_until_the_provider_has_spoken() -> None:
    desk = a_desk()
    for part in ("own/system:billing", "own/system:accounts", HARBOR):
        desk.hear(a_result(task(desk, part)))
    before = desk.systems()
    desk.hear(a_result(task(desk)))

    assert "suppress" not in before
    assert desk.systems()[-1] == "suppress"


def test_a_silent_provider_waits_for_an_operator_until_the_last_day_and_then_has_failed() -> None:
    desk = a_desk().wake()
    [waiting] = [one for one in desk.all(PartWaiting) if one.part == MEADOW]

    assert (waiting.party, waiting.waiting, waiting.who) == (Party.OPERATOR, Waiting.TASK, "mail")
    assert (desk.now, waiting.until) == (NOON + 10 * DAYS, LAST_MOMENT)
    while not desk.state.ended(MEADOW):
        desk.wake()
    assert (desk.outcome(MEADOW), desk.now) == (Outcome.FAILED, LAST_MOMENT)


def test_an_operator_tells_it_again_or_takes_its_word_by_another_way() -> None:
    again = a_desk().wake().hear(a_decision(Verb.RETRY, MEADOW))
    done = a_desk().hear(a_decision(Verb.DONE, MEADOW, basis="letter of 4 May"))

    assert (task(again).attempt, task(again).system, task(again).task_id) == (2, "mail", task(a_desk()).task_id)
    assert done.outcome(MEADOW) is Outcome.COMPLETED


def test_its_word_needs_its_own_token() -> None:
    desk = a_desk()
    other = task(desk, "own/system:billing").reply_token

    with pytest.raises(ForgedToken):
        desk.hear(a_result(task(desk), reply_token=other))


def test_a_withdrawal_ends_its_part_too_and_its_later_word_is_taken() -> None:
    desk = a_desk()
    told = task(desk)
    desk.hear(an_answer(AnswerKind.WITHDRAWAL))
    stopped = desk.outcome(MEADOW)
    desk.hear(a_result(told))

    assert stopped is Outcome.WITHDRAWN
    assert desk.outcome(MEADOW) is Outcome.ERASED


def test_rows_of_the_directory_are_a_part_that_ends_with_the_note() -> None:
    desk = a_desk().finish()

    assert (desk.outcome("own/suppress"), desk.outcome("own/directory")) == (Outcome.APPLIED, Outcome.ERASED)


def test_who_was_not_in_the_directory_any_more_was_not_found_there() -> None:
    desk = a_desk()
    for part in ("own/system:billing", "own/system:accounts", MEADOW, HARBOR):
        desk.hear(a_result(task(desk, part)))
    desk.hear(a_result(task(desk, "own/suppress"), Outcome.APPLIED, counts={"directory": 0}))

    assert desk.outcome("own/directory") is Outcome.NOT_FOUND


def test_a_third_party_is_told_of_an_opt_out_at_once_by_the_keys_it_was_given() -> None:
    told = task(opting_out(), HARBOR)

    assert (told.system, told.action, told.right, told.keys_from) == (
        "ads-desk", Action.APPLY, Right.OPT_OUT_SALE_SHARE, ["web"],
    )  # fmt: skip
    assert told.deadline == NOON + 10 * DAYS


def test_an_opt_out_from_something_else_is_told_to_nobody_outside() -> None:
    assert "ads-desk" not in opting_out(right=Right.OPT_OUT_MARKETING).systems()


def test_a_third_party_is_told_to_delete_as_well() -> None:
    assert (task(a_desk(), HARBOR).action, task(a_desk(), HARBOR).right) == (Action.ERASE, Right.DELETE)


def test_an_opt_out_is_told_as_complete_before_the_third_party_has_confirmed_and_closes_after_it() -> None:
    desk = opting_out()
    desk.hear(a_result(task(desk, "own/suppress"), Outcome.APPLIED))
    settled, open_still = desk.one(RequestSettled), not desk.all(RequestClosed)
    desk.hear(a_result(task(desk, "own/system:web"), Outcome.APPLIED))
    desk.hear(a_result(task(desk, HARBOR), Outcome.APPLIED))

    assert (settled.ending, open_still) == (Ending.FULFILLED, True)
    assert set(settled.parts) == {"own/suppress"}
    assert desk.one(RequestClosed).parts[HARBOR].outcome is Outcome.APPLIED


def test_a_silent_third_party_waits_for_an_operator_and_the_close_names_it() -> None:
    desk = opting_out()
    for part in ("own/suppress", "own/system:web"):
        desk.hear(a_result(task(desk, part), Outcome.APPLIED))
    desk.wake()
    [waiting] = [one for one in desk.all(PartWaiting) if one.part == HARBOR]
    while not desk.all(RequestClosed):
        desk.wake()

    assert (waiting.party, waiting.who) == (Party.OPERATOR, "ads-desk")
    assert desk.one(RequestClosed).parts[HARBOR].outcome is Outcome.FAILED
    assert desk.one(RequestClosed).ending is Ending.PARTIALLY_FULFILLED
