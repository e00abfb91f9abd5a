"""Bring a database to today's shape. Quick when it is there already, safe when several try at once."""

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

_LOCK: Final = 7_202_611


def _engine(database_url: str) -> sa.Engine:
    url = database_url.replace("postgresql://", "postgresql+psycopg://", 1)
    return sa.create_engine(url, poolclass=sa.pool.NullPool)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def upgrade(database_url: str) -> None:
    """Apply every migration not yet applied, one process at a time."""
    with _engine(database_url).begin() as connection:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def current(database_url: str) -> tuple[str | None, str | None]:
    """The revision the database is at, and the one it should be at."""
    with _engine(database_url).connect() as connection:
        at = MigrationContext.configure(connection).get_current_revision()
    return at, ScriptDirectory.from_config(_config()).get_current_head()
