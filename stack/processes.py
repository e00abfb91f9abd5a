"""Server processes that outlive whoever started them, found again by their pid file."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from stack.files import private_folder, write_private
from stack.ports import wait_for

_SAME_START_S = 5.0
_children: dict[int, "subprocess.Popen[bytes]"] = {}
"""Processes this very process started: it must collect them when they end."""


def launch(argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> int:
    """Start a program in a session of its own, its output appended to `log`; give its process id."""
    private_folder(log.parent)
    with log.open("ab") as out:
        child = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    _children[child.pid] = child
    return child.pid


def exit_code(pid: int) -> int | None:
    """Give the exit code of a child of ours that ended, None while it runs or when it was never ours."""
    child = _children.get(pid)
    return child.poll() if child else None


def alive(pid: int) -> bool:
    """Say whether this process runs; one that ended and was not collected yet does not."""
    if child := _children.get(pid):
        return child.poll() is None
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def end(pid: int, *, within_s: float) -> bool:
    """Ask a process to end; kill it when it has not ended in time. True when it ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        ask_to_end(pid)
    if wait_for(lambda: not alive(pid), within_s=within_s):
        return True
    kill(pid)
    return False


def ask_to_end(pid: int) -> None:
    """Send SIGTERM, or what the system has in its place."""
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).terminate()


def kill(pid: int) -> None:
    """End a process at once, as a crash would, and wait until it is gone."""
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).kill()
    wait_for(lambda: not alive(pid), within_s=10)


def tail(log: Path, lines: int = 15) -> str:
    """Give the last lines of a log file; empty when there is none."""
    if not log.is_file():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def started_at(pid: int, moment: float) -> bool:
    """Say whether this process runs and started at that moment: else its id was given to another one."""
    try:
        return abs(psutil.Process(pid).create_time() - moment) < _SAME_START_S and alive(pid)
    except psutil.NoSuchProcess:
        return False


class PidFile:
    """Remembers one process across ours: its id and its start, so that a reused id is not taken for it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, pid: int) -> None:
        """Remember this process."""
        write_private(self.path, f"{pid} {psutil.Process(pid).create_time():.2f}\n")

    def pid(self) -> int | None:
        """Give the id of the remembered process while it runs, else None."""
        try:
            pid_text, started = self.path.read_text(encoding="ascii").split()
        except (OSError, ValueError):
            return None
        return int(pid_text) if started_at(int(pid_text), float(started)) else None

    def forget(self) -> None:
        """Remove the file; fine when there is none."""
        self.path.unlink(missing_ok=True)


def python_environment() -> dict[str, str]:
    """Give the environment for a Python child: ours, output unbuffered."""
    return {**os.environ, "PYTHONUNBUFFERED": "1"}


def clean_up_when_told_to_end() -> None:
    """Let SIGTERM unwind this program as Ctrl-C does, so that what it started is stopped. Main thread only."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
