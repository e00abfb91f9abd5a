"""Weigh what was offered against the records held. Pure; the rule itself is `rules.matching`.

What is asked, how often and when it ends is the same whether or not a record exists.
"""

from datetime import datetime

from schemas.base import Due, Event
from schemas.events import AnswerRecorded, RequestAccepted
from schemas.values import AnswerKind, Outcome
from services.kernel.decision import Decision
from services.kernel.early import expect
from services.verifier.decide.draft import Draft
from services.verifier.decide.facts import Facts
from services.verifier.decide.review import answer, end, reply
from services.verifier.decide.state import PROVING, Verification, told
from services.verifier.decide.weighing import fail, wait_for_detail, weigh_in

__all__ = ["Facts", "Verification", "decide"]


def decide(state: Verification, event: Event | Due, facts: Facts, now: datetime) -> Decision[Verification]:
    """Answer one event about one request; events of other topics may have come first. Safe to repeat."""
    state = told(state, event)
    if not state.brand:
        return expect(state, now, reply)
    draft = Draft(state, event, facts, now)
    if isinstance(event, RequestAccepted) and event.unsaid and state.open:
        wait_for_detail(draft)
    match event:
        case RequestAccepted() | AnswerRecorded() if state.open and _proves(state, event):
            weigh_in(draft, event)
        case Due() if state.open and state.ends_at and now >= state.ends_at:
            fail(draft)
        case Due() if state.review_until and now >= state.review_until:
            end(draft, event, Outcome.EXPIRED)
    if state.stopped:
        end(draft, event, Outcome.UNNEEDED)
    answer(draft)
    return draft.decision()


def _proves(state: Verification, event: RequestAccepted | AnswerRecorded) -> bool:
    """Whether an event may change the verdict: what is said at or after the fixed instant comes too late.

    A correction is not weighed before it is known what it contests: that proves nothing (11 CCR § 7060(h)).
    """
    if state.waits_for_detail:
        return False
    if isinstance(event, RequestAccepted):
        return True
    heard = event.kind in PROVING or (state.unsaid and event.kind is AnswerKind.DETAIL)
    return heard and (state.ends_at is None or event.occurred_at < state.ends_at)
