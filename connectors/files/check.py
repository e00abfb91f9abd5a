"""Compare a data map with the files of a folder."""

import os
from collections.abc import Iterator
from pathlib import Path

from connectors.files.formats import SUFFIXES, WrongFile, columns, file_of
from connectors.port import Finding
from connectors.systems import SystemMap
from connectors.words import guess


def find_gaps(system: str, declared: SystemMap, folder: Path) -> list[Finding]:
    """List what is missing or cannot work (serious), and what looks forgotten (warnings)."""
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK):
        return [Finding(system, declared.url_env or "address", "is no folder that can be written", serious=True)]
    wanted = {table.name: set(table.columns) for table in declared.tables}
    wanted |= {table.through.table: {table.through.column} | wanted[table.through.table]
               for table in declared.tables if table.through}  # fmt: skip
    if wish := declared.preferences:
        if not (wish.table and wish.key_column):
            where = "`table` and `key_column` must say where they are noted"
            return [Finding(system, "preferences", where, serious=True)]
        wanted[wish.table] = {wish.key_column, *wish.names}
    looked_at = frozenset(declared.impersonal)
    forgotten = [where for where in _forgotten(folder, wanted) if not looked_at & {where, where.partition(".")[0]}]
    what = "looks personal and is not mapped"
    found = [Finding(system, where, what, serious=False, kind="uncovered") for where in forgotten]
    return [*_missing(system, folder, wanted), *found]


def _missing(system: str, folder: Path, wanted: dict[str, set[str]]) -> Iterator[Finding]:
    for name, some in wanted.items():
        path = file_of(folder, name)
        if path is None:
            yield Finding(system, name, f"there is no file {name} with {', '.join(SUFFIXES)}", serious=True)
            continue
        try:
            there = set(columns(path))
        except WrongFile as error:
            yield Finding(system, name, str(error), serious=True)
            continue
        if there or path.suffix == ".csv":
            for column in sorted(some - there):
                yield Finding(system, f"{name}.{column}", "the column does not exist", serious=True)


def _forgotten(folder: Path, wanted: dict[str, set[str]]) -> Iterator[str]:
    for path in sorted(folder.iterdir()):
        if path.suffix not in SUFFIXES or path.name.startswith("."):
            continue
        try:
            there = columns(path)
        except WrongFile:
            continue
        for column in there:
            if column not in wanted.get(path.stem, ()) and guess(column).personal:
                yield f"{path.stem}.{column}"
