"""What the clients' journeys share: a desk that asks and watches; clients are taken out again at the end."""

from collections.abc import Iterator

import pytest

from bench.system import System
from services.ops import clients
from tests.support.shop import Desk, at_desk


@pytest.fixture(scope="module")
def desk(system: System, tidy: None) -> Iterator[Desk]:
    """Who asks and watches."""
    yield from at_desk(system)


@pytest.fixture(scope="module")
def tidy(system: System) -> Iterator[None]:
    """Take out again whom these tests registered."""
    before = set(system.found.names("clients"))
    yield
    for client in set(system.found.names("clients")) - before:
        clients.remove(system.found, client, escalate=True)
