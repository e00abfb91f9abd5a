"""Read a loader's file: CSV with a header, or JSON lines; one record per row."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import Any

from services.directory.person import COLUMNS, REQUIRED, Person, WrongRow, person_of

__all__ = ["COLUMNS", "Person", "WrongRow", "person_of", "read_people", "read_rows"]


def read_people(path: Path, tell: Callable[[WrongRow], None] | None = None) -> Iterator[Person]:
    """Yield the people of a file. With `tell`, a wrong row is told and left out; without, it ends the reading.

    Raises:
        WrongRow: a row, or the file as a whole, cannot be read.
    """
    for line, row in read_rows(path):
        try:
            person = person_of(line, row)
        except WrongRow as error:
            if tell is None:
                raise
            tell(error)
        else:
            yield person


def read_rows(path: Path | None) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, row) of a CSV file with a header, or of JSON lines; of standard input without a path.

    Raises:
        WrongRow: a column nobody knows, a required one that is not there, or text that is neither CSV nor JSON lines.
    """
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") if path else nullcontext(sys.stdin) as stream:
            for line, row in _rows(stream):
                yield line, row
    except (UnicodeDecodeError, csv.Error):
        raise WrongRow(line, "-", "this line or one after it is not UTF-8 text with columns") from None


def _rows(stream: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """No header of columns begins with a brace, every JSON object does."""
    lines = iter(stream)
    first = next(lines, "")
    return (_json_rows if first.lstrip().startswith("{") else _csv_rows)(chain([first], lines))


def _csv_rows(stream: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.DictReader(stream, restval="")
    _check_columns(1, reader.fieldnames or ())
    for row in reader:
        if None in row:
            raise WrongRow(reader.line_num, "-", "has more cells than the first line has columns")
        yield reader.line_num, row


def _json_rows(stream: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    for number, line in enumerate(stream, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            raise WrongRow(number, "-", "must be one JSON object")
        _check_columns(number, row)
        yield number, {name: _cell(value) for name, value in row.items()}


def _check_columns(line: int, names: Iterable[str]) -> None:
    given = set(names)
    for column in sorted(given - COLUMNS):
        raise WrongRow(line, column[:40], f"is not known; columns are {', '.join(sorted(COLUMNS))}")
    for column in REQUIRED:
        if column not in given:
            raise WrongRow(line, column, "is missing")


def _cell(value: Any) -> str:  # noqa: ANN401  any JSON value
    """A JSON value as a cell has it."""
    if isinstance(value, dict):
        return ";".join(f"{name}={inner}" for name, inner in value.items())
    if isinstance(value, list):
        return "|".join(str(inner) for inner in value)
    return "" if value is None else str(value)
