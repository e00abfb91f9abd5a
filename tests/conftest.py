"""Fixtures every test may ask for. Servers start when the first test needs them, once per run."""

import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.servers import TestBroker, TestServers

CONTRACT = Path(__file__).parent / "contract"
settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")
"""How fast a machine is proves nothing; pytest's own time limit still holds."""


@pytest.hookimpl(tryfirst=True)  # before pytest makes its own
def pytest_configure(config: pytest.Config) -> None:
    """Give this run a folder that no other run touches, removed at its end.

    The folder pytest would use is shared with every run of one user: each that begins closes it to everybody else,
    also to the system user a PostgreSQL started by root runs as. That server then dies.
    """
    if config.option.basetemp is None:
        config.option.basetemp = folder = tempfile.mkdtemp(prefix="rightsbus-tests-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark one half of the integration tests: `make test` runs it beside the other.

    What needs the whole system, and the connectors' contract: together about as long as all the rest.
    """
    for item in items:
        whole = "system" in getattr(item, "fixturenames", ())
        if item.get_closest_marker("integration") and (whole or CONTRACT in item.path.parents):
            item.add_marker("first_half")


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServers]:
    """The Kafka and PostgreSQL of this run, not started yet."""
    found = TestServers(tmp_path_factory.mktemp("stack"))
    yield found
    found.close()


@pytest.fixture(scope="session")
def broker(servers: TestServers) -> TestBroker:
    """A real broker, shared by all tests: use `topic_prefix`."""
    return servers.broker()


@pytest.fixture
def topic_prefix(broker: TestBroker) -> Iterator[str]:
    """A prefix for this test's topics, groups and users; its topics are removed afterwards."""
    prefix = f"t{secrets.token_hex(3)}."
    yield prefix
    broker.delete_topics(prefix)


@pytest.fixture
def database_url(servers: TestServers) -> Iterator[str]:
    """An empty PostgreSQL database of this test's own."""
    with servers.fresh_database(f"test_{secrets.token_hex(6)}") as url:
        yield url


@pytest.fixture(scope="module")
def module_database_url(servers: TestServers) -> Iterator[str]:
    """A PostgreSQL database that the tests of one module share."""
    with servers.fresh_database(f"module_{secrets.token_hex(6)}") as url:
        yield url
