"""A register that reads nothing asks whether there is nothing, and begins anew where there is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from services.kernel.errors import BrokerAway
from services.kernel.keys import FileKeyStore
from services.ops.register import process
from services.ops.register.meters import Meters
from services.ops.register.process import DOUBT_AFTER_S, Register
from services.ops.register.settings import Settings
from tests.support.source import ROOT


class Silent:
    """A consumer that gives nothing, and says by turns whether there was nothing."""

    def __init__(self, *reads_all: bool) -> None:
        self._answers = list(reads_all)

    def poll(self, _wait_ms: int) -> list[Any]:
        return []

    def reads_all(self) -> bool:
        return self._answers.pop(0)


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Silent, int], None]:
    """Let so many steps pass, each as long as it takes to doubt."""
    keys, now = FileKeyStore(tmp_path), [0.0]
    keys.create()
    monkeypatch.setattr(process, "monotonic", lambda: now[0])
    given: dict[str, Any] = {
        "kafka_bootstrap": "127.0.0.1:1", "kafka_username": "ops", "kafka_password": "none", "keys_dir": tmp_path,
        "database_url": "postgresql://127.0.0.1:1/none", "policies_dir": ROOT / "policies",
    }  # fmt: skip
    register = Register(Settings(**given), keys, Meters())
    monkeypatch.setattr(register, "keep_house", lambda _: None)

    def run(reader: Silent, count: int) -> None:
        for _ in range(count):
            now[0] += DOUBT_AFTER_S
            register.step(cast("Any", None), cast("Any", reader))

    return run


def test_where_nothing_came_nothing_is_wrong(steps: Callable[[Silent, int], None]) -> None:
    steps(Silent(True, True, True), 3)


def test_a_record_that_came_this_very_moment_is_no_fault(steps: Callable[[Silent, int], None]) -> None:
    steps(Silent(False, True, False, True), 4)


def test_who_is_deaf_twice_begins_anew(steps: Callable[[Silent, int], None]) -> None:
    with pytest.raises(BrokerAway, match="nothing is read"):
        steps(Silent(False, False), 2)
