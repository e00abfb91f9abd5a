"""One SQL database behind one entry of the data map."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import exc

from connectors.account import open_accounts
from connectors.port import Answer, Finding, Found, Limit, Overdue, Sink, SystemAway, Task, Trouble
from connectors.sql.bound import BadRecordKey, chunks
from connectors.sql.check import find_gaps
from connectors.sql.export import export
from connectors.sql.ledger import Ledger
from connectors.sql.live import Live, NotAsDeclared
from connectors.sql.outlet import Outlet
from connectors.sql.purge import purge
from connectors.sql.scan import found_keys
from connectors.sql.work import Work
from connectors.systems import SystemMap
from schemas.values import Action

PASSING: Final = (exc.OperationalError, exc.InterfaceError, exc.TimeoutError)
"""Trying again may help: no connection, a deadlock, a time-out."""

CHECKED: Final = frozenset({3819, 4025})
"""What MySQL and MariaDB say of a value a check refuses; their driver calls it operational, and it never passes."""

Answers = dict[UUID, Answer]


class SqlSystem:
    """One database, reached through a pool that systems with the same address share."""

    keeps_ledger = True

    def __init__(self, name: str, declared: SystemMap, engine: sa.Engine) -> None:
        self._name, self._map, self._engine = name, declared, engine
        self._ledger = Ledger(declared.db_schema)
        self._live: Live | None = None

    @property
    def name(self) -> str:
        """The system's name in the data map."""
        return self._name

    async def perform(self, tasks: Sequence[Task], sink: Sink) -> list[Answer]:
        """Carry changes out in one transaction, where one that fails is undone alone; then stream exports.

        Raises:
            Exception: whatever the sink raised; nothing is lost when the same tasks are given again.
        """
        outlet = Outlet(sink, asyncio.get_running_loop())
        answers = await asyncio.to_thread(self._perform, list({t.task_id: t for t in tasks}.values()), outlet)
        return [answers[task.task_id] for task in tasks]

    async def check(self) -> list[Finding]:
        """Compare the data map with the live schema."""
        return await asyncio.to_thread(find_gaps, self._name, self._map, self._engine)

    async def scan(self) -> AsyncIterator[Sequence[Found]]:
        """Every record key of the company's own rows, table by table."""
        live = await asyncio.to_thread(self._reach)
        for bound in live.bounds:
            if bound.parent is None and bound.declared.use == "own":
                reading = found_keys(self._engine, bound)
                while some := await asyncio.to_thread(next, reading, None):
                    yield some

    async def purge(self, limit: Limit, *, apply: bool) -> list[Overdue]:
        """Count or let go of rows that are over, all tables in one transaction.

        Raises:
            SystemAway: the database cannot be reached, or is not as declared.
        """
        return await asyncio.to_thread(self._purge, limit, apply)

    async def close(self) -> None:
        """Close idle connections."""
        await asyncio.to_thread(self._engine.dispose)

    def _purge(self, limit: Limit, apply: bool) -> list[Overdue]:  # noqa: FBT001  passed on to a thread
        try:
            live = self._reach()
            with self._engine.begin() as db:
                found = [purge(db, bound, limit, apply=apply) for bound in live.bounds]
        except (exc.SQLAlchemyError, NotAsDeclared) as error:
            raise SystemAway(self._name, type(error).__name__) from None
        return [one for one in found if one]

    def _perform(self, tasks: list[Task], outlet: Outlet) -> Answers:
        try:
            live = self._reach()
        except NotAsDeclared:
            return _trouble(tasks, retry=False, code="misconfigured")
        except exc.SQLAlchemyError as error:
            return _trouble(tasks, retry=passes(error), code=_code(error))
        changes = [task for task in tasks if task.action is not Action.EXPORT]
        exports = [task for task in tasks if task.action is Action.EXPORT]
        return self._try(changes, lambda some: self._change(live, some)) | self._try(
            exports, lambda some: self._export(live, some, outlet), once=lambda: outlet.used
        )

    def _reach(self) -> Live:
        """The declared tables as they are; read when first needed."""
        if self._live is None:
            self._ledger.create(self._engine)
            with self._engine.connect() as db:
                self._live = Live.read(db, self._map)
        return self._live

    def _try(
        self, tasks: list[Task], work: Callable[[list[Task]], Answers], once: Callable[[], bool] = bool
    ) -> Answers:
        """Do the work; what fails for good is tried again in halves until the guilty task stands alone.

        `once` says that a second try would do something twice: then all may come again.
        """
        if not tasks:
            return {}
        try:
            return work(tasks)
        except (exc.SQLAlchemyError, BadRecordKey) as error:
            if passes(error):
                return _trouble(tasks, retry=True, code=_code(error))
            self._doubt(error)
            if len(tasks) == 1 or once():
                return _trouble(tasks, retry=len(tasks) > 1, code=_code(error))
        half = len(tasks) // 2
        return self._try(tasks[:half], work, once) | self._try(tasks[half:], work, once)

    def _doubt(self, error: Exception) -> None:
        """Read the live schema again before the next call: it may have changed under us."""
        if isinstance(error, exc.ProgrammingError):
            self._live = None

    def _change(self, live: Live, tasks: list[Task]) -> Answers:
        with self._engine.begin() as db:
            known: Answers = dict(self._ledger.recall(db, tasks))
            return known | self._isolate(db, live, [task for task in tasks if task.task_id not in known])

    def _isolate(self, db: sa.Connection, live: Live, tasks: list[Task]) -> Answers:
        """Change and note in one savepoint; on failure halve, inside the same transaction."""
        if not tasks:
            return {}
        try:
            with db.begin_nested():
                receipts = Work(db, live, self._map).receipts(tasks)
                self._ledger.note(db, receipts)
            return {receipt.task_id: receipt for receipt in receipts}
        except (exc.SQLAlchemyError, BadRecordKey) as error:
            if passes(error):
                raise
            self._doubt(error)
            if len(tasks) == 1:
                done: Answers = dict(self._ledger.recall(db, tasks))
                return done or _trouble(tasks, retry=False, code=_code(error))
        half = len(tasks) // 2
        return self._isolate(db, live, tasks[:half]) | self._isolate(db, live, tasks[half:])

    def _export(self, live: Live, tasks: list[Task], outlet: Outlet) -> Answers:
        accounts = open_accounts(tasks)
        wanted = [(bound, bound.owners(tasks)) for bound in live.bounds]
        with self._engine.connect() as db:
            for bound, owners in wanted:
                for some in chunks(owners):
                    for chunk in export(db, bound, some, accounts):
                        outlet.put(chunk)
            outlet.flush()
        return {task.task_id: accounts[task.task_id].receipt(task) for task in tasks}


def passes(error: Exception) -> bool:
    """Whether what a database said may be over when it is asked again."""
    said = getattr(getattr(error, "orig", None), "args", ())
    return isinstance(error, PASSING) and not (said and said[0] in CHECKED)


def _trouble(tasks: Sequence[Task], *, retry: bool, code: str) -> Answers:
    return {task.task_id: Trouble(task.task_id, retry=retry, code=code) for task in tasks}


def _code(error: Exception) -> str:
    """A code for the register: the condition, and the database's own state code where it gives one."""
    if isinstance(error, BadRecordKey):
        return "bad_record_key"
    kind = "system_unavailable" if passes(error) else "system_refused"
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return f"{kind}.{state.lower()}" if isinstance(state, str) else kind
