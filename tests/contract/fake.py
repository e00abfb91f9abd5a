"""A system made of dictionaries, and a memory: they keep the promises real ones keep."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from connectors.account import open_accounts
from connectors.port import Answer, Finding, Receipt, Sink, Task, Trouble
from connectors.rows import Row
from connectors.shelf import ShelfWork
from connectors.systems import SystemMap
from schemas.values import Action
from tests.contract.company import NOBODY


class Drawer:
    """A system without a ledger. `away` makes it unreachable."""

    keeps_ledger = False

    def __init__(self, name: str, declared: SystemMap, tables: Mapping[str, list[dict[str, Any]]]) -> None:
        self.name, self.tables, self.away = name, {k: [dict(row) for row in v] for k, v in tables.items()}, False
        self.work = ShelfWork(declared, self)

    def read(self, table: str) -> Iterator[Row]:
        return iter(list(self.tables[table]))

    def replace(self, table: str, rows: Iterable[Row]) -> None:
        self.tables[table] = list(rows)

    async def perform(self, tasks: Sequence[Task], sink: Sink) -> list[Answer]:
        return [await self._one(task, sink) for task in tasks]

    async def _one(self, task: Task, sink: Sink) -> Answer:
        if self.away or any(c.new == NOBODY for c in task.corrections):
            return Trouble(task.task_id, retry=self.away, code="unavailable" if self.away else "system_refused")
        if task.action is not Action.EXPORT:
            return self.change(task)
        accounts = open_accounts([task])
        for chunks in self.work.export([task], accounts):
            await sink.write(chunks)
        return accounts[task.task_id].receipt(task)

    def change(self, task: Task) -> Receipt:
        [receipt] = self.work.receipts([task])
        self.work.rewrite([task])
        return receipt

    async def check(self) -> list[Finding]:
        return []

    async def close(self) -> None:
        pass


class Memo:
    """A memory for one test."""

    def __init__(self) -> None:
        self.notes: dict[UUID, bytes] = {}

    async def recall(self, tasks: Sequence[Task]) -> dict[UUID, bytes]:
        return {task.task_id: self.notes[task.task_id] for task in tasks if task.task_id in self.notes}

    async def note(self, notes: Mapping[UUID, tuple[Task, bytes]]) -> None:
        self.notes |= {task_id: note for task_id, (_, note) in notes.items()}
