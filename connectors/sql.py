"""Any SQL database SQLAlchemy speaks to, through the declared data map. Set-based, and safe to repeat.

A ledger table in the system's own database notes each task's receipt in the transaction that did the work: a retry of
a finished erase still says erased. Statements grow with the tables, not with the tasks.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import TypeAdapter
from pydantic_core import to_json, to_jsonable_python
from sqlalchemy import exc

from connectors.datamap import SystemMap, TableMap
from connectors.port import Finding, Receipt, Sink, Task, Trouble
from connectors.sql_check import find_gaps
from schemas.values import Action, Outcome, Retained

LEDGER: Final = "rightsbus_ledger"
HELD: Final = "held; this type of data is never disclosed"
_DONE: Final = {"delete": Outcome.ERASED, "mask": Outcome.MASKED, "aggregate": Outcome.AGGREGATED}
_RECEIPT: Final = TypeAdapter(Receipt)
CHUNK: Final = 1_000


@dataclass(slots=True)
class _Account:
    """What happened to one task so far."""

    counts: dict[str, int] = field(default_factory=dict)
    outcomes: set[Outcome] = field(default_factory=set)
    retained: list[Retained] = field(default_factory=list)

    def add(self, category: str, number: int, outcome: Outcome) -> None:
        if number:
            self.counts[category] = self.counts.get(category, 0) + number
            self.outcomes.add(outcome)

    def receipt(self, task: Task) -> Receipt:
        """The first of these is told: what was done, else what was kept, else that nothing was found."""
        order = (
            Outcome.ERASED,
            Outcome.MASKED,
            Outcome.AGGREGATED,
            Outcome.EXPORTED,
            Outcome.CORRECTED,
            Outcome.APPLIED,
        )
        done = next((o for o in order if o in self.outcomes), None)
        outcome = done or (Outcome.RETAINED if self.retained else Outcome.NOT_FOUND)
        return Receipt(task.task_id, outcome, dict(sorted(self.counts.items())), tuple(self.retained))


class SqlSystem:
    """One database behind one data map entry."""

    def __init__(self, name: str, declared: SystemMap, engine: sa.Engine) -> None:
        self._name, self._map, self._engine = name, declared, engine
        meta = sa.MetaData(schema=declared.db_schema)
        self._tables = {t.name: _table(meta, t) for t in declared.tables}
        self._ledger = sa.Table(
            LEDGER, meta, sa.Column("task_id", sa.String(36), primary_key=True), sa.Column("receipt", sa.Text)
        )
        self._prefer = self._preference_table(meta)
        self._ready = False

    @property
    def name(self) -> str:
        """The system's name in the data map."""
        return self._name

    async def perform(self, tasks: Sequence[Task], sink: Sink) -> list[Receipt | Trouble]:
        """Carry tasks out in one transaction; one that fails for good is isolated from the others."""
        answers, exported = await asyncio.to_thread(self._guarded, list(tasks))
        for task_id, category, table, rows in exported:
            for start in range(0, len(rows), CHUNK):
                await sink.write(task_id, category, table, rows[start : start + CHUNK])
        return answers

    async def check(self) -> list[Finding]:
        """Compare the data map with the live schema."""
        return await asyncio.to_thread(find_gaps, self._name, self._map, self._engine)

    async def close(self) -> None:
        """Close pooled connections."""
        await asyncio.to_thread(self._engine.dispose)

    def _guarded(self, tasks: list[Task]) -> "tuple[list[Receipt | Trouble], list[_Rows]]":
        try:
            return self._perform(tasks)
        except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError):
            return [Trouble(task.task_id, retry=True, code="system_unavailable") for task in tasks], []
        except exc.SQLAlchemyError as error:
            if len(tasks) == 1:
                return [Trouble(tasks[0].task_id, retry=False, code=type(error).__name__.lower())], []
        parts = [self._guarded([task]) for task in tasks]
        return [answer for answers, _ in parts for answer in answers], [
            row for _, rows in parts for row in rows
        ]

    def _perform(self, tasks: list[Task]) -> "tuple[list[Receipt | Trouble], list[_Rows]]":
        with self._engine.begin() as db:
            if not self._ready:
                self._ledger.create(db, checkfirst=True)
                self._ready = True
            known = self._recall(db, tasks)
            todo = [task for task in tasks if task.task_id not in known]
            accounts = {task.task_id: _Account() for task in todo}
            exported: list[_Rows] = []
            for action in dict.fromkeys(task.action for task in todo):
                some = [task for task in todo if task.action is action]
                exported += self._do(db, action, some, accounts)
            known |= {task.task_id: accounts[task.task_id].receipt(task) for task in todo}
            self._note(db, [known[task.task_id] for task in todo if task.action is not Action.EXPORT])
        return [known[task.task_id] for task in tasks], exported

    def _recall(self, db: sa.Connection, tasks: list[Task]) -> dict[UUID, Receipt]:
        ids = [str(task.task_id) for task in tasks]
        rows = db.execute(sa.select(self._ledger.c.receipt).where(self._ledger.c.task_id.in_(ids)))
        return {receipt.task_id: receipt for receipt in (_RECEIPT.validate_json(row[0]) for row in rows)}

    def _note(self, db: sa.Connection, receipts: list[Receipt]) -> None:
        if receipts:
            rows = [{"task_id": str(r.task_id), "receipt": to_json(r).decode()} for r in receipts]
            db.execute(self._ledger.insert(), rows)

    def _do(
        self, db: sa.Connection, action: Action, tasks: list[Task], accounts: dict[UUID, _Account]
    ) -> "list[_Rows]":
        if action is Action.APPLY:
            self._apply(db, tasks, accounts)
            return []
        exported: list[_Rows] = []
        for declared in self._map.tables:
            owner = _owners(declared, tasks)
            if not owner:
                continue
            if action is Action.EXPORT:
                exported += self._export(db, declared, owner, accounts)
            elif action is Action.ERASE:
                self._erase(db, declared, owner, accounts)
            else:
                self._correct(db, declared, owner, accounts)
        return exported

    def _where(self, declared: TableMap, owner: "Mapping[_Key, Task]") -> sa.ColumnElement[bool]:
        table = self._tables[declared.name]
        if declared.client_column is None:
            return table.c[declared.key_column].in_([key for key, _ in owner])
        pair = sa.tuple_(table.c[declared.key_column], table.c[declared.client_column])
        wanted = [(key, client) for key, client in owner if client is not None]
        own = [key for key, client in owner if client is None]
        mine = sa.and_(table.c[declared.key_column].in_(own), table.c[declared.client_column].is_(None))
        return sa.or_(pair.in_(wanted), mine) if wanted and own else (pair.in_(wanted) if wanted else mine)

    def _erase(
        self,
        db: sa.Connection,
        declared: TableMap,
        owner: "Mapping[_Key, Task]",
        accounts: dict[UUID, _Account],
    ) -> None:
        table, where = self._tables[declared.name], self._where(declared, owner)
        back = _key_columns(table, declared)
        if declared.keep:
            dated = [table.c[declared.date_column]] if declared.date_column else []
            rows = db.execute(sa.select(*back, *dated).where(where)).all()
            _retain(declared, owner, rows, accounts)
            return
        if declared.erase == "delete":
            rows = db.execute(table.delete().where(where).returning(*back)).all()
        else:
            rows = db.execute(table.update().where(where).values(_masked(declared)).returning(*back)).all()
        for key, number in _tally(declared, rows).items():
            accounts[owner[key].task_id].add(declared.category, number, _DONE[declared.erase])

    def _export(
        self,
        db: sa.Connection,
        declared: TableMap,
        owner: "Mapping[_Key, Task]",
        accounts: dict[UUID, _Account],
    ) -> "list[_Rows]":
        table = self._tables[declared.name]
        rows = db.execute(sa.select(table).where(self._where(declared, owner))).mappings()
        found: dict[UUID, list[Mapping[str, Any]]] = {}
        for row in rows:
            task = owner[_key_of(declared, row)]
            if not _wanted(declared, task, row):
                continue
            found.setdefault(task.task_id, []).append(_disclosed(declared, row))
        for task_id, some in found.items():
            accounts[task_id].add(declared.category, len(some), Outcome.EXPORTED)
        return [(task_id, declared.category, declared.name, some) for task_id, some in found.items()]

    def _correct(
        self,
        db: sa.Connection,
        declared: TableMap,
        owner: "Mapping[_Key, Task]",
        accounts: dict[UUID, _Account],
    ) -> None:
        table = self._tables[declared.name]
        columns = {f.correctable: column for column, f in declared.fields.items() if f.correctable}
        for key, task in owner.items():
            values = {columns[c.field]: c.new for c in task.corrections if c.field in columns}
            if values:
                done = db.execute(table.update().where(self._where(declared, {key: task})).values(values))
                accounts[task.task_id].add(declared.category, done.rowcount, Outcome.CORRECTED)

    def _preference_table(self, meta: sa.MetaData) -> sa.Table | None:
        declared = self._map.preferences
        if declared is None:
            return None
        columns = [sa.Column(name, sa.Boolean) for name in sorted(set(declared.columns.values()))]
        return sa.Table(declared.table, meta, sa.Column(declared.key_column), *columns, extend_existing=True)

    def _apply(self, db: sa.Connection, tasks: list[Task], accounts: dict[UUID, _Account]) -> None:
        declared, table = self._map.preferences, self._prefer
        if declared is None or table is None:
            return
        for right in dict.fromkeys(task.preference for task in tasks if task.preference):
            some = [task for task in tasks if task.preference is right]
            keys = {key[declared.record_key]: t for t in some for key in t.keys if declared.record_key in key}
            column = table.c[declared.key_column]
            update = table.update().where(column.in_(list(keys))).values({declared.columns[right]: True})
            for (key,) in db.execute(update.returning(column)):
                accounts[keys[str(key)].task_id].add("preferences", 1, Outcome.APPLIED)


