"""The fulfiller's decisions, pure: note what was told, plan what follows, end what is done.

One shape for every event: a fact is added to what is known, then every conclusion not yet drawn is drawn. Whatever
order facts come in, the conclusions are the same.
"""

from datetime import datetime
from typing import Any

from rules.parts import decider
from schemas.clients import ClientHeard
from schemas.events import ClockPaused, DeadlineReached, OperatorDecided, TaskFinished
from services.fulfiller.decide.advance import conclude
from services.fulfiller.decide.draft import Draft
from services.fulfiller.decide.facts import Facts, Instruction, Packet, Reply
from services.fulfiller.decide.instruct import take_instruction
from services.fulfiller.decide.operator import reply
from services.fulfiller.decide.reply import hear, overhear
from services.fulfiller.decide.result import UnknownPart, finish
from services.fulfiller.decide.state import Fulfilment
from services.fulfiller.decide.told import told
from services.kernel.decision import Decision
from services.kernel.early import expect

__all__ = ["Facts", "Fulfilment", "Instruction", "Packet", "Reply", "decide"]


def decide(state: Fulfilment, event: Any, facts: Facts, now: datetime) -> Decision[Fulfilment]:  # noqa: ANN401
    """Answer one event about one request; events of other topics may have come first. Safe to repeat.

    What changes nothing leaves the state as it lies, so that nothing is written for it.

    Nobody is asked anything before the request was accepted here, so a result or reply that comes before is about a
    request nobody knows.

    Raises:
        UnknownPart: a result or reply about something nobody was asked.
        ForgedToken: one without the token its addressee was given.
        NoOutcome: a result that no system can have.
    """
    if isinstance(event, DeadlineReached | ClockPaused) or _is_for_others(event):
        return Decision(state)
    if isinstance(event, Instruction):
        return take_instruction(state, event, facts, now)
    state = told(state, event)
    if state.accepted is None:
        if isinstance(event, TaskFinished | Reply | ClientHeard):
            raise UnknownPart
        return expect(state, now, reply)
    draft = Draft(state, state.accepted, event, facts, now)
    match event:
        case TaskFinished():
            finish(draft, event)
        case Reply():
            hear(draft, event)
        case ClientHeard():
            overhear(draft, event)
    conclude(draft)
    return draft.decision()


def _is_for_others(event: Any) -> bool:  # noqa: ANN401
    return isinstance(event, OperatorDecided) and decider(event.verb, event.part) != "fulfiller"
