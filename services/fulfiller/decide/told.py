"""Add one fact to what is known. No conclusion is drawn here."""

from typing import Any, Final

from schemas.events import (
    AnswerRecorded,
    ContactWarned,
    DeadlineExtended,
    OperatorDecided,
    RequestAccepted,
    RequestReleased,
    RequestVerified,
    VerificationFailed,
)
from schemas.values import AnswerKind, Located, Outcome, Reason
from services.fulfiller.decide.state import Fulfilment

_HEARD: Final = {AnswerKind.DETAIL: "detailed", AnswerKind.DECLARATION: "declared"}
"""Answers of which it is enough that they came."""


def told(state: Fulfilment, event: Any) -> Fulfilment:  # noqa: ANN401, PLR0911  one answer per kind of event
    """Return the state that also knows this event. Telling twice changes nothing; order does not matter."""
    match event:
        case RequestAccepted() if state.accepted is None:
            return _located(state.but(accepted=event), event.clients)
        case RequestVerified(late=False) if state.subject is None and not state.unverified:
            beyond = {"beyond": event.beyond, "beyond_by": event.beyond_by, "vouched": event.by == "operator"}
            return state.but(subject=event.subject, instead=event.instead, **beyond)
        case RequestVerified(late=True):
            return state.but(late=state.late or event.subject, vouched=True)
        case VerificationFailed() if state.subject is None and not state.unverified:
            return state.but(unverified=True)
        case ContactWarned():
            return state.but(warned=state.warned or event.sent)
        case RequestReleased():
            return state.but(released=state.released | {event.by})
        case DeadlineExtended():
            return state.but(extended_to=max(event.respond_by, state.extended_to or event.respond_by))
        case AnswerRecorded():
            return _answered(_located(state, event.clients), event)
        case OperatorDecided() if event.event_id not in state.decided:
            return state.but(early=(*state.early, event), decided=state.decided | {event.event_id})
        case _:
            return state


def _located(state: Fulfilment, clients: list[Located]) -> Fulfilment:
    """Everything that ever located a client adds up; that its parcel was named is never forgotten."""
    known = dict(state.clients)
    for one in clients:
        before = known.get(one.client, one)
        merged = {
            "groups": sorted({*before.groups, *one.groups}),
            "subjects": sorted({*before.subjects, *one.subjects}),
            "parcel_named": before.parcel_named or one.parcel_named,
        }
        known[one.client] = before.model_copy(update=merged)
    return state.but(clients=known)


def _answered(state: Fulfilment, event: AnswerRecorded) -> Fulfilment:
    match event.kind:
        case AnswerKind.WITHDRAWAL:
            return state.but(stop=state.stop or Outcome.WITHDRAWN)
        case AnswerKind.NOT_ME if state.stop is None:
            return state.but(stop=Outcome.DENIED, stop_reason=Reason.SUSPECTED_FRAUD)
        case AnswerKind.CONFIRMATION if state.confirmed is None:
            return state.but(confirmed=event.accepted)
        case AnswerKind.FEE_CONSENT if state.paying is None:
            return state.but(paying=event.accepted)
        case AnswerKind.MANDATE if event.accepted:
            return state.but(mandated=True, person_confirms=event.person_confirms)
        case kind:
            return state.but(**{_HEARD[kind]: True}) if kind in _HEARD else state
