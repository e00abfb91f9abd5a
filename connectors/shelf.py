"""Carry tasks out on rows that lie somewhere as whole tables: read, changed and put back. No I/O of its own."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Protocol
from uuid import UUID

from connectors.account import Accounts, open_accounts
from connectors.port import Chunk, Found, Limit, Overdue, Receipt, Task
from connectors.reach import day_of
from connectors.rows import Owners, People, Row, changed, differs, is_over, let_go, preferred, shown, would_change
from connectors.systems import SystemMap
from connectors.tables import TableMap
from schemas.values import Action, Outcome

ROWS: Final = 1_000
"""Rows per chunk of an export."""


class Shelf(Protocol):
    """Where the rows lie."""

    def read(self, table: str) -> Iterator[Row]:
        """Every row of a table, in order."""
        ...

    def replace(self, table: str, rows: Iterable[Row]) -> None:
        """Put these rows in the place of the table's; nobody sees half of it."""
        ...


@dataclass(frozen=True, slots=True)
class ShelfWork:
    """What tasks do to the tables of one system."""

    declared: SystemMap
    shelf: Shelf

    def receipts(self, tasks: Sequence[Task]) -> list[Receipt]:
        """What changes will have done, from the rows as they are; changes nothing."""
        accounts = open_accounts(tasks)
        for table in self.declared.tables:
            owners = self._owners(table, tasks)
            for row in self.shelf.read(table.name):
                changed(owners, row, accounts)
        self._marks(tasks, accounts)
        for task in tasks:
            known = any(correction.field in self.declared.correctable for correction in task.corrections)
            if task.action is Action.CORRECT and task.keys and not known:
                accounts[task.task_id].outcomes.add(Outcome.UNNEEDED)
        return [accounts[task.task_id].receipt(task) for task in tasks]

    def rewrite(self, tasks: Sequence[Task]) -> None:
        """Make the changes, the tables in their order; safe to do again, also when it was cut short."""
        nobody = open_accounts(tasks)
        for table in self.declared.tables:
            owners = self._owners(table, tasks)
            if any(changed(owners, row, nobody) != row for row in self.shelf.read(table.name)):
                rows = (changed(owners, row, nobody) for row in self.shelf.read(table.name))
                self.shelf.replace(table.name, (row for row in rows if row is not None))
        if marks := self._marks(tasks, nobody):
            self._note(marks)

    def export(self, tasks: Sequence[Task], accounts: Accounts) -> Iterator[list[Chunk]]:
        """The rows each task may see, in chunks; notes in the accounts what was shown."""
        for table in self.declared.tables:
            owners, gathered = self._owners(table, tasks), dict[UUID, list[Row]]()
            for row in self.shelf.read(table.name):
                for task, seen in shown(owners, row, accounts):
                    some = gathered.setdefault(task.task_id, [])
                    some.append(seen)
                    if len(some) == ROWS:
                        yield [Chunk(task.task_id, table.category, table.name, gathered.pop(task.task_id))]
            if gathered:
                yield [Chunk(task_id, table.category, table.name, rows) for task_id, rows in gathered.items()]

    def keys(self, table: TableMap) -> list[Found]:
        """The record keys in a table, each with its newest day, and whether a deletion would find something."""
        newest: dict[str, Found] = {}
        for row in self.shelf.read(table.name):
            key, day = row.get(table.key_column), day_of(row.get(table.date_column or ""))
            if key not in {None, ""}:
                before = newest.get(str(key), Found({table.record_key: str(key)}, None, live=False))
                days = [one for one in (day, before.newest) if one]
                live = before.live or would_change(table, row)
                newest[str(key)] = Found(before.keys, max(days, default=None), live=live)
        return list(newest.values())

    def purge(self, limit: Limit, *, apply: bool) -> list[Overdue]:
        """What is over, table by table; with `apply` it goes."""
        found = []
        for table in self.declared.tables:
            if table.use == "own" and table.name in limit.first_kept:
                owners = self._owners(table, ())
                over = [(row, owners.day(row)) for row in self.shelf.read(table.name) if is_over(owners, row, limit)]
                left = [(row, let_go(table, row, day, limit.today)) for row, day in over if day]
                days = [day for (row, day), (_, made) in zip(over, left, strict=True) if day and differs(row, made)]
                found.append(Overdue(table.name, len(days), min(days, default=None)))
                if apply and days:
                    self.shelf.replace(table.name, self._purged(owners, limit))
        return found

    def _purged(self, owners: Owners, limit: Limit) -> Iterator[Row]:
        for row in self.shelf.read(owners.table.name):
            day = owners.day(row)
            left = let_go(owners.table, row, day, limit.today) if day and is_over(owners, row, limit) else row
            if left is not None:
                yield left

    def _marks(self, tasks: Sequence[Task], accounts: Accounts) -> dict[str, dict[str, bool]]:
        some = [task for task in tasks if task.action is Action.APPLY]
        if self.declared.preferences is not None:
            return preferred(self.declared.preferences, some, accounts, cache(self._marked))
        for task in some:
            accounts[task.task_id].outcomes.add(Outcome.UNNEEDED)
        return {}

    def _marked(self) -> frozenset[str]:
        """The record keys that have a row where preferences are noted."""
        wish = self.declared.preferences
        rows = self.shelf.read(wish.table) if wish and wish.table else ()
        return frozenset(str(row.get(wish.key_column or "")) for row in rows) if wish else frozenset()

    def _note(self, marks: dict[str, dict[str, bool]]) -> None:
        """Set preferences, also for people whose row is not there yet."""
        wish = self.declared.preferences
        if wish is None or wish.table is None or wish.key_column is None:
            return
        column, rows = wish.key_column, list(self.shelf.read(wish.table))
        known = {str(row.get(column)) for row in rows}
        rows += [{column: key} for key in marks if key not in known]
        self.shelf.replace(wish.table, (row | marks.get(str(row.get(column)), {}) for row in rows))

    def _owners(self, table: TableMap, tasks: Sequence[Task]) -> Owners:
        return Owners.of(table, tasks, self._people(table))

    def _people(self, table: TableMap) -> People | None:
        """Whose the rows are that a table points at, where another table knows it."""
        if table.through is None:
            return None
        parent = next(other for other in self.declared.tables if other.name == table.through.table)
        theirs, column, people = Owners(parent, {}, self._people(parent)), table.through.column, dict[str, Any]()
        for row in self.shelf.read(parent.name):
            if found := theirs.whose(row):
                people[str(row.get(column))] = found, theirs.day(row)
        return people
