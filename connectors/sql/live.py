"""The declared tables bound to the live database, read once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import sqlalchemy as sa
from sqlalchemy import exc

from connectors.sql.bound import Bound
from connectors.systems import SystemMap
from connectors.tables import TableMap


class NotAsDeclared(LookupError):
    """The database lacks a table or column that the data map names."""


@dataclass(frozen=True, slots=True)
class Live:
    """What the data map declares, in the types of the live database."""

    bounds: tuple[Bound, ...]
    preferences: sa.Table | None

    @classmethod
    def read(cls, db: sa.Connection, declared: SystemMap) -> Self:
        """Read the declared tables' columns and types.

        Raises:
            NotAsDeclared: one is missing; says which.
        """
        meta = sa.MetaData(schema=declared.db_schema)
        named = {table.name: table for table in declared.tables}
        read = {name: _read(db, meta, name, table.columns) for name, table in named.items()}

        def bind(table: TableMap) -> Bound:
            parent = bind(named[table.through.table]) if table.through else None
            if parent and table.through and table.through.column not in parent.table.columns:
                raise NotAsDeclared(f"{parent.table.name}.{table.through.column}")
            return Bound(table, read[table.name], parent)

        return cls(tuple(bind(table) for table in declared.tables), _preferences(db, meta, declared))


def _preferences(db: sa.Connection, meta: sa.MetaData, declared: SystemMap) -> sa.Table | None:
    wish = declared.preferences
    if wish is None:
        return None
    return _read(db, meta, wish.table or "", {wish.key_column or "", *wish.names})


def _read(db: sa.Connection, meta: sa.MetaData, name: str, columns: Iterable[str]) -> sa.Table:
    try:
        table = sa.Table(name, meta, autoload_with=db, resolve_fks=False)
    except exc.NoSuchTableError:
        raise NotAsDeclared(name) from None
    if missing := sorted(set(columns) - set(table.columns.keys())):
        message = f"{name}.{missing[0]}"
        raise NotAsDeclared(message)
    return table
