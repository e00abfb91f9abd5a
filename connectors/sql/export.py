"""Read a person's rows as a stream. What must never be disclosed is replaced by the word that it is held."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from pydantic_core import to_jsonable_python

from connectors.port import Task
from connectors.sql.account import Accounts
from connectors.sql.bound import Bound, Key, Owners
from schemas.values import Outcome

ROWS: Final = 1_000
"""Rows per chunk; no more of one person are held in memory at once."""

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of one table for one task, as the sink takes them."""

    task_id: UUID
    category: str
    table: str
    rows: list[Row]


@dataclass(slots=True)
class _Gathering:
    """Rows per task until there are enough, or no more can come. Chunks depend on the task's own rows only."""

    bound: Bound
    open_keys: dict[UUID, int]
    rows: dict[UUID, list[Row]] = field(default_factory=dict)

    def add(self, task: Task, row: Row) -> Iterator[Chunk]:
        some = self.rows.setdefault(task.task_id, [])
        some.append(row)
        if len(some) >= ROWS:
            yield self._take(task.task_id)

    def leave(self, tasks: Iterator[Task]) -> Iterator[Chunk]:
        """One of these tasks' keys is behind us."""
        for task in tasks:
            self.open_keys[task.task_id] -= 1
            if not self.open_keys[task.task_id] and self.rows.get(task.task_id):
                yield self._take(task.task_id)

    def rest(self) -> Iterator[Chunk]:
        yield from [self._take(task_id) for task_id, some in self.rows.items() if some]

    def _take(self, task_id: UUID) -> Chunk:
        some, self.rows[task_id] = self.rows[task_id], []
        return Chunk(task_id, self.bound.declared.category, self.bound.declared.name, some)


def export(db: sa.Connection, bound: Bound, owners: Owners, accounts: Accounts) -> Iterator[Chunk]:
    """Read the owners' rows of one table, chunk by chunk, in one statement."""
    open_keys: dict[UUID, int] = {}
    for tasks in owners.values():
        for task in tasks:
            open_keys[task.task_id] = open_keys.get(task.task_id, 0) + 1
    gathering, last = _Gathering(bound, open_keys), None
    for key, row in _read(db, bound, owners):
        if last is not None and key != last:
            yield from gathering.leave(iter(owners.get(last, ())))
        last = key
        for task in owners.get(key, ()):
            if _wanted(task, bound, row):
                accounts[task.task_id].add(bound.declared.categories, 1, Outcome.EXPORTED)
                yield from gathering.add(task, _disclosed(bound, row))
    yield from gathering.rest()


def _read(db: sa.Connection, bound: Bound, owners: Owners) -> Iterator[tuple[Key, Mapping[str, Any]]]:
    names = dict.fromkeys([*bound.declared.fields, *([bound.day.name] if bound.day is not None else [])])
    shown = [bound.table.c[name] for name in names]
    order = [*bound.identity(), *bound.table.primary_key.columns]
    query = sa.select(*bound.identity(), *(column.label(f"_{column.name}") for column in shown))
    query = query.where(bound.where(db, owners)).order_by(*order)
    skip = len(bound.identity())
    for row in db.execute(query, execution_options={"yield_per": ROWS}):
        yield bound.key_of(row), dict(zip(names, row[skip:], strict=True))


def _wanted(task: Task, bound: Bound, row: Mapping[str, Any]) -> bool:
    day = row[bound.day.name] if bound.day is not None else None
    day = day.date() if isinstance(day, datetime) else day
    return not (task.since and isinstance(day, date) and day < task.since)


def _disclosed(bound: Bound, row: Mapping[str, Any]) -> Row:
    shown: Row = {}
    for name, value in row.items():
        about = bound.declared.fields.get(name)
        held = about is not None and about.disclose == "held" and value is not None
        shown[name] = {"held": True, "type": (about.type if about else None) or name} if held else value
    plain: Row = to_jsonable_python(shown, fallback=str, bytes_mode="base64")
    return plain
