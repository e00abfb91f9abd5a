"""A client's reply to a hand-over: proven by its token; good, late and repeated ones change no other part."""

from typing import Final

from rules import parts
from schemas.events import ClientReplied, ReplyError
from schemas.values import Action, Mode, Outcome, Party, Right, Waiting
from services.fulfiller.decide.draft import Draft
from services.fulfiller.decide.facts import Reply
from services.fulfiller.decide.result import ForgedToken, UnknownPart

_ENDS: Final = {"completed": Outcome.COMPLETED, "refused": Outcome.REFUSED, "not_ours": Outcome.NOT_OURS}
_ACTIONS: Final = {Right.DELETE: Action.ERASE, Right.CORRECT: Action.CORRECT}


def hear(draft: Draft, event: Reply) -> None:
    """Take a client at its word about its own part.

    Raises:
        UnknownPart: no request of that id was handed over to that client.
        ForgedToken: the token is not the one this client was given; nothing changes for anybody.
    """
    reply = event.body
    if reply is None or reply.client not in draft.state.clients:
        raise UnknownPart
    name = parts.handover(reply.client)
    if not draft.facts.same(draft.facts.token(name, draft.state.id, reply.client), reply.reply_token):
        raise ForgedToken
    if not draft.state.ended(name):
        _take(draft, reply, name)


def _take(draft: Draft, reply: ClientReplied, name: str) -> None:
    if reply.type == "received":
        until = draft.state.parts[name].until or draft.last_moment
        draft.wait(name, Party.CLIENT, Waiting.REPLY, until, who=reply.client, round=2)
    elif reply.type == "instruct":
        _instruct(draft, reply, name)
    else:
        draft.state = draft.state.end(name, _ENDS[reply.type], reply.reason)


def _instruct(draft: Draft, reply: ClientReplied, name: str) -> None:
    """Open one part per system that holds records of this client; only for clients we act for."""
    if draft.state.clients[reply.client].mode is not Mode.ACT_FOR_ME:
        rule = "only clients with `act_for_me` can instruct; reply completed, refused or not_ours"
        draft.tell(
            ReplyError,
            on=reply.client,
            client=reply.client,
            handover_id=draft.state.id,
            field="type",
            rule=rule,
        )
        return
    if any(parts.client_of(n) == reply.client and n != name for n in draft.state.parts):
        return
    action = reply.action or _ACTIONS.get(draft.accepted.right, Action.EXPORT)
    right = {Action.ERASE: Right.DELETE, Action.CORRECT: Right.CORRECT}.get(action, Right.KNOW_SPECIFIC)
    brand = draft.accepted.brand
    for system, planned in draft.facts.systems.plan(brand=brand, right=right, client=reply.client).items():
        draft.state = draft.state.with_part(parts.system(system, reply.client), action=planned.action)
    draft.state = draft.state.with_part(name, until=draft.last_moment, waits=f"{Party.SYSTEM}:{reply.client}")
