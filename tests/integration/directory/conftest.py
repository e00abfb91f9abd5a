"""One migrated database for all tests of the directory; each starts with empty tables and keys of its own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from services.directory.load import Loaded, load
from services.directory.person import person_of
from services.kernel.keys import FileKeyStore
from services.kernel.migrate import upgrade
from tests.support.servers import TestServers

TODAY = date(2026, 3, 1)


@pytest.fixture(scope="package")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="package")
def directory_url(servers: TestServers) -> Iterator[str]:
    with suppress(psycopg.OperationalError), servers.fresh_database("directory_tests") as url:
        upgrade(url)
        yield url  # where the server is stopped first, the database goes with it


class Loader:
    """A directory with a loader beside it: rows in, rows counted."""

    def __init__(self, url: str, keys: FileKeyStore) -> None:
        self.url, self.keys = url, keys
        self.db: psycopg.Connection[Any] = psycopg.connect(url, autocommit=True)

    def load(self, *rows: dict[str, str], today: date = TODAY, **options: Any) -> Loaded:
        people = (person_of(line, row) for line, row in enumerate(rows, start=2))
        return load(self.db, people, self.keys, today=today, **options)

    def count(self, table: str) -> int:
        return len(self.rows(table))

    def rows(self, table: str) -> list[tuple[Any, ...]]:
        query = sql.SQL("SELECT * FROM {}").format(sql.Identifier("directory", table))
        return self.db.execute(query).fetchall()

    @asynccontextmanager
    async def ask(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as conn:
            yield conn


@pytest.fixture
def directory(directory_url: str, tmp_path: Path) -> Iterator[Loader]:
    keys = FileKeyStore(tmp_path / "keys")
    keys.create()
    found = Loader(directory_url, keys)
    tables = ("person", "version", "suppression", "inbox", "state", "outbox")
    found.db.execute(f"TRUNCATE {', '.join(f'directory.{name}' for name in tables)} CASCADE".encode())
    yield found
    found.db.close()
