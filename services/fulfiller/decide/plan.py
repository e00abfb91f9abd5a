"""List what the company's own systems must do for a request, and what of our own comes last."""

from collections.abc import Iterable
from typing import Final

from rules import parts
from rules.rights import MEANINGS
from schemas.values import Action, Party, Right, Waiting
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
    if draft.right is Right.DELETE:
        plan_providers(draft, found)
        wait_for_handovers(draft)
    if MEANINGS[right].package:
        draft.state = draft.state.with_part(parts.PACKAGE)
    elif right not in _PASSING:
        draft.state = draft.state.with_part(parts.SUPPRESS)
    elif right is Right.DEACTIVATE and not found:
        draft.wait(parts.ANSWER, Party.OPERATOR, Waiting.ANSWER, draft.last_moment)
    draft.state = draft.state.but(planned=True)


def plan_providers(draft: Draft, acting: Iterable[str], client: str | None = None) -> None:
    """Open one part per service provider of these systems that is told to delete (R37)."""
    for name, told in draft.facts.systems.providers(acting).items():
        telling = Telling(through=told.through, keys_from=told.keys_from, within=told.within)
        draft.state = draft.state.with_part(parts.provider(name, client), action=Action.ERASE, telling=telling)
