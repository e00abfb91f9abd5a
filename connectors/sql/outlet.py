"""From the thread that reads rows to the sink that takes them in the event loop."""

import asyncio
from typing import Final

from connectors.port import Sink
from connectors.sql.export import ROWS, Chunk

_AT_ONCE: Final = 8


class Outlet:
    """Gives chunks to a sink, several at a time; the reader waits, so that memory stays small."""

    def __init__(self, sink: Sink, loop: asyncio.AbstractEventLoop) -> None:
        self._sink, self._loop = sink, loop
        self._waiting: list[Chunk] = []
        self._rows = 0
        self.used = False

    def put(self, chunk: Chunk) -> None:
        """Take a chunk; called from the reading thread."""
        self._waiting.append(chunk)
        self._rows += len(chunk.rows)
        if self._rows >= ROWS:
            self.flush()

    def flush(self) -> None:
        """Wait until everything given so far is safe.

        Raises:
            Exception: whatever the sink raised.
        """
        ready, self._waiting, self._rows = self._waiting, [], 0
        if ready:
            self.used = True
            asyncio.run_coroutine_threadsafe(self._write(ready), self._loop).result()

    async def _write(self, chunks: list[Chunk]) -> None:
        turn = asyncio.Semaphore(_AT_ONCE)

        async def write(chunk: Chunk) -> None:
            async with turn:
                await self._sink.write(chunk.task_id, chunk.category, chunk.table, chunk.rows)

        async with asyncio.TaskGroup() as group:
            for chunk in chunks:
                group.create_task(write(chunk))
