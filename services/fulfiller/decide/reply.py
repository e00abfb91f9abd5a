"""A client's reply to a hand-over: proven by its token; good, late and repeated ones change no other part."""

from typing import Final

from rules import parts
from schemas.events import ClientReplied, ReplyError
from schemas.values import Action, Mode, Outcome, PartEnd, Party, Right, Waiting
from services.fulfiller.decide.clients import remind_later
from services.fulfiller.decide.draft import GRACE, Draft
from services.fulfiller.decide.facts import Reply
from services.fulfiller.decide.result import ForgedToken, UnknownPart, amend

_ENDS: Final = {"completed": Outcome.COMPLETED, "refused": Outcome.REFUSED, "not_ours": Outcome.NOT_OURS}
_ACTIONS: Final = {Right.DELETE: Action.ERASE, Right.CORRECT: Action.CORRECT}


def hear(draft: Draft, event: Reply) -> None:
    """Take a client at its word about its own part.

    Raises:
        UnknownPart: no request of that id was handed over to that client.
        ForgedToken: the token is not the one this client was given; nothing changes for anybody.
    """
    reply = event.body
    if reply is None or parts.handover(reply.client) not in draft.state.parts:
        raise UnknownPart
    name = parts.handover(reply.client)
    if not draft.facts.same(draft.facts.token(name, draft.state.id, reply.client), reply.reply_token):
        raise ForgedToken
    part = draft.state.parts[name]
    draft.state = draft.state.with_part(name, received=True)
    if part.remind_at and not part.received:
        remind_later(draft, name)
    if reply.type in _ENDS:
        _end(draft, name, PartEnd(outcome=_ENDS[reply.type], reason=reply.reason))
    elif reply.type == "instruct" and not draft.state.ended(name):
        _instruct(draft, reply, name)


def _end(draft: Draft, name: str, end: PartEnd) -> None:
    if draft.state.ended(name):
        amend(draft, name, end)
    else:
        draft.state = draft.state.ending(name, end)


def _instruct(draft: Draft, reply: ClientReplied, name: str) -> None:
    """Open one part per system that holds records of this client; only for clients we act for, and once."""
    client, brand = reply.client, draft.accepted.brand
    if draft.state.clients[client].mode is not Mode.ACT_FOR_ME:
        rule = "only clients with `act_for_me` can instruct; reply completed, refused or not_ours"
        draft.tell(ReplyError, on=client, client=client, handover_id=draft.state.id, field="type", rule=rule)
        return
    if draft.state.parts[name].waiting is Waiting.TASK:
        return
    action = reply.action or _ACTIONS.get(draft.accepted.right, Action.EXPORT)
    right = {Action.ERASE: Right.DELETE, Action.CORRECT: Right.CORRECT}.get(action, Right.KNOW_SPECIFIC)
    for system, planned in draft.facts.systems.plan(brand=brand, right=right, client=client).items():
        draft.state = draft.state.with_part(parts.system(system, client), action=planned.action)
    until = draft.last_moment + 2 * GRACE
    draft.wait(name, Party.SYSTEM, Waiting.TASK, until, who=client)
