"""What the data map does to single rows, for systems that have no query language. Pure: a row in, a row out.

Values are compared as text, as a file holds them. The SQL connector does the same with statements; one contract tries
both.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from connectors.account import Account, Accounts
from connectors.holdings import FieldMap, Keep, PreferenceMap
from connectors.port import Limit, Task
from connectors.reach import ANY, day_of, disclosed, reach, recent_enough
from connectors.tables import TableMap
from schemas.values import Action, Outcome, Retained

MASKED: Final = "erased"
COARSE: Final = 3
DONE: Final[Mapping[str, Outcome]] = {
    "delete": Outcome.ERASED,
    "mask": Outcome.MASKED,
    "aggregate": Outcome.AGGREGATED,
}

Row = dict[str, Any]
Whose = tuple[str, str | None]
"""A record key as text, and the client that owns the row, if any does."""
People = Mapping[str, tuple[Whose, date | None]]
"""Whose the rows of a table are that others point at, and their day."""


@dataclass(frozen=True, slots=True)
class Owners:
    """Which tasks ask for which rows of one table. `people` says whose a row is where another table knows it."""

    table: TableMap
    asked: Mapping[Whose, Sequence[Task]]
    people: People | None = None

    @classmethod
    def of(cls, table: TableMap, tasks: Iterable[Task], people: People | None = None) -> "Owners":
        """Read from the tasks' record keys who asks for what."""
        owned = table.client_column is not None or people is not None
        asked: dict[Whose, list[Task]] = {}
        for task in tasks:
            for client in reach(table, task, owned=owned):
                for keys in task.keys:
                    if table.record_key in keys:
                        some = asked.setdefault((keys[table.record_key], client), [])
                        some += [task] if task not in some else []
        return cls(table, asked, people)

    def whose(self, row: Row) -> Whose | None:
        """Whose a row is; None when it is nobody's."""
        key = row.get(self.table.key_column)
        if key in {None, ""}:
            return None
        client = row.get(self.table.client_column) or None if self.table.client_column else None
        if self.people is None:
            return str(key), client
        found = self.people.get(str(key))
        return (found[0][0], client or found[0][1]) if found else None

    def day(self, row: Row) -> date | None:
        """A row's own date, here or in the row it points at."""
        if self.table.date_column or self.people is None:
            return day_of(row.get(self.table.date_column or ""))
        return self.people.get(str(row.get(self.table.key_column)), (None, None))[1]

    def tasks(self, row: Row) -> list[Task]:
        """The tasks that ask for a row."""
        whose = self.whose(row)
        if whose is None:
            return []
        return [*self.asked.get(whose, ()), *self.asked.get((whose[0], ANY), ())]


def changed(owners: Owners, row: Row, accounts: Accounts) -> Row | None:
    """What the tasks make of a row: the same, another, or None when it goes. Notes in the accounts what was done."""
    left: Row | None = row
    for action in (Action.CORRECT, Action.ERASE):
        tasks = [task for task in owners.tasks(row) if task.action is action]
        if tasks and left is not None and action is Action.CORRECT:
            left = _corrected(owners.table, left, tasks, accounts)
        elif tasks and left is not None:
            left = _erased(owners.table, left, owners.day(row), tasks, accounts)
    return left


def is_over(owners: Owners, row: Row, limit: Limit) -> bool:
    """Whether a row's time is over, and nobody it is about is spared; a row of nobody, or without a day, stays."""
    table, whose, day = owners.table, owners.whose(row), owners.day(row)
    if whose is None or day is None or day >= limit.first_kept[table.name]:
        return False
    return whose[0] not in limit.spared.get(table.record_key, frozenset())


def let_go(table: TableMap, row: Row, day: date, today: date) -> Row | None:
    """What a deletion would make of a row whose time is over; None when it goes."""
    if table.erase in {"delete", "keep"}:
        return None
    gone = {name: f for name, f in table.fields.items() if f.keep is None or _over(day, f.keep, today)}
    masked = row | _masks(table, row, gone)
    if table.erase == "aggregate":
        link = table.fields.get(table.key_column)
        masked[table.key_column] = _mask(table, row, table.key_column, link) if link else None
    return masked


def would_change(table: TableMap, row: Row) -> bool:
    """Whether a deletion would change a row: not where it is masked already, or kept by an exception."""
    if table.erase != "mask":
        return table.keep is None
    masked = row | _masks(table, row, {name: field for name, field in table.fields.items() if field.keep is None})
    return differs(row, masked)


def differs(row: Row, other: Row | None) -> bool:
    """Whether a row would be another one, or gone; nothing is as good as an empty text."""
    return other is None or any(_text(other[name]) != _text(row[name]) for name in row)


