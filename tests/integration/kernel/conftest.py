"""A migrated database that the kernel's tests share, and workers of the lab's service on it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from services.kernel.migrate import upgrade
from tests.support import lab
from tests.support.lab import Lab
from tests.support.servers import TestServers


@pytest.fixture(scope="package")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[structlog.typing.EventDict]]:
    """What was logged, as data."""
    with structlog.testing.capture_logs() as lines:
        yield lines


@pytest.fixture(scope="package")
def kernel_url(servers: TestServers) -> Iterator[str]:
    with servers.fresh_database("kernel_lab") as url:
        upgrade(url)
        yield url


@pytest.fixture
def tables(kernel_url: str) -> str:
    lab.empty(kernel_url)
    return kernel_url


@pytest.fixture
async def worker(tables: str, tmp_path: Path) -> AsyncIterator[Lab]:
    async with lab.a_lab(tables, tmp_path / "keys") as one:
        yield one


@pytest.fixture
async def another(worker: Lab, tables: str, tmp_path: Path) -> AsyncIterator[Lab]:
    async with lab.a_lab(tables, tmp_path / "keys") as one:
        yield one
