"""Any SQL database SQLAlchemy speaks to, through the declared data map. Set-based, and safe to repeat.

A ledger table in the system's own database notes each task's receipt in the transaction that did the work: a retry of
a finished erase still says erased. Statements grow with the tables, not with the tasks.
"""

from sqlalchemy import exc

from connectors.registry import Environment, NoSuchConnector, address
from connectors.sql.engine import engine_of
from connectors.sql.system import SqlSystem
from connectors.systems import SystemMap

__all__ = ["SqlSystem", "open_sql"]


def open_sql(name: str, declared: SystemMap, environment: Environment) -> SqlSystem:
    """Open a system by its database URL (any SQLAlchemy URL). Systems with one address share one pool.

    Raises:
        NoSuchConnector: the variable with its address is not set, or holds none.
    """
    url = address(name, declared, environment)
    try:
        engine = engine_of(url, declared.timeout_s, declared.concurrency)
    except (exc.ArgumentError, exc.NoSuchModuleError, ModuleNotFoundError):
        message = (
            f"{name}: {declared.url_env} holds no SQLAlchemy URL, or one of a database whose driver is not installed"
        )
        raise NoSuchConnector(message) from None
    return SqlSystem(name, declared, engine)
