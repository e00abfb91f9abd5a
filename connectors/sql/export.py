"""Read people's rows as a stream. What must never be disclosed is replaced by the word that it is held."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from connectors.account import Accounts
from connectors.port import Chunk, Task
from connectors.reach import disclosed, recent_enough
from connectors.sql.bound import Bound, Owners
from schemas.values import Outcome

ROWS: Final = 1_000
"""Rows per chunk; no more of one person are held in memory at once."""

Row = dict[str, Any]


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

    def leave(self, tasks: Iterable[Task]) -> Iterator[Chunk]:
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
    gathering, mark, tasks = _Gathering(bound, open_keys), None, list[Task]()
    width = len(bound.identity()) if bound.declared.use == "client" else 1
    for identity, day, row in _read(db, bound, owners):
        if mark != identity[:width]:
            yield from gathering.leave(tasks)
            mark, tasks = identity[:width], bound.asked(owners, identity)
        for task in tasks:
            if recent_enough(task, day):
                accounts[task.task_id].add(bound.declared.categories, 1, Outcome.EXPORTED)
                yield from gathering.add(task, disclosed(bound.declared.fields, row))
    yield from gathering.rest()


def _read(db: sa.Connection, bound: Bound, owners: Owners) -> Iterator[tuple[tuple[Any, ...], Any, Mapping[str, Any]]]:
    """Whose each row is, its day, and the row; rows of one key follow each other."""
    own_day = [bound.declared.date_column] if bound.declared.date_column else []
    names = list(dict.fromkeys([*bound.declared.fields, *own_day]))
    day = bound.day.label("_day") if bound.day is not None else sa.null()
    shown = [bound.table.c[name].label(f"_{number}") for number, name in enumerate(names)]
    order = [*bound.identity(), *bound.table.primary_key.columns]
    query = sa.select(*bound.identity(), day, *shown).select_from(bound.source)
    query, width = query.where(bound.where(db, owners)).order_by(*order), len(bound.identity())
    for row in db.execute(query, execution_options={"yield_per": ROWS}):
        yield tuple(row[:width]), row[width], dict(zip(names, row[width + 1 :], strict=True))
