"""Draft a data map from a live database: people, what hangs on them, and guesses a person must go through."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine.reflection import Inspector

from connectors.sql.ledger import LEDGER
from connectors.sql.references import Reference, references
from connectors.words import guess, words

_NAMES: Final = frozenset({"name", "firstname", "lastname", "surname"})
_REACH: Final = frozenset(
    {"email", "mail", "phone", "mobile", "address", "street", "postcode", "postal", "zip", "birth", "birthday", "dob"}
)
"""A table of people has words of both kinds, or two of the second."""
_LEGAL: Final = frozenset({"invoice", "order", "orders", "payment", "payments", "invoices", "transaction", "billing"})
_CLIENT: Final = frozenset({"client", "merchant", "tenant", "seller"})


@dataclass(frozen=True, slots=True)
class Column:
    """One column as it is."""

    name: str
    type: sa.types.TypeEngine[Any]
    nullable: bool


@dataclass(slots=True)
class Drafted:
    """One table of the draft."""

    name: str
    columns: Sequence[Column]
    key: str
    record_key: str
    through: Reference | None = None
    root: bool = False
    pointed_at: set[str] = field(default_factory=set)

    @property
    def legal(self) -> bool:
        """Whether its name suggests that a law demands to keep it."""
        return not _LEGAL.isdisjoint(words(self.name))

    @property
    def erase(self) -> str:
        """What a deletion can do: rows stay that must be kept, or that others which stay point at."""
        if self.legal:
            return "keep"
        return "mask" if self.pointed_at else "delete"


@dataclass(frozen=True, slots=True)
class Draft:
    """What was found: tables in the order they must be erased, and columns that look personal and hang on nobody."""

    tables: Sequence[Drafted]
    loose: Mapping[str, Sequence[str]]


def draft(engine: sa.Engine, schema: str | None) -> Draft:
    """Look at a database, and say which tables hold whose data.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: it cannot be reached.
    """
    inspector = sa.inspect(engine)
    columns = {name: _columns(inspector, name, schema) for name in sorted(inspector.get_table_names(schema=schema))}
    columns.pop(LEDGER, None)
    links = [key for name in columns for key in references(inspector, name, schema) if key.target != name]
    found = {name: _root(inspector, name, some, schema) for name, some in columns.items() if _people(some)}
    tables = {name: table for name, table in found.items() if table}
    _follow(tables, columns, links)
    for key in links:
        if key.target in tables:
            tables[key.target].pointed_at.add(key.table)
    strange = {name: _personal(some) for name, some in columns.items() if name not in tables}
    return Draft(_let_go(list(_children_first(tables))), {name: some for name, some in strange.items() if some})


def _personal(columns: Sequence[Column]) -> list[str]:
    return [column.name for column in columns if guess(column.name).personal]


def _columns(inspector: Inspector, table: str, schema: str | None) -> list[Column]:
    return [Column(c["name"], c["type"], c["nullable"]) for c in inspector.get_columns(table, schema=schema)]


def _people(columns: Sequence[Column]) -> bool:
    said = {word for column in columns if guess(column.name).personal for word in words(column.name)}
    return len(said & _REACH) + bool(said & _NAMES) > 1


def _root(inspector: Inspector, name: str, columns: Sequence[Column], schema: str | None) -> Drafted | None:
    """A table of people, found by its own key."""
    key = inspector.get_pk_constraint(name, schema=schema)["constrained_columns"]
    if len(key) != 1:
        return None
    return Drafted(name, columns, key[0], "_".join([*words(name), "id"]), root=True)


def _follow(tables: dict[str, Drafted], columns: Mapping[str, Sequence[Column]], links: Sequence[Reference]) -> None:
    """Add what points at people, and what points at that.

    A table of people that itself points at others, as an invoice with its address does, hangs on them.
    """
    for key in links:
        mine, theirs = tables.get(key.table), tables.get(key.target)
        if mine and theirs and mine.root and theirs.root and key.target_column == theirs.key and _owns(key):
            mine.root, mine.key, mine.record_key = False, key.column, theirs.record_key
    todo = list(tables.values())
    while todo:
        parent = todo.pop(0)
        for key in links:
            if key.target == parent.name and key.table not in tables:
                direct = parent.root and key.target_column == parent.key
                child = Drafted(key.table, columns[key.table], key.column, parent.record_key, None if direct else key)
                tables[key.table] = child
                todo.append(child)


def _owns(key: Reference) -> bool:
    """Whether a row belongs to the one it points at: the column has the name of that table, and no role of its own."""
    said, target = set(words(key.column)) - {"id", "key", "no", "number"}, set(words(key.target))
    return said <= target or said <= {word.rstrip("s") for word in target}


def _children_first(tables: Mapping[str, Drafted]) -> Iterator[Drafted]:
    """What is found through another table, or points at it, comes before it."""
    left = dict(tables)
    while left:
        free = [name for name, table in left.items() if not (table.pointed_at & set(left)) - {name}]
        for name in free or list(left)[:1]:
            yield left.pop(name)


def _let_go(tables: list[Drafted]) -> list[Drafted]:
    """Forget what pointed at a table and is deleted before it."""
    deleted = set[str]()
    for table in tables:
        table.pointed_at -= deleted
        if table.erase == "delete":
            deleted.add(table.name)
    return tables


def client_column(table: Drafted) -> str | None:
    """A column that may say which client owns a row."""
    return next((c.name for c in table.columns if not table.root and _CLIENT & set(words(c.name))), None)
