"""Files of rows: CSV, JSON and JSON lines, read as a stream where the format allows, and replaced as a whole."""

import csv
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from connectors.rows import Row

SUFFIXES: Final = (".csv", ".json", ".jsonl")


class WrongFile(ValueError):
    """A file is not what its name says; the text names the file, and never what is in it."""


def file_of(folder: Path, table: str) -> Path | None:
    """The file of a table, in whichever format it is there."""
    return next((path for suffix in SUFFIXES if (path := folder / f"{table}{suffix}").is_file()), None)


def read(path: Path) -> Iterator[Row]:
    """Every row of a file, in order.

    Raises:
        WrongFile: it cannot be read as what its name says.
    """
    try:
        with path.open(encoding="utf-8", newline="" if path.suffix == ".csv" else None) as stream:
            if path.suffix == ".csv":
                yield from _csv(path, csv.DictReader(stream, strict=True))
            elif path.suffix == ".jsonl":
                yield from (_object(path, json.loads(line)) for line in stream if line.strip())
            else:
                rows = json.load(stream)
                yield from (_object(path, row) for row in (rows if isinstance(rows, list) else [None]))
    except (csv.Error, ValueError) as error:
        raise error if isinstance(error, WrongFile) else WrongFile(f"{path.name} is not what its name says") from None


def _csv(path: Path, reader: "csv.DictReader[str]") -> Iterator[Row]:
    for row in reader:
        if None in row or None in row.values():
            raise WrongFile(f"{path.name}: a row has more or fewer cells than the header")
        yield dict(row)


def _object(path: Path, row: Any) -> Row:  # noqa: ANN401  any JSON
    if not isinstance(row, dict):
        raise WrongFile(f"{path.name} must be a list of JSON objects")
    return row


def columns(path: Path, sample: int = 1_000) -> list[str]:
    """The columns a file has: the header of a CSV, the keys of the first objects otherwise."""
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as stream:
            return next(csv.reader(stream), [])
    found: dict[str, None] = {}
    for number, row in enumerate(read(path)):
        found.update(dict.fromkeys(row))
        if number >= sample:
            break
    return list(found)


def replace(path: Path, rows: Iterable[Row]) -> None:
    """Put these rows in the place of a file's; whoever reads meanwhile sees the old ones. Returns when it is safe."""
    names, draft = columns(path), path.with_name(f".{path.name}.new")
    with draft.open("w", encoding="utf-8", newline="" if path.suffix == ".csv" else None) as stream:
        if path.suffix == ".csv":
            writer = csv.DictWriter(stream, names, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
        elif path.suffix == ".jsonl":
            stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        else:
            json.dump(list(rows), stream, ensure_ascii=False, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    shutil.copymode(path, draft)
    draft.replace(path)
    see_to_disk(path.parent)


def _cell(value: Any) -> Any:  # noqa: ANN401  what a row may hold
    return str(value).lower() if isinstance(value, bool) else value


def see_to_disk(folder: Path) -> None:
    """Make a renaming in a folder survive a crash of the machine."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
