"""Write a package as a stream: no more than one chunk of rows is held, however many there are.

`data.json` and one CSV per table hold the data, `index.html` shows it, `SHA256SUMS` proves it whole.
"""

import asyncio
import csv
import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from pydantic_core import to_json

from services.packages.account import Asked, account, is_held, why_withheld, withhold
from services.packages.page import render
from services.packages.stored import Outgoing

SHOWN: Final = 200
"""Rows per table on the page; the files hold all."""
ASIDE: Final = 200
"""From so many rows on, writing them is left to a thread, so that nothing else waits for it."""
_LEVEL: Final = 4
"""Of deflate: nearly as small as the default, at half the time."""

Row = Mapping[str, Any]


class Source(Protocol):
    """The exported rows of one request; may be read as often as needed."""

    def tables(self) -> Sequence[str]:
        """Every `system/table`, sorted."""
        ...

    def rows(self, table: str) -> AsyncIterator[Sequence[Row]]:
        """A table's rows, chunk by chunk, in order."""
        ...


@dataclass(slots=True)
class Inventory:
    """What was seen of the data while it was written."""

    counts: dict[str, int] = field(default_factory=dict)
    columns: dict[str, dict[str, None]] = field(default_factory=dict)
    shown: dict[str, list[Row]] = field(default_factory=dict)
    withheld: set[tuple[str, str, str]] = field(default_factory=set)

    def see(self, table: str, rows: Sequence[Row]) -> None:
        """Count rows, learn columns, keep the first few for the page."""
        self.counts[table] = self.counts.get(table, 0) + len(rows)
        columns, shown = self.columns.setdefault(table, {}), self.shown.setdefault(table, [])
        shown += rows[: SHOWN - len(shown)] if len(shown) < SHOWN else ()
        for row in rows:
            columns.update(dict.fromkeys(row))
            for value in row.values():
                if is_held(value):
                    self.withheld.add((table, str(value.get("type", "")), why_withheld(value)))


class Archive:
    """One zip that is written front to back."""

    def __init__(self, outgoing: Outgoing, asked: Asked) -> None:
        self._zip = zipfile.ZipFile(outgoing, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)
        self._day, self._sums = asked.made_on, dict[str, str]()

    @contextmanager
    def member(self, name: str) -> Iterator[Callable[[str], None]]:
        """Write one file of the archive, as text."""
        digest = hashlib.sha256()
        info = zipfile.ZipInfo(name, (self._day.year, self._day.month, self._day.day, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        with self._zip.open(info, "w", force_zip64=True) as file:

            def write(text: str) -> None:
                raw = text.encode()
                digest.update(raw)
                file.write(raw)

            yield write
        self._sums[name] = digest.hexdigest()

    def close(self) -> None:
        """Write the checksums and the list of contents."""
        with self.member("SHA256SUMS") as write:
            write("".join(f"{digest}  {name}\n" for name, digest in self._sums.items()))
        self._zip.close()


async def write(
    outgoing: Outgoing, asked: Asked, source: Source, notes: Sequence[Row], ready: Callable[[], Awaitable[None]]
) -> Inventory:
    """Write a whole package; `ready` is called whenever blocks may be full. `notes` are what the person told us."""
    archive, seen = Archive(outgoing, asked), Inventory()
    if asked.pieces:
        await _data(archive, asked, source, seen, ready)
        await _tables(archive, asked, source, seen, ready)
    else:
        async for table, rows in _every(asked, source):
            seen.see(table, rows)
        seen.shown = {}
    told = account(asked, seen.counts, seen.withheld)
    with archive.member("account.json") as text:
        text(to_json(told, indent=2).decode() + "\n")
    if notes:
        with archive.member("requests.json") as text:
            text(to_json(notes, indent=2).decode() + "\n")
    with archive.member("index.html") as text:
        text(render(told, seen.shown, notes))
    archive.close()
    await ready()
    return seen


async def _every(asked: Asked, source: Source) -> AsyncIterator[tuple[str, list[Row]]]:
    for table in source.tables():
        async for rows in source.rows(table):
            yield table, [withhold(asked, table, row) for row in rows]


async def _data(
    archive: Archive, asked: Asked, source: Source, seen: Inventory, ready: Callable[[], Awaitable[None]]
) -> None:
    """Everything in one JSON document: `{"request": …, "tables": {"system/table": [row, …]}}`."""
    with archive.member("data.json") as text:
        text(f'{{"request": {json.dumps(asked.request)}, "tables": {{')
        last = None
        async for table, rows in _every(asked, source):
            seen.see(table, rows)
            opening = ",\n" if table == last else f"{'' if last is None else '],'}\n{json.dumps(table)}: [\n"
            last = table
            await _aside(rows, lambda write, some, first: write(first + _lines(some)), text, rows, opening)
            await ready()
        text("]}}\n" if last else "}}\n")


async def _aside(rows: Sequence[Any], work: Callable[..., None], *about: Any) -> None:  # noqa: ANN401  what work takes
    """Work in a thread where there is much to do; a few rows cost less than the way there."""
    if len(rows) >= ASIDE:
        await asyncio.to_thread(work, *about)
    else:
        work(*about)


def _lines(rows: Sequence[Row]) -> str:
    return ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)


async def _tables(
    archive: Archive, asked: Asked, source: Source, seen: Inventory, ready: Callable[[], Awaitable[None]]
) -> None:
    """One CSV per table, its columns in the order they were first seen."""
    for table, columns in seen.columns.items():
        with archive.member(f"{table}.csv") as text:
            text(_sheet([list(columns)]))
            async for rows in source.rows(table):
                cells = [
                    [_cell(row.get(name)) for name in columns] for row in (withhold(asked, table, r) for r in rows)
                ]
                await _aside(cells, lambda write, some: write(_sheet(some)), text, cells)
                await ready()


def _sheet(rows: Sequence[Sequence[Any]]) -> str:
    """Rows as CSV (RFC 4180)."""
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()


def _cell(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """A value in a sheet. A spreadsheet must not take text for a formula."""
    if is_held(value):
        return f"[{value.get('type', '')}: held, not shown]"
    if isinstance(value, str):
        return f"'{value}" if value[:1] in {"=", "+", "-", "@", "\t", "\r"} and not _number(value) else value
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value


def _number(text: str) -> bool:
    """Whether a text is a plain number or a phone number, which are no formulas."""
    return text[1:].replace(" ", "").replace("-", "").replace(".", "", 1).isdigit()
