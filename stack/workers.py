"""Which workers a system has, what each is told, and one of them kept alive."""

import importlib.util
import os
import sys
import time
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stack import ports, processes
from stack.endpoints import Endpoints
from stack.errors import StackError
from stack.logins import LOGINS_FILE, SERVICES, read_logins

POLICIES_DIR = Path(__file__).parent.parent / "policies"
METRICS_PORT = "RIGHTSBUS_METRICS_PORT"
PROGRAMS = {"ops": "services.ops.register"}
"""Workers whose program is not the package of their name."""

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
HEALTHY_AFTER_S = 60.0
LOOP_DEATHS, LOOP_WITHIN_S = 5, 60.0
_LARGEST_LOG = 8 * 1024 * 1024
_OLD_LOGS = 2


@dataclass(frozen=True)
class Worker:
    """A program to keep running: its name, how it is called, and its whole environment."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)


def service_workers(endpoints: Endpoints, only: Collection[str] = ()) -> list[Worker]:
    """Name a worker per service, each with its own broker login and a free port for its metrics.

    `only` leaves out all others, for trials of a part of the system.

    Raises:
        StackError: the logins were not made yet.
    """
    logins = read_logins(endpoints.data_dir)
    wanted = [name for name in SERVICES if not only or name in only]
    names = [name for name in wanted if _exists(f"{program(name)}.__main__")]
    missing = [name for name in names if name not in logins]
    if missing:
        message = (
            f"{endpoints.data_dir / LOGINS_FILE} has no login for {', '.join(missing)}. "
            "Provision the system first; `rightsbus up` does."
        )
        raise StackError(message)
    metrics = ports.free_ports(len(names))
    return [
        Worker(
            name,
            (sys.executable, "-m", program(name)),
            _environment(endpoints, name, logins[name], port),
        )
        for name, port in zip(names, metrics, strict=True)
    ]


def program(name: str) -> str:
    """Give the package a worker runs."""
    return PROGRAMS.get(name, f"services.{name}")


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _environment(endpoints: Endpoints, name: str, password: str, metrics_port: int) -> dict[str, str]:
    own = {
        "KAFKA_BOOTSTRAP": endpoints.bootstrap,
        "KAFKA_USERNAME": name,
        "KAFKA_PASSWORD": password,
        "DATABASE_URL": endpoints.database_url,
        "SMTP_URL": endpoints.smtp_url,
        "RIGHTSBUS_KEYS_DIR": str(endpoints.keys_dir),
        "RIGHTSBUS_PRINT_DIR": str(endpoints.print_dir),
        "RIGHTSBUS_POLICIES_DIR": os.environ.get("RIGHTSBUS_POLICIES_DIR", str(POLICIES_DIR)),
        METRICS_PORT: str(metrics_port),
    }
    certificates = {"KAFKA_CA": endpoints.kafka_ca} if endpoints.kafka_ca else {}
    return {**processes.python_environment(), **own, **certificates}


class Kept:
    """One worker kept running: started, watched, started again after a growing wait when it died."""

    def __init__(self, worker: Worker, log: Path) -> None:
        self.worker = worker
        self.log = log
        self.pid: int | None = None
        self.restarts = 0
        self.last_exit: int | None = None
        self.since = time.time()
        self._wait_s = FIRST_WAIT_S
        self._started = 0.0
        self._again_at = 0.0
        self._deaths: deque[float] = deque(maxlen=LOOP_DEATHS)

    @property
    def looping(self) -> bool:
        """Say whether it died so often lately that waiting will not help."""
        return len(self._deaths) == LOOP_DEATHS and self._deaths[-1] - self._deaths[0] <= LOOP_WITHIN_S

    @property
    def state(self) -> str:
        """`running`, `waiting` (for its next start), or `crash-loop`."""
        if self.looping:
            return "crash-loop"
        return "running" if self.pid else "waiting"

    def start(self) -> None:
        """Start it now."""
        rotate(self.log)
        self.pid = processes.launch(self.worker.argv, log=self.log, env=self.worker.env)
        self._started, self.since = time.monotonic(), time.time()

    def look(self) -> list[str]:
        """Notice a death, start again when it is time; give what a person should hear."""
        now = time.monotonic()
        if self.pid is None:
            if now >= self._again_at:
                self.restarts += 1
                self.start()
            return []
        if processes.alive(self.pid):
            if now - self._started > HEALTHY_AFTER_S:
                self._wait_s = FIRST_WAIT_S
                self._deaths.clear()
            rotate(self.log)
            return []
        return self._mourn(now)

    def _mourn(self, now: float) -> list[str]:
        self.last_exit = processes.exit_code(self.pid or 0)
        self.pid, self.since = None, time.time()
        was_looping = self.looping
        self._deaths.append(now)
        self._again_at = now + self._wait_s
        said = [f"{self.worker.name} ended {_how(self.last_exit)}; it is started again in {self._wait_s:g} s"]
        if self.looping and not was_looping:
            said.append(
                f"{self.worker.name} is in a crash loop: {LOOP_DEATHS} ends within {LOOP_WITHIN_S:g} s. "
                f"Its last words are in {self.log}. It is tried every {LONGEST_WAIT_S:g} s at the latest."
            )
        self._wait_s = min(self._wait_s * 2, LONGEST_WAIT_S)
        return said

    def report(self) -> dict[str, object]:
        """Give its part of `run.json`."""
        return {
            "pid": self.pid,
            "state": self.state,
            "restarts": self.restarts,
            "since": self.since,
            "last_exit": self.last_exit,
            "metrics_port": int(self.worker.env.get(METRICS_PORT, 0)) or None,
            "log": str(self.log),
        }


def _how(code: int | None) -> str:
    if code is None:
        return "unseen"
    return f"by signal {-code}" if code < 0 else f"with exit code {code}"


def rotate(log: Path) -> None:
    """Set a log aside once it is large; whoever appends to it goes on in the emptied file."""
    if not log.is_file() or log.stat().st_size < _LARGEST_LOG:
        return
    for number in range(_OLD_LOGS - 1, 0, -1):
        older = log.with_name(f"{log.name}.{number}")
        if older.is_file():
            older.replace(log.with_name(f"{log.name}.{number + 1}"))
    log.with_name(f"{log.name}.1").write_bytes(log.read_bytes())
    os.truncate(log, 0)
