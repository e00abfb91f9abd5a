"""The declared tables bound to the live database, read once."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import sqlalchemy as sa
from sqlalchemy import exc

from connectors.datamap import SystemMap
from connectors.sql.bound import Bound


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
        bounds = []
        for table in declared.tables:
            columns = {table.key_column, *table.fields, *filter(None, (table.client_column, table.date_column))}
            bounds.append(Bound(table, _read(db, meta, table.name, columns)))
        wish = declared.preferences
        preferences = _read(db, meta, wish.table, {wish.key_column, *wish.columns.values()}) if wish else None
        return cls(tuple(bounds), preferences)


def _read(db: sa.Connection, meta: sa.MetaData, name: str, columns: Iterable[str]) -> sa.Table:
    try:
        table = sa.Table(name, meta, autoload_with=db, resolve_fks=False)
    except exc.NoSuchTableError:
        raise NotAsDeclared(name) from None
    if missing := sorted(set(columns) - set(table.columns.keys())):
        message = f"{name}.{missing[0]}"
        raise NotAsDeclared(message)
    return table
