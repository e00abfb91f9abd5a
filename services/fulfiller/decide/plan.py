"""List what the company's own systems must do for a request, and what of our own comes last."""

from collections.abc import Iterable
from typing import Final

from rules import parts
from rules.rights import MEANINGS
from schemas.values import Party, Right, Waiting
from services.fulfiller.decide.draft import Draft
from services.fulfiller.decide.holder import wait_for_handovers
from services.fulfiller.decide.state import Telling

_PASSING: Final = frozenset({Right.CORRECT, Right.DEACTIVATE})
"""What may be undone later, by the person or in the course of things: nothing is noted that would do it again."""


def plan_systems(draft: Draft) -> None:
    """Open one part per system, and the last one: the package, or the note of what must stay done.

    Where no system can deactivate an account, an operator does it.
    """
    right = draft.accepted.right
    found = draft.facts.systems.plan(brand=draft.accepted.brand, right=draft.right, client=None)
    for name, planned in found.items():
        draft.state = draft.state.with_part(parts.system(name), action=planned.action)
    plan_told(draft, draft.right, found)
    if draft.right is Right.DELETE:
        wait_for_handovers(draft)
    if MEANINGS[right].package:
        draft.state = draft.state.with_part(parts.PACKAGE)
    elif right not in _PASSING:
        draft.state = draft.state.with_part(parts.SUPPRESS)
    elif right is Right.DEACTIVATE and not found:
        draft.wait(parts.ANSWER, Party.OPERATOR, Waiting.ANSWER, draft.last_moment)
    draft.state = draft.state.but(planned=True)


def plan_told(draft: Draft, right: Right, acting: Iterable[str], client: str | None = None) -> None:
    """Open one part per service provider and third party outside that is told of this.

    Source: R37; 11 CCR 7022(b), 7026(f), 7027(g).
    """
    found = draft.facts.systems.told(right, brand=draft.accepted.brand, acting=acting, client=client)
    for name, told in found.items():
        telling = Telling(through=told.through, keys_from=told.keys_from, within=told.within)
        draft.state = draft.state.with_part(name, action=told.action, telling=telling)
