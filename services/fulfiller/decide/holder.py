"""Whoever deletes the account a client holds with the company: what lies with that client comes to its end first.

The recipients' records the company holds for that client are the client's, not the account holder's: no task of the
account's deletion reaches them. But once the account is gone nobody there answers any more.
"""

from datetime import timedelta
from typing import Final

from rules import parts
from schemas.values import Outcome, Party, Waiting
from services.fulfiller.decide.draft import Draft

LOOK: Final = timedelta(hours=1)
"""How often one looks whether the hand-overs have ended."""


def wait_for_handovers(draft: Draft) -> None:
    """Let the deletion of a client's account wait for the hand-overs that client has not ended, until the last day."""
    client = draft.facts.holders.get(draft.state.id)
    if client is None:
        return
    draft.wait(parts.HANDOVERS, Party.CLIENT, Waiting.REPLY, draft.last_moment, who=client)
    look_again(draft)


def look_again(draft: Draft) -> None:
    """See whether the client's hand-overs have ended; look again after a while if not."""
    part = draft.state.parts.get(parts.HANDOVERS)
    if part is None or part.end is not None or (part.remind_at and part.remind_at > draft.now):
        return
    if draft.facts.open_with.get(part.who or "", 0):
        draft.state = draft.state.with_part(parts.HANDOVERS, remind_at=draft.now + LOOK)
    else:
        draft.state = draft.state.end(parts.HANDOVERS, Outcome.COMPLETED)
