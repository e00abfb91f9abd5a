"""Draw every conclusion not yet drawn: open parts, plan, assign, hand over, time out, settle, close."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from rules import parts
from rules.rights import MEANINGS, By
from schemas.events import ClientRecall, RequestClosed, RequestReleased, RequestSettled
from schemas.values import Ending, Outcome, PartEnd, Party, Reason, Right, Waiting
from services.fulfiller.decide.assign import assign
from services.fulfiller.decide.clients import hand_over, remind, run_out
from services.fulfiller.decide.copies import plan_copies
from services.fulfiller.decide.draft import GRACE, Draft
from services.fulfiller.decide.holder import look_again
from services.fulfiller.decide.holds import BEFORE, ask, ask_again, give_up, hear_person, is_asked, ready
from services.fulfiller.decide.late import amend_late, take_up_late
from services.fulfiller.decide.leftovers import discard_exports
from services.fulfiller.decide.operator import operate, untimely
from services.fulfiller.decide.plan import plan_systems
from services.fulfiller.decide.warning import NOTICE, ask_operator, warned

NO_ANSWER: Final = "no_answer_in_time"
WEEK: Final = timedelta(days=7)
"""How far behind the last day to answer a request stops waiting for another one of its case."""


def conclude(draft: Draft) -> None:
    """Run the conclusions in their one order; each leaves alone what an earlier run has concluded."""
    if draft.state.closed:
        _go_on_late(draft)
        return
    _open(draft)
    _hear(draft)
    operate(draft)
    _stop(draft)
    _plan(draft)
    _lengthen(draft)
    _time_out(draft)
    _stop(draft)
    remind(draft)
    ask_again(draft)
    look_again(draft)
    if not _held(draft):
        hand_over(draft)
        plan_copies(draft)
        assign(draft)
    _settle(draft)
    if draft.state.closed:
        _go_on_late(draft)


def _go_on_late(draft: Draft) -> None:
    """After the end only operators have a word, unless one of them believes who asked: then the work is done late."""
    if not take_up_late(draft):
        operate(draft)
        return
    hear_person(draft)
    operate(draft)
    _stop(draft)
    _plan(draft)
    _time_out(draft)
    assign(draft)
    amend_late(draft)


def _open(draft: Draft) -> None:
    """Make the parts known from the start, and say for whom those wait that nobody else speaks for."""
    for name in draft.accepted.parts:
        if name in draft.state.parts:
            continue
        if name == parts.ANSWER:
            draft.wait(name, Party.OPERATOR, Waiting.ANSWER, draft.last_moment, why=untimely(draft))
        elif is_asked(name):
            ask(draft, name)
        elif parts.is_after(name):
            draft.wait(name, Party.SYSTEM, Waiting.REQUEST, draft.last_moment + WEEK, who="fulfiller")
        elif name == parts.VERIFICATION:
            until = max(draft.accepted.unverified_at, draft.last_moment) + GRACE
            draft.state = draft.state.with_part(name, party=Party.PERSON, waiting=Waiting.PROOF, until=until)
        else:
            draft.state = draft.state.with_part(name)
    if not draft.accepted.granted:
        lawless = draft.accepted.law_why not in {"law_does_not_grant", "law_grants"}
        why = Reason.OUTSIDE_JURISDICTION if lawless else Reason.CLAIM_NOT_COVERED
        draft.state = draft.state.end(parts.LAW, Outcome.DENIED, why)


def _hear(draft: Draft) -> None:
    """End what facts have ended: other requests' work, the verdict on who asks, the person's yes or no."""
    state = draft.state
    for request_id in state.released:
        state = state.end_known(parts.after(request_id), Outcome.COMPLETED)
    if state.subject:
        state = state.end_known(parts.VERIFICATION, Outcome.VERIFIED)
        if state.instead:
            state = state.end(parts.PIECES, Outcome.DENIED, Reason.INSUF_VERIFICATION)
    elif state.unverified:
        state = state.end_known(parts.VERIFICATION, Outcome.UNVERIFIED)
    draft.state = state
    hear_person(draft)


def _stop(draft: Draft) -> None:
    """Withdrawn or denied: what has not ended ends now; clients that were asked are told.

    A wait for another request is simply over, as it would be had that one ended first. Where there was nothing to end
    yet, a part of its own says that it was stopped.
    """
    stop, why = draft.state.stop, (draft.state.stop_reason, draft.state.stop_basis)
    if stop is None:
        return
    if draft.state.pending() and not draft.state.settled:
        discard_exports(draft)
    for name in draft.state.pending():
        client = parts.client_of(name)
        if client and parts.is_handover(name) and draft.state.parts[name].attempt:
            draft.tell_of(client, ClientRecall, on=client, reason=stop.value)
        draft.state = draft.state.end(name, *((Outcome.COMPLETED,) if parts.is_after(name) else (stop, *why)))
    if not draft.state.settled and all(draft.state.outcome(name) is not stop for name in draft.public()):
        draft.state = draft.state.end(parts.STOP, stop, *why)


def _held(draft: Draft) -> bool:
    """Whether it is still open what is asked, or whether who asks was sent for."""
    return any(name in BEFORE for name in draft.state.pending())


def _plan(draft: Draft) -> None:
    """List what the company's own systems must do, once it is sure who asks and the person has confirmed."""
    state, accepted = draft.state, draft.accepted
    reported = accepted.right is Right.MINOR_REPORT and state.upheld
    work = reported or (MEANINGS[accepted.right].by is By.SYSTEMS and parts.ANSWER not in accepted.parts)
    if state.planned or state.stop or _held(draft) or not (accepted.granted and draft.sure and work):
        return
    if not (ready(draft) and warned(draft)):
        return
    if accepted.right is Right.DELETE and draft.windows.waiting_period > timedelta(0):
        draft.wait(parts.PERIOD, Party.PERSON, Waiting.PERIOD, draft.now + draft.windows.waiting_period)
    plan_systems(draft)


