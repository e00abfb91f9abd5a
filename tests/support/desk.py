"""A fulfiller's desk in one hand: events in, one after the other; what was told, kept."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from rules.handbook import Handbook
from schemas.base import Event
from schemas.events import TaskAssigned
from schemas.values import Outcome, Right
from services.fulfiller.decide import Facts, Fulfilment, decide
from services.fulfiller.decide.state import Part
from services.kernel.decision import Effect
from tests.support.values import NOON, REQUEST, E, a_result, a_waking, around, of


class Desk:
    """Feeds events into the fulfiller's decision and remembers all it told; `last` is what the last one led to."""

    def __init__(self, *events: Any, facts: Facts | None = None, now: datetime = NOON) -> None:
        self.state, self.facts, self.now = Fulfilment.stub(REQUEST), facts or around("acorn"), now
        self.told: list[Event] = []
        self.effects: list[Effect] = []
        self.last: tuple[Event, ...] = ()
        for event in events:
            self.hear(event)

    def hear(self, event: Any) -> "Desk":
        """Decide on one event."""
        decision = decide(self.state, event, self.facts, self.now)
        assert decision.state is self.state or decision.due_at == decision.state.due_at
        self.state = decision.state.but(version=self.state.version + 1)
        self.last = decision.events
        self.told += decision.events
        self.effects += decision.effects
        return self

    def wake(self) -> "Desk":
        """Let time pass until the state asked to be woken."""
        due = self.state.due_at
        assert due is not None, "it sleeps for good"
        self.now = max(self.now, due)
        return self.hear(a_waking(REQUEST, due, self.state.version))

    def finish(self, *outcomes: Outcome, **fields: Any) -> "Desk":
        """Let every system answer its task, and those that follow, with the outcome given or its usual one."""
        for task in self.open_tasks():
            usual = {"erase": Outcome.ERASED, "export": Outcome.EXPORTED, "correct": Outcome.CORRECTED}
            outcome = outcomes[0] if outcomes else usual.get(task.action, Outcome.APPLIED)
            gone = {"counts": {"directory": 1}} if (task.system, task.right) == ("suppress", Right.DELETE) else {}
            self.hear(a_result(task, outcome, **{**gone, **fields}))
        return self

    def open_tasks(self) -> Iterator[TaskAssigned]:
        """The tasks assigned and not ended; those that follow from an answer come in turn."""
        done: set[str] = set()
        while tasks := [t for t in of(TaskAssigned, self.told) if t.part not in done and not self.state.ended(t.part)]:
            done.add(tasks[0].part)
            yield tasks[0]

    def part(self, name: str) -> Part:
        """One part as it stands."""
        return self.state.parts[name]

    def outcome(self, name: str) -> Outcome | None:
        """How one part ended."""
        return self.state.outcome(name)

    def why(self, name: str) -> str | None:
        """The reason with which one part ended."""
        end = self.state.parts[name].end
        return end.reason if end else None

    def all(self, kind: type[E]) -> list[E]:
        """Every event of one class so far."""
        return of(kind, self.told)

    def one(self, kind: type[E]) -> E:
        """The one event of its class."""
        [event] = self.all(kind)
        return event

    def systems(self) -> list[str]:
        """The systems asked so far, in order."""
        return [task.system for task in self.all(TaskAssigned)]


def with_windows(facts: Facts, **windows: timedelta) -> Facts:
    """The same facts, brands waiting otherwise."""
    brands = {
        name: brand.model_copy(update={"windows": brand.windows.model_copy(update=windows)})
        for name, brand in facts.handbook.brands.items()
    }
    fields = {name: getattr(facts.handbook, name) for name in Handbook.__dataclass_fields__}
    handbook = Handbook(**{**fields, "brands": brands})
    return replace(facts, handbook=handbook)
