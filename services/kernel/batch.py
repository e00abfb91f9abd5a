"""One batch in hand: its messages, the states they concern, and what follows from them. Values, collected in order."""

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from psycopg.rows import TupleRow

from schemas.topics import topic_of
from schemas.wire import Record
from services.kernel.decision import Count, Effect, State
from services.kernel.store import Conn, Outgoing
from services.kernel.tracing import trace_of

S = TypeVar("S", bound=State)


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One message: what it says, whom it concerns, where it came from (None: a state was woken)."""

    event: Any
    ids: tuple[str, ...]
    record: Record | None = None
    unreadable: Exception | None = None

    @property
    def trace(self) -> str | None:
        """The trace this message belongs to."""
        return trace_of(self.record) if self.record else None

    @property
    def outside(self) -> bool:
        """Whether somebody outside wrote it: no such message, nor any number of them, may stop us."""
        return self.record is not None and topic_of(self.record.topic).outside


@dataclass(slots=True)
class Batch(Generic[S]):
    """One transaction's work. States are rows until first asked for: one that cannot be read is its messages' fault."""

    conn: Conn
    rows: dict[str, TupleRow]
    states: dict[str, S] = field(default_factory=dict)
    faults: dict[Item, Exception] = field(default_factory=dict)


@dataclass(slots=True)
class Changes(Generic[S]):
    """What follows from some messages, collected before it is written. `due` names the states that changed.

    `faults` are messages no decision could be made about; nothing of theirs is in the rest.
    """

    states: dict[str, S] = field(default_factory=dict)
    due: dict[str, datetime | None] = field(default_factory=dict)
    out: list[Outgoing] = field(default_factory=list)
    effects: list[tuple[Effect, str | None]] = field(default_factory=list)
    counters: list[Count] = field(default_factory=list)
    secrets: dict[tuple[str, str], bytes] = field(default_factory=dict)
    faults: dict[Item, Exception] = field(default_factory=dict)


def first_of_each(items: Iterable[Item], fresh: Container[UUID]) -> list[Item]:
    """The messages not seen before, each once, in order."""
    found: dict[UUID, Item] = {}
    for item in items:
        if item.event.event_id in fresh:
            found.setdefault(item.event.event_id, item)
    return list(found.values())
