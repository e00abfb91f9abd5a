"""Where the tests' Kafka and PostgreSQL come from: the environment, a container, or the embedded stack."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from kafka import KafkaAdminClient
from psycopg import sql

from stack.embedded import Embedded
from stack.endpoints import Login
from tests.support.container import docker_answers, kafka_container


@dataclass(frozen=True)
class TestBroker:
    """A running broker and the login of its admin."""

    __test__ = False

    bootstrap: str
    admin: Login
    kind: str
    """`given`, `container` or `embedded`."""

    def client_settings(self, login: Login | None = None) -> dict[str, Any]:
        """Settings for a kafka-python client that logs in as the admin, or as this user."""
        user = login or self.admin
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-256",
            "sasl_plain_username": user.username,
            "sasl_plain_password": user.password,
        }

    @contextmanager
    def admin_client(self) -> Iterator[KafkaAdminClient]:
        """Open an admin client, and close it."""
        client = KafkaAdminClient(**self.client_settings())
        try:
            yield client
        finally:
            client.close()

    def delete_topics(self, prefix: str) -> None:
        """Remove every topic whose name begins so."""
        with self.admin_client() as admin:
            if names := [name for name in admin.list_topics() if name.startswith(prefix)]:
                admin.delete_topics(names)


class TestServers:
    """The servers of one test run; each is started when the first test asks for it."""

    __test__ = False

    def __init__(self, folder: Path) -> None:
        self.embedded = Embedded(folder, echo=lambda _: None)
        self._broker: TestBroker | None = None
        self._database_url: str | None = None
        self._container: Any = None

    def broker(self) -> TestBroker:
        """Give the broker, starting one when none was given."""
        if self._broker is None:
            self._broker = self._given_broker() or self._container_broker() or self._embedded_broker()
        return self._broker

    def database_server_url(self) -> str:
        """Give a database whose owner may create others, starting a server when none was given."""
        if self._database_url is None:
            self._database_url = os.environ.get("RIGHTSBUS_TEST_DATABASE") or self.embedded.database.start()
        return self._database_url

    @contextmanager
    def fresh_database(self, name: str) -> Iterator[str]:
        """Make an empty database and give its address; it is removed afterwards."""
        server = self.database_server_url()
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            try:
                yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
            finally:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def close(self) -> None:
        """Stop what was started."""
        if self._container is not None:
            self._container.__exit__(None, None, None)
        self.embedded.stop()

    def _given_broker(self) -> TestBroker | None:
        address = os.environ.get("RIGHTSBUS_TEST_BROKER")
        if not address:
            return None
        name = os.environ.get("RIGHTSBUS_TEST_BROKER_USERNAME", "admin")
        return TestBroker(address, Login(name, os.environ.get("RIGHTSBUS_TEST_BROKER_PASSWORD", "")), "given")

    def _container_broker(self) -> TestBroker | None:
        if not docker_answers():
            return None
        self._container = kafka_container()
        bootstrap, admin = self._container.__enter__()
        return TestBroker(bootstrap, admin, "container")

    def _embedded_broker(self) -> TestBroker:
        self.embedded.broker.start()
        return TestBroker(self.embedded.broker.bootstrap, self.embedded.broker.admin, "embedded")
