"""Connections to databases: pooled per address, with a time-out where the database has one."""

from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event


@lru_cache(maxsize=64)
def engine_of(url: str, timeout_s: float, size: int) -> sa.Engine:
    """The engine for an address; the same for everybody who asks with the same limits."""
    parsed = sa.make_url(url)
    options: dict[str, Any] = {}
    if parsed.get_backend_name() == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        limit = f"-c statement_timeout={int(timeout_s * 1000)}"
        options["connect_args"] = {"connect_timeout": max(1, int(timeout_s)), "options": limit}
    engine = sa.create_engine(
        parsed,
        poolclass=sa.QueuePool,
        pool_size=size,
        max_overflow=size,
        pool_pre_ping=True,
        pool_timeout=timeout_s,
        hide_parameters=True,
        **options,
    )
    if parsed.get_backend_name() == "sqlite":
        _let_savepoints_work(engine)
    return engine


def _let_savepoints_work(engine: sa.Engine) -> None:
    """Keep the SQLite driver from opening and closing transactions by itself, and let it enforce foreign keys."""

    @event.listens_for(engine, "connect")
    def _leave_alone(connection: Any, _record: object) -> None:  # noqa: ANN401  the driver's own
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def _begin(db: sa.Connection) -> None:
        db.exec_driver_sql("BEGIN")
