"""The contact on file is told before anything is released or deleted; nothing begins until that letter has left."""

from typing import Final

from rules import parts
from rules.rights import MEANINGS
from schemas.values import Outcome, Party, Right, Waiting
from services.fulfiller.decide.draft import GRACE, Draft

NOTICE: Final = parts.hold("notice")
_TOLD: Final = frozenset({Outcome.SENT, Outcome.ANSWERED})
"""The letter left, or an operator saw to it that the person knows."""


def warned(draft: Draft) -> bool:
    """Whether the work may begin, as far as the contact on file is concerned.

    Where a deletion is confirmed, the letter that asks for it is this warning: it goes to the same contact.
    """
    if not _warns(draft):
        return True
    if NOTICE not in draft.state.parts:
        until = draft.now + draft.windows.notice
        draft.wait(NOTICE, Party.SYSTEM, Waiting.NOTICE, until, who="notifier")
    hear_of_warning(draft)
    return draft.state.outcome(NOTICE) in _TOLD


def hear_of_warning(draft: Draft) -> None:
    """The letter left; or it could not, and an operator must find another way to the person."""
    if draft.state.warned:
        draft.state = draft.state.end_known(NOTICE, Outcome.SENT)
    elif draft.state.warned is False:
        ask_operator(draft)


def ask_operator(draft: Draft) -> None:
    """Let an operator take over: the letter does not leave by itself."""
    part = draft.state.parts.get(NOTICE)
    if part and part.end is None and part.party is not Party.OPERATOR:
        draft.wait(NOTICE, Party.OPERATOR, Waiting.NOTICE, max(draft.last_moment, draft.now + GRACE))


def _warns(draft: Draft) -> bool:
    brand, right = draft.facts.handbook.brands[draft.accepted.brand], draft.right
    risky = right is Right.DELETE or MEANINGS[right].package
    confirmed = right is Right.DELETE and brand.confirm_deletion
    return brand.notice_first and draft.state.subject is not None and risky and not confirmed
