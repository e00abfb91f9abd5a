"""An operator's decision: applied when it fits, refused with the reason when it does not."""

from typing import Final

from rules import parts
from schemas.events import DecisionApplied, OperatorDecided
from schemas.values import Outcome, Reason, Verb
from services.fulfiller.decide.assign import give
from services.fulfiller.decide.draft import Draft
from services.fulfiller.decide.state import Fulfilment

OURS: Final = frozenset({Verb.DENY, Verb.RETRY, Verb.SKIP, Verb.DONE, Verb.WITHDRAW})
"""Verbs the fulfiller answers; the verifier and intake answer the others."""


def operate(draft: Draft) -> None:
    """Carry out the decisions told so far; those that came before the request was known here are among them."""
    early, draft.state = draft.state.early, draft.state.but(early=())
    for event in early:
        _carry_out(draft, event)


def _carry_out(draft: Draft, event: OperatorDecided) -> None:
    refusal = _refusal(draft.state, event)
    if refusal is None:
        _apply(draft, event)
    draft.events.append(
        DecisionApplied.after(
            event, draft.now, request_id=draft.state.id, case_id=draft.accepted.case_id,
            decision_id=str(event.event_id), verb=event.verb, applied=refusal is None, reason=refusal,
        )
    )  # fmt: skip


def _refusal(state: Fulfilment, event: OperatorDecided) -> str | None:
    """Why a decision does not fit the state of the request; None when it does."""
    if state.closed:
        return "the request is closed"
    if event.verb in {Verb.DENY, Verb.WITHDRAW} and event.part is None:
        return None if state.stop is None else "the request was stopped before"
    if event.part is None:
        return f"{event.verb} needs a part; pending are: {', '.join(state.pending()) or 'none'}"
    if event.part not in state.pending():
        return f"no such part is pending; pending are: {', '.join(state.pending()) or 'none'}"
    if event.verb is Verb.RETRY and not (parts.system_of(event.part) and state.parts[event.part].attempt):
        return "only a system that was asked can be asked again"
    return None


def _apply(draft: Draft, event: OperatorDecided) -> None:
    match event.verb, event.part:
        case (Verb.DENY, None):
            draft.state = draft.state.but(stop=Outcome.DENIED, stop_reason=event.reason or Reason.OTHER)
        case (Verb.WITHDRAW, None):
            draft.state = draft.state.but(stop=Outcome.WITHDRAWN)
        case (Verb.RETRY, str(name)):
            give(draft, name, parts.system_of(name) or "")
        case (Verb.DENY, str(name)):
            draft.state = draft.state.end(name, Outcome.DENIED, event.reason or Reason.OTHER)
        case (Verb.SKIP, str(name)):
            draft.state = draft.state.end(name, Outcome.SKIPPED, event.basis or "operator")
        case (_, str(name)):
            outcome = Outcome.ANSWERED if name == parts.ANSWER else Outcome.COMPLETED
            draft.state = draft.state.end(name, outcome, event.basis)
