"""What was done in a folder, task by task; written before the work and again when it is done."""

import fcntl
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter

from connectors.port import Receipt

FILE: Final = ".rightsbus-ledger.jsonl"
_RECEIPT: Final = TypeAdapter(Receipt)


@dataclass(slots=True)
class Entry:
    """One task's receipt, and whether the files are as it says."""

    receipt: Receipt
    done: bool


class FolderLedger:
    """A folder's ledger: a line when a task begins, a line when it is done. Counts and codes, nothing of a person."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / FILE
        self._read_to = 0
        self._entries: dict[UUID, Entry] = {}

    @contextmanager
    def alone(self) -> Iterator[dict[UUID, Entry]]:
        """Keep other processes out of the folder meanwhile; gives every entry there is."""
        handle = os.open(self._file, os.O_RDONLY | os.O_CREAT, 0o640)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            self._catch_up()
            yield self._entries
        finally:
            os.close(handle)

    def begin(self, receipts: Collection[Receipt]) -> None:
        """Note what will be done; returns when that is safe."""
        self._append([{"receipt": _RECEIPT.dump_python(receipt, mode="json")} for receipt in receipts])

    def end(self, tasks: Collection[UUID]) -> None:
        """Note that it is done."""
        self._append([{"done": str(task)} for task in tasks])

    def _append(self, lines: list[dict[str, object]]) -> None:
        if not lines:
            return
        with self._file.open("rb+") as stream:
            stream.truncate(self._read_to)
            stream.seek(self._read_to)
            stream.write("".join(json.dumps(line) + "\n" for line in lines).encode())
            stream.flush()
            os.fsync(stream.fileno())
        self._catch_up()

    def _catch_up(self) -> None:
        """Read what was written since; a line that a crash cut short never happened."""
        with self._file.open("rb") as stream:
            stream.seek(self._read_to)
            for line in stream:
                if not line.endswith(b"\n"):
                    return
                self._read_to += len(line)
                self._take(json.loads(line))

    def _take(self, line: dict[str, object]) -> None:
        if "done" in line:
            self._entries[UUID(str(line["done"]))].done = True
        else:
            receipt = _RECEIPT.validate_python(line["receipt"])
            self._entries[receipt.task_id] = Entry(receipt, done=False)
