"""An operator's decision: applied when it fits, refused with the reason when it does not. Each is answered once."""

from datetime import datetime
from typing import Final

from rules import parts
from rules.refusals import UNSAID, flaw_of_denial
from schemas.events import DecisionApplied, OperatorDecided
from schemas.values import Outcome, Reason, Right, Verb
from services.fulfiller.decide.assign import give
from services.fulfiller.decide.clients import send
from services.fulfiller.decide.draft import Draft
from services.fulfiller.decide.holds import ask, refuses_hold
from services.fulfiller.decide.state import Fulfilment

WHOLE: Final = frozenset({Verb.DENY, Verb.WITHDRAW})
"""Verbs that stop a whole request when they name no part."""
_UNDECIDED: Final = (
    "the request it is about has not been decided, so there is nothing to take up again: carry that one out or deny "
    "it, and answer this with done or deny"
)
_AGAIN: Final = frozenset({Verb.RETRY, Verb.APPROVE})


def operate(draft: Draft) -> None:
    """Carry out the decisions told so far; those that came before the request was known here are among them."""
    early, draft.state = draft.state.early, draft.state.but(early=(), early_until=None)
    for event in early:
        refusal = _refusal(draft, event)
        if refusal is None:
            _apply(draft, event)
        draft.events.append(reply(draft.state, event, draft.now, refusal))


def reply(state: Fulfilment, event: OperatorDecided, now: datetime, refusal: str | None) -> DecisionApplied:
    """Say what became of a decision: applied, or refused and why."""
    return DecisionApplied.after(
        event, now, request_id=state.id, case_id=state.accepted.case_id if state.accepted else event.case_id,
        decision_id=str(event.event_id), verb=event.verb, applied=refusal is None, reason=refusal,
    )  # fmt: skip


def _refusal(draft: Draft, event: OperatorDecided) -> str | None:
    """Why a decision does not fit the state of the request; None when it does."""
    state, part = draft.state, event.part
    if state.closed and state.late is None:
        return "the request is closed"
    if event.verb is Verb.DENY and (flaw := flaw_of_denial(part, event.reason, event.basis)):
        return flaw
    if part is None and event.verb in WHOLE:
        return None if state.stop is None else "the request was stopped before"
    if event.verb is Verb.HOLD:
        return refuses_hold(draft, event)
    return _refusal_of_part(draft, event, part)


def _refusal_of_part(draft: Draft, event: OperatorDecided, part: str | None) -> str | None:
    state = draft.state
    pending = f"pending are: {', '.join(state.pending()) or 'none'}"
    if part is None or part not in state.pending():
        return f"{event.verb} needs a part; {pending}" if part is None else f"no such part is pending; {pending}"
    fitting = _fitting(draft, part)
    if event.verb not in fitting:
        return f"{event.verb} does not fit {part}; what does: {', '.join(fitting) or 'nothing'}"
    if event.verb is Verb.APPROVE and part == parts.ANSWER and untimely(draft):
        return _UNDECIDED
    client = parts.client_of(part)
    if event.verb in _AGAIN and client and parts.is_handover(part) and client not in draft.facts.enabled:
        return f"client {client} is not registered, or disabled; enable it first"
    return None


def _fitting(draft: Draft, name: str) -> list[Verb]:
    """What can be decided about a part of this kind. Who asks is proven or not: that is nothing one could skip."""
    asked = [Verb.RETRY] if draft.state.parts[name].attempt else []
    if name == parts.VERIFICATION:
        return [Verb.APPROVE, Verb.DENY]
    if name == parts.ANSWER:
        return [*([Verb.APPROVE] if _can_be_upheld(draft) else []), Verb.DONE, Verb.DENY]
    if parts.is_hold(name):
        return [Verb.DONE, Verb.RELEASE, Verb.DENY]
    if name in {parts.PERIOD, parts.HANDOVERS} or parts.is_after(name):
        return [Verb.SKIP]
    if parts.is_handover(name):
        return [Verb.APPROVE, Verb.RETRY, Verb.SKIP, Verb.DONE, Verb.DENY]
    return [*asked, Verb.SKIP, Verb.DONE, Verb.DENY] if parts.is_task(name) else []


def untimely(draft: Draft) -> str | None:
    """What is odd about an appeal whose request still runs: upheld, the same would be done twice."""
    appeal = draft.accepted.right is Right.APPEAL
    return "not_decided_yet" if appeal and draft.accepted.refers_to in draft.facts.undecided else None


def _can_be_upheld(draft: Draft) -> bool:
    """Whether a yes has a consequence: a report about a minor has, and an appeal that names its request."""
    accepted = draft.accepted
    return accepted.right is Right.MINOR_REPORT or (accepted.right is Right.APPEAL and bool(accepted.refers_to))


def _answer_it(draft: Draft, event: OperatorDecided) -> None:
    """A person's yes or no to what only a person can answer. Who reported a minor hears the same after either."""
    if event.verb is Verb.DENY and draft.accepted.right is not Right.MINOR_REPORT:
        draft.state = draft.state.end(parts.ANSWER, Outcome.DENIED, event.reason, event.basis)
        return
    draft.state = draft.state.end(parts.ANSWER, Outcome.ANSWERED)
    draft.state = draft.state.but(upheld=event.verb is Verb.APPROVE)


def _apply(draft: Draft, event: OperatorDecided) -> None:
    minor = draft.accepted.right is Right.MINOR_REPORT and parts.ANSWER in draft.state.pending()
    name = event.part or (parts.ANSWER if minor and event.verb is Verb.DENY else "")
    match event.verb:
        case Verb.WITHDRAW:
            draft.state = draft.state.but(stop=Outcome.WITHDRAWN)
        case Verb.APPROVE | Verb.DENY if name == parts.ANSWER:
            _answer_it(draft, event)
        case Verb.DENY if not name:
            draft.state = draft.state.but(stop=Outcome.DENIED, stop_reason=event.reason, stop_basis=event.basis)
        case Verb.DENY:
            draft.state = draft.state.end(name, Outcome.DENIED, event.reason or UNSAID.get(name), event.basis)
        case Verb.HOLD:
            ask(draft, name, event.reason or Reason.OTHER)
        case Verb.SKIP:
            draft.state = draft.state.end(name, Outcome.SKIPPED, event.basis or "operator")
        case Verb.DONE | Verb.RELEASE:
            draft.state = draft.state.end(name, _done(name), event.basis)
        case _ if parts.is_handover(name):
            send(draft, name, draft.state.clients[parts.client_of(name) or ""])
        case _:
            give(draft, name)


def _done(name: str) -> Outcome:
    """What a person's word that it is done amounts to."""
    if name == parts.hold("confirmation"):
        return Outcome.CONFIRMED
    return Outcome.ANSWERED if name == parts.ANSWER or parts.is_hold(name) else Outcome.COMPLETED