def _lengthen(draft: Draft) -> None:
    """After an extension, what waited for the last day to answer waits for the new one."""
    if draft.last_moment == draft.first_moment:
        return
    for name in draft.state.pending():
        part = draft.state.parts[name]
        if part.until == draft.first_moment and part.party and part.waiting:
            draft.wait(name, part.party, part.waiting, draft.last_moment, who=part.who)


def _time_out(draft: Draft) -> None:
    """End what waited until its moment and was not answered; a silent client first waits for an operator."""
    for name in draft.state.pending():
        part = draft.state.parts[name]
        if part.until is None or part.until > draft.now:
            continue
        if name == parts.PERIOD:
            draft.state = draft.state.end(name, Outcome.COMPLETED)
        elif name == NOTICE and part.party is Party.SYSTEM:
            ask_operator(draft)
        elif parts.is_hold(name):
            give_up(draft, name)
        elif parts.is_handover(name) and part.party is Party.CLIENT and draft.now < draft.last_moment:
            run_out(draft, name)
        elif part.telling and part.party is Party.SYSTEM and draft.now < draft.last_moment:
            draft.wait(name, Party.OPERATOR, Waiting.TASK, draft.last_moment, who=part.who)
        else:
            draft.state = draft.state.end(name, Outcome.FAILED, part.why or NO_ANSWER)


def _settle(draft: Draft) -> None:
    """Say what is done: to requests that wait, to the person's side, and at last to everybody."""
    pending, told = draft.state.pending(), draft.public()
    if not draft.state.freed and all(parts.client_of(name) for name in pending):
        for other in draft.accepted.releases:
            draft.tell(RequestReleased, on=other, request_id=other, by=draft.state.id)
        draft.state = draft.state.but(freed=True)
    if not draft.state.settled and told.isdisjoint(pending):
        ends = {name: end for name, end in draft.state.ends().items() if name in told}
        ending, reason = _folded(draft, ends)
        exported = draft.state.outcome(parts.PACKAGE) is Outcome.EXPORTED
        appealed = draft.accepted.right is Right.APPEAL and draft.state.upheld
        draft.tell(
            RequestSettled, ending=ending, reason=reason, parts=ends, subject=draft.state.subject, package=exported,
            reopens=draft.accepted.refers_to if appealed else None,
        )  # fmt: skip
        draft.state = draft.state.but(settled=True)
    if draft.state.settled and not pending:
        ending, reason = _folded(draft, draft.state.ends())
        draft.tell(RequestClosed, ending=ending, reason=reason, parts=draft.state.ends())
        draft.state = draft.state.but(closed=True)


def _folded(draft: Draft, ends: Mapping[str, PartEnd]) -> tuple[Ending, Reason | None]:
    """How the whole ended. What somebody asked in another's name was denied, however much had been done by then."""
    if draft.state.stop_reason == Reason.SUSPECTED_FRAUD:
        return Ending.DENIED, Reason.SUSPECTED_FRAUD
    return parts.fold(ends)
