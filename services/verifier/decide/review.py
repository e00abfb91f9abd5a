"""A person's eye: what was located and not proven is shown to an operator, by groups and without a value.

The public end stays at its fixed instant, whatever becomes of the review; an approval after it is an amendment.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from rules import parts
from rules.matching import Verdict
from schemas.base import Due, Event
from schemas.events import ClockPaused, DecisionApplied, OperatorDecided, PartWaiting, RequestAmended, RequestVerified
from schemas.values import Group, Outcome, PartEnd, Party, Verb, Waiting
from services.verifier.decide.draft import Draft
from services.verifier.decide.judging import judge
from services.verifier.decide.often import judge_number
from services.verifier.decide.state import Verification

NOTHING_LOCATED: Final = "no single record was located that the request could be about"
NOT_WAITING: Final = "the request does not wait for verification"
NOT_SHOWN: Final = "nothing waits for a review"


def verify(draft: Draft, cause: Event, proven: tuple[str, Iterable[Group]], by: str) -> None:
    """Say who asks; what was shown to an operator is over with it."""
    state, (subject, groups) = draft.state, proven
    beyond, rule = judge_number(draft, subject)
    draft.said.append(
        RequestVerified.after(
            cause, draft.now, request_id=state.id, case_id=state.case_id, subject=subject, groups=sorted(groups),
            assurance=state.assurance, by=by, late=state.ended is not None,
            evidence=draft.facts.evidence.get(state.id),
            beyond=beyond.value, beyond_by=rule,
        )
    )  # fmt: skip
    if state.pauses and state.asked_at and state.open:
        ids = {"request_id": state.id, "case_id": state.case_id}
        draft.said.append(
            ClockPaused.after(cause, draft.now, waiting=Waiting.PROOF, since=state.asked_at, until=draft.now, **ids)
        )
    draft.state = state.but(ended="verified", verdict=Verdict.VERIFIED)
    end(draft, cause, Outcome.VERIFIED)


def show(draft: Draft, why: str) -> None:
    """Let an operator look at the one record that was located: once, and beyond the public end."""
    state = draft.state
    if state.located is None or state.review_until or state.ends_at is None:
        return
    until = state.ends_at + draft.brand.windows.review
    draft.said.append(
        PartWaiting.after(
            draft.cause, draft.now, on="review", request_id=state.id, case_id=state.case_id, part=parts.REVIEW,
            party=Party.OPERATOR, waiting=Waiting.REVIEW, until=until, groups=sorted(state.located[1]), why=why,
        )
    )  # fmt: skip
    draft.state = state.but(review_until=until)


def end(draft: Draft, cause: Event | Due, outcome: Outcome) -> None:
    """Say that nobody need look any more; nothing where nobody was asked to."""
    state = draft.state
    if state.review_until is None or state.reviewed:
        return
    draft.said.append(
        RequestAmended.after(
            cause, draft.now, on=parts.REVIEW, request_id=state.id, case_id=state.case_id, part=parts.REVIEW,
            end=PartEnd(outcome=outcome), told_otherwise=False,
        )
    )  # fmt: skip
    draft.state = state.but(reviewed=True)


def answer(draft: Draft) -> None:
    """Answer every operator's decision heard so far, each once."""
    early, draft.state = draft.state.early, draft.state.but(early=(), early_until=None)
    for event in early:
        refusal = _deny(draft, event) if event.verb is Verb.DENY else _approve(draft, event)
        draft.said.append(reply(draft.state, event, draft.now, refusal))


def _approve(draft: Draft, event: OperatorDecided) -> str | None:
    """An operator vouches for the requester: while the request waits, or what was shown is still open to them."""
    state = draft.state
    if state.reviewing(draft.now):
        verify(draft, event, state.located or ("", ()), "operator")
        return None
    if not state.open:
        return NOT_WAITING
    judged = judge(state, draft.facts, draft.now)
    if judged.subject is None:
        return NOTHING_LOCATED
    verify(draft, event, (judged.subject, judged.groups), "operator")
    return None


def _deny(draft: Draft, event: OperatorDecided) -> str | None:
    """An operator is not convinced: the review is over, the request ends when it would have ended."""
    if draft.state.review_until is None or draft.state.reviewed:
        return NOT_SHOWN
    end(draft, event, Outcome.DENIED)
    return None


def reply(state: Verification, event: OperatorDecided, now: datetime, refusal: str | None) -> DecisionApplied:
    """Say what became of a decision: applied, or refused and why."""
    return DecisionApplied.after(
        event, now, case_id=state.case_id or event.case_id, decision_id=str(event.event_id), verb=event.verb,
        applied=refusal is None, reason=refusal,
    )  # fmt: skip
