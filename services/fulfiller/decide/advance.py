"""Draw every conclusion not yet drawn: open parts, plan, assign, hand over, time out, settle, close."""

from datetime import timedelta
from typing import Final

from rules import parts
from schemas.events import ClientRecall, RequestClosed, RequestSettled
from schemas.values import Ending, Outcome, Party, Reason, Right, Waiting
from services.fulfiller.decide.assign import assign
from services.fulfiller.decide.clients import hand_over
from services.fulfiller.decide.draft import Draft
from services.fulfiller.decide.operator import operate
from services.fulfiller.decide.state import Fulfilment

CONFIRMATION: Final = parts.hold("confirmation")
DETAIL: Final = parts.hold("detail")
PERIOD: Final = "own/wait"
LAW: Final = "own/law"
EXPORTS: Final = frozenset(
    {
        Right.KNOW_CATEGORIES,
        Right.KNOW_SPECIFIC,
        Right.PORTABILITY,
        Right.THIRD_PARTY_LIST,
        Right.SHINE_THE_LIGHT,
    }
)


def conclude(draft: Draft) -> None:
    """Run the conclusions in their one order; each leaves alone what an earlier run has concluded."""
    operate(draft)
    _open(draft)
    _stop(draft)
    _hear_verdict(draft)
    _hold(draft)
    _plan(draft)
    _time_out(draft)
    assign(draft)
    hand_over(draft)
    _settle(draft)


def _open(draft: Draft) -> None:
    """Make the parts known from the start; say for whom those wait that nobody else speaks for."""
    for name in draft.accepted.parts:
        if name in draft.state.parts:
            continue
        draft.state = draft.state.with_part(name)
        if name == parts.ANSWER:
            draft.wait(name, Party.OPERATOR, Waiting.ANSWER, draft.last_moment)
        elif name == DETAIL:
            window = draft.facts.handbook.brands[draft.accepted.brand].windows.detail
            draft.wait(name, Party.PERSON, Waiting.DETAIL, draft.now + window)
        elif name == parts.VERIFICATION:
            draft.state = draft.state.with_part(name, waits="person:person")
    for request_id in draft.state.released:
        draft.state = _end_known(draft.state, parts.after(request_id), Outcome.COMPLETED)
    if not draft.accepted.granted and LAW not in draft.state.parts:
        draft.state = draft.state.end(LAW, Outcome.DENIED, _why_not(draft.accepted.law_why))


def _why_not(why: str) -> str:
    return Reason.OUTSIDE_JURISDICTION if why == "no_law_applies" else Reason.CLAIM_NOT_COVERED


def _end_known(state: Fulfilment, name: str, outcome: Outcome, reason: str | None = None) -> Fulfilment:
    return state.end(name, outcome, reason) if name in state.parts else state


def _stop(draft: Draft) -> None:
    """Withdrawn or denied: what has not ended ends now; clients that were asked are told."""
    stop = draft.state.stop
    if stop is None:
        return
    for name in draft.state.pending():
        client = parts.client_of(name)
        if client and name == parts.handover(client) and draft.state.parts[name].attempt:
            reason = stop.value
            draft.tell(ClientRecall, on=client, client=client, handover_id=draft.state.id, reason=reason)
        draft.state = draft.state.end(name, stop, draft.state.stop_reason)
    if not draft.state.parts:
        draft.state = draft.state.end("own/stop", stop, draft.state.stop_reason)


def _hear_verdict(draft: Draft) -> None:
    if draft.state.subject:
        draft.state = _end_known(draft.state, parts.VERIFICATION, Outcome.VERIFIED)
    elif draft.state.unverified:
        draft.state = _end_known(draft.state, parts.VERIFICATION, Outcome.UNVERIFIED)


