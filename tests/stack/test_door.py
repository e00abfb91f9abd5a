"""Where the links of letters lead: one door beside the services, at an address that stays."""

import os
from pathlib import Path

import pytest

from stack.door import ADDRESS, door_worker, port_of
from tests.stack.test_workers import endpoints


def test_the_door_keeps_its_port(tmp_path: Path) -> None:
    assert port_of(tmp_path) == port_of(tmp_path)


def test_the_services_are_told_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS, "")
    worker = door_worker(endpoints(tmp_path))

    assert worker
    assert os.environ[ADDRESS] == f"http://127.0.0.1:{port_of(tmp_path)}"
    assert worker.argv[1:5] == ("-m", "services.ops.cli", "packages", "door")
    assert str(port_of(tmp_path)) in worker.argv


def test_none_is_started_where_another_one_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADDRESS, "https://door.example")

    assert door_worker(endpoints(tmp_path)) is None
