"""Programs of the tests' own, as processes: started, read, interrupted, killed."""

import itertools
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stack.processes import python_environment
from tests.support.source import ROOT


def wait_until(condition: Callable[[], Any], *, within_s: float = 60.0, every_s: float = 0.05) -> Any:
    """Ask until the answer is true, and give it; a deadline that passes is a failure."""
    deadline = time.monotonic() + within_s
    while True:
        if found := condition():
            return found
        if time.monotonic() > deadline:
            message = f"still not so after {within_s:g} s: {getattr(condition, '__name__', condition)}"
            raise AssertionError(message)
        time.sleep(every_s)


class Child:
    """One process: `python -m MODULE …`, its output in a file."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], log: Path) -> None:
        self._log = log
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *argv], cwd=ROOT, env={**python_environment(), **env}, stdout=out, stderr=out
            )

    @property
    def pid(self) -> int:
        """Its id."""
        return self._process.pid

    @property
    def text(self) -> str:
        """All it said."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def lines(self, event: str | None = None) -> list[dict[str, Any]]:
        """What it logged as JSON, all of it or one kind of event."""
        found = [json.loads(line) for line in self.text.splitlines() if line.startswith("{") and line.endswith("}")]
        return [line for line in found if event is None or line.get("event") == event]

    def says(self, event: str, *, times: int = 1, within_s: float = 60.0, **fields: Any) -> None:
        """Wait until it has logged this so often."""

        def said() -> bool:
            if self._process.poll() not in {None, 0}:
                raise AssertionError(f"it ended with {self._process.returncode}:\n{self.text[-3_000:]}")
            return sum(fields.items() <= line.items() for line in self.lines(event)) >= times

        wait_until(said, within_s=within_s)

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.wait()

    def ends(self, *, within_s: float) -> int:
        """Wait until it has ended; its exit code."""
        return self._process.wait(within_s)

    def terminate(self, *, within_s: float = 10.0) -> int:
        """Ask it to end, and give its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self.ends(within_s=within_s)


class Nursery:
    """Starts children, several at once too, and sees to it that none is left."""

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._folder, self._env = folder, dict(env)
        self._children: list[Child] = []
        self._numbers = itertools.count()

    def start(self, *argv: str, **env: str) -> Child:
        """Start `python -m ARGV` with some more environment."""
        log = self._folder / f"{next(self._numbers)}-{argv[-1]}.log"
        child = Child(argv, self._env | env, log)
        self._children.append(child)
        return child

    def end(self) -> None:
        """End whoever still runs."""
        for child in self._children:
            child.kill()


@contextmanager
def nursery(folder: Path, env: Mapping[str, str]) -> Iterator[Nursery]:
    """A nursery that is empty afterwards."""
    found = Nursery(folder, env)
    try:
        yield found
    finally:
        found.end()
