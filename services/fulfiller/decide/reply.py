"""A client's word about a hand-over: proven by its token; good, late and repeated ones change no other part."""

from typing import Final

from rules import parts
from schemas.clients import ClientHeard
from schemas.events import ReplyError
from schemas.values import Action, Mode, Outcome, PartEnd, Party, Right, Waiting
from services.fulfiller.decide.clients import arrive
from services.fulfiller.decide.draft import GRACE, Draft
from services.fulfiller.decide.facts import Reply
from services.fulfiller.decide.plan import plan_told
from services.fulfiller.decide.result import ForgedToken, UnknownPart, amend

_ENDS: Final = {"completed": Outcome.COMPLETED, "refused": Outcome.REFUSED, "not_ours": Outcome.NOT_OURS}
_ACTIONS: Final = {Right.DELETE: Action.ERASE, Right.CORRECT: Action.CORRECT}
_MOST_ERRORS: Final = 5


def hear(draft: Draft, event: Reply) -> None:
    """Take a client at its word about its own part, or tell it what it said wrong.

    Raises:
        UnknownPart: no request of that id was handed over to that client.
        ForgedToken: the token is not the one this client was given; nothing changes for anybody.
    """
    reply = event.body
    client = reply.client if reply else event.client
    name = parts.handover(client)
    if name not in draft.state.parts:
        raise UnknownPart
    if reply is None:
        for problem in event.problems[:_MOST_ERRORS]:
            _wrong(draft, client, problem.field, problem.rule)
        return
    if not draft.facts.same(draft.facts.token(name, draft.state.id, client), reply.reply_token):
        raise ForgedToken
    _take(draft, client, (reply.type, reply.action, reply.reason))


def overhear(draft: Draft, event: ClientHeard) -> None:
    """Take what a client said by another way than its replies; our own services vouch for it.

    Raises:
        UnknownPart: no request of that id was handed over to that client.
    """
    name = parts.handover(event.client)
    if name not in draft.state.parts:
        raise UnknownPart
    if event.said == "delivered":
        arrive(draft, name)
    elif event.said != "unreachable":
        _take(draft, event.client, (event.said, event.action, event.reason))
    elif not draft.state.ended(name) and draft.state.parts[name].party is Party.CLIENT:
        draft.wait(name, Party.OPERATOR, Waiting.REVIEW, draft.last_moment, who=event.client)


def _take(draft: Draft, client: str, said: tuple[str, Action | None, str | None]) -> None:
    name, (word, action, reason) = parts.handover(client), said
    arrive(draft, name)
    if not draft.state.parts[name].received:
        draft.state = draft.state.with_part(name, received=True, remind_at=None)
    if word in _ENDS:
        _end(draft, name, PartEnd(outcome=_ENDS[word], reason=reason))
    elif word == "instruct" and not draft.state.ended(name):
        _instruct(draft, client, action or _ACTIONS.get(draft.accepted.right, Action.EXPORT))


def _end(draft: Draft, name: str, end: PartEnd) -> None:
    if draft.state.ended(name):
        amend(draft, name, end)
    else:
        draft.state = draft.state.ending(name, end)


def _instruct(draft: Draft, client: str, action: Action) -> None:
    """Do what a client tells us with its records of this person; only for clients we act for, and once."""
    if draft.state.clients[client].mode is not Mode.ACT_FOR_ME:
        rule = "only clients with `act_for_me` can instruct; reply completed, refused or not_ours"
        _wrong(draft, client, "type", rule)
    elif draft.state.parts[parts.handover(client)].waiting is not Waiting.TASK:
        act(draft, client, action)


def act(draft: Draft, client: str, action: Action) -> None:
    """Open one part per system that holds records of this client, and the last one: its package, or the forgetting."""
    right = {Action.ERASE: Right.DELETE, Action.CORRECT: Right.CORRECT}.get(action, Right.KNOW_SPECIFIC)
    planned = draft.facts.systems.plan(brand=draft.accepted.brand, right=right, client=client)
    for system, one in planned.items():
        draft.state = draft.state.with_part(parts.system(system, client), action=one.action)
    if action is Action.ERASE:
        plan_told(draft, right, planned, client)
    last = {Action.ERASE: "suppress", Action.EXPORT: "package"}.get(action)
    if last and planned:
        draft.state = draft.state.with_part(parts.system(last, client), action=action)
    draft.wait(parts.handover(client), Party.SYSTEM, Waiting.TASK, draft.last_moment + 2 * GRACE, who=client)


def _wrong(draft: Draft, client: str, field: str, rule: str) -> None:
    draft.tell_of(client, ReplyError, on=f"{client}/{field}", field=field, rule=rule)
