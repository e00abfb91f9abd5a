"""Every stream processor has the same rooms: who knows one has read them all."""

import pytest

from tests.support.source import ROOT, shown

SERVICES = ("intake", "verifier", "fulfiller", "notifier")
ROOMS = {"__init__", "__main__", "app", "adapters", "settings", "ports", "decide"}
DATA = {"letters"}
"""Folders without code."""


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_the_rooms_of_its_sisters_and_no_other(service: str) -> None:
    folder = ROOT / "services" / service
    files = {path.stem for path in folder.glob("*.py")}
    folders = {path.name for path in folder.iterdir() if path.is_dir() and path.name != "__pycache__"} - DATA

    assert files | folders == ROOMS
    assert not files & folders


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_says_what_it_reads_writes_and_decides(service: str) -> None:
    text = (ROOT / "services" / service / "__init__.py").read_text(encoding="utf-8").lower()

    assert [word for word in ("reads", "writes", "decides") if word not in text] == []


def test_data_folders_hold_no_code() -> None:
    found = [shown(path) for name in DATA for path in (ROOT / "services").glob(f"*/{name}/**/*.py")]

    assert found == []
