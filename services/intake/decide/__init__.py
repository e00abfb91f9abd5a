"""Intake's decisions, pure: one message about one case in, what follows from it out."""

from datetime import datetime
from typing import Any

from schemas.base import Due
from schemas.events import ClockPaused, OperatorDecided, RequestClosed, RequestSettled
from services.intake.decide.answer import hear
from services.intake.decide.appeal import spare, take_up_again
from services.intake.decide.case import Case
from services.intake.decide.clock import DESTROY, ERASE, close, extend, settle, wake
from services.intake.decide.facts import Facts
from services.intake.decide.pause import pause
from services.intake.decide.reading import Answer, Submission
from services.intake.decide.records import KEEP
from services.intake.decide.submit import submit
from services.kernel.decision import Decision
from services.kernel.tokens import case_key

__all__ = ["DESTROY", "ERASE", "KEEP", "Case", "Facts", "decide"]


def decide(state: Case, event: Any, facts: Facts, now: datetime) -> Decision[Case]:  # noqa: ANN401, PLR0911  told apart below
    """Answer one message about one case. Safe to repeat: the same message again, or again written, changes nothing.

    What is no concern of a case leaves it as it lies, so that nothing is written for it.

    Raises:
        UnknownSource: a submission or answer of an app that is not registered.
    """
    match event:
        case Submission():
            mine = state.id == case_key(event.case_id)
            return submit(state, event, facts, now) if mine else spare(state, event, facts)
        case Answer():
            return hear(state, event, facts, now)
        case RequestSettled():
            return take_up_again(state, event, facts, now) if event.reopens in state.asked else settle(state, event)
        case RequestClosed():
            return close(state, event, facts, now)
        case ClockPaused():
            return pause(state, event, facts, now)
        case OperatorDecided():
            return extend(state, event, now)
        case Due():
            return wake(state, event, facts, now)
        case _:
            return Decision(state)
