"""A system's account of its task. Unknown, repeated and late ones are harmless; a forged one is nobody's."""

from schemas.events import RequestAmended, TaskFinished
from schemas.values import Outcome, PartEnd, Party, Waiting
from services.fulfiller.decide.draft import Draft
from services.kernel.errors import PermanentError


class ForgedToken(PermanentError):
    """The reply does not carry the token its part's addressee was given."""


class UnknownPart(PermanentError):
    """The reply is about a request or a part nobody knows."""


def finish(draft: Draft, event: TaskFinished) -> None:
    """End the part, or let it wait for an operator when the system failed.

    Raises:
        UnknownPart: nothing was assigned under that name.
        ForgedToken: the token is not the part's.
    """
    part = draft.state.parts.get(event.part)
    if part is None or not part.attempt:
        raise UnknownPart
    if not draft.facts.same(draft.facts.token(event.part, draft.state.id, event.system), event.reply_token):
        raise ForgedToken
    end = PartEnd(outcome=event.outcome, counts=event.counts, retained=event.retained, reason=event.reason)
    if part.end is not None:
        _amend(draft, event, part.end, end)
    elif event.outcome is not Outcome.FAILED:
        draft.state = draft.state.with_part(event.part, end=end, until=None, waits="")
    elif not part.waits.startswith(Party.OPERATOR):
        draft.wait(event.part, Party.OPERATOR, Waiting.REVIEW, draft.last_moment, who=event.system)


def _amend(draft: Draft, event: TaskFinished, before: PartEnd, end: PartEnd) -> None:
    """A result after the end: the first end stands unless it was none of the system's own."""
    told_by_system = before.outcome not in {
        Outcome.FAILED,
        Outcome.SKIPPED,
        Outcome.WITHDRAWN,
        Outcome.DENIED,
    }
    if told_by_system or end.outcome in {before.outcome, Outcome.FAILED}:
        return
    draft.state = draft.state.with_part(event.part, end=end)
    draft.tell(RequestAmended, on=event.part, part=event.part, end=end, told_otherwise=draft.state.settled)
