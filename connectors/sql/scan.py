"""List the record keys a table holds."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import sqlalchemy as sa

from connectors.port import Found
from connectors.reach import day_of
from connectors.sql.bound import Bound
from connectors.sql.masks import masks

KEYS: Final = 5_000
"""Keys per batch."""


def found_keys(engine: sa.Engine, bound: Bound) -> Iterator[Sequence[Found]]:
    """Every record key in a table, each with the newest day of its rows and whether a deletion would find something."""
    name = bound.declared.record_key
    newest = sa.func.max(bound.day) if bound.day is not None else sa.null()
    with engine.connect() as db:
        live = sa.func.max(sa.case((touched(db, bound), 1), else_=0))
        query = sa.select(bound.link, newest, live).where(bound.link.is_not(None)).group_by(bound.link)
        for some in db.execute(query, execution_options={"yield_per": KEYS}).partitions():
            yield [Found({name: str(key)}, day_of(day), live=bool(alive)) for key, day, alive in some]


def touched(db: sa.Connection, bound: Bound) -> sa.ColumnElement[Any]:
    """Whether a deletion would change a row."""
    if bound.declared.erase != "mask":
        return sa.true() if bound.declared.keep is None else sa.false()
    fields = [(name, about) for name, about in bound.declared.fields.items() if about.keep is None]
    changes = [bound.table.c[name].is_distinct_from(value) for name, value in masks(db, bound, fields).items()]
    return sa.or_(sa.false(), *changes)
