"""A register of its own database, filled without any broker."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.sql import SQL, Identifier

from services.kernel.keys import FileKeyStore
from services.kernel.migrate import upgrade
from services.ops.register import store
from services.ops.register.process import trust_of
from tests.support.ledger import Ledger


@pytest.fixture(scope="module")
def migrated(module_database_url: str) -> str:
    """A database of today's shape."""
    upgrade(module_database_url)
    return module_database_url


@pytest.fixture
def ledger(migrated: str, tmp_path: Path) -> Iterator[Ledger]:
    """An empty register, and keys."""
    keys = FileKeyStore(tmp_path / "keys")
    keys.create()
    with store.connection(migrated) as db:
        names = [row[0] for row in db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'ops'")]
        emptied = (SQL("DELETE FROM {}").format(Identifier("ops", name)) for name in names)
        db.execute(SQL("; ").join(emptied))  # a tenth of what TRUNCATE takes for a few rows
        yield Ledger(db, keys, trust_of(keys))
