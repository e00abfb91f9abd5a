from datetime import timedelta
from typing import Any

import pytest

from schemas.events import ClockPaused, DeadlineExtended, DeadlineReached
from schemas.values import Verb, Waiting
from tests.support.intake import CASE_ID, Window, a_submission, request
from tests.support.values import DAYS, NOON, a_decision, of, told

KINGDOM, IRELAND = {"country": "GB"}, {"country": "IE"}


def stood_still(days: float, *, after: float = 1, waiting: Waiting = Waiting.PROOF) -> Any:
    since = NOON + after * DAYS
    return told(ClockPaused, request_id=request(), case_id=CASE_ID, waiting=waiting, since=since,
                until=since + timedelta(days=days))  # fmt: skip


def a_window(*events: Any, home: dict[str, str] | None = None) -> Window:
    return Window(a_submission(residence=home or KINGDOM), *events)


def test_in_the_united_kingdom_the_days_a_person_was_waited_for_are_added_and_told() -> None:
    window = a_window()
    clock = window.accepted().clock
    [moved] = of(DeadlineExtended, window.hear(stood_still(6)).last)

    assert (moved.respond_by, moved.reason) == (clock.respond_by + 6 * DAYS, "clock_paused")
    asked = window.state.asked[request()]
    before = (clock.target_by, clock.extended_respond_by)
    assert (asked.target_by, asked.extendable_to) == tuple(day + 6 * DAYS for day in before if day)


def test_both_who_asks_and_what_is_asked_stop_its_clock() -> None:
    assert window_moves(stood_still(3, waiting=Waiting.DETAIL)) == 3


def window_moves(*events: Any, home: dict[str, str] | None = None) -> int:
    window = a_window(*events, home=home)
    return (window.state.asked[request()].respond_by - window.accepted().clock.respond_by).days


@pytest.mark.parametrize(("events", "days"), [
    ([stood_still(6), stood_still(6)], 6),
    ([stood_still(6), stood_still(4, after=3)], 6),
    ([stood_still(4, after=3), stood_still(6)], 6),
    ([stood_still(2), stood_still(2, after=9)], 4),
    ([stood_still(0.3)], 0),
])  # fmt: skip
def test_waits_that_overlap_count_once_in_whatever_order(events: list[Any], days: int) -> None:
    assert window_moves(*events) == days


def test_nothing_is_told_where_no_day_was_gained() -> None:
    assert a_window().hear(stood_still(0.3)).last == ()


@pytest.mark.parametrize("event", [stood_still(6), stood_still(6, waiting=Waiting.DETAIL)])
def test_elsewhere_the_clock_runs_on(event: Any) -> None:
    assert a_window(home=IRELAND).hear(event).last == ()
    assert window_moves(event, home=IRELAND) == 0


def test_a_pause_and_a_longer_time_add_up_in_either_order() -> None:
    longer = a_decision(Verb.EXTEND, basis="complexity").model_copy(update={"request_id": request()})
    first, later = a_window(stood_still(6), longer), a_window(longer, stood_still(6))

    assert first.state.asked[request()].respond_by == later.state.asked[request()].respond_by


def test_shares_of_the_time_are_counted_to_the_new_day() -> None:
    still, paused = a_window().wake(), a_window(stood_still(8)).wake()

    assert of(DeadlineReached, paused.last)[0].percent == 50
    assert paused.now - still.now == 4 * DAYS


def test_a_request_says_for_what_its_clock_stops() -> None:
    assert a_window().accepted().pauses == [Waiting.PROOF, Waiting.DETAIL]
    assert a_window(home=IRELAND).accepted().pauses == []
