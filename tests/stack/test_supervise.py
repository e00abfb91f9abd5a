"""The supervisor as a process: started beside us, seen, alone in its folder, stopped with all it started."""

from pathlib import Path

import pytest

from stack import processes
from stack.embedded import Embedded
from stack.errors import StackError
from stack.logins import ensure_logins
from stack.ports import wait_for
from stack.supervise import Supervisor, detach, report, shut_down

pytestmark = pytest.mark.integration


def test_a_detached_system_is_seen_is_alone_and_is_stopped_as_a_whole(tmp_path: Path) -> None:
    ensure_logins(tmp_path)
    try:
        pid = detach(tmp_path)
        found = report(tmp_path)

        assert found
        assert found["supervisor"]["pid"] == pid
        assert wait_for(lambda: len((report(tmp_path) or {})["servers"]) == 3, within_s=10)
        with pytest.raises(StackError, match="already running"):
            Supervisor([], tmp_path).run()
    finally:
        shut_down(tmp_path)

    embedded = Embedded(tmp_path)
    assert not processes.alive(pid)
    assert (embedded.broker.pid, embedded.database.pid, embedded.mail.pid) == (None, None, None)
    assert report(tmp_path) is None


def test_a_supervisor_without_logins_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA_BOOTSTRAP", "DATABASE_URL", "SMTP_URL"):
        monkeypatch.setenv(name, "127.0.0.1:1")

    with pytest.raises(StackError, match="no login for intake"):
        detach(tmp_path)
