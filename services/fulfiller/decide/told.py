"""Add one fact to what is known. No conclusion is drawn here."""

from typing import Any

from schemas.events import (
    AnswerRecorded,
    OperatorDecided,
    RequestAccepted,
    RequestClosed,
    RequestVerified,
    VerificationFailed,
)
from schemas.values import AnswerKind, Located, Outcome
from services.fulfiller.decide.state import Fulfilment


def told(state: Fulfilment, event: Any) -> Fulfilment:  # noqa: ANN401, PLR0911  one answer per kind of event
    """Return the state that also knows this event. Telling twice changes nothing."""
    match event:
        case RequestAccepted() if state.accepted is None:
            return _located(state.but(accepted=event), event.clients)
        case RequestVerified() if state.subject is None and not state.unverified:
            return state.but(subject=event.subject)
        case VerificationFailed() if state.subject is None:
            return state.but(unverified=True)
        case RequestClosed():
            return state.but(released=state.released | {event.request_id})
        case AnswerRecorded():
            return _answered(_located(state, event.clients), event)
        case OperatorDecided():
            return state.but(early=(*state.early, event))
        case _:
            return state


def _located(state: Fulfilment, clients: list[Located]) -> Fulfilment:
    known = dict(state.clients)
    for one in clients:
        before = known.get(one.client)
        named = one.parcel_named or (before is not None and before.parcel_named)
        known[one.client] = one.model_copy(update={"parcel_named": named})
    return state.but(clients=known)


def _answered(state: Fulfilment, event: AnswerRecorded) -> Fulfilment:
    match event.kind:
        case AnswerKind.WITHDRAWAL:
            return state.but(stop=state.stop or Outcome.WITHDRAWN)
        case AnswerKind.NOT_ME:
            return state.but(stop=state.stop or Outcome.DENIED, stop_reason=state.stop_reason or "suspected_fraud")
        case AnswerKind.CONFIRMATION:
            return state.but(confirmed=event.accepted if state.confirmed is None else state.confirmed)
        case AnswerKind.DETAIL:
            return state.but(detailed=True)
        case _:
            return state
