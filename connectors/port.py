"""What a connector is given, and what it must answer. Plain values; safe to repeat with the same task id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from schemas.values import Action, Outcome, Retained, Right


@dataclass(frozen=True, slots=True)
class CorrectionTask:
    """One field to be set right."""

    field: str
    new: str


@dataclass(frozen=True, slots=True)
class Task:
    """One thing one system is asked to do about one person's records.

    `keys` are the person's record keys in this system; none means the directory knows no record there.
    `client` limits the task to rows of that client; None means the company's own rows. `since` leaves out
    what is older. `today` lets a system erase what it had to keep until a day that has passed; None: none has.
    """

    task_id: UUID
    request_id: str
    system: str
    action: Action
    keys: tuple[Mapping[str, str], ...] = ()
    client: str | None = None
    corrections: tuple[CorrectionTask, ...] = ()
    preference: Right | None = None
    since: date | None = None
    today: date | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """How a task ended, with counts per personal-data category."""

    task_id: UUID
    outcome: Outcome
    counts: Mapping[str, int] = field(default_factory=dict)
    retained: tuple[Retained, ...] = ()


@dataclass(frozen=True, slots=True)
class Trouble:
    """A task could not be done; `retry` says whether trying again may help. `code` never holds content."""

    task_id: UUID
    retry: bool
    code: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing a check of a live system found: what, where, and whether it must be mended before use."""

    system: str
    where: str
    what: str
    serious: bool


class Sink(Protocol):
    """Where exported rows go, in chunks."""

    async def write(self, task_id: UUID, category: str, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take a chunk of rows; returns when it is safe."""
        ...


class System(Protocol):
    """One system that holds personal data."""

    @property
    def name(self) -> str:
        """Lower case and stable, as in the data map."""
        ...

    async def perform(self, tasks: Sequence[Task], sink: Sink) -> list[Receipt | Trouble]:
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
