"""What an appeal does to the case it is about: the data stays while it runs; upheld, the request is taken up again."""

from dataclasses import replace
from datetime import datetime
from typing import Final

from rules.choice import Question, choose
from rules.clocks import instant_of_end
from rules.recourse import reopened
from schemas.events import RequestSettled
from schemas.values import Right
from services.intake.decide.accept import take_up
from services.intake.decide.answer import SubmissionGone
from services.intake.decide.case import Case
from services.intake.decide.facts import Facts
from services.intake.decide.reading import Submission
from services.intake.decide.terms import DECLARATION, DETAIL, MANDATE
from services.kernel.decision import Decision

_PASSED: Final = frozenset({DETAIL, MANDATE})
"""Holds that lie behind a request that was decided once."""


def spare(state: Case, event: Submission, facts: Facts) -> Decision[Case]:
    """Keep what a case was opened with until an appeal about it must have been answered, and a while after."""
    body = event.body
    known = body is not None and state.brand in facts.handbook.brands and body.refers_to in state.asked
    if body is None or not known or Right.APPEAL not in body.rights:
        return Decision(state, due_at=state.due_at)
    home = body.residence
    asked = Question(
        state.brand, Right.APPEAL, home.country if home else None, home.region if home else None, body.context
    )
    choice = choose(facts.handbook, asked, event.recorded_at)
    last = instant_of_end(choice.extended_respond_by or choice.respond_by, choice.timezone)
    until = max(
        last + facts.handbook.brands[state.brand].windows.destroy_keys_after, state.spared_until or event.recorded_at
    )
    state = state.but(spared_until=until, destroy_at=state.destroy_at and max(state.destroy_at, until))
    return Decision(state, due_at=state.due_at)


def take_up_again(state: Case, event: RequestSettled, facts: Facts, now: datetime) -> Decision[Case]:
    """Open a new request for the right an appeal was upheld for; its clock begins with that decision.

    Who asks must be known again, by what was said before; what was signed and shown before need not be sent twice.

    Raises:
        SubmissionGone: what the case was opened with can no longer be read.
    """
    before = state.asked[event.reopens or ""]
    right = reopened(before.right, upheld=True)
    anew = replace(facts, name=lambda case, right: facts.name(case, f"{right}/{event.request_id}"))
    if right is None or anew.name(state.case_id, right) in state.asked:
        return Decision(state, due_at=state.due_at)
    body = None if state.destroyed else facts.submitted.get(event.event_id)
    if body is None:
        raise SubmissionGone
    opened, [accepted] = take_up(state.but(received_at=event.occurred_at), event, body, [right], (anew, now))
    passed = (_PASSED if not before.held else frozenset()) | ({DECLARATION} if before.declared else frozenset())
    left = [name for name in accepted.parts if name not in passed or (name == DETAIL and accepted.unsaid)]
    accepted = accepted.model_copy(
        update={
            "upheld_by": event.request_id,
            "parts": left,
            "declared": accepted.declared or before.declared,
            "person_confirms": accepted.person_confirms or before.confirms,
        }
    )
    state = opened.but(received_at=state.received_at, destroy_at=None)
    fields = {"received_at": event.occurred_at, "held": before.held, "declared": accepted.declared}
    state = state.with_asked(accepted.request_id, **fields)
    return Decision(state, (accepted,), due_at=state.due_at)
