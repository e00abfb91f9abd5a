"""A migrated database with an open house, for what fulfilment keeps in it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from services.kernel.house import House
from services.kernel.migrate import upgrade
from tests.support import lab
from tests.support.servers import TestServers


@pytest.fixture(scope="package")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="package")
def fulfilment_url(servers: TestServers) -> Iterator[str]:
    with servers.fresh_database("fulfilment") as url:
        upgrade(url)
        yield url


@pytest.fixture
async def house(fulfilment_url: str, tmp_path: Path) -> AsyncIterator[House]:
    lab.empty(fulfilment_url)
    async with lab.a_lab(fulfilment_url, tmp_path / "keys") as one:
        yield one.house
