"""Compare a data map with the live schema of its database."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine.reflection import Inspector

from connectors.datamap import SystemMap
from connectors.port import Finding
from connectors.tables import FieldMap, PreferenceMap, TableMap

PERSONAL: Final = frozenset(
    {
        "address", "birth", "birthday", "card", "city", "cookie", "dob", "email", "fax", "iban", "ip", "mail", "mobile",
        "name", "passport", "phone", "postal", "postcode", "ssn", "street", "surname", "tel", "zip",
    }
)  # fmt: skip
"""Words in column names that look personal; only ever a warning."""
_TEXT_MASKS: Final = frozenset({"empty", "token", "coarse"})

Columns = Mapping[str, Mapping[str, Any]]


def find_gaps(system: str, declared: SystemMap, engine: sa.Engine) -> list[Finding]:
    """List what is missing or cannot work (serious), and what looks forgotten (warnings)."""
    try:
        inspector = sa.inspect(engine)
        live = set(inspector.get_table_names(schema=declared.db_schema))
        said = [*_tables(declared, inspector, live)]
    except exc.SQLAlchemyError as error:
        return [Finding(system, declared.url_env, f"cannot be reached: {type(error).__name__}", serious=True)]
    return [Finding(system, where, what, serious=serious) for where, what, serious in said]


_Said = tuple[str, str, bool]


def _tables(declared: SystemMap, inspector: Inspector, live: set[str]) -> Iterator[_Said]:
    wish = declared.preferences
    for name in [*(table.name for table in declared.tables), *([wish.table] if wish else [])]:
        if name not in live:
            yield name, "the table does not exist", True
    for table in declared.tables:
        if table.name in live:
            columns = {c["name"]: c for c in inspector.get_columns(table.name, schema=declared.db_schema)}
            yield from _columns(table, columns)
            yield from _finding_rows(table, inspector, declared.db_schema)
    if wish and wish.table in live:
        yield from _preferences(wish, {c["name"]: c for c in inspector.get_columns(wish.table, declared.db_schema)})
    mapped = {table.name for table in declared.tables} | ({wish.table} if wish else set())
    for name in sorted(live - mapped):
        for column in inspector.get_columns(name, schema=declared.db_schema):
            if _looks_personal(column["name"]):
                yield f"{name}.{column['name']}", "looks personal, and the table is not mapped", False


def _columns(table: TableMap, columns: Columns) -> Iterator[_Said]:
    mapped = {table.key_column, *table.fields, *filter(None, (table.client_column, table.date_column))}
    for name in sorted(mapped - set(columns)):
        yield f"{table.name}.{name}", "the column does not exist", True
    for name in sorted(set(columns) - mapped):
        if _looks_personal(name):
            yield f"{table.name}.{name}", "looks personal and is not mapped", False
    day = columns.get(table.date_column or "")
    if day and not isinstance(day["type"], sa.Date | sa.DateTime):
        yield f"{table.name}.{table.date_column}", "must be a date or a time", True
    for name, about in table.fields.items():
        if name in columns and name not in {table.date_column, table.client_column}:
            yield from _field(table, name, about, columns[name])


def _field(table: TableMap, name: str, about: FieldMap, column: Mapping[str, Any]) -> Iterator[_Said]:
    """Whether what the map does to a column is something the column can bear."""
    where, method = f"{table.name}.{name}", about.mask
    if (
        table.erase in {"mask", "aggregate"}
        and method is None
        and (name != table.key_column or table.erase == "aggregate")
    ):
        method = "null"
    if method == "null" and not column["nullable"]:
        yield where, "cannot be null: mask it with `empty`, `token`, `coarse` or `keep`", True
    if method in _TEXT_MASKS and not isinstance(column["type"], sa.String):
        yield where, f"is no text: it cannot be masked with `{method}`", True
    if about.correctable and not isinstance(column["type"], sa.String):
        yield where, "is no text: it cannot be corrected", True


def _finding_rows(table: TableMap, inspector: Inspector, schema: str | None) -> Iterator[_Said]:
    """Without an index every task reads the whole table."""
    indexed: list[list[str | None]] = [
        index["column_names"] for index in inspector.get_indexes(table.name, schema=schema)
    ]
    indexed += [[*inspector.get_pk_constraint(table.name, schema=schema)["constrained_columns"]]]
    indexed += [[*unique["column_names"]] for unique in inspector.get_unique_constraints(table.name, schema=schema)]
    if not any(columns and columns[0] == table.key_column for columns in indexed):
        yield f"{table.name}.{table.key_column}", "has no index: finding a person's rows will be slow", False


def _preferences(wish: PreferenceMap, columns: Columns) -> Iterator[_Said]:
    named = {wish.key_column, *wish.columns.values()}
    for name in sorted(named - set(columns)):
        yield f"{wish.table}.{name}", "the column does not exist", True
    for name in sorted(set(wish.columns.values()) & set(columns)):
        if not isinstance(columns[name]["type"], sa.Boolean | sa.Integer):
            yield f"{wish.table}.{name}", "must be a yes-or-no column", True
    for name, column in sorted(columns.items()):
        if name not in named and not column["nullable"] and column.get("default") is None:
            yield f"{wish.table}.{name}", "needs a value, so no row can be added for a new preference", True


def _looks_personal(name: str) -> bool:
    return not PERSONAL.isdisjoint(name.lower().split("_"))
