"""A folder of files survives a crash at any moment, and says what is wrong with it."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from connectors.files import FilesSystem, open_files
from connectors.files import system as module
from connectors.files.formats import WrongFile, read, replace
from connectors.files.ledger import FILE
from connectors.port import Receipt, Trouble
from connectors.rows import Row
from schemas.values import Outcome
from tests.contract.company import Basket, erase, shop
from tests.contract.worlds import FilesWorld


class PowerCut(Exception):
    pass


@pytest.fixture
def world(tmp_path: Path) -> Iterator[FilesWorld]:
    made = FilesWorld(tmp_path, ".csv")
    yield made
    made.close()


def reopened(world: FilesWorld) -> FilesSystem:
    return open_files("shop", shop("files"), {"SHOP": str(world.folder)})


def cutting(after: int) -> Callable[[Path, Iterable[Row]], None]:
    left = [after]

    def cut(path: Path, rows: Iterable[Row]) -> None:
        if not left[0]:
            raise PowerCut
        left[0] -= 1
        replace(path, rows)

    return cut


@pytest.mark.parametrize("after", range(6))
def test_a_crash_between_any_two_files_is_finished_by_the_retry(
    world: FilesWorld, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "replace", cutting(after))
        with pytest.raises(PowerCut):
            world.one(erase(1))
    world.system = reopened(world)

    receipt = world.one(erase(1))

    assert (receipt.outcome, receipt.counts["identifiers"], receipt.counts["inferences"]) == (Outcome.RETAINED, 2, 2)
    assert world.rows("person", id=1) == []
    assert world.rows("answer", newsletter_id=701) == []
    assert not list(world.folder.glob(".*.new"))


def test_a_line_of_the_ledger_that_was_cut_short_never_happened(world: FilesWorld) -> None:
    first = world.one(erase(1))
    with (world.folder / FILE).open("a", encoding="utf-8") as ledger:
        ledger.write('{"receipt": {"task_id": "')
    world.system = reopened(world)

    assert world.one(erase(1)) == first
    assert isinstance(world.one(erase(2)), Receipt)
    assert isinstance(reopened(world), FilesSystem)
    assert (world.folder / FILE).read_text("utf-8").count('"done"') == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "id,name\n1,Ann,more\n"),
        ("b.csv", "id,name\n1\n"),
        ("c.json", '{"id": 1}'),
        ("d.json", '[{"id": 1}'),
        ("e.jsonl", '{"id": 1}\n{"secret word\n'),
        ("f.jsonl", "[1]\n"),
    ],
)
def test_a_broken_file_is_named_and_never_quoted(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")

    with pytest.raises(WrongFile) as raised:
        list(read(tmp_path / name))

    assert name in str(raised.value)
    assert "Ann" not in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_missing_file_is_for_an_operator_and_a_missing_folder_may_come_back(world: FilesWorld) -> None:
    gone = open_files("shop", shop("files"), {"SHOP": str(world.folder / "elsewhere")})
    (world.folder / "person.csv").unlink()

    [misconfigured] = world.do(erase(1))
    [away] = asyncio.run(gone.perform([erase(1)], Basket()))
    found = asyncio.run(world.system.check())
    nowhere = asyncio.run(gone.check())

    assert misconfigured == Trouble(erase(1).task_id, retry=False, code="misconfigured")
    assert away == Trouble(erase(1).task_id, retry=True, code="system_unavailable")
    assert [(f.where, f.serious) for f in found] == [("person", True)]
    assert [f.serious for f in nowhere] == [True]


def test_the_check_points_at_columns_and_files_nobody_mapped(world: FilesWorld) -> None:
    (world.folder / "guests.jsonl").write_text('{"guest_email": null}\n', "utf-8")
    text = (world.folder / "person.csv").read_text("utf-8").replace("card", "iban")
    (world.folder / "person.csv").write_text(text, "utf-8")

    found = {(f.where, f.kind, f.serious) for f in asyncio.run(world.system.check())}

    assert found == {
        ("person.card", "other", True),
        ("person.iban", "uncovered", False),
        ("guests.guest_email", "uncovered", False),
    }
