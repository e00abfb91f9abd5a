"""From the thread that reads rows to the sink that takes them in the event loop."""

import asyncio

from connectors.port import Chunk, Sink
from connectors.sql.export import ROWS


class Outlet:
    """Gives chunks to a sink, many at a time; the reader waits meanwhile, so that memory stays small."""

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
            asyncio.run_coroutine_threadsafe(self._sink.write(ready), self._loop).result()
