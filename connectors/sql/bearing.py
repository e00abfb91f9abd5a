"""Whether a column can bear what the data map does to it. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import sqlalchemy as sa

from connectors.holdings import FieldMap
from connectors.sql.masks import MASKED, YEARS
from connectors.tables import TableMap

_FITS: Final[Mapping[str, tuple[type[sa.types.TypeEngine[Any]], ...]]] = {
    "empty": (sa.String,),
    "token": (sa.String,),
    "coarse": (sa.String,),
    "zero": (sa.Integer, sa.Numeric, sa.Boolean),
    "year": (sa.Date, sa.DateTime),
}
_KEY_WIDTH: Final = 20
"""Digits of the longest integer key."""

Columns = Mapping[str, Mapping[str, Any]]


def bearable(table: TableMap, columns: Columns, dialect: str) -> Iterator[tuple[str, str, bool]]:
    """What cannot work: where, why, and that it is serious."""
    for name, about in table.fields.items():
        if name not in columns or name in {table.date_column, table.client_column}:
            continue
        where, column, method = f"{table.name}.{name}", columns[name], _method(table, name, about)
        if method == "null" and not column["nullable"]:
            yield where, "cannot be null: mask it with `empty`, `token`, `coarse`, `zero`, `year` or `keep`", True
        if method and method in _FITS and not isinstance(column["type"], _FITS[method]):
            yield where, f"is {_kind(column)}: it cannot be masked with `{method}`", True
        if method == "year" and dialect not in YEARS:
            yield where, f"`year` is not available on {dialect}: use `null`", True
        if method == "token" and (short := _too_short(table, column, columns)):
            yield where, short, True
        if about.correctable and not isinstance(column["type"], sa.String):
            yield where, f"is {_kind(column)}, no text: it cannot be corrected", True


def _method(table: TableMap, name: str, about: FieldMap) -> str | None:
    """How a field is masked, if it is."""
    cut = table.erase == "aggregate"
    meant = "null" if cut or (table.erase == "mask" and name != table.key_column) else None
    return about.mask or meant


def _kind(column: Mapping[str, Any]) -> str:
    return str(column["type"]).lower()


def _too_short(table: TableMap, column: Mapping[str, Any], columns: Columns) -> str | None:
    """A token is our word and the key; in a row that is nobody's, our word alone."""
    room, key = getattr(column["type"], "length", None), columns.get(table.key_column, {}).get("type")
    width = (getattr(key, "length", None) or _KEY_WIDTH) + 1 if table.erase != "aggregate" else 0
    if room is None or room >= len(MASKED) + width:
        return None
    return f"has room for {room} characters, a `token` needs {len(MASKED) + width}: use `empty`, `coarse` or `null`"
