"""The demo's tables, and its summary for other programs."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from stack.demo.board import FINAL, Board, Row
from stack.files import write_json


def live(board: Board, elapsed_s: float) -> Table:
    """What travels now: requests by public status, and those that wait for the person."""
    counts = Counter(row.status.partition("/")[0] for row in board.rows)
    table = Table(title=f"{elapsed_s:4.1f} s", title_justify="left")
    for name in ("status", "requests", "which"):
        table.add_column(name)
    for status, number in sorted(counts.items(), key=lambda item: (item[0] in FINAL, item[0])):
        names = [row.script.name for row in board.rows if row.status.partition("/")[0] == status]
        table.add_row(status, str(number), ", ".join(dict.fromkeys(names)))
    return table


def ends(board: Board) -> Table:
    """What became of each request."""
    table = Table(title="What became of each request", title_justify="left")
    for name in ("submission", "right", "public end", "as expected", "seconds", "parts"):
        table.add_column(name)
    for row in board.rows:
        parts = _account(row.parts)
        verdict = "yes" if not (wrong := board.wrong(row)) else "[red]no: " + "; ".join(wrong)
        seconds = "" if row.seconds is None else f"{row.seconds:.2f}"
        table.add_row(row.script.name, row.right, row.status, verdict, seconds, parts)
    return table


def _account(parts: Mapping[str, str]) -> str:
    """The parts by whose they are, in one line: `own: billing retained, web erased · acorn-supply: completed`."""
    scopes: dict[str, list[str]] = {}
    for part, end in sorted(parts.items()):
        scope, _, name = part.partition("/")
        scopes.setdefault(scope.removeprefix("client:"), []).append(f"{name.removeprefix('system:')} {end}")
    return " · ".join(f"{scope}: {', '.join(ends)}" for scope, ends in scopes.items())


def summarise(board: Board, file: Path) -> int:
    """Write the summary; returns the number of mismatches."""
    missing = [script for script in board.missing() if not any(row.script is script for row in board.rows)]
    lost = [_entry(Row(script, 0.0, status="nothing heard")) for script in missing]
    mismatches = sum(bool(board.wrong(row)) for row in board.rows) + len(lost)
    write_json(file, {"requests": [*map(_entry, board.rows), *lost], "mismatches": mismatches})
    return mismatches


def _entry(row: Row) -> dict[str, Any]:
    return {
        "submission_id": row.script.submission_id, "request_id": row.request_id, "right": row.right,
        "expected": row.script.end, "outcome": row.status, "parts": row.parts, "seconds": row.seconds,
    }  # fmt: skip