def _text(value: Any) -> str:  # noqa: ANN401  whatever a row may hold
    return "" if value is None else str(value)


def shown(owners: Owners, row: Row, accounts: Accounts) -> list[tuple[Task, Row]]:
    """The row as each task that asks for it may see it."""
    table, found = owners.table, list[tuple[Task, Row]]()
    names = dict.fromkeys([*table.fields, *([table.date_column] if table.date_column else [])])
    for task in owners.tasks(row):
        if recent_enough(task, owners.day(row)):
            accounts[task.task_id].add(table.categories, 1, Outcome.EXPORTED)
            found.append((task, disclosed(table.fields, {name: row.get(name) for name in names})))
    return found


def _corrected(table: TableMap, row: Row, tasks: Sequence[Task], accounts: Accounts) -> Row:
    columns = {f.correctable: name for name, f in table.fields.items() if f.correctable}
    values: Row = {}
    for task in tasks:
        mine = {columns[c.field]: c.new for c in task.corrections if c.field in columns}
        values |= mine
        touched = sorted({table.fields[name].category for name in mine})
        accounts[task.task_id].add(touched, 1 if mine else 0, Outcome.CORRECTED)
    return row | values


def _erased(table: TableMap, row: Row, day: date | None, tasks: Sequence[Task], accounts: Accounts) -> Row | None:
    today = max((task.today for task in tasks if task.today), default=None)
    mine = [accounts[task.task_id] for task in tasks]
    if table.keep and not _over(day, table.keep, today):
        _tell(table.keep, table.category, day, mine)
        return row | _masks(table, row, {name: f for name, f in table.fields.items() if f.mask})
    done = DONE.get(table.erase, Outcome.ERASED)
    for account in mine:
        account.add(table.categories, 1, done)
    if table.erase in {"delete", "keep"}:
        return None
    kept = {name: f for name, f in table.fields.items() if f.keep and not _over(day, f.keep, today)}
    for about in (f for name, f in kept.items() if row.get(name) not in {None, ""}):
        _tell(about.keep, about.category, day, mine)
    masked = row | _masks(table, row, {name: f for name, f in table.fields.items() if name not in kept})
    if table.erase == "aggregate":
        link = table.fields.get(table.key_column)
        masked[table.key_column] = _mask(table, row, table.key_column, link) if link else None
    return masked


def _over(day: date | None, keep: Keep, today: date | None) -> bool:
    """Whether the time to keep a row has passed; never where it has no day."""
    return today is not None and day is not None and day < today - timedelta(days=keep.days)


def _tell(keep: Keep | None, category: str, day: date | None, accounts: Sequence[Account]) -> None:
    if keep is None:
        return
    until = day + timedelta(days=keep.days) if day else None
    for account in accounts:
        account.keep(Retained(category=category, code=keep.code, citation=keep.citation, until=until, count=1))


def _masks(table: TableMap, row: Row, fields: Mapping[str, FieldMap]) -> Row:
    spared = {table.client_column, table.date_column, table.key_column}
    return {
        name: _mask(table, row, name, about)
        for name, about in fields.items()
        if name not in spared and about.mask != "keep" and name in row
    }


def _mask(table: TableMap, row: Row, name: str, about: FieldMap) -> Any:  # noqa: ANN401  whatever the row may hold
    key = "" if table.erase == "aggregate" else f"-{row.get(table.key_column)}"
    text = str(row.get(name) or "")
    ways = {"empty": "", "token": f"{MASKED}{key}", "coarse": text[:COARSE], "zero": 0, "keep": row.get(name)}
    return f"{text[:4]}-01-01" if about.mask == "year" and text else ways.get(about.mask or "null")


def preferred(
    wish: PreferenceMap, tasks: Sequence[Task], accounts: Accounts, known: Callable[[], Container[str]]
) -> dict[str, dict[str, bool]]:
    """Per record key the marks to set; notes in the accounts what is applied, and what needs nothing here.

    `known` gives the record keys that have a row.
    """
    marks: dict[str, dict[str, bool]] = {}
    for task in tasks:
        if task.preference not in wish.columns:
            accounts[task.task_id].outcomes.add(Outcome.UNNEEDED)
            continue
        for keys in task.keys:
            if wish.record_key in keys and (wish.adds(task.preference) or keys[wish.record_key] in known()):
                marks.setdefault(keys[wish.record_key], {}).update(wish.marks(task.preference, task.media))
                accounts[task.task_id].add(["preferences"], 1, Outcome.APPLIED)
    return marks
