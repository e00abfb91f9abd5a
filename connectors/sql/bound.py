"""A table of the data map bound to the live one: which rows are whose, in the types the database uses."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from connectors.port import Task
from connectors.tables import TableMap

CHUNK: Final = 500
"""Record keys per statement."""
_READ_AS: Final[Mapping[type, Callable[[str], Any]]] = {int: int, Decimal: Decimal, UUID: UUID}

Key = tuple[Any, str | None]
"""A record key as the database holds it, and the client whose row it is; None where rows are the company's own."""

Owners = Mapping[Key, Sequence[Task]]
"""Which tasks ask for which rows."""


class BadRecordKey(ValueError):
    """A record key cannot be one of this column; which one it was is not said."""


def read_key(column: sa.Column[Any], text: str) -> Any:  # noqa: ANN401  whatever the database uses
    """A record key in the type of its column.

    Raises:
        BadRecordKey: it is no such value.
    """
    try:
        kind: type = column.type.python_type
    except NotImplementedError:
        kind = str
    try:
        return _READ_AS.get(kind, str)(text)
    except (ValueError, ArithmeticError):
        raise BadRecordKey from None


def among(db: sa.Connection, column: sa.Column[Any], values: Sequence[Any]) -> sa.ColumnElement[bool]:
    """Whether a column holds one of many values: on PostgreSQL one statement text, however many there are."""
    if db.dialect.name != "postgresql":
        return column.in_(values)
    kind = sa.Text() if isinstance(column.type, sa.String) else column.type
    return column == sa.any_(sa.literal(list(values), ARRAY(kind)))


@dataclass(frozen=True, slots=True)
class Bound:
    """One declared table and its live counterpart."""

    declared: TableMap
    table: sa.Table

    @property
    def key(self) -> sa.Column[Any]:
        """The column a person's rows are found by."""
        return self.table.c[self.declared.key_column]

    @property
    def client(self) -> sa.Column[Any] | None:
        """The column that says which client owns a row."""
        return self.table.c[self.declared.client_column] if self.declared.client_column else None

    @property
    def day(self) -> sa.Column[Any] | None:
        """The column with a row's own date."""
        return self.table.c[self.declared.date_column] if self.declared.date_column else None

    def identity(self) -> list[sa.Column[Any]]:
        """The columns that say whose a row is."""
        return [self.key] if self.client is None else [self.key, self.client]

    def key_of(self, row: Sequence[Any]) -> Key:
        """Whose a row is, when it begins with `identity()`."""
        return row[0], (row[1] if self.client is not None else None)

    def owners(self, tasks: Iterable[Task]) -> dict[Key, list[Task]]:
        """Which task asked for which row: a client's task reaches its own rows only, an own task none of any.

        Raises:
            BadRecordKey: a key is not of the column's type.
        """
        found: dict[Key, list[Task]] = {}
        for task in tasks:
            if task.client and self.client is None:
                continue
            for keys in task.keys:
                if self.declared.record_key in keys:
                    key = read_key(self.key, keys[self.declared.record_key]), task.client
                    if task not in found.setdefault(key, []):
                        found[key].append(task)
        return found

    def row(self, key: Key) -> sa.ColumnElement[bool]:
        """The rows of one key."""
        mine = self.key == key[0]
        return mine if self.client is None else sa.and_(mine, _owned_by(self.client, key[1]))

    def where(self, db: sa.Connection, keys: Iterable[Key]) -> sa.ColumnElement[bool]:
        """The rows of these keys; it grows with the clients concerned, not with the keys."""
        by_client: dict[str | None, list[Any]] = {}
        for key, client in keys:
            by_client.setdefault(client, []).append(key)
        if self.client is None:
            return among(db, self.key, [key for some in by_client.values() for key in some])
        return sa.or_(
            *(sa.and_(among(db, self.key, some), _owned_by(self.client, client)) for client, some in by_client.items())
        )


def _owned_by(column: sa.Column[Any], client: str | None) -> sa.ColumnElement[bool]:
    return column.is_(None) if client is None else column == client


def chunks(owners: Owners) -> Iterator[Owners]:
    """The same in pieces small enough for one statement."""
    keys = list(owners)
    for start in range(0, len(keys), CHUNK):
        yield {key: owners[key] for key in keys[start : start + CHUNK]}
