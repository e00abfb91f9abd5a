"""What tests stand on: a shared broker with a prefix per test, a database per test."""

import psycopg
import pytest

from tests.support.servers import TestBroker

pytestmark = pytest.mark.integration


def test_a_test_has_topics_of_its_own(broker: TestBroker, topic_prefix: str) -> None:
    name = f"{topic_prefix}privacy.requests"
    with broker.admin_client() as admin:
        admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1}})

        assert name in admin.list_topics()


def test_topics_of_an_earlier_test_are_gone(broker: TestBroker) -> None:
    with broker.admin_client() as admin:
        assert [name for name in admin.list_topics() if name.endswith(".privacy.requests")] == []


@pytest.mark.parametrize("time", ["first", "again"])
def test_a_test_has_an_empty_database_of_its_own(database_url: str, time: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("CREATE TABLE mine (value text)")
        connection.execute("INSERT INTO mine VALUES (%s)", [time])
        rows = connection.execute("SELECT value FROM mine").fetchall()

    assert rows == [(time,)]
