"""A whole system for one measurement: embedded servers, all services, a sample company of the size asked for."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from services.ops.cli.run import begin, description, fill_sample, prepare
from services.ops.installation import Installation
from stack import supervise
from stack.embedded import Embedded
from stack.sample.people import Human, people

_SERVERS: Final = {"java": "kafka", "postgres": "postgres"}


@dataclass(frozen=True, slots=True)
class System:
    """A running system and the people in it."""

    found: Installation
    described: dict[str, Any]
    humans: list[Human]

    def pids(self) -> dict[str, int]:
        """The process of each service; those being started again are left out."""
        state = supervise.report(self.found.endpoints.data_dir) or {"workers": {}}
        return {name: worker["pid"] for name, worker in state["workers"].items() if worker["pid"]}

    def peak_memory(self) -> dict[str, float]:
        """The most memory each service ever held resident, in MiB (Linux's VmHWM; resident now elsewhere)."""
        return {name: round(_peak_bytes(pid) / 2**20, 1) for name, pid in self.pids().items()}

    def cpu_s(self) -> dict[str, float]:
        """Processor time used so far by each service, and by the embedded broker and database with their children."""
        used = {name: _cpu(psutil.Process(pid)) for name, pid in self.pids().items()}
        for process in psutil.process_iter(["name", "cmdline"]):
            line = " ".join(process.info["cmdline"] or ())
            if str(self.found.endpoints.data_dir) in line and process.info["name"] in _SERVERS:
                name = _SERVERS[process.info["name"]]
                family = [process, *process.children(recursive=True)]
                used[name] = used.get(name, 0.0) + sum(_cpu(one) for one in family)
        return used

    def logs(self) -> Iterator[Path]:
        """Everything the services wrote."""
        yield from sorted((self.found.endpoints.data_dir / "logs").glob("*.log*"))


@contextlib.contextmanager
def running(count: int = 2_000, *, folder: Path | None = None) -> Iterator[System]:
    """Start a system with so many people, and stop it at the end; its data are removed with its folder.

    In a folder that is given, the servers are somebody else's: they and the data stay.
    """
    with tempfile.TemporaryDirectory(prefix="rightsbus-", ignore_cleanup_errors=True) as temporary:
        data = folder or Path(temporary)
        humans = people(count)
        try:
            found = prepare(data, echo=lambda _: None)
            fill_sample(found, lambda _: None, humans)
            begin(found)
            yield System(found, description(found), humans)
        finally:
            supervise.dismiss(data.resolve())
            if folder is None:
                Embedded(data, lambda _: None).stop()


def _cpu(process: psutil.Process) -> float:
    """Processor seconds of one process, of its ended children too: PostgreSQL's workers come and go."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def _peak_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status")
    if status.is_file():
        found = [line for line in status.read_text("ascii").splitlines() if line.startswith("VmHWM:")]
        if found:
            return int(found[0].split()[1]) * 1024
    return int(psutil.Process(pid).memory_info().rss)
