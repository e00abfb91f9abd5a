"""Intake's decisions, pure: one message about one case in, what follows from it out."""

from datetime import datetime
from typing import Any

from schemas.base import Due
from schemas.events import RequestClosed
from services.intake.decide.accept import submit
from services.intake.decide.answer import hear
from services.intake.decide.case import Case, close, wake
from services.intake.decide.facts import Facts
from services.intake.decide.reading import Answer, Submission
from services.kernel.decision import Decision

__all__ = ["Case", "Facts", "decide"]


def decide(state: Case, event: Any, facts: Facts, now: datetime) -> Decision[Case]:  # noqa: ANN401  told apart below
    """Answer one message about one case. Safe to call again with the same message."""
    match event:
        case Submission():
            return submit(state, event, facts, now)
        case Answer():
            return hear(state, event, facts, now)
        case RequestClosed():
            return close(state, event, facts, now)
        case Due():
            return wake(state, now)
        case _:
            return Decision(state, due_at=state.wake_at)
