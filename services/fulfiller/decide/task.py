"""The second stage: a task for a system we run a connector for becomes one effect, once per attempt. Pure."""

from datetime import datetime
from typing import Any, Final

from schemas.base import Due
from schemas.events import TaskAssigned
from services.kernel.decision import Decision, Effect, State

TASK: Final = "task"


class TaskRun(State):
    """One request's tasks that were taken up, by part and attempt."""

    taken: frozenset[str] = frozenset()


def take_up(state: TaskRun, event: TaskAssigned | Due, _facts: None, _now: datetime) -> Decision[TaskRun]:
    """Turn an assignment into the effect that carries it out."""
    if isinstance(event, Due):
        return Decision(state)
    name = f"{event.part}/{event.attempt}"
    if name in state.taken:
        return Decision(state)
    body: dict[str, Any] = event.model_dump(mode="json", exclude={"event_id", "occurred_at", "causation_id"})
    effect = Effect(TASK, event.request_id, event.case_id, name, body, lane=event.system)
    return Decision(state.but(taken=state.taken | {name}), effects=(effect,))
