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
        if parts.is_task(name) and not draft.state.parts[name].attempt and _may_begin(draft, name):
            give(draft, name)


def give(draft: Draft, name: str) -> None:
    """Assign one part's task; a further attempt carries the same task id and token.

    The assignment itself says who is waited for and until when.
    """
    part, client, accepted = draft.state.parts[name], parts.client_of(name), draft.accepted
    attempt, action, telling = part.attempt + 1, part.action, part.telling
    system = telling.through if telling else parts.system_of(name) or ""
    until = max(draft.last_moment, draft.now + GRACE)
    until = min(until, draft.now + telling.within) if telling else until
    draft.state = draft.state.with_part(
        name, attempt=attempt, until=until, party=Party.SYSTEM, who=system, waiting=Waiting.TASK
    )
    draft.tell(
        TaskAssigned, on=f"{name}/{attempt}", task_id=str(uuid5(UUID(draft.state.id), name)), system=system, part=name,
        action=_BUILT_IN.get(system) or action or Action.APPLY, right=_right(draft, name), brand=accepted.brand,
        subjects=_subjects(draft, client), client=None if parts.is_copies(name) else client, attempt=attempt,
        keys_from=telling.keys_from if telling else [], deadline=until, law=accepted.law,
        received_at=accepted.received_at, media=[] if client else accepted.media, since=None if client else draft.since,
        until=None if client else accepted.until,
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


def _may_begin(draft: Draft, name: str) -> bool:
    """Other requests of the case, holds and the waiting period first; then systems in their declared order."""
    state, client, system = draft.state, parts.client_of(name), parts.system_of(name)
    if client is None and any(_gates(other) for other in state.pending()):
        return False
    if system is None or (system == "suppress" and draft.accepted.right in OPT_OUTS):
        return True
    same_scope = [n for n in state.parts if parts.is_task(n) and _scope(n) == _scope(name)]
    if system in _LAST:
        return all(state.ended(n) for n in same_scope if parts.system_of(n) not in _LAST)
    whose = None if parts.is_copies(name) else client
    planned = draft.facts.systems.plan(brand=draft.accepted.brand, right=_right(draft, name), client=whose)
    before = planned[system].after if system in planned else ()
    return all(state.ended(n) for n in same_scope if parts.system_of(n) in before)


def _scope(name: str) -> tuple[str | None, bool]:
    """Whose records a part is about: only parts of one scope wait for each other."""
    return parts.client_of(name), parts.is_copies(name)


def _gates(name: str) -> bool:
    return parts.is_after(name) or parts.is_hold(name) or name in {parts.PERIOD, parts.VERIFICATION, parts.HANDOVERS}
