"""Time and ends: shares of the time to answer that pass, a longer time, requests that end, the data key's last day."""

from datetime import datetime
from typing import Final

from rules.clocks import instant_of_end
from rules.parts import NOBODY_KNOWS, decider
from rules.recourse import appeal_open, deemed_refusal, kept_until
from schemas.base import Due, Event
from schemas.events import (
    DeadlineExtended,
    DeadlineReached,
    DecisionApplied,
    OperatorDecided,
    RequestClosed,
    RequestSettled,
)
from schemas.values import Ending, Reason, Right
from services.intake.decide.case import SHARES, Case
from services.intake.decide.facts import Facts
from services.kernel.decision import Decision, Effect

DELAYS: Final = frozenset({"complexity", "number_of_requests", "consultation", "conversion"})
"""Codes an operator can give as basis of a longer time; letters have words for them. Source: PIPEDA s. 8(4)."""
DESTROY: Final = "destroy_key"
ERASE: Final = "erase_proof"
"""The effect that erases the points that were given, once everything asked was done (11 CCR § 7060(d))."""


def settle(state: Case, event: RequestSettled) -> Decision[Case]:
    """Note that whoever asked knows the end: nothing more can be answered, whatever still goes on inside."""
    if event.request_id in state.asked:
        state = state.with_asked(event.request_id, settled=True)
    return Decision(state, due_at=state.due_at)


def close(state: Case, event: RequestClosed, facts: Facts, now: datetime) -> Decision[Case]:
    """Note one request's end; when it was the last, set the day the case's data key is destroyed."""
    if event.request_id in state.asked and not state.asked[event.request_id].closed:
        done = event.ending is Ending.FULFILLED
        state = state.with_asked(event.request_id, settled=True, closed=True, fulfilled=done)
        if state.all_closed():
            state = state.but(destroy_at=_destroyed(state, facts, now))
            return Decision(state, effects=_erased(state), due_at=state.due_at)
    return Decision(state, due_at=state.due_at)


def _erased(state: Case) -> tuple[Effect, ...]:
    """The points given are erased where everything was done; what was not may still be appealed with them."""
    if not all(asked.fulfilled for asked in state.asked.values()):
        return ()
    return (Effect(ERASE, state.case_id, state.case_id, "proof", {}, lane="vault"),)


def _destroyed(state: Case, facts: Facts, now: datetime) -> datetime:
    """When the data key goes: after the brand's window, and never before the time to turn to a regulator is over."""
    moments = [now + facts.handbook.brands[state.brand].windows.destroy_keys_after]
    for asked in state.asked.values():
        law = facts.handbook.laws.get(asked.law)
        if law and (until := kept_until(law, now.astimezone(law.zone).date())):
            moments.append(instant_of_end(until, law.timezone))
    return max(*moments, state.spared_until or now)


def wake(state: Case, cause: Due, facts: Facts, now: datetime) -> Decision[Case]:
    """Tell the shares of time that have passed; destroy the data key when its day has come."""
    told: list[Event] = []
    for request_id, asked in state.asked.items():
        for share in SHARES:
            if state.received_at is None or asked.closed or share <= asked.told:
                continue
            if asked.moment(state.received_at, share) <= now:
                told.append(_reached(state, cause, (request_id, share), facts, now))
                state = state.with_asked(request_id, told=share)
    if state.destroy_at is None or state.destroy_at > now:
        return Decision(state, tuple(told), due_at=state.due_at)
    effect = Effect(DESTROY, state.case_id, state.case_id, state.destroy_at.isoformat(), {}, lane="vault")
    state = state.but(destroy_at=None, destroyed=True)
    return Decision(state, tuple(told), effects=(effect,), due_at=state.due_at)


def _reached(state: Case, cause: Due, what: tuple[str, int], facts: Facts, now: datetime) -> DeadlineReached:
    """Tell a share; a day that was missed opens an appeal, and is a refusal, where brand or law say so."""
    request_id, share = what
    asked, missed = state.asked[request_id], share == SHARES[-1]
    law, late = facts.handbook.laws.get(asked.law), missed and not asked.settled
    appeal = late and appeal_open(law, facts.handbook.brands[state.brand], None, missed=True) == "missed"
    return DeadlineReached.after(
        cause, now, on=f"{share}", request_id=request_id, case_id=state.case_id, percent=share,
        missed=missed, respond_by=asked.respond_by, appeal=appeal and asked.right is not Right.APPEAL,
        refusal=late and deemed_refusal(law),
    )  # fmt: skip


def extend(state: Case, event: OperatorDecided, now: datetime) -> Decision[Case]:
    """Lengthen the time to answer: once, with a reason, inside the first period, as far as the law allows."""
    if decider(event.verb, event.part) != "intake" or event.event_id in state.decided:
        return Decision(state)
    refusal = _refusal(state, event, now)
    applied = DecisionApplied.after(
        event, now, case_id=state.case_id or event.case_id, decision_id=str(event.event_id), verb=event.verb,
        applied=refusal is None, reason=refusal,
    )  # fmt: skip
    state = state.but(decided=state.decided | {event.event_id})
    if refusal:
        return Decision(state, (applied,), due_at=state.due_at)
    day = state.asked[event.request_id].extendable_to
    state = state.with_asked(event.request_id, respond_by=day, target_by=day, extended=True, told=0)
    reason = event.basis if event.basis in DELAYS else event.reason or Reason.OTHER
    extended = DeadlineExtended.after(event, now, case_id=state.case_id, respond_by=day, reason=reason)
    return Decision(state, (extended, applied), due_at=state.due_at)


def _refusal(state: Case, event: OperatorDecided, now: datetime) -> str | None:
    asked = state.asked.get(event.request_id)
    if asked is None:
        return NOBODY_KNOWS
    if asked.settled:
        return "the request has ended"
    if asked.extended:
        return "the time to answer was lengthened before"
    if asked.extendable_to is None:
        return "the law that applies gives no longer time"
    if not (event.reason or event.basis):
        return "a longer time needs a reason"
    over = now > instant_of_end(asked.respond_by, asked.timezone)
    return "the first period is over; a longer time had to be asked within it" if over else None
