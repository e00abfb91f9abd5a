"""A clock that stood still while the person was waited for: both dates move by those days, and that is told. Pure."""

from datetime import datetime, timedelta
from typing import Final

from rules.clocks import paused_days
from rules.laws import Law
from schemas.events import ClockPaused, DeadlineExtended
from schemas.values import Waiting
from services.intake.decide.case import Asked, Case
from services.intake.decide.facts import Facts
from services.kernel.decision import Decision

STOOD_STILL: Final = "clock_paused"
_STOPS: Final = {Waiting.PROOF: "identity", Waiting.DETAIL: "clarification"}
"""What a law calls the two things the person can be waited for."""


def stops_clock(law: Law | None) -> list[Waiting]:
    """For what of the person a law's clock stands still."""
    named = law.pauses.while_waiting_for if law and law.pauses else []
    return [waiting for waiting, what in _STOPS.items() if what in named]


def pause(state: Case, event: ClockPaused, facts: Facts, now: datetime) -> Decision[Case]:
    """Move a request's dates by the days not yet counted; nothing where its law lets the clock run on.

    Waits that overlap count once, in whatever order they are told.
    """
    asked = state.asked.get(event.request_id)
    law = facts.handbook.laws.get(asked.law) if asked else None
    if asked is None or law is None or event.waiting not in stops_clock(law):
        return Decision(state)
    pauses = tuple(sorted({*asked.pauses, (event.since, event.until)}))
    more = timedelta(days=paused_days(pauses, law.zone) - paused_days(asked.pauses, law.zone))
    state = state.with_asked(event.request_id, pauses=pauses, **_moved(asked, more))
    if not more or asked.settled:
        return Decision(state, due_at=state.due_at)
    told = DeadlineExtended.after(
        event, now, case_id=state.case_id, respond_by=state.asked[event.request_id].respond_by, reason=STOOD_STILL
    )
    return Decision(state, (told,), due_at=state.due_at)


def _moved(asked: Asked, by: timedelta) -> dict[str, object]:
    days = {"respond_by": asked.respond_by, "target_by": asked.target_by, "extendable_to": asked.extendable_to}
    return {name: day + by for name, day in days.items() if day}
