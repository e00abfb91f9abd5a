"""Keep the workers of a system running until told to stop.

`python -m stack.supervise --data FOLDER` starts the embedded servers where none are named by the environment,
then every service, and says in one line whatever happens to one of them. `FOLDER/run.json` has their state.
"""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from stack import ports, processes
from stack.door import door_worker
from stack.embedded import Embedded
from stack.errors import StackError
from stack.files import private_folder, read_json, write_json
from stack.watch import Watch, servers
from stack.workers import Kept, Worker, service_workers

RUN_FILE = "run.json"
PID_FILE = "supervisor.pid"
STOP_WITHIN_S = 10.0
_LOOK_EVERY_S = 0.2

Echo = Callable[[str], None]


class Supervisor:
    """Starts workers, starts those again that died, and stops them all."""

    def __init__(
        self, workers: Iterable[Worker], data_dir: Path, echo: Echo = print, watch: Watch | None = None
    ) -> None:
        self.data_dir = data_dir
        self.kept = [Kept(worker, data_dir / "logs" / f"{worker.name}.log") for worker in workers]
        self._echo = echo
        self._watch = watch
        self._ended = threading.Event()
        self._written: object = None

    def run(self) -> None:
        """Work until `stop` is called, then end every worker and return."""
        private_folder(self.data_dir)
        end_leftovers(self.data_dir)
        processes.PidFile(self.data_dir / PID_FILE).write(os.getpid())
        for kept in self.kept:
            kept.start()
        if self._watch:
            self._watch.start()
        self._report()
        while not self._ended.wait(_LOOK_EVERY_S):
            for kept in self.kept:
                for sentence in kept.look():
                    self._echo(sentence)
            self._report()
        self._end_all()

    def stop(self) -> None:
        """Ask `run` to end; safe in a signal handler and from any thread."""
        self._ended.set()

    def _end_all(self) -> None:
        if self._watch:
            self._watch.end()
        running = [kept for kept in self.kept if kept.pid]
        with ThreadPoolExecutor(max(1, len(running))) as pool:
            ends = list(pool.map(lambda kept: processes.end(kept.pid or 0, within_s=STOP_WITHIN_S), running))
        for kept, by_itself in zip(running, ends, strict=True):
            if not by_itself:
                self._echo(f"{kept.worker.name} did not end within {STOP_WITHIN_S:g} s and was killed")
        (self.data_dir / RUN_FILE).unlink(missing_ok=True)
        processes.PidFile(self.data_dir / PID_FILE).forget()

    def _report(self) -> None:
        current = {
            "supervisor": {"pid": os.getpid()},
            "workers": {kept.worker.name: kept.report() for kept in self.kept},
            "servers": self._watch.report() if self._watch else {},
        }
        if current != self._written:
            write_json(self.data_dir / RUN_FILE, current)
            self._written = current


def end_leftovers(data_dir: Path) -> None:
    """End workers of a supervisor that died without stopping them.

    Raises:
        StackError: that supervisor is alive: only one may work in a folder.
    """
    if (pid := processes.PidFile(data_dir / PID_FILE).pid()) and pid != os.getpid():
        message = f"the system in {data_dir} is already running (process {pid}); `rightsbus down` stops it"
        raise StackError(message)
    left = read_json(data_dir / RUN_FILE) or {"workers": {}}
    for worker in left["workers"].values():
        if worker["pid"] and processes.started_at(worker["pid"], worker["since"]):
            processes.end(worker["pid"], within_s=STOP_WITHIN_S)


def report(data_dir: Path) -> dict[str, Any] | None:
    """Give what `run.json` says while a supervisor works in this folder, else None."""
    if processes.PidFile(data_dir / PID_FILE).pid() is None:
        return None
    found: dict[str, Any] | None = read_json(data_dir / RUN_FILE)
    return found


def detach(data_dir: Path, *, within_s: float = 60.0, only: Iterable[str] = ()) -> int:
    """Start a supervisor that outlives us; give its process id once its workers are started. `only` names some.

    Raises:
        StackError: it ended again, or started nothing in time; the message holds the last lines of its log.
    """
    log = data_dir / "logs" / "supervisor.log"
    chosen = [word for name in only for word in ("--only", name)]
    argv = [sys.executable, "-m", "stack.supervise", "--data", str(data_dir), *chosen]
    pid = processes.launch(argv, log=log, env=processes.python_environment())
    ports.wait_for(lambda: report(data_dir) is not None or not processes.alive(pid), within_s=within_s)
    if report(data_dir) is None:
        processes.kill(pid)
        message = f"the supervisor does not start. The end of {log}:\n{processes.tail(log)}"
        raise StackError(message)
    return pid


def dismiss(data_dir: Path) -> None:
    """Stop the supervisor of this folder and its workers, and leave the servers; fine when nothing runs."""
    pid_file = processes.PidFile(data_dir / PID_FILE)
    if pid := pid_file.pid():
        processes.end(pid, within_s=3 * STOP_WITHIN_S)
    end_leftovers(data_dir)


def shut_down(data_dir: Path, echo: Echo = print) -> None:
    """Stop the supervisor of this folder, its workers and the embedded servers; fine when nothing runs."""
    dismiss(data_dir)
    Embedded(data_dir, echo).stop()


def _say(sentence: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {sentence}\n")
    sys.stdout.flush()


def main() -> None:
    """Start what the arguments name and keep it running."""
    parser = argparse.ArgumentParser(prog="python -m stack.supervise", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".rightsbus"), help="data folder of the stack")
    parser.add_argument("--only", action="append", default=[], help="start this service alone; may be given again")
    parser.add_argument("--stop", action="store_true", help="stop what runs in that folder")
    arguments = parser.parse_args()
    try:
        if arguments.stop:
            return shut_down(arguments.data.resolve(), _say)
        embedded = Embedded(arguments.data, echo=_say)
        endpoints = embedded.start()
        watch = Watch(servers(embedded, endpoints), _say)
        door = None if arguments.only else door_worker(endpoints)
        workers = [*service_workers(endpoints, arguments.only), *([door] if door else [])]
        supervisor = Supervisor(workers, endpoints.data_dir, echo=_say, watch=watch)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: supervisor.stop())
        supervisor.run()
    except StackError as problem:
        sys.exit(f"error: {problem}")


if __name__ == "__main__":
    main()