_Key = tuple[str, str | None]
_Rows = tuple[UUID, str, str, list[Mapping[str, Any]]]


def _table(meta: sa.MetaData, declared: TableMap) -> sa.Table:
    names = {declared.key_column, *declared.fields}
    names |= {name for name in (declared.client_column, declared.date_column) if name}
    return sa.Table(declared.name, meta, *(sa.Column(name) for name in sorted(names)))


def _owners(declared: TableMap, tasks: Sequence[Task]) -> dict[_Key, Task]:
    """Which task asked for which row: a client's task reaches rows of that client only, an own task none of any."""
    owners: dict[_Key, Task] = {}
    for task in tasks:
        if task.client and not declared.client_column:
            continue
        for keys in task.keys:
            if declared.record_key in keys:
                owners[keys[declared.record_key], task.client if declared.client_column else None] = task
    return owners


def _key_columns(table: sa.Table, declared: TableMap) -> list[sa.Column[Any]]:
    names = [declared.key_column, *([declared.client_column] if declared.client_column else [])]
    return [table.c[name] for name in names]


def _key_of(declared: TableMap, row: Mapping[str, Any]) -> _Key:
    client = row[declared.client_column] if declared.client_column else None
    return str(row[declared.key_column]), client


def _tally(declared: TableMap, rows: Sequence[sa.Row[Any]]) -> dict[_Key, int]:
    counts: dict[_Key, int] = {}
    for row in rows:
        key = str(row[0]), (row[1] if declared.client_column else None)
        counts[key] = counts.get(key, 0) + 1
    return counts


