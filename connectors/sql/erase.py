"""Erase rows the way the data map declares: delete, mask, aggregate, or keep and say why."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from connectors.sql.account import Accounts
from connectors.sql.bound import Bound, Key, Owners
from connectors.tables import FieldMap, Keep
from schemas.values import Outcome, Retained

MASKED: Final = "erased"
_COARSE: Final = 3
_DONE: Final = {
    "delete": Outcome.ERASED,
    "mask": Outcome.MASKED,
    "aggregate": Outcome.AGGREGATED,
    "keep": Outcome.RETAINED,
}

Rows = Sequence[Sequence[Any]]


def erase(db: sa.Connection, bound: Bound, owners: Owners, accounts: Accounts, today: date | None) -> None:
    """Do to the owners' rows of one table what is declared; one or two statements."""
    where = bound.where(db, owners)
    if bound.declared.keep:
        _keep(db, bound, owners, accounts, today)
        return
    if bound.declared.erase == "delete":
        rows = _touch(db, bound, bound.table.delete().where(where), where)
    else:
        values = _masks(bound, bound.declared.fields.items())
        update = bound.table.update().where(where).values(values)
        rows = _touch(db, bound, update, where, key_survives=bound.declared.erase == "mask")
    _count(bound, owners, accounts, rows)


def _touch(
    db: sa.Connection,
    bound: Bound,
    change: sa.Delete | sa.Update,
    where: sa.ColumnElement[bool],
    *,
    key_survives: bool = True,
) -> Rows:
    """Change rows and return whose they were: in one statement where the database can, else read before."""
    dialect = db.dialect
    returns = dialect.delete_returning if isinstance(change, sa.Delete) else dialect.update_returning
    if returns and key_survives:
        return db.execute(change.returning(*bound.identity())).all()
    rows = db.execute(sa.select(*bound.identity()).where(where).with_for_update()).all()
    if rows:
        db.execute(change)
    return rows


def _count(bound: Bound, owners: Owners, accounts: Accounts, rows: Rows) -> None:
    tally: dict[Key, int] = {}
    for row in rows:
        key = bound.key_of(row)
        tally[key] = tally.get(key, 0) + 1
    for key, number in tally.items():
        for task in owners.get(key, ()):
            accounts[task.task_id].add(bound.declared.categories, number, _DONE[bound.declared.erase])


def _masks(bound: Bound, fields: Iterable[tuple[str, FieldMap]]) -> dict[str, Any]:
    """What each field becomes. The key column is only ever cut where rows become nobody's."""
    spared = {bound.declared.client_column, bound.declared.date_column, bound.declared.key_column}
    values = {name: _mask(bound, name, about) for name, about in fields if name not in spared}
    if bound.declared.erase == "aggregate":
        about = bound.declared.fields.get(bound.key.name)
        values[bound.key.name] = _mask(bound, bound.key.name, about) if about else None
    kept = [name for name, about in bound.declared.fields.items() if about.mask == "keep"]
    return {name: value for name, value in values.items() if name not in kept}


def _mask(bound: Bound, name: str, about: FieldMap) -> Any:  # noqa: ANN401  a value or an expression
    column = bound.table.c[name]
    match about.mask:
        case "empty":
            return ""
        case "token" if bound.declared.erase == "aggregate":
            return MASKED
        case "token":
            return sa.literal(f"{MASKED}-") + sa.cast(bound.key, sa.Text)
        case "coarse":
            return sa.func.substr(column, 1, _COARSE)
        case _:
            return None


def _keep(db: sa.Connection, bound: Bound, owners: Owners, accounts: Accounts, today: date | None) -> None:
    """Keep rows with their reason; those whose time is over are erased, and marked fields go in any case."""
    keep, where = bound.declared.keep, bound.where(db, owners)
    if keep is None:
        return
    if today and bound.day is not None:
        over = sa.and_(where, bound.day < today - timedelta(days=keep.days))
        for row in _touch(db, bound, bound.table.delete().where(over), over):
            for task in owners.get(bound.key_of(row), ()):
                accounts[task.task_id].add(bound.declared.categories, 1, Outcome.ERASED)
    dated = [bound.day] if bound.day is not None else []
    rows = db.execute(sa.select(*bound.identity(), *dated).where(where)).all()
    marked = [(name, about) for name, about in bound.declared.fields.items() if about.mask]
    if rows and marked:
        db.execute(bound.table.update().where(where).values(_masks(bound, marked)))
    _tell_kept(bound, keep, owners, accounts, rows)


def _tell_kept(bound: Bound, keep: Keep, owners: Owners, accounts: Accounts, rows: Rows) -> None:
    days: dict[Key, list[date | None]] = {}
    for row in rows:
        days.setdefault(bound.key_of(row), []).append(_day(row[-1]) if bound.day is not None else None)
    for key, some in days.items():
        last = max((day for day in some if day), default=None)
        kept = Retained(
            category=bound.declared.category,
            code=keep.code,
            citation=keep.citation,
            until=last + timedelta(days=keep.days) if last else None,
            count=len(some),
        )
        for task in owners.get(key, ()):
            accounts[task.task_id].keep(kept)


def _day(value: Any) -> date | None:  # noqa: ANN401  whatever the column holds
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else None
