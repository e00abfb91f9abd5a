"""Let go of rows by their age: the company's own, a few statements per table, however many rows."""

from collections.abc import Iterator
from datetime import date, timedelta

import sqlalchemy as sa
from sqlalchemy import exc

from connectors.port import Limit, Overdue
from connectors.reach import ANY, day_of
from connectors.sql.bound import CHUNK, Bound, read_key
from connectors.sql.masks import masks
from connectors.sql.scan import touched


def purge(db: sa.Connection, bound: Bound, limit: Limit, *, apply: bool) -> Overdue | None:
    """What of one table is over; with `apply` it goes. None when nothing of the table is the company's to end.

    Inside the caller's transaction; what the database refuses is undone and said.
    """
    name, table = bound.declared.name, bound.declared
    before = bound.before(limit.first_kept[name]) if name in limit.first_kept and table.use == "own" else None
    if before is None:
        return None
    over = sa.and_(before, bound.link.is_not(None), *_not_spared(db, bound, limit))
    changes = sa.and_(over, touched(db, bound)) if table.erase in {"mask", "aggregate"} else over
    oldest = sa.func.min(bound.day) if bound.day is not None else sa.null()
    rows, day = db.execute(sa.select(sa.func.count(), oldest).select_from(bound.source).where(changes)).one()
    if not (apply and rows):
        return Overdue(name, rows, day_of(day))
    try:
        with db.begin_nested():
            _let_go(db, bound, over, limit.today)
    except exc.IntegrityError:
        return Overdue(name, rows, day_of(day), trouble="refused")
    return Overdue(name, rows, day_of(day))


def _not_spared(db: sa.Connection, bound: Bound, limit: Limit) -> Iterator[sa.ColumnElement[bool]]:
    """That a row is of none of the spared people, also where another table knows whose it is."""
    spared = sorted(limit.spared.get(bound.declared.record_key, ()))
    keys = [(read_key(bound.key, text), ANY) for text in spared]
    for start in range(0, len(keys), CHUNK):
        yield sa.not_(bound.where(db, keys[start : start + CHUNK]))


def _let_go(db: sa.Connection, bound: Bound, over: sa.ColumnElement[bool], today: date) -> None:
    fields = bound.declared.fields
    if bound.declared.erase in {"delete", "keep"}:
        db.execute(bound.table.delete().where(over))
        return
    for name, about in fields.items():
        ended = bound.before(today - timedelta(days=about.keep.days)) if about.keep else None
        if ended is not None:
            db.execute(bound.table.update().where(over, ended).values(masks(db, bound, [(name, about)])))
    free = masks(db, bound, [(name, about) for name, about in fields.items() if about.keep is None])
    if free:
        db.execute(bound.table.update().where(over).values(free))