def _hold(draft: Draft) -> None:
    """Hear the person's yes or no to what was asked."""
    if draft.state.detailed:
        draft.state = _end_known(draft.state, DETAIL, Outcome.ANSWERED)
    if draft.state.confirmed is not None and not draft.state.ended(CONFIRMATION):
        yes = draft.state.confirmed
        outcome, why = (Outcome.CONFIRMED, None) if yes else (Outcome.DENIED, Reason.WHOLE_ACCOUNT_DECLINED)
        draft.state = _end_known(draft.state, CONFIRMATION, outcome, why)


def _ready(draft: Draft) -> bool:
    """Whether the company's own systems may be asked: granted, verified where needed, not stopped, not planned."""
    state, accepted = draft.state, draft.accepted
    sure = state.subject is not None or not accepted.verify
    work = accepted.right is not Right.UNCLASSIFIED and parts.ANSWER not in accepted.parts
    return accepted.granted and sure and work and state.stop is None and not state.planned


def _plan(draft: Draft) -> None:
    """List what the company's own systems must do, once the person has confirmed where they must."""
    if not _ready(draft):
        return
    brand = draft.facts.handbook.brands[draft.accepted.brand]
    if draft.accepted.right is Right.DELETE and brand.confirm_deletion:
        if CONFIRMATION not in draft.state.parts:
            draft.wait(CONFIRMATION, Party.PERSON, Waiting.CONFIRMATION, draft.now + brand.windows.confirmation)
        _hold(draft)
        if not draft.state.ended(CONFIRMATION):
            return
        if draft.state.parts[CONFIRMATION].end.outcome is not Outcome.CONFIRMED:  # type: ignore[union-attr]
            draft.state = draft.state.but(planned=True)
            return
    if draft.accepted.right is Right.DELETE and brand.windows.waiting_period > timedelta(0):
        draft.wait(PERIOD, Party.PERSON, Waiting.PERIOD, draft.now + brand.windows.waiting_period)
    for name, planned in draft.facts.systems.plan(brand=brand.id, right=draft.accepted.right, client=None).items():
        draft.state = draft.state.with_part(parts.system(name), action=planned.action)
    if draft.accepted.right in EXPORTS:
        draft.state = draft.state.with_part(parts.system("package"))
    elif draft.accepted.right is not Right.CORRECT:
        draft.state = draft.state.with_part(parts.system("suppress"))
    draft.state = draft.state.but(planned=True)


def _time_out(draft: Draft) -> None:
    """End what waited until its moment and was not answered."""
    for name in draft.state.pending():
        until = draft.state.parts[name].until
        if until is None or until > draft.now:
            continue
        if name == PERIOD:
            draft.state = draft.state.end(name, Outcome.COMPLETED)
        elif parts.is_hold(name):
            draft.state = draft.state.end(name, Outcome.EXPIRED)
            draft.state = draft.state.but(planned=True)
        elif name.endswith("/handover") and until < draft.last_moment:
            client = parts.client_of(name)
            draft.wait(name, Party.OPERATOR, Waiting.REPLY, draft.last_moment, who=client)
        else:
            draft.state = draft.state.end(name, Outcome.FAILED, "no_answer_in_time")


def _settle(draft: Draft) -> None:
    """Tell the person's side when it is done, and everybody when everything is."""
    state, accepted = draft.state, draft.accepted
    told = parts.public(state.parts, state.named)
    if not state.settled and not state.pending(*told):
        ends = {name: end for name, end in state.ends().items() if name in told}
        ending, reason = parts.fold(ends)
        exported = parts.PACKAGE in ends and ends[parts.PACKAGE].outcome is Outcome.EXPORTED
        draft.tell(RequestSettled, ending=ending, reason=reason, parts=ends, subject=state.subject, package=exported)
        state = state.but(settled=True)
    if state.settled and not state.pending():
        ending, reason = parts.fold(state.ends())
        draft.tell(
            RequestClosed,
            ending=ending or Ending.FULFILLED,
            reason=reason,
            parts=state.ends(),
            releases=accepted.releases,
        )
        state = state.but(closed=True)
    draft.state = state
