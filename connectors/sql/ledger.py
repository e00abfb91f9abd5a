"""What was done, noted where it was done: one row per finished task, in the transaction that did the work."""

from collections.abc import Collection, Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlalchemy import exc

from connectors.port import Receipt, Task
from connectors.sql.bound import among

LEDGER: Final = "rightsbus_ledger"
_RECEIPT: Final = TypeAdapter(Receipt)


class Ledger:
    """Receipts of finished changes by task id. Holds counts and codes, nothing of a person."""

    def __init__(self, schema: str | None) -> None:
        self._table = sa.Table(
            LEDGER,
            sa.MetaData(schema=schema),
            sa.Column("task_id", sa.String(36), primary_key=True),
            sa.Column("receipt", sa.Text, nullable=False),
            sa.Column("noted_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
        )

    def create(self, engine: sa.Engine) -> None:
        """Make the table when it is not there; fine when another worker makes it at the same moment."""
        try:
            with engine.begin() as db:
                self._table.create(db, checkfirst=True)
        except exc.DBAPIError:
            with engine.connect() as db:
                if not sa.inspect(db).has_table(LEDGER, schema=self._table.schema):
                    raise

    def recall(self, db: sa.Connection, tasks: Sequence[Task]) -> dict[UUID, Receipt]:
        """The receipts of those tasks that were done before."""
        wanted = among(db, self._table.c.task_id, [str(task.task_id) for task in tasks])
        found = db.execute(sa.select(self._table.c.receipt).where(wanted)).scalars()
        receipts = [_RECEIPT.validate_json(text) for text in found]
        return {receipt.task_id: receipt for receipt in receipts}

    def note(self, db: sa.Connection, receipts: Collection[Receipt]) -> None:
        """Keep receipts, in one statement.

        Raises:
            sqlalchemy.exc.IntegrityError: one was noted by another worker meanwhile.
        """
        rows = [{"task_id": str(r.task_id), "receipt": _RECEIPT.dump_json(r).decode()} for r in receipts]
        if rows:
            db.execute(self._table.insert(), rows)
