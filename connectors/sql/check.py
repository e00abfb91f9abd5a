"""Compare a data map with the live schema of its database."""

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine.reflection import Inspector

from connectors.holdings import PreferenceMap
from connectors.port import Finding
from connectors.sql.bearing import bearable
from connectors.sql.ledger import LEDGER
from connectors.sql.references import torn
from connectors.systems import SystemMap
from connectors.tables import TableMap
from connectors.words import guess

Columns = Mapping[str, Mapping[str, Any]]
_Said = tuple[str, str, bool]
_UNMAPPED = "looks personal and is not mapped"


def find_gaps(system: str, declared: SystemMap, engine: sa.Engine) -> list[Finding]:
    """List what is missing or cannot work (serious), and what looks forgotten (warnings)."""
    try:
        inspector = sa.inspect(engine)
        live = set(inspector.get_table_names(schema=declared.db_schema))
        readable = live | set(inspector.get_view_names(schema=declared.db_schema))
        said = [*_missing(declared, readable), *_tables(declared, inspector, readable)]
        forgotten = [*_forgotten(declared, inspector, live)]
    except exc.SQLAlchemyError as error:
        where = declared.url_env or "address"
        return [Finding(system, where, f"cannot be reached: {type(error).__name__}", serious=True)]
    found = [Finding(system, where, what, serious=serious) for where, what, serious in said]
    return found + [Finding(system, where, _UNMAPPED, serious=False, kind="uncovered") for where in forgotten]


def _missing(declared: SystemMap, live: set[str]) -> Iterator[_Said]:
    wish = declared.preferences
    if wish and not (wish.table and wish.key_column):
        yield "preferences", "`table` and `key_column` must say where they are noted", True
    for name in [*(table.name for table in declared.tables), *([wish.table] if wish and wish.table else [])]:
        if name not in live:
            yield name, "the table does not exist", True


def _tables(declared: SystemMap, inspector: Inspector, live: set[str]) -> Iterator[_Said]:
    schema, wish = declared.db_schema, declared.preferences
    for table in declared.tables:
        if table.name in live:
            columns = _columns(inspector, table.name, schema)
            yield from _table(table, columns)
            yield from bearable(table, columns, inspector.dialect.name)
            yield from _finding_rows(table, inspector, schema)
    yield from torn(declared, inspector, live & set(inspector.get_table_names(schema=schema)))
    if wish and wish.table in live:
        yield from _preferences(wish, _columns(inspector, wish.table or "", schema))


def _columns(inspector: Inspector, table: str, schema: str | None) -> Columns:
    return {column["name"]: column for column in inspector.get_columns(table, schema=schema)}


def _table(table: TableMap, columns: Columns) -> Iterator[_Said]:
    for name in sorted(table.columns - set(columns)):
        yield f"{table.name}.{name}", "the column does not exist", True
    day = columns.get(table.date_column or "")
    if day and not isinstance(day["type"], sa.Date | sa.DateTime):
        yield f"{table.name}.{table.date_column}", "must be a date or a time", True
    kept = table.keep or next((field.keep for field in table.fields.values() if field.keep), None)
    if kept and not table.date_column:
        yield table.name, f"is kept for {kept.days} days, but no `date_column` says since when", False


def _forgotten(declared: SystemMap, inspector: Inspector, live: set[str]) -> Iterator[str]:
    """Columns that look personal and that the map does not speak of."""
    mapped: dict[str, set[str]] = {table.name: set(table.columns) for table in declared.tables}
    if declared.preferences and declared.preferences.table:
        mapped.setdefault(declared.preferences.table, set()).update(declared.preferences.names)
    for name in sorted(live - {LEDGER, *declared.impersonal}):
        for column in inspector.get_columns(name, schema=declared.db_schema):
            where = f"{name}.{column['name']}"
            if column["name"] in mapped.get(name, ()) or where in declared.impersonal:
                continue
            if guess(column["name"]).personal:
                yield where


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
    named = {wish.key_column or "", *wish.names}
    for name in sorted(named - set(columns)):
        yield f"{wish.table}.{name}", "the column does not exist", True
    for name in sorted(wish.names & set(columns)):
        if not isinstance(columns[name]["type"], sa.Boolean | sa.Integer):
            yield f"{wish.table}.{name}", "must be a yes-or-no column", True
    for name, column in sorted(columns.items() if any(map(wish.adds, wish.columns)) else ()):
        if name not in named and not column["nullable"] and column.get("default") is None:
            yield f"{wish.table}.{name}", "needs a value, so no row can be added for a new preference", True
