"""Correct fields, and note preferences; each one statement per table and kind, however many tasks."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from connectors.account import Accounts
from connectors.holdings import PreferenceMap
from connectors.port import Task
from connectors.sql.bound import Bound, Owners, among, read_key
from connectors.sql.touch import touch
from schemas.values import Medium, Outcome, Right


def correct(db: sa.Connection, bound: Bound, owners: Owners, accounts: Accounts) -> None:
    """Set the fields right that this table holds; a later task's word wins over an earlier one's."""
    columns = {f.correctable: name for name, f in bound.declared.fields.items() if f.correctable}
    cases: dict[str, list[tuple[sa.ColumnElement[bool], str]]] = {}
    for key, tasks in owners.items():
        for task in reversed(tasks):
            for correction in task.corrections:
                if name := columns.get(correction.field):
                    cases.setdefault(name, []).append((bound.row(key), correction.new))
    if not cases:
        return
    asked = {key: tasks for key, tasks in owners.items() if any(_fields(task, columns) for task in tasks)}
    values = {name: sa.case(*some, else_=bound.table.c[name]) for name, some in cases.items()}
    for row in touch(db, bound, bound.table.update().values(values), bound.where(db, asked)):
        for task in bound.asked(asked, row):
            touched = {bound.declared.fields[columns[field]].category for field in _fields(task, columns)}
            accounts[task.task_id].add(sorted(touched), 1, Outcome.CORRECTED)


def _fields(task: Task, columns: dict[str, str]) -> list[str]:
    return [correction.field for correction in task.corrections if correction.field in columns]


def prefer(
    db: sa.Connection, declared: PreferenceMap, table: sa.Table, tasks: Sequence[Task], accounts: Accounts
) -> None:
    """Note what each task prefers; a wish also for people whose row in the preference table is not there yet."""
    alike: dict[tuple[Right | None, tuple[Medium, ...]], list[Task]] = {}
    for task in (task for task in tasks if task.preference in declared.columns):
        alike.setdefault((task.preference, task.media), []).append(task)
    for some in alike.values():
        _prefer(db, declared, table, some, accounts)


def _prefer(
    db: sa.Connection, declared: PreferenceMap, table: sa.Table, tasks: Sequence[Task], accounts: Accounts
) -> None:
    right, column = tasks[0].preference, table.c[declared.key_column or ""]
    values = declared.marks(right, tasks[0].media)
    owners: dict[Any, list[Task]] = {}
    for task in tasks:
        for keys in task.keys:
            if declared.record_key in keys:
                owners.setdefault(read_key(column, keys[declared.record_key]), []).append(task)
    if not owners:
        return
    mine = among(db, column, list(owners))
    db.execute(table.update().where(mine).values(values))
    known = set(db.execute(sa.select(column).where(mine)).scalars())
    adds = right is not None and declared.adds(right)
    if fresh := [{column.name: key, **values} for key in owners if adds and key not in known]:
        db.execute(table.insert(), fresh)
    for key, some in owners.items():
        for task in some if adds or key in known else ():
            accounts[task.task_id].add(["preferences"], 1, Outcome.APPLIED)
