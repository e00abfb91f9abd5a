"""One whole system, shared by every integration test that needs more than a broker or a database."""

from collections.abc import Iterator

import pytest

from bench.system import System, running
from tests.support.servers import TestServers

PEOPLE = 8_000
"""Who takes whom, by number: the journeys the first ones, those of rights and holds from 3,000 on, proof from 3,600 on,
the drill backwards from the end, the last few aside, who are asked about by impostors."""


@pytest.fixture(scope="session")
def system(servers: TestServers) -> Iterator[System]:
    """All services with the sample company. Tests keep apart by the people they use and the ids they give."""
    with running(PEOPLE, folder=servers.embedded.data_dir) as found:
        yield found
