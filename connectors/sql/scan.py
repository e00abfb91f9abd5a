"""List the record keys a table holds."""

from collections.abc import Iterator, Sequence
from typing import Final

import sqlalchemy as sa

from connectors.port import Found
from connectors.reach import day_of
from connectors.sql.bound import Bound

KEYS: Final = 5_000
"""Keys per batch."""


def found_keys(engine: sa.Engine, bound: Bound) -> Iterator[Sequence[Found]]:
    """Every record key in a table, each with the newest day of its rows, in batches."""
    newest = sa.func.max(bound.day) if bound.day is not None else sa.null()
    query = sa.select(bound.link, newest).where(bound.link.is_not(None)).group_by(bound.link)
    with engine.connect() as db:
        for some in db.execute(query, execution_options={"yield_per": KEYS}).partitions():
            yield [Found({bound.declared.record_key: str(key)}, day_of(day)) for key, day in some]
