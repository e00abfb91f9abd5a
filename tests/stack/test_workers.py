"""Workers kept running: restarted with a growing wait, a crash loop said, all ended on request."""

import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stack import processes, workers
from stack.endpoints import Endpoints, Login
from stack.errors import StackError
from stack.files import write_json
from stack.logins import LOGINS_FILE, SERVICES, ensure_logins
from stack.ports import wait_for
from stack.supervise import RUN_FILE, Supervisor
from stack.workers import Kept, Worker, rotate, service_workers

SLEEPS = "import time; time.sleep(60)"
DIES = "import sys; print('no more'); sys.exit(3)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True);" + SLEEPS


def a_worker(name: str, code: str) -> Worker:
    return Worker(name, (sys.executable, "-c", code), {**os.environ, workers.METRICS_PORT: "9999"})


@contextmanager
def supervised(folder: Path, *those: Worker) -> Iterator[tuple[Supervisor, list[str]]]:
    said: list[str] = []
    supervisor = Supervisor(those, folder, echo=said.append)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    try:
        yield supervisor, said
    finally:
        supervisor.stop()
        thread.join()


def state_of(folder: Path, name: str) -> dict[str, object]:
    try:
        found: dict[str, object] = json.loads((folder / RUN_FILE).read_text())["workers"][name]
    except FileNotFoundError:
        return {"state": None, "pid": None, "restarts": 0}
    return found


def test_a_killed_worker_is_started_again(tmp_path: Path) -> None:
    with supervised(tmp_path, a_worker("intake", SLEEPS)) as (supervisor, said):
        assert wait_for(lambda: state_of(tmp_path, "intake")["state"] == "running", within_s=5)
        first = supervisor.kept[0].pid
        assert first

        processes.kill(first)

        assert wait_for(lambda: state_of(tmp_path, "intake")["restarts"] == 1, within_s=5)
        assert supervisor.kept[0].pid not in {first, None}
        assert said == ["intake ended by signal 9; it is started again in 0.5 s"]


def test_a_crash_loop_is_said_and_not_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "LONGEST_WAIT_S", 0.5)
    with supervised(tmp_path, a_worker("verifier", DIES)) as (_, said):
        assert wait_for(lambda: any("crash loop" in sentence for sentence in said), within_s=15)
        assert wait_for(lambda: int(str(state_of(tmp_path, "verifier")["restarts"])) > 5, within_s=5)
        assert state_of(tmp_path, "verifier")["state"] == "crash-loop"

    assert "no more" in (tmp_path / "logs" / "verifier.log").read_text()
    assert sum("crash loop" in sentence for sentence in said) == 1


def test_the_wait_before_a_restart_grows_to_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(a_worker("notifier", DIES), tmp_path / "notifier.log")
    waits = []
    monkeypatch.setattr(kept, "start", lambda: None)
    for _ in range(9):
        kept.pid = 999_999_999
        [first, *_] = kept.look()
        waits.append(float(first.split(" in ")[1].removesuffix(" s")))

    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_stopping_ends_every_worker_even_a_stubborn_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stack.supervise.STOP_WITHIN_S", 0.5)
    with supervised(tmp_path, a_worker("willing", SLEEPS), a_worker("stubborn", STUBBORN)) as (
        supervisor,
        said,
    ):
        log = tmp_path / "logs" / "stubborn.log"
        assert wait_for(lambda: log.is_file() and "deaf" in log.read_text(), within_s=5)
        pids = [kept.pid or 0 for kept in supervisor.kept]

    assert not any(processes.alive(pid) for pid in pids)
    assert said == ["stubborn did not end within 0.5 s and was killed"]
    assert not (tmp_path / RUN_FILE).exists()


def test_workers_left_by_a_dead_supervisor_are_ended_first(tmp_path: Path) -> None:
    left = Kept(a_worker("intake", SLEEPS), tmp_path / "logs" / "intake.log")
    left.start()
    assert left.pid
    write_json(tmp_path / RUN_FILE, {"workers": {"intake": left.report()}})

    with supervised(tmp_path, a_worker("intake", SLEEPS)) as (supervisor, _):
        assert wait_for(lambda: bool(supervisor.kept[0].pid), within_s=5)

        assert not processes.alive(left.pid)


def test_a_large_log_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_LARGEST_LOG", 4)
    log = tmp_path / "intake.log"
    for text in ("first", "second", "third"):
        log.write_text(text)
        rotate(log)

    assert log.read_text() == ""
    assert (tmp_path / "intake.log.1").read_text() == "third"
    assert (tmp_path / "intake.log.2").read_text() == "second"


def endpoints(folder: Path) -> Endpoints:
    return Endpoints(
        data_dir=folder,
        bootstrap="127.0.0.1:1",
        admin=Login("admin", "not-for-workers"),
        database_url="postgresql://",
        smtp_url="smtp://127.0.0.1:2",
        mail_dir=folder / "mail",
        print_dir=folder / "print",
        keys_dir=folder / "keys",
    )


def test_each_service_gets_its_own_login_and_nobody_the_admins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_exists", lambda module: "ops" not in module)
    write_json(tmp_path / LOGINS_FILE, {name: f"secret-{name}" for name in SERVICES})

    found = service_workers(endpoints(tmp_path))

    assert [worker.name for worker in found] == ["intake", "verifier", "fulfiller", "notifier"]
    for worker in found:
        assert worker.argv[1:] == ("-m", f"services.{worker.name}")
        assert worker.env["KAFKA_USERNAME"] == worker.name
        assert worker.env["KAFKA_PASSWORD"] == f"secret-{worker.name}"
        assert "not-for-workers" not in worker.env.values()
        assert "secret" not in repr(worker)
    assert len({worker.env[workers.METRICS_PORT] for worker in found}) == 4


def test_passwords_are_drawn_once_and_may_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RIGHTSBUS_LOGIN_INTAKE", "given")

    first = ensure_logins(tmp_path)

    assert first["intake"] == "given"
    assert set(first) == set(SERVICES)
    assert ensure_logins(tmp_path) == first
    assert (tmp_path / LOGINS_FILE).stat().st_mode & 0o077 == 0


def test_missing_logins_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_exists", lambda _: True)
    write_json(tmp_path / LOGINS_FILE, {"intake": "a", "verifier": "b"})

    with pytest.raises(StackError, match="no login for fulfiller, notifier, ops"):
        service_workers(endpoints(tmp_path))
