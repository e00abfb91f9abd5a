"""Ask systems, each when what must come before it has ended."""

from typing import Final
from uuid import UUID, uuid5

from rules import parts
from schemas.events import TaskAssigned
from schemas.values import OPT_OUTS, Action, Party, Right, Waiting
from services.fulfiller.decide.draft import GRACE, Draft

_LAST: Final = parts.BUILT_IN
"""What comes when every declared system of the same scope has answered."""
_BUILT_IN: Final = {"package": Action.EXPORT, "suppress": Action.APPLY}
_MEANT: Final = {Action.ERASE: Right.DELETE, Action.EXPORT: Right.KNOW_SPECIFIC, Action.CORRECT: Right.CORRECT}
"""The right a client's instruction amounts to."""


def assign(draft: Draft) -> None:
    """Assign every pending system part whose predecessors have ended and that was not assigned before."""
    if draft.state.stop is not None:
        return
    for name in draft.state.pending():
        system = parts.system_of(name)
        if system and not draft.state.parts[name].attempt and _may_begin(draft, name, system):
            give(draft, name, system)


def give(draft: Draft, name: str, system: str) -> None:
    """Assign one part's task; a further attempt carries the same task id and token.

    The assignment itself says who is waited for and until when.
    """
    attempt, action = draft.state.parts[name].attempt + 1, draft.state.parts[name].action
    client, accepted = parts.client_of(name), draft.accepted
    until = max(draft.last_moment, draft.now + GRACE)
    draft.state = draft.state.with_part(
        name, attempt=attempt, until=until, party=Party.SYSTEM, who=system, waiting=Waiting.TASK
    )
    draft.tell(
        TaskAssigned, on=f"{name}/{attempt}", task_id=str(uuid5(UUID(draft.state.id), name)), system=system, part=name,
        action=_BUILT_IN.get(system) or action or Action.APPLY, right=_right(draft, name), brand=accepted.brand,
        subjects=_subjects(draft, client), client=None if parts.is_copies(name) else client, attempt=attempt,
        deadline=until, law=accepted.law, received_at=accepted.received_at, since=None if client else accepted.since,
        reply_token=draft.facts.token(name, draft.state.id, system),
    )  # fmt: skip


def _right(draft: Draft, name: str) -> Right:
    """The right behind a part: the request's own, or what its client's instruction amounts to."""
    action = draft.state.parts[name].action
    if parts.client_of(name) is None:
        return draft.right
    return _MEANT.get(action, draft.accepted.right) if action else draft.accepted.right


def _subjects(draft: Draft, client: str | None) -> list[str]:
    """Whose records: the person verified, those a preference applies to, or the recipient as this client knows them."""
    if client:
        return draft.state.clients[client].subjects
    return [draft.state.subject] if draft.state.subject else draft.accepted.subjects


def _may_begin(draft: Draft, name: str, system: str) -> bool:
    """Other requests of the case, holds and the waiting period first; then systems in their declared order."""
    state, client, right = draft.state, parts.client_of(name), draft.accepted.right
    if client is None and any(_gates(other) for other in state.pending()):
        return False
    if system == "suppress" and right in OPT_OUTS:
        return True
    same_scope = {s: n for n in state.parts if (s := parts.system_of(n)) and _scope(n) == _scope(name)}
    if system in _LAST:
        before = {s for s in same_scope if s not in _LAST}
    else:
        whose = None if parts.is_copies(name) else client
        planned = draft.facts.systems.plan(brand=draft.accepted.brand, right=_right(draft, name), client=whose)
        before = set(planned[system].after) if system in planned else set()
    return all(state.ended(same_scope[other]) for other in before if other in same_scope)


def _scope(name: str) -> tuple[str | None, bool]:
    """Whose records a part is about: only parts of one scope wait for each other."""
    return parts.client_of(name), parts.is_copies(name)


def _gates(name: str) -> bool:
    return parts.is_after(name) or parts.is_hold(name) or name in {parts.PERIOD, parts.VERIFICATION}
