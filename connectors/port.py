"""What a connector is given, and what it must answer. Plain values; safe to repeat with the same task id."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol, runtime_checkable
from uuid import UUID

from schemas.values import Action, Medium, Outcome, Party, Retained, Right


@dataclass(frozen=True, slots=True)
class CorrectionTask:
    """One field to be set right."""

    field: str
    new: str


@dataclass(frozen=True, slots=True)
class Task:
    """One thing one system is asked to do about one person's records.

    `keys` are the person's record keys in this system; none means the directory knows no record there.
    `media` says by what marketing stops, where `preference` is about marketing; none: by everything.
    `client` limits the task to rows of that client; None means the company's own rows. `since` and
    `until` are the first and the last day asked for. `today` lets a system erase what it had to keep until a day that
    has passed; None: none has.
    `reference` is what the connector itself said of this task before, with `Pending`; empty the first time.
    `law`, `received_at` and `deadline` are for systems that must be told them, such as another company's.
    """

    task_id: UUID
    request_id: str
    system: str
    action: Action
    keys: tuple[Mapping[str, str], ...] = ()
    client: str | None = None
    corrections: tuple[CorrectionTask, ...] = ()
    preference: Right | None = None
    media: tuple[Medium, ...] = ()
    since: date | None = None
    until: date | None = None
    today: date | None = None
    reference: str = ""
    law: str = ""
    received_at: datetime | None = None
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """How a task ended, with counts per personal-data category."""

    task_id: UUID
    outcome: Outcome
    counts: Mapping[str, int] = field(default_factory=dict)
    retained: tuple[Retained, ...] = ()


@dataclass(frozen=True, slots=True)
class Trouble:
    """A task could not be done; `retry` says whether trying again may help. `code` never holds content.

    `wait` is how long the system asked to be left alone, if it did.
    """

    task_id: UUID
    retry: bool
    code: str
    wait: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """The system took the task on and will answer later; this is no failure.

    Give the task again after `check_in`, with `reference`. Zero means at once, as soon as the reference is safe: a
    note to oneself before a step whose having been done cannot be seen afterwards. None means that nobody need ask:
    the end will be told by `party`, the system itself on its topic or an operator.
    """

    task_id: UUID
    check_in: timedelta | None
    reference: str = ""
    party: Party = Party.SYSTEM


Answer = Receipt | Trouble | Pending


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check of a live system found: what, where, and whether it must be mended before use."""

    system: str
    where: str
    what: str
    serious: bool
    kind: Literal["other", "uncovered"] = "other"
    """`uncovered`: looks personal, and the data map does not speak of it."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some exported rows of one task, all of one table or kind."""

    task_id: UUID
    category: str
    table: str
    rows: Sequence[Mapping[str, Any]]


class Sink(Protocol):
    """Where exported rows go, in chunks."""

    async def write(self, chunks: Sequence[Chunk]) -> None:
        """Take chunks, in order; returns when all of them are safe."""
        ...


class System(Protocol):
    """One system that holds personal data."""

    @property
    def name(self) -> str:
        """Lower case and stable, as in the data map."""
        ...

    @property
    def keeps_ledger(self) -> bool:
        """Whether it remembers finished tasks by itself. Where not, that is done for it."""
        ...

    async def perform(self, tasks: Sequence[Task], sink: Sink) -> Sequence[Answer]:
        """Carry tasks out; one answer each, in order.

        A change is made once: the same task id again gives the same receipt. An export is written anew.
        """
        ...

    async def check(self) -> list[Finding]:
        """Compare the data map with the live system."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


@runtime_checkable
class Recallable(Protocol):
    """A system that can be told to forget a task it has not begun."""

    async def recall(self, task: Task) -> bool:
        """Take a pending task back; whether the system agreed. Safe to repeat, and when it is too late."""
        ...


@dataclass(frozen=True, slots=True)
class Limit:
    """What of a system's tables is over, and whose rows stay all the same.

    `first_kept` is, per table, the first day whose rows stay: older ones are over. `spared` are record keys, by the
    directory's name for the key. `today` lets go of single fields that had to be kept until a day that has passed.
    """

    first_kept: Mapping[str, date]
    spared: Mapping[str, frozenset[str]]
    today: date


@dataclass(frozen=True, slots=True)
class Overdue:
    """What of one table is over: how many rows, and the oldest one's day. `trouble` says why they could not go."""

    table: str
    rows: int
    oldest: date | None = None
    trouble: str = ""


class SystemAway(Exception):
    """A system cannot be reached at the moment; says which, and the kind of fault."""

    def __init__(self, system: str, kind: str) -> None:
        super().__init__(f"{system} cannot be reached: {kind}")
        self.system = system


@runtime_checkable
class Purgeable(Protocol):
    """A system that can let go of the company's own rows by their age."""

    async def purge(self, limit: Limit, *, apply: bool) -> Sequence[Overdue]:
        """Say what is over, table by table in their order; with `apply` do to it what a deletion would do.

        Rows a client owns, rows without a day and rows of nobody are none of its business.
        """
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """A record key found in the live system, and the newest day on which something was written there, if known.

    `live` says that a deletion would change something: rows that are masked, or kept by an exception, are not.
    """

    keys: Mapping[str, str]
    newest: date | None
    live: bool = True


@runtime_checkable
class Scannable(Protocol):
    """A system whose record keys can be listed, to see whether something came back that had gone."""

    def scan(self) -> AsyncIterator[Sequence[Found]]:
        """Every record key there is, in batches."""
        ...
