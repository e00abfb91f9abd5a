"""Every requirement of the two policies is met somewhere, and some test fails when it is not."""

import re
from functools import cache
from pathlib import Path

from tests.support.source import ROOT, functions

PAGE = ROOT / "docs" / "requirements.md"
ROW = re.compile(r"\| (R\d+) \| ([^|]+) \| ([^|]+) \| ([^|]*) \| ([^|]*) \|")
QUOTED = re.compile(r"`([^`]+)`")
ALL = [f"R{number}" for number in range(1, 76)]


@cache
def rows() -> dict[str, tuple[list[str], list[str]]]:
    found = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if row := ROW.fullmatch(line):
            assert row[1] not in found, f"{row[1]} is there twice"
            found[row[1]] = (QUOTED.findall(row[4]), QUOTED.findall(row[5]))
    return found


@cache
def names_in(path: Path) -> frozenset[str]:
    return frozenset(function.name for function in functions(path)) if path.is_file() else frozenset()


def test_every_requirement_has_its_row_in_order() -> None:
    assert list(rows()) == ALL


def test_every_requirement_is_met_somewhere_that_exists() -> None:
    missing = [
        f"{name}: {place or 'nowhere'}"
        for name, (places, _) in rows().items()
        for place in places or [""]
        if not place or not (ROOT / place).exists()
    ]

    assert missing == []


def test_every_requirement_is_shown_by_a_test_that_exists() -> None:
    missing = []
    for name, (_, shown) in rows().items():
        for test in shown or [""]:
            path, _, function = test.partition("::")
            if not path.startswith("tests/") or function not in names_in(ROOT / path):
                missing.append(f"{name}: {test or 'no test'}")

    assert missing == []
