"""What the company keeps of recipients for a purpose of its own is left to nobody, whatever their client does."""

from dataclasses import replace
from typing import Any

import pytest

from schemas.events import ClientResult, RequestClosed, RequestSettled, TaskAssigned
from schemas.values import Action, AnswerKind, Group, Mode, Outcome, Population, Right, Verb
from tests.support.desk import Desk
from tests.support.values import (
    REQUEST,
    SUBJECT,
    a_decision,
    a_failure,
    a_reply,
    a_verdict,
    an_accepted,
    an_answer,
    around,
    located,
)
from tests.support.world import WITH_COPIES

HANDOVER, COPIES = "client:acorn/handover", "client:acorn/copies:insight"
FACTS = replace(around("acorn", "birch-co"), systems=WITH_COPIES)
THEIRS = located().subjects


def handed(*more: Any, right: Right = Right.DELETE, mode: Mode = Mode.FORWARD, **fields: Any) -> Desk:
    fields.setdefault("clients", [located(named=True, mode=mode)])
    return Desk(an_accepted(right, **fields), *more, facts=FACTS)


def of_insight(desk: Desk) -> list[TaskAssigned]:
    return [task for task in desk.all(TaskAssigned) if task.system == "insight"]


@pytest.mark.parametrize("word", ["completed", "refused", "not_ours"])
def test_the_copies_go_once_the_client_has_spoken_whatever_it_said(word: str) -> None:
    desk = handed()
    before = of_insight(desk)
    more: dict[str, Any] = {"reason": "not_a_customer"} if word == "refused" else {}
    desk.hear(a_reply(word, **more))

    [task] = of_insight(desk)
    assert before == []
    assert (task.part, task.action, task.client, task.subjects) == (COPIES, Action.ERASE, None, THEIRS)


def test_a_silent_clients_copies_go_while_there_is_still_time_to_answer() -> None:
    desk = handed()
    while not of_insight(desk):
        desk.wake()

    assert desk.now < (desk.part(HANDOVER).until or desk.now)
    assert not desk.state.ended(HANDOVER)


def test_copies_of_a_client_we_only_refer_to_go_at_once() -> None:
    desk = handed(mode=Mode.REFER_ONLY)

    assert (desk.outcome(HANDOVER), len(of_insight(desk))) == (Outcome.REFERRED, 1)


def test_each_clients_copies_are_a_part_of_their_own_about_its_own_records() -> None:
    birch = located("birch-co").model_copy(update={"subjects": [f"{SUBJECT[:-1]}c"]})
    desk = handed(a_reply("refused", reason="no"), a_reply("completed", "birch-co"), clients=[located(), birch])

    assert {(task.part, *task.subjects) for task in of_insight(desk)} == {
        (COPIES, *THEIRS),
        ("client:birch-co/copies:insight", *birch.subjects),
    }


def test_an_end_waits_for_the_copies_and_tells_of_them_where_the_parcel_was_named() -> None:
    desk = handed(a_failure(), a_reply("refused", reason="no"))
    waiting = desk.state.closed
    desk.finish()

    assert not waiting
    assert desk.one(RequestSettled).parts[COPIES].outcome is Outcome.ERASED
    assert desk.one(RequestClosed).parts[COPIES].outcome is Outcome.ERASED


def test_nobody_who_named_no_parcel_hears_of_copies() -> None:
    desk = handed(a_failure(), clients=[located()])
    desk.hear(a_reply("completed")).finish()

    assert COPIES not in desk.one(RequestSettled).parts
    assert desk.one(RequestClosed).parts[COPIES].outcome is Outcome.ERASED


def test_a_client_hears_of_its_own_records_only() -> None:
    desk = handed(a_reply("instruct"), mode=Mode.ACT_FOR_ME).finish()

    assert list(desk.one(ClientResult).parts) == ["client:acorn/system:shipments"]
    assert desk.outcome(COPIES) is Outcome.ERASED


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"right": Right.KNOW_SPECIFIC}, "another right"),
        ({"granted": False, "law_why": "no_law_applies"}, "nothing grants it"),
        ({"only_for": [Population.ACCOUNT_HOLDER]}, "it is granted to others"),
        ({"points_needed": 3}, "too little located the person"),
        ({"declaration_needed": True}, "a declaration is needed and not there"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_no_copies_go_where(fields: dict[str, Any], why: str) -> None:
    assert why
    assert of_insight(handed(a_reply("completed"), **fields)) == []


def test_three_points_locate_well_enough_where_three_are_needed() -> None:
    three = located(named=True).model_copy(update={"groups": [Group.EMAIL, Group.NAME, Group.ORDER]})
    desk = handed(a_reply("completed"), clients=[three], points_needed=3)

    assert len(of_insight(desk)) == 1


@pytest.mark.parametrize(
    "no", [an_answer(AnswerKind.NOT_ME), an_answer(AnswerKind.WITHDRAWAL), a_decision(Verb.DENY, "own/verification")]
)
def test_nothing_goes_of_who_did_not_ask_or_is_not_believed(no: Any) -> None:
    assert of_insight(handed(no, a_reply("completed"))) == []


def test_the_own_part_goes_its_own_way() -> None:
    desk = handed(a_reply("completed"), a_verdict()).finish()

    assert {task.subjects[0] for task in desk.all(TaskAssigned) if task.part.startswith("own/")} == {SUBJECT}
    assert desk.state.closed
    assert desk.state.id == REQUEST
