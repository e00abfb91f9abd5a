"""One folder behind one entry of the data map."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from connectors.account import open_accounts
from connectors.files.check import find_gaps
from connectors.files.formats import WrongFile, file_of, read, replace
from connectors.files.ledger import FolderLedger
from connectors.port import (
    Answer,
    Chunk,
    Finding,
    Found,
    Limit,
    Overdue,
    Receipt,
    Sink,
    SystemAway,
    Task,
    Trouble,
)
from connectors.rows import Row
from connectors.shelf import ShelfWork
from connectors.systems import SystemMap
from schemas.values import Action


class FolderAway(Exception):
    """The folder cannot be read or written at the moment."""


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise FolderAway from None


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of a folder as tables."""

    path: Path

    def read(self, table: str) -> Iterator[Row]:
        """Every row of a table's file, in order."""
        return read(self._file(table))

    def replace(self, table: str, rows: Iterable[Row]) -> None:
        """Put a new file in the place of a table's."""
        replace(self._file(table), rows)

    def _file(self, table: str) -> Path:
        found = file_of(self.path, table)
        if found is None:
            raise WrongFile(f"{table}: there is no such file") if self.path.is_dir() else FileNotFoundError
        return found


class FilesSystem:
    """One folder of files."""

    keeps_ledger = True

    def __init__(self, name: str, declared: SystemMap, folder: Path) -> None:
        self._name, self._map, self._folder = name, declared, folder
        self._work, self._ledger = ShelfWork(declared, Folder(folder)), FolderLedger(folder)

    @property
    def name(self) -> str:
        """The system's name in the data map."""
        return self._name

    async def perform(self, tasks: Sequence[Task], sink: Sink) -> list[Answer]:
        """Carry changes out together, one reading and one writing of each file; then read for exports."""
        unique = list({task.task_id: task for task in tasks}.values())
        changes = [task for task in unique if task.action is not Action.EXPORT]
        exports = [task for task in unique if task.action is Action.EXPORT]
        try:
            done = await asyncio.to_thread(self._change, changes) if changes else {}
            done |= await self._export(exports, sink) if exports else {}
        except WrongFile:
            return [Trouble(task.task_id, retry=False, code="misconfigured") for task in tasks]
        except FolderAway:
            return [Trouble(task.task_id, retry=True, code="system_unavailable") for task in tasks]
        return [done[task.task_id] for task in tasks]

    async def check(self) -> list[Finding]:
        """Compare the data map with the files."""
        return await asyncio.to_thread(find_gaps, self._name, self._map, self._folder)

    async def close(self) -> None:
        """Nothing is kept open."""

    async def scan(self) -> AsyncIterator[Sequence[Found]]:
        """Every record key the files hold of the company's own data."""
        for table in self._map.tables:
            if table.through is None and table.use == "own":
                yield await asyncio.to_thread(self._work.keys, table)

    async def purge(self, limit: Limit, *, apply: bool) -> list[Overdue]:
        """Count or let go of rows that are over; no change of a task comes in between.

        Raises:
            SystemAway: the folder cannot be read, or a file is not as declared.
        """
        return await asyncio.to_thread(self._purge, limit, apply)

    def _purge(self, limit: Limit, apply: bool) -> list[Overdue]:  # noqa: FBT001  passed on to a thread
        try:
            with _reaching(), self._ledger.alone():
                return self._work.purge(limit, apply=apply)
        except (FolderAway, WrongFile) as error:
            raise SystemAway(self._name, type(error).__name__) from None

    def _change(self, tasks: list[Task]) -> dict[UUID, Receipt]:
        """Say what will be done, do it, say that it is done."""
        with _reaching(), self._ledger.alone() as entries:
            if fresh := [task for task in tasks if task.task_id not in entries]:
                self._ledger.begin(self._work.receipts(fresh))
            if left := [task for task in tasks if not entries[task.task_id].done]:
                self._work.rewrite(left)
                self._ledger.end([task.task_id for task in left])
            return {task.task_id: entries[task.task_id].receipt for task in tasks}

    async def _export(self, tasks: list[Task], sink: Sink) -> dict[UUID, Receipt]:
        accounts = open_accounts(tasks)
        reading = self._work.export(tasks, accounts)
        while chunks := await asyncio.to_thread(_next, reading):
            await sink.write(chunks)
        return {task.task_id: accounts[task.task_id].receipt(task) for task in tasks}


def _next(reading: Iterator[list[Chunk]]) -> list[Chunk] | None:
    with _reaching():
        return next(reading, None)
