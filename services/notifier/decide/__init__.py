"""Say what the submitting app may know, and which letters leave. Pure.

Public status is a monotone join: it never steps back, and nothing follows a final one. Until somebody is verified,
letters go to the contact given and tell nothing found; everything that tells goes to the contact on file.
"""

from datetime import datetime

from schemas.base import Due, Event
from services.kernel.decision import Decision
from services.notifier.decide.letters import LETTER, letters
from services.notifier.decide.state import Correspondence, told
from services.notifier.decide.status import statuses

__all__ = ["LETTER", "Correspondence", "decide"]


def decide(state: Correspondence, event: Event | Due, _facts: None, now: datetime) -> Decision[Correspondence]:
    """Answer one event about one request; events of other topics may have come first. Safe to repeat."""
    state = told(state, event)
    accepted = state.accepted
    if accepted is None:
        return Decision(state)
    state, said = statuses(state, accepted, event, now)
    state, sent = letters(state, accepted)
    return Decision(state, tuple(said), tuple(sent))
