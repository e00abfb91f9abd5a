"""The second stage: a task for a system we run a connector for becomes one effect, once per attempt. Pure.

What others stopped is taken back as far as it has not begun, and what participants export is gathered piece by piece.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rules import parts
from schemas.base import Due
from schemas.events import RequestAmended, RequestClosed, TaskAssigned
from schemas.values import Outcome
from services.fulfiller.decide.pieces import Piece, Pieces, gather_piece
from services.kernel.decision import Decision, Effect, State

TASK: Final = "task"
RECALL: Final = "recall"
_NOT_BY_THE_SYSTEM: Final = frozenset({Outcome.WITHDRAWN, Outcome.DENIED, Outcome.SKIPPED, Outcome.COMPLETED})
"""Ends a part can have while its task still waits."""


class TaskRun(State):
    """One request's tasks: which were taken up, by part and attempt; which parts others ended; what was uploaded."""

    taken: frozenset[str] = frozenset()
    stopped: frozenset[str] = frozenset()
    closed: bool = False
    pieces: dict[str, Pieces] = {}


@dataclass(frozen=True, slots=True)
class TaskFacts:
    """How a participant's token is known."""

    token: Callable[[str, str, str], str]
    same: Callable[[str, str], bool]


type_event = TaskAssigned | RequestClosed | RequestAmended | Piece | Due


def take_up(state: TaskRun, event: type_event, facts: TaskFacts | None, now: datetime) -> Decision[TaskRun]:
    """Answer one event about the tasks of one request.

    Raises:
        ForgedToken: a piece without the token its part's addressee was given.
    """
    match event:
        case TaskAssigned():
            return _assigned(state, event)
        case RequestClosed():
            return _closed(state, event)
        case Piece() if facts:
            return _piece(state, event, facts, now)
        case _:
            return Decision(state)


def _assigned(state: TaskRun, event: TaskAssigned) -> Decision[TaskRun]:
    """Turn an assignment into the effect that carries it out, unless its part was stopped meanwhile."""
    name = f"{event.part}/{event.attempt}"
    if name in state.taken or event.part in state.stopped:
        return Decision(state)
    body: dict[str, Any] = event.model_dump(mode="json", exclude={"event_id", "occurred_at", "causation_id"})
    effect = Effect(TASK, event.request_id, event.case_id, name, body, lane=event.system)
    return Decision(state.but(taken=state.taken | {name}), effects=(effect,))


def _closed(state: TaskRun, event: RequestClosed) -> Decision[TaskRun]:
    """Take back what was taken up for parts that others ended."""
    stopped = {name for name, end in event.parts.items() if parts.is_task(name) and end.outcome in _NOT_BY_THE_SYSTEM}
    left = sorted(name for name in state.taken if name.rpartition("/")[0] in stopped - state.stopped)
    effects = tuple(_recall(event, name) for name in left)
    return Decision(state.but(closed=True, stopped=state.stopped | stopped), effects=effects)


def _recall(event: RequestClosed, name: str) -> Effect:
    task = Effect(TASK, event.request_id, event.case_id, name, {})
    system = parts.system_of(name.rpartition("/")[0]) or ""
    body = {"effect": str(task.id), "system": system}
    return Effect(RECALL, event.request_id, event.case_id, name, body, lane=system)


def _piece(state: TaskRun, piece: Piece, facts: TaskFacts, now: datetime) -> Decision[TaskRun]:
    """Keep a piece that is new, and tell the end when it was the last; after the close nothing more is kept."""
    so_far = state.pieces.get(piece.part, Pieces())
    gathered, events, secrets = gather_piece(so_far, piece, facts.token, facts.same, now)
    if state.closed or gathered == so_far:
        return Decision(state)
    return Decision(state.but(pieces=state.pieces | {piece.part: gathered}), events, secrets=secrets)
