"""Rows exported for nobody are destroyed, and nobody is told that they were exported."""

import pytest

from schemas.events import PartWaiting, RequestAmended, RequestClosed, TaskAssigned
from schemas.values import Action, AnswerKind, Ending, Outcome, Party, Reason, Right, Verb, Waiting
from services.fulfiller.decide.leftovers import DISCARD
from tests.support.desk import Desk
from tests.support.values import (
    LAST_MOMENT,
    REQUEST,
    a_decision,
    a_result,
    a_verdict,
    an_accepted,
    an_answer,
)

ACCOUNTS = "own/system:accounts"


def an_access(right: Right = Right.KNOW_SPECIFIC) -> Desk:
    return Desk(an_accepted(right), a_verdict())


def discarded(desk: Desk) -> list[str]:
    return [prefix for effect in desk.effects if effect.kind == DISCARD for prefix in effect.body["prefixes"]]


def of(desk: Desk, system: str) -> TaskAssigned:
    return next(task for task in desk.all(TaskAssigned) if task.system == system)


@pytest.mark.parametrize(
    "stop", [an_answer(AnswerKind.WITHDRAWAL), an_answer(AnswerKind.NOT_ME), a_decision(Verb.WITHDRAW)]
)
def test_a_stop_destroys_what_was_exported_until_then(stop: object) -> None:
    desk = an_access()
    desk.hear(a_result(of(desk, "accounts"), Outcome.EXPORTED)).hear(stop)

    assert discarded(desk) == [f"export:{REQUEST}:", f"package:{REQUEST}:", f"package-note:{REQUEST}:"]


def test_what_is_exported_after_a_withdrawal_is_destroyed_and_told_to_nobody() -> None:
    desk = an_access().hear(an_answer(AnswerKind.WITHDRAWAL))
    desk.hear(a_result(of(desk, "accounts"), Outcome.EXPORTED))

    assert discarded(desk)[-1] == f"export:{REQUEST}:own:accounts:"
    assert desk.outcome(ACCOUNTS) is Outcome.WITHDRAWN
    assert desk.all(RequestAmended) == []


def test_a_package_that_is_ready_after_a_withdrawal_is_destroyed() -> None:
    desk = an_access()
    for system in ("accounts", "billing"):
        desk.hear(a_result(of(desk, system), Outcome.EXPORTED))
    desk.hear(an_answer(AnswerKind.WITHDRAWAL)).hear(a_result(of(desk, "package"), Outcome.EXPORTED))

    assert discarded(desk)[-2:] == [f"package:{REQUEST}:own", f"package-note:{REQUEST}:own"]


def test_each_late_word_is_dealt_with_though_one_was_before() -> None:
    desk = an_access().hear(an_answer(AnswerKind.WITHDRAWAL))
    for attempt in (1, 2):
        desk.hear(a_result(of(desk, "accounts"), Outcome.EXPORTED, attempt=attempt))

    late = [effect for effect in desk.effects if effect.name.startswith("late/")]
    assert len({effect.id for effect in late}) == 2


def test_an_export_after_its_package_was_begun_is_destroyed() -> None:
    desk = an_access()
    desk.hear(a_result(of(desk, "billing"), Outcome.EXPORTED)).wake()
    begun = of(desk, "package")
    desk.hear(a_result(of(desk, "accounts"), Outcome.EXPORTED))

    assert begun.deadline > LAST_MOMENT
    assert discarded(desk) == [f"export:{REQUEST}:own:accounts:"]
    assert desk.outcome(ACCOUNTS) is Outcome.FAILED


def test_an_export_that_comes_before_its_package_was_begun_is_still_taken() -> None:
    desk = an_access().hear(a_decision(Verb.SKIP, ACCOUNTS))
    desk.hear(a_result(of(desk, "accounts"), Outcome.EXPORTED))

    assert (desk.outcome(ACCOUNTS), discarded(desk)) == (Outcome.EXPORTED, [])


def test_a_result_told_twice_destroys_nothing() -> None:
    desk = an_access()
    for attempt in (1, 2):
        desk.hear(a_result(of(desk, "accounts"), Outcome.EXPORTED, attempt=attempt))

    assert discarded(desk) == []


def test_a_stopped_deletion_has_nothing_to_destroy() -> None:
    desk = an_access(Right.DELETE).hear(an_answer(AnswerKind.WITHDRAWAL))

    assert discarded(desk) == []
    assert desk.one(RequestClosed).ending is Ending.WITHDRAWN


def test_a_deactivation_where_no_system_knows_how_waits_for_an_operator() -> None:
    desk = an_access(Right.DEACTIVATE)

    waiting = desk.one(PartWaiting)
    assert (waiting.part, waiting.party, waiting.waiting) == ("answer", Party.OPERATOR, Waiting.ANSWER)
    assert not any(task.action is Action.ERASE for task in desk.all(TaskAssigned))


def test_what_the_person_never_asked_ends_as_denied_though_part_of_it_was_done() -> None:
    desk = an_access(Right.DELETE)
    desk.hear(a_result(of(desk, "billing"), Outcome.ERASED)).hear(an_answer(AnswerKind.NOT_ME))

    closed = desk.one(RequestClosed)
    assert (closed.ending, closed.reason) == (Ending.DENIED, Reason.SUSPECTED_FRAUD)
    assert closed.parts["own/system:billing"].outcome is Outcome.ERASED
