"""What is committed of the language is what the code says, and nothing published was taken back."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from schemas.__main__ import app
from schemas.published import JSON, ROOT, broken, generated, stale

RUN = CliRunner()
ACCEPTED = "RequestAccepted"


def test_the_committed_files_are_what_the_code_says() -> None:
    assert broken() == []
    assert stale() == []


def test_generating_twice_makes_equal_bytes() -> None:
    assert generated.__wrapped__() == generated()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of everything generated, to spoil."""
    for name in generated():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def spoil(root: Path, name: str, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what was committed, as if the code had changed the other way."""
    path = root / JSON / f"{name}.schema.json"
    schema = json.loads(path.read_text("utf-8"))
    change(schema)
    path.write_text(json.dumps(schema, indent=2), "utf-8")


def run(command: str, root: Path, *more: str) -> tuple[int, str]:
    done = RUN.invoke(app, [command, "--root", str(root), *more])
    return done.exit_code, done.output


def test_a_check_of_what_fits_ends_well(copied: Path) -> None:
    code, said = run("check", copied)

    assert code == 0
    assert "classes, all as committed" in said


BREAKS: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a removed field": (
        lambda s: s["properties"].update(gone={"type": "string", "default": ""}),
        f"{ACCEPTED}.gone: was removed or renamed",
    ),
    "a field that is new and needed": (
        lambda s: (s["properties"].pop("law"), s["required"].remove("law")),
        f"{ACCEPTED}.law: is new and must be given",
    ),
    "a field that is needed now": (lambda s: s["required"].remove("law"), f"{ACCEPTED}.law: must now be given"),
    "a list of values made shorter": (
        lambda s: s["$defs"]["Right"]["enum"].append("fly"),
        f"{ACCEPTED}.right: no longer allows fly",
    ),
    "another type": (
        lambda s: s["properties"]["law"].update(type="integer"),
        f"{ACCEPTED}.law: can no longer be integer",
    ),
    "a tighter limit": (
        lambda s: s["properties"]["points_needed"].update(maximum=99),
        f"{ACCEPTED}.points_needed: maximum was 99 and is 9",
    ),
    "a change further in": (
        lambda s: s["$defs"]["Clock"]["properties"].update(zone={"type": "string", "default": ""}),
        f"{ACCEPTED}.clock.zone: was removed or renamed",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_breaking_change_fails_and_is_named_with_class_and_field(copied: Path, name: str) -> None:
    change, told = BREAKS[name]
    spoil(copied, ACCEPTED, change)
    before = (copied / JSON / f"{ACCEPTED}.schema.json").read_text("utf-8")

    for command in ("check", "generate"):
        code, said = run(command, copied)
        assert code == 1
        assert told in said
        assert "add an optional one beside it" in said
    assert (copied / JSON / f"{ACCEPTED}.schema.json").read_text("utf-8") == before


def test_what_was_never_released_may_be_written_over(copied: Path) -> None:
    spoil(copied, ACCEPTED, BREAKS["a removed field"][0])

    code, said = run("generate", copied, "--unreleased")

    assert code == 0
    assert f"wrote {JSON}/{ACCEPTED}.schema.json" in said
    assert run("check", copied)[0] == 0


def test_a_new_optional_field_is_only_stale_and_generating_ends_it(copied: Path) -> None:
    spoil(copied, ACCEPTED, lambda s: s["properties"].pop("declared"))

    code, said = run("check", copied)
    assert code == 1
    assert f"{JSON}/{ACCEPTED}.schema.json is not what the code says" in said
    assert "python -m schemas generate" in said

    assert run("generate", copied)[0] == 0
    assert run("check", copied)[0] == 0


def test_a_new_class_is_only_stale(copied: Path) -> None:
    (copied / JSON / f"{ACCEPTED}.schema.json").unlink()

    assert broken(copied) == []
    assert stale(copied) == [f"{JSON}/{ACCEPTED}.schema.json"]


def test_a_removed_class_breaks_and_its_file_goes_when_that_is_wanted(copied: Path) -> None:
    left = copied / JSON / "RequestPondered.schema.json"
    shutil.copy(copied / JSON / f"{ACCEPTED}.schema.json", left)

    code, said = run("check", copied)
    assert code == 1
    assert "RequestPondered: was removed or renamed" in said

    assert run("generate", copied, "--unreleased")[0] == 0
    assert not left.exists()


@pytest.mark.parametrize("name", ["schemas/asyncapi.yaml", "docs/topics.md"])
def test_a_hand_edited_document_is_stale(copied: Path, name: str) -> None:
    with (copied / name).open("a", encoding="utf-8") as file:
        file.write("\nadded by hand\n")

    code, said = run("check", copied)

    assert code == 1
    assert f"{name} is not what the code says" in said


@pytest.mark.parametrize("arguments", [[], ["ponder"], ["check", "--louder"]])
def test_a_wrong_command_ends_with_2_and_says_what_there_is(arguments: list[str]) -> None:
    done = RUN.invoke(app, arguments)

    assert done.exit_code == 2
    assert "Usage" in done.output
