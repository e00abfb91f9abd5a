"""What replaces a value that goes while its row stays."""

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa

from connectors.holdings import FieldMap
from connectors.sql.bound import Bound

MASKED: Final = "erased"
COARSE: Final = 3
"""Characters that stay of a coarse value."""
YEARS: Final = frozenset({"postgresql", "sqlite", "mysql", "mariadb"})
"""Databases that can cut a day down to its year here."""


def masks(db: sa.Connection, bound: Bound, fields: Iterable[tuple[str, FieldMap]]) -> dict[str, Any]:
    """What each field becomes. The column that finds a row is only ever cut where rows become nobody's."""
    declared = bound.declared
    spared = {declared.client_column, declared.date_column, declared.key_column}
    values = {name: _mask(db, bound, name, about) for name, about in fields if name not in spared}
    if declared.erase == "aggregate":
        about = declared.fields.get(bound.link.name)
        values[bound.link.name] = _mask(db, bound, bound.link.name, about) if about else None
    kept = [name for name, about in declared.fields.items() if about.mask == "keep"]
    return {name: value for name, value in values.items() if name not in kept}


def _mask(db: sa.Connection, bound: Bound, name: str, about: FieldMap) -> Any:  # noqa: ANN401, PLR0911  one answer per way
    column = bound.table.c[name]
    match about.mask:
        case "empty":
            return ""
        case "token" if bound.declared.erase == "aggregate":
            return MASKED
        case "token":
            return sa.literal(f"{MASKED}-") + sa.cast(bound.link, sa.Text)
        case "coarse":
            return sa.func.substr(column, 1, COARSE)
        case "zero":
            return sa.false() if isinstance(column.type, sa.Boolean) else 0
        case "year":
            return _year(db, column)
        case _:
            return None


def _year(db: sa.Connection, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    if db.dialect.name == "postgresql":
        return sa.cast(sa.func.date_trunc("year", column), column.type)
    if db.dialect.name in {"mysql", "mariadb"}:
        return sa.func.makedate(sa.func.year(column), 1, type_=column.type)
    time = " 00:00:00.000000" if isinstance(column.type, sa.DateTime) else ""
    return sa.func.strftime(f"%Y-01-01{time}", column, type_=column.type)
