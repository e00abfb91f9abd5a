from datetime import date, timedelta
from typing import Any

import pytest

from schemas.events import DeadlineExtended, DeadlineReached, DecisionApplied, RequestSettled
from schemas.values import Ending, Reason, Right, Verb
from services.intake.decide import DESTROY, ERASE, decide
from tests.support.intake import CASE_ID, Window, a_submission, an_answer_of, request
from tests.support.values import DAYS, LAST_MOMENT, NOON, a_close, a_decision, of, told

ACCESS = Right.KNOW_SPECIFIC
PERIOD = LAST_MOMENT - NOON


def about(event: Any, right: Right = Right.DELETE) -> Any:
    return event.model_copy(update={"request_id": request(right), "case_id": CASE_ID})


def closed(right: Right = Right.DELETE) -> Any:
    return about(a_close(), right)


def extension(**fields: Any) -> Any:
    return about(a_decision(Verb.EXTEND, **{"basis": "complex", **fields}))


def answer(window: Window) -> tuple[bool, str | None]:
    [applied] = of(DecisionApplied, window.last)
    return applied.applied, applied.reason


@pytest.mark.parametrize(("times", "percent", "at"), [
    (1, 50, NOON + PERIOD / 2), (2, 80, NOON + PERIOD * 80 / 100), (3, 95, NOON + PERIOD * 95 / 100),
    (4, 100, LAST_MOMENT + timedelta(minutes=1))])  # fmt: skip
def test_shares_of_the_time_to_answer_are_told_as_they_pass(times: int, percent: int, at: Any) -> None:
    window = Window(a_submission())
    for _ in range(times):
        window.wake()

    [reached] = window.last
    assert isinstance(reached, DeadlineReached)
    assert (reached.percent, reached.missed, reached.request_id) == (percent, percent == 100, request())
    assert window.now == at


def test_nothing_more_is_told_of_time_once_the_day_was_missed_or_the_request_closed() -> None:
    missed = Window(a_submission()).wake().wake().wake().wake()
    over = Window(a_submission(), closed())

    assert missed.state.due_at is None
    assert over.state.due_at == NOON + 30 * DAYS


def test_all_shares_that_passed_unseen_are_told_at_once() -> None:
    window = Window(a_submission())
    window.now = NOON + 40 * DAYS
    window.wake()

    assert [event.percent for event in of(DeadlineReached, window.last)] == [50, 80]


def test_each_request_of_a_case_has_its_own_time() -> None:
    window = Window(a_submission("delete", "access"), closed()).wake()

    assert [event.request_id for event in of(DeadlineReached, window.last)] == [request(ACCESS)]


def test_what_the_person_knows_to_have_ended_may_still_have_time_to_keep_inside() -> None:
    settled = about(told(RequestSettled, ending="unverified", parts={}))
    window = Window(a_submission(), settled)

    assert window.state.running() == []
    assert window.wake().last != ()


def test_the_data_key_is_destroyed_some_days_after_the_last_request_closed() -> None:
    window = Window(a_submission("delete", "access"), closed())
    early = window.state.destroy_at
    window.hear(closed(ACCESS)).wake()

    [erased, effect] = window.effects
    assert early is None
    assert erased.kind == ERASE
    assert window.now == NOON + 30 * DAYS
    assert (effect.kind, effect.case_id) == (DESTROY, CASE_ID)
    assert window.state.destroyed
    assert window.state.due_at is None


def fulfilled(right: Right = Right.DELETE) -> Any:
    return closed(right).model_copy(update={"ending": Ending.FULFILLED})


def test_what_was_said_to_prove_who_asks_is_erased_once_everything_was_done() -> None:
    window = Window(a_submission("delete", "access"), fulfilled())
    before = list(window.effects)
    window.hear(fulfilled(ACCESS))

    assert before == []
    assert [(effect.kind, effect.case_id) for effect in window.effects] == [(ERASE, CASE_ID)]


@pytest.mark.parametrize(("answers", "end"), [
    ((), Ending.DENIED), ((True,), Ending.DENIED), ((True,), Ending.UNVERIFIED), ((True,), Ending.PARTIALLY_FULFILLED),
], ids=["denied at once", "denied", "unverified", "done in part"])  # fmt: skip
def test_what_may_still_be_appealed_keeps_its_proof_until_the_key_is_destroyed(
    answers: tuple[bool, ...], end: Ending
) -> None:
    said = [an_answer_of("points", subject={"phones": ["+18015550123"]}) for _ in answers]
    window = Window(a_submission(), *said, closed().model_copy(update={"ending": end}))

    assert window.effects == []


def test_closing_twice_moves_nothing() -> None:
    window = Window(a_submission(), closed())
    before = window.state.destroy_at
    window.now += DAYS

    assert window.hear(closed()).state.destroy_at == before


@pytest.mark.parametrize("event", [closed(), about(told(RequestSettled, ending="fulfilled", parts={}))])
def test_the_end_of_a_request_nobody_asked_is_harmless(event: Any) -> None:
    window = Window(event)

    assert (window.told, window.state.due_at) == ([], None)


def test_the_time_is_lengthened_once_as_far_as_the_law_allows() -> None:
    window = Window(a_submission(), extension())
    extended, applied = window.last

    assert isinstance(extended, DeadlineExtended)
    assert isinstance(applied, DecisionApplied)
    assert (extended.respond_by, extended.reason, applied.applied) == (date(2026, 5, 31), Reason.OTHER, True)
    assert window.state.due_at == NOON + (LAST_MOMENT + 45 * DAYS - NOON) / 2


def test_shares_are_counted_anew_in_a_longer_time() -> None:
    window = Window(a_submission()).wake()
    window.hear(extension()).wake()

    assert [(event.percent, event.respond_by) for event in of(DeadlineReached, window.last)] == [
        (50, date(2026, 5, 31))
    ]


def test_a_longer_time_that_does_not_fit_is_refused_with_the_reason() -> None:
    settled = about(told(RequestSettled, ending="fulfilled", parts={}))
    late = Window(a_submission())
    late.now = LAST_MOMENT + timedelta(seconds=1)

    assert answer(Window(extension())) == (False, "no request of that id is known")
    assert answer(Window(a_submission(), settled, extension())) == (False, "the request has ended")
    assert answer(Window(a_submission(), extension(), extension(basis="more"))) == (
        False, "the time to answer was lengthened before")  # fmt: skip
    assert answer(Window(a_submission(), extension(basis=None))) == (False, "a longer time needs a reason")
    assert answer(late.hear(extension())) == (
        False,
        "the first period is over; a longer time had to be asked within it",
    )


def test_where_no_law_gives_a_longer_time_there_is_none() -> None:
    window = Window(a_submission())
    window.state = window.state.with_asked(request(), extendable_to=None)

    assert answer(window.hear(extension())) == (False, "the law that applies gives no longer time")


def test_a_decision_heard_twice_is_answered_once_and_others_decisions_are_left_to_them() -> None:
    window = Window(a_submission(), extension(), extension())
    again = window.last
    window.hear(about(a_decision(Verb.DENY)))

    assert again == window.last == ()


def test_what_is_no_concern_of_the_case_leaves_it_as_it_lies() -> None:
    window = Window(a_submission())
    event = about(a_decision(Verb.DENY))
    decision = decide(window.state, event, window.facts(event), NOON)

    assert decision.state is window.state
    assert (decision.events, decision.due_at) == ((), None)
