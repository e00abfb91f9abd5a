"""A table of the data map bound to the live one: which rows are whose, in the types the database uses."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from connectors.port import Task
from connectors.reach import ANY, reach
from connectors.tables import TableMap

CHUNK: Final = 500
"""Record keys per statement."""
_READ_AS: Final[Mapping[type[sa.types.TypeEngine[Any]], Callable[[str], Any]]] = {
    sa.Integer: int,
    sa.Numeric: Decimal,
    sa.Uuid: UUID,
}

Key = tuple[Any, str | None]
"""A record key as the database holds it, and whose rows are meant: a client's, nobody's (None) or everybody's (ANY)."""

Owners = Mapping[Key, Sequence[Task]]
"""Which tasks ask for which rows."""


class BadRecordKey(ValueError):
    """A record key cannot be one of this column; which one it was is not said."""


def read_key(column: sa.Column[Any], text: str) -> Any:  # noqa: ANN401  whatever the database uses
    """A record key in the type of its column.

    Raises:
        BadRecordKey: it is no such value.
    """
    read = next((read for kind, read in _READ_AS.items() if isinstance(column.type, kind)), str)
    try:
        return read(text)
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
    """One declared table and its live counterpart; `parent` is the table through which a person's rows are found."""

    declared: TableMap
    table: sa.Table
    parent: "Bound | None" = None

    @property
    def link(self) -> sa.Column[Any]:
        """The table's own column its rows are found by."""
        return self.table.c[self.declared.key_column]

    @property
    def key(self) -> sa.Column[Any]:
        """The column with the record key, here or in the table it is found through."""
        return self.parent.key if self.parent else self.link

    @property
    def client(self) -> sa.Column[Any] | None:
        """The column that says which client owns a row."""
        if self.declared.client_column:
            return self.table.c[self.declared.client_column]
        return self.parent.client if self.parent else None

    @property
    def day(self) -> sa.Column[Any] | None:
        """The column with a row's own date, here or in the table it is found through."""
        if self.declared.date_column:
            return self.table.c[self.declared.date_column]
        return self.parent.day if self.parent else None

    @property
    def source(self) -> sa.FromClause:
        """The table, joined with those that know whose its rows are."""
        return self.table.join(self.parent.source, self.link == self._target) if self.parent else self.table

    @property
    def _target(self) -> sa.Column[Any]:
        """The parent's column that `link` repeats."""
        if self.parent is None or self.declared.through is None:
            return self.link
        return self.parent.table.c[self.declared.through.column]

    def before(self, last: date) -> sa.ColumnElement[bool] | None:
        """Whether a row is older than a day; None when rows have no day."""
        if self.declared.date_column:
            column = self.table.c[self.declared.date_column]
            return column < (datetime.combine(last, time.min) if isinstance(column.type, sa.DateTime) else last)
        theirs = self.parent.before(last) if self.parent else None
        return None if theirs is None else self.link.in_(sa.select(self._target).where(theirs))

    def identity(self) -> list[sa.Column[Any]]:
        """The columns that say whose a row is."""
        return [self.key] if self.client is None else [self.key, self.client]

    def owners(self, tasks: Iterable[Task]) -> dict[Key, list[Task]]:
        """Which task asks for which rows.

        Raises:
            BadRecordKey: a key is not of the column's type.
        """
        found: dict[Key, list[Task]] = {}
        for task in tasks:
            for client in reach(self.declared, task, owned=self.client is not None):
                for keys in task.keys:
                    if self.declared.record_key in keys:
                        some = found.setdefault((read_key(self.key, keys[self.declared.record_key]), client), [])
                        if task not in some:
                            some.append(task)
        return found

    def asked(self, owners: Owners, row: Sequence[Any]) -> list[Task]:
        """The tasks that ask for a row, when it begins with `identity()`."""
        if self.client is None:
            return [*owners.get((row[0], None), ())]
        return [*owners.get((row[0], row[1]), ()), *owners.get((row[0], ANY), ())]

    def row(self, key: Key) -> sa.ColumnElement[bool]:
        """The rows of one key."""
        return self._where(lambda column: column == key[0], key[1])

    def where(self, db: sa.Connection, keys: Iterable[Key]) -> sa.ColumnElement[bool]:
        """The rows of these keys; it grows with the clients concerned, not with the keys."""
        by_client: dict[str | None, list[Any]] = {}
        for key, client in keys:
            by_client.setdefault(client, []).append(key)

        def match(some: list[Any]) -> Callable[[sa.Column[Any]], sa.ColumnElement[bool]]:
            return lambda column: among(db, column, some)

        return sa.or_(*(self._where(match(some), client) for client, some in by_client.items()))

    def _where(
        self, match: Callable[[sa.Column[Any]], sa.ColumnElement[bool]], client: str | None
    ) -> sa.ColumnElement[bool]:
        mine, own = match(self.link), self.declared.client_column
        if self.parent:
            theirs = self.parent._where(match, ANY if own else client)  # noqa: SLF001  another of the same class
            mine = self.link.in_(sa.select(self._target).where(theirs))
        if own is None or client == ANY:
            return mine
        column = self.table.c[own]
        return sa.and_(mine, column.is_(None) if client is None else column == client)


def chunks(owners: Owners) -> Iterator[Owners]:
    """The same in pieces small enough for one statement."""
    keys = list(owners)
    for start in range(0, len(keys), CHUNK):
        yield {key: owners[key] for key in keys[start : start + CHUNK]}
