"""Any SQL database SQLAlchemy speaks to, through the declared data map. Set-based, and safe to repeat.

A ledger table in the system's own database notes each task's receipt in the transaction that did the work: a retry of
a finished erase still says erased. Statements grow with the tables, not with the tasks.
"""

from connectors.sql.system import SqlSystem, open_sql

__all__ = ["SqlSystem", "open_sql"]
