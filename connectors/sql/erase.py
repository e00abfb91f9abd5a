"""Erase rows the way the data map declares: delete, mask, aggregate, or keep and say why."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import sqlalchemy as sa

from connectors.account import Accounts
from connectors.holdings import Keep
from connectors.reach import day_of
from connectors.sql.bound import Bound, Owners
from connectors.sql.masks import masks
from connectors.sql.touch import Rows, touch
from schemas.values import Outcome, Retained

DONE: Final[Mapping[str, Outcome]] = {
    "delete": Outcome.ERASED,
    "mask": Outcome.MASKED,
    "aggregate": Outcome.AGGREGATED,
    "keep": Outcome.RETAINED,
}


def erase(db: sa.Connection, bound: Bound, owners: Owners, accounts: Accounts, today: date | None) -> None:
    """Do to the owners' rows of one table what is declared; a few statements, however many rows."""
    where, declared = bound.where(db, owners), bound.declared
    if declared.keep:
        _keep(db, bound, owners, accounts, today)
        return
    if declared.erase == "delete":
        rows = touch(db, bound, bound.table.delete(), where)
    else:
        kept = _kept_fields(db, bound, owners, accounts, today)
        fields = [(name, about) for name, about in declared.fields.items() if name not in kept]
        update = bound.table.update().values(masks(db, bound, fields))
        rows = touch(db, bound, update, where, cuts=declared.erase == "aggregate")
    _count(bound, owners, accounts, rows, declared.categories)


def _count(bound: Bound, owners: Owners, accounts: Accounts, rows: Rows, categories: Sequence[str]) -> None:
    tally: dict[tuple[Any, ...], int] = {}
    for row in rows:
        tally[tuple(row)] = tally.get(tuple(row), 0) + 1
    for row, number in tally.items():
        for task in bound.asked(owners, row):
            accounts[task.task_id].add(categories, number, DONE[bound.declared.erase])


def _keep(db: sa.Connection, bound: Bound, owners: Owners, accounts: Accounts, today: date | None) -> None:
    """Keep rows with their reason; those whose time is over are erased, and marked fields go in any case."""
    keep, where = bound.declared.keep, bound.where(db, owners)
    if keep is None:
        return
    if (over := _over(bound, keep, today)) is not None:
        for row in touch(db, bound, bound.table.delete(), sa.and_(where, over)):
            for task in bound.asked(owners, row):
                accounts[task.task_id].add(bound.declared.categories, 1, Outcome.ERASED)
    rows = _dated(db, bound, where)
    marked = [(name, about) for name, about in bound.declared.fields.items() if about.mask]
    if rows and marked:
        db.execute(bound.table.update().where(where).values(masks(db, bound, marked)))
    _tell_kept(bound, (keep, bound.declared.category), owners, accounts, rows)


def _kept_fields(
    db: sa.Connection, bound: Bound, owners: Owners, accounts: Accounts, today: date | None
) -> frozenset[str]:
    """Leave single fields of masked rows as they are while an exception demands it; returns which."""
    where, kept = bound.where(db, owners), {n: f.keep for n, f in bound.declared.fields.items() if f.keep}
    for name, keep in kept.items():
        about, here = bound.declared.fields[name], where
        if (over := _over(bound, keep, today)) is not None:
            masked = masks(db, bound, [(name, about)])
            db.execute(bound.table.update().where(where, over).values(masked))
            here = sa.and_(where, sa.not_(over))
        rows = _dated(db, bound, sa.and_(here, bound.table.c[name].is_not(None)))
        _tell_kept(bound, (keep, about.category), owners, accounts, rows)
    return frozenset(kept)


def _over(bound: Bound, keep: Keep, today: date | None) -> sa.ColumnElement[bool] | None:
    """Which rows need not be kept any more; None when that cannot be said."""
    return bound.before(today - timedelta(days=keep.days)) if today else None


def _dated(db: sa.Connection, bound: Bound, where: sa.ColumnElement[bool]) -> Rows:
    """Whose the rows are, and last their day where they have one."""
    day = [bound.day] if bound.day is not None else []
    return db.execute(sa.select(*bound.identity(), *day).select_from(bound.source).where(where)).all()


def _tell_kept(bound: Bound, why: tuple[Keep, str], owners: Owners, accounts: Accounts, rows: Rows) -> None:
    (keep, category), width = why, len(bound.identity())
    days: dict[tuple[Any, ...], list[date | None]] = {}
    for row in rows:
        days.setdefault(tuple(row[:width]), []).append(day_of(row[-1]) if bound.day is not None else None)
    for key, some in days.items():
        last = max((day for day in some if day), default=None)
        until = last + timedelta(days=keep.days) if last else None
        kept = Retained(category=category, code=keep.code, citation=keep.citation, until=until, count=len(some))
        for task in bound.asked(owners, key):
            accounts[task.task_id].keep(kept)
