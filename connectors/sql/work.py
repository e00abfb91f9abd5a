"""What each action does to the tables of one system, inside one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from connectors.account import Accounts, open_accounts
from connectors.port import Receipt, Task
from connectors.sql.bound import chunks
from connectors.sql.change import correct, prefer
from connectors.sql.erase import erase
from connectors.sql.live import Live
from connectors.systems import SystemMap
from schemas.values import Action, Outcome


@dataclass(frozen=True, slots=True)
class Work:
    """Changes some tasks ask for, over one connection."""

    db: sa.Connection
    live: Live
    declared: SystemMap

    def receipts(self, tasks: Sequence[Task]) -> list[Receipt]:
        """Carry the tasks out, action by action, and say how each ended.

        Raises:
            BadRecordKey: a record key is not of its column's type.
            sqlalchemy.exc.SQLAlchemyError: the database refused; nothing of the transaction may stand.
        """
        accounts = open_accounts(tasks)
        for action, today in dict.fromkeys((task.action, task.today) for task in tasks):
            some = [task for task in tasks if (task.action, task.today) == (action, today)]
            if action is Action.APPLY:
                self._apply(some, accounts)
            elif action is Action.ERASE:
                self._erase(some, accounts, today)
            else:
                self._correct(some, accounts)
        return [accounts[task.task_id].receipt(task) for task in tasks]

    def _erase(self, tasks: Sequence[Task], accounts: Accounts, today: date | None) -> None:
        for bound in self.live.bounds:
            for some in chunks(bound.owners(tasks)):
                erase(self.db, bound, some, accounts, today)

    def _correct(self, tasks: Sequence[Task], accounts: Accounts) -> None:
        for bound in self.live.bounds:
            for some in chunks(bound.owners(tasks)):
                correct(self.db, bound, some, accounts)
        known = self.declared.correctable
        for task in tasks:
            if task.keys and not any(correction.field in known for correction in task.corrections):
                accounts[task.task_id].outcomes.add(Outcome.UNNEEDED)

    def _apply(self, tasks: Sequence[Task], accounts: Accounts) -> None:
        wish, table = self.declared.preferences, self.live.preferences
        if wish is not None and table is not None:
            prefer(self.db, wish, table, tasks, accounts)
        for task in tasks:
            if wish is None or task.preference not in wish.columns:
                accounts[task.task_id].outcomes.add(Outcome.UNNEEDED)