def _masked(declared: TableMap) -> dict[str, Any]:
    kept = {declared.key_column, declared.client_column, declared.date_column}
    values = {"null": None, "empty": "", "token": "erased"}
    return {name: values[f.mask] for name, f in declared.fields.items() if name not in kept}


def _retain(
    declared: TableMap,
    owner: Mapping[_Key, Task],
    rows: Sequence[sa.Row[Any]],
    accounts: dict[UUID, _Account],
) -> None:
    by_task: dict[UUID, list[date | None]] = {}
    for row in rows:
        key = str(row[0]), (row[1] if declared.client_column else None)
        day = row[-1] if declared.date_column else None
        by_task.setdefault(owner[key].task_id, []).append(day.date() if isinstance(day, datetime) else day)
    if declared.keep is None:
        return
    for task_id, days in by_task.items():
        last = max((day for day in days if day), default=None)
        until = last + timedelta(days=declared.keep.days) if last else None
        kept = Retained(
            category=declared.category,
            code=declared.keep.code,
            citation=declared.keep.citation,
            until=until,
            count=len(days),
        )
        accounts[task_id].retained.append(kept)


def _wanted(declared: TableMap, task: Task, row: Mapping[str, Any]) -> bool:
    day = row[declared.date_column] if declared.date_column and task.since else None
    day = day.date() if isinstance(day, datetime) else day
    return not (task.since and isinstance(day, date) and day < task.since)


def _disclosed(declared: TableMap, row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {}
    for name, value in row.items():
        about = declared.fields.get(name)
        shown[name] = HELD if about and about.disclose == "held" and value is not None else value
    return {name: to_jsonable_python(value, fallback=str) for name, value in shown.items()}


def open_sql(name: str, declared: SystemMap, url: str) -> SqlSystem:
    """Open a system by its database URL (any SQLAlchemy URL)."""
    if url.startswith("postgresql://"):
        url = "postgresql+psycopg://" + url.removeprefix("postgresql://")
    return SqlSystem(name, declared, sa.create_engine(url, pool_size=2, max_overflow=2, pool_pre_ping=True))
