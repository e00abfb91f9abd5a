"""A system's account of its task. Unknown, repeated and late ones are harmless; a forged one is nobody's."""

from typing import Final

from rules import parts
from schemas.events import RequestAmended, TaskFinished
from schemas.values import Outcome, PartEnd, Party, Waiting
from services.fulfiller.decide.draft import Draft
from services.fulfiller.decide.leftovers import OURS, comes_too_late, discard_late
from services.kernel.errors import Untrusted

POSSIBLE: Final = frozenset(
    {
        Outcome.ERASED,
        Outcome.MASKED,
        Outcome.AGGREGATED,
        Outcome.EXPORTED,
        Outcome.CORRECTED,
        Outcome.APPLIED,
        Outcome.RETAINED,
        Outcome.NOT_FOUND,
        Outcome.UNNEEDED,
        Outcome.REFUSED,
        Outcome.FAILED,
    }
)
"""What a system can say of itself; the other outcomes are for us to say."""


class ForgedToken(Untrusted):
    """The reply does not carry the token its part's addressee was given."""


class UnknownPart(Untrusted):
    """The reply is about a request or a part nobody knows."""


class NoOutcome(Untrusted):
    """The result names an outcome no system can have."""


def finish(draft: Draft, event: TaskFinished) -> None:
    """End the part, or let it wait for an operator when the system failed.

    Raises:
        UnknownPart: nothing was assigned under that name.
        ForgedToken: the token is not the part's.
        NoOutcome: the outcome is not one a system can have.
    """
    part = draft.state.parts.get(event.part)
    if part is None or not part.attempt or not parts.is_task(event.part):
        raise UnknownPart
    if not draft.facts.same(draft.facts.token(event.part, draft.state.id, event.system), event.reply_token):
        raise ForgedToken
    if event.outcome not in POSSIBLE:
        raise NoOutcome
    end = PartEnd(outcome=event.outcome, counts=event.counts, retained=event.retained, reason=event.reason)
    if comes_too_late(draft, event):
        discard_late(draft, event)
    elif part.end is not None:
        amend(draft, event.part, end)
    elif event.outcome is not Outcome.FAILED:
        draft.state = draft.state.ending(event.part, end)
        _end_directory(draft, event)
    elif event.attempt >= part.attempt and part.party is not Party.OPERATOR:
        draft.state = draft.state.with_part(event.part, why=event.reason)
        draft.wait(event.part, Party.OPERATOR, Waiting.TASK, draft.last_moment, who=event.system)


def _end_directory(draft: Draft, event: TaskFinished) -> None:
    """Say what became of the person's rows in the directory: they went with the note of the deletion, in one step."""
    client = parts.client_of(event.part)
    if event.part == parts.system("suppress", client) and parts.DIRECTORY in event.counts:
        gone = event.counts[parts.DIRECTORY]
        outcome = Outcome.ERASED if gone else Outcome.NOT_FOUND
        counts = {"identifiers": gone} if gone else {}
        draft.state = draft.state.ending(parts.directory(client), PartEnd(outcome=outcome, counts=counts))


def amend(draft: Draft, name: str, end: PartEnd) -> None:
    """Take a word that comes after the end: the first end stands unless it was not the addressee's own."""
    before = draft.state.outcome(name)
    if before not in OURS or end.outcome in {before, Outcome.FAILED}:
        return
    draft.state = draft.state.ending(name, end)
    told = draft.state.settled and name in draft.public()
    if told or draft.state.closed:
        draft.tell(RequestAmended, on=name, part=name, end=end, told_otherwise=told)
