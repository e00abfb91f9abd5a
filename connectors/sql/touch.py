"""Change rows and say whose they were."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from connectors.sql.bound import Bound

Rows = Sequence[Sequence[Any]]


def touch(
    db: sa.Connection, bound: Bound, change: sa.Delete | sa.Update, where: sa.ColumnElement[bool], *, cuts: bool = False
) -> Rows:
    """Change the rows of `where` and return whose they were, as `identity()`.

    In one statement where the database can tell afterwards; else they are read and locked before. `cuts` says that the
    change takes away what tells whose a row is.
    """
    returns = db.dialect.delete_returning if isinstance(change, sa.Delete) else db.dialect.update_returning
    if returns and not cuts and bound.parent is None:
        return db.execute(change.where(where).returning(*bound.identity())).all()
    rows = db.execute(_reading(bound, where)).all()
    if rows:
        db.execute(change.where(where))
    return rows


def _reading(bound: Bound, where: sa.ColumnElement[bool]) -> sa.Select[Any]:
    read = sa.select(*bound.identity()).select_from(bound.source).where(where)
    return read.with_for_update(of=bound.table)
