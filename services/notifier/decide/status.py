"""The public status: what the submitting app may know of a request, as a rank that only rises."""

from datetime import datetime
from typing import Any, Final

from rules.parts import GOOD, client_of, system_of
from rules.refusals import told_publicly
from schemas.base import Due, Event
from schemas.events import PartWaiting, RequestAccepted, RequestSettled
from schemas.public import RequestStatusChanged, WaitingFor
from schemas.values import Ending, Outcome, Reason, Status, Waiting
from services.notifier.decide.state import Correspondence

_LAST: Final = {
    Ending.FULFILLED: Status.FULFILLED,
    Ending.PARTIALLY_FULFILLED: Status.FULFILLED,
    Ending.DENIED: Status.DENIED,
    Ending.UNVERIFIED: Status.DENIED,
    Ending.WITHDRAWN: Status.REVOKED,
    Ending.EXPIRED: Status.EXPIRED,
    Ending.FAILED: Status.DENIED,
}
_BEFORE: Final = {Waiting.PROOF: 10, Waiting.DETAIL: 10, Waiting.MANDATE: 10}
"""What is asked while nobody is verified."""
_VERIFIED: Final = 20
_AFTER: Final = {Waiting.FEE: 25, Waiting.CONFIRMATION: 30, Waiting.PERIOD: 40}
"""What is waited for once somebody is."""
_FINAL: Final = 100
_STOPPED: Final = frozenset({Status.REVOKED, Status.DENIED, Status.EXPIRED})
"""Ends that stop what was going on."""


def statuses(
    state: Correspondence, accepted: RequestAccepted, cause: Event | Due, now: datetime
) -> tuple[Correspondence, list[RequestStatusChanged]]:
    """Every status now due that lies ahead of the last one told, in order; the last one again if its date moved."""
    expected_by = max(accepted.clock.respond_by, state.extended_to or accepted.clock.respond_by)
    due = sorted(_due(state, accepted), key=lambda one: one[0])
    news = [one for one in due if one[0] > state.rank]
    if not news and 0 < state.rank < _FINAL and state.expected_by != expected_by:
        news = [one for one in due if one[0] <= state.rank][-1:]
    told = [
        RequestStatusChanged.after(
            cause, now, on=f"{rank}", request_id=state.id, case_id=accepted.case_id, source=accepted.source,
            submission_id=accepted.submission_id, right=accepted.right, expected_by=expected_by, **fields,
        )
        for rank, fields in news
    ]  # fmt: skip
    if news:
        state = state.but(rank=max(state.rank, news[-1][0]), expected_by=expected_by)
    return state, told


def _due(state: Correspondence, accepted: RequestAccepted) -> list[tuple[int, dict[str, Any]]]:
    """What is true, as (rank, fields): the higher rank is the later word."""
    due: list[tuple[int, dict[str, Any]]] = [(1, {"status": Status.OPEN})]
    sure = state.subject is not None
    if sure and accepted.verify:
        due.append((_VERIFIED, {"status": Status.IN_PROGRESS}))
    if state.settled:
        return [*due, (_FINAL, _end(state.settled) | _ask_again(state.settled, accepted))]
    ranks = _AFTER if sure else _BEFORE if accepted.verify else _BEFORE | _AFTER
    return [*due, *((ranks[a.waiting] + a.round, _waiting(a)) for a in state.asked.values() if a.waiting in ranks)]


def _waiting(asked: PartWaiting) -> dict[str, Any]:
    reason = Reason.NEED_USER_VERIFICATION if asked.waiting is Waiting.PROOF else None
    waiting_for = WaitingFor(kind=asked.waiting, until=asked.until)
    return {"status": Status.IN_PROGRESS, "reason": reason, "waiting_for": waiting_for}


def _end(settled: RequestSettled) -> dict[str, Any]:
    status = _LAST[settled.ending]
    return {
        "status": status,
        "reason": told_publicly(settled.reason or Reason.OTHER) if status is Status.DENIED else None,
        "done": sorted(_done(settled)) if status in _STOPPED else [],
    }


def _ask_again(settled: RequestSettled, accepted: RequestAccepted) -> dict[str, Any]:
    """From when the person may be asked to take an opt-out back: the app that would ask has to know it."""
    return {"ask_again_from": accepted.ask_again_from} if _LAST[settled.ending] is Status.FULFILLED else {}


def _done(settled: RequestSettled) -> set[Outcome]:
    """What systems and clients had done before the request was stopped: the kinds of it, nobody by name."""
    ends = (end.outcome for part, end in settled.parts.items() if system_of(part) or client_of(part))
    return {outcome for outcome in ends if outcome in GOOD or outcome is Outcome.RETAINED}
