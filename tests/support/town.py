"""Where the two made-up services live: topics, a database, keys, and what can be counted there."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import psycopg
from kafka import KafkaAdminClient
from pydantic_core import from_json

from schemas import wire
from schemas.events import VerificationFailed
from services.kernel.keys import FileKeyStore
from services.kernel.migrate import upgrade
from services.ops.kafka import Access, Publisher, read_all
from tests.support.children import Child, Nursery, nursery

TOPICS = ("privacy.unverified", "privacy.task-results", "privacy.handed-over", "privacy.notified")
PARKED = "privacy.parked.verifier"
_LEFT = """SELECT count(*) FROM verifier.outbox UNION ALL SELECT count(*) FROM verifier.effects
UNION ALL SELECT count(*) FROM notifier.outbox UNION ALL SELECT count(*) FROM notifier.effects"""
_PASSED = {
    "verifier": "SELECT id, body FROM verifier.state",
    "notifier": "SELECT id, body FROM notifier.state",
}


@dataclass
class Town:
    """One made-up installation."""

    access: Access
    db: psycopg.Connection[Any]
    nursery: Nursery

    def start(self, service: str, **env: str) -> Child:
        """Start one of the two services."""
        return self.nursery.start("tests.support.two_stages", service, **env)

    def reconnect(self) -> None:
        """Find the database again after it was away."""
        dsn = self.db.info.dsn
        self.db.close()
        self.db = psycopg.connect(dsn, autocommit=True)

    def ask(self, query: str) -> list[Any]:
        """Ask the database; single columns come as values."""
        return [row[0] if len(row) == 1 else row for row in self.db.execute(query.encode())]

    def letters(self) -> int:
        """How many different letters were written."""
        return int(self.ask("SELECT count(DISTINCT id) FROM public.letters")[0])

    def left(self) -> list[int]:
        """Messages not yet sent and effects not yet done, of each service."""
        return self.ask(_LEFT)

    def passed(self, service: str) -> dict[str, list[str]]:
        """Which events each request went through in a service, in order."""
        return {state: body["events"] for state, body in self.ask(_PASSED[service])}

    def produce(self, events: list[VerificationFailed]) -> None:
        """Publish events; returns when the broker has them."""
        publisher = Publisher(self.access)
        records: list[tuple[str, bytes | None, bytes, Any]] = []
        for event in events:
            topic, key, value, headers = wire.encode(event, source="town")
            records.append((topic, key, value, headers))
        publisher.send_all(records)
        publisher.close()

    def read(self, topic: str) -> list[dict[str, Any]]:
        """Everything on a topic, per partition in order."""
        return [from_json(record.value or b"{}") for record in read_all(self.access, [topic])]

    def committed(self, service: str) -> int:
        """How many messages a service's group has acknowledged."""
        with admin(self.access) as client:
            found = client.list_group_offsets([self.access.prefix + service])[self.access.prefix + service]
        return sum(place.offset for place in found.values() if place.offset > 0)


@contextmanager
def admin(access: Access) -> Iterator[KafkaAdminClient]:
    """An admin client, closed afterwards."""
    client = KafkaAdminClient(**access.settings())
    try:
        yield client
    finally:
        client.close()


def make_topics(access: Access, *names: str) -> None:
    """Make topics of three partitions that take what outsiders send."""
    settings = {"num_partitions": 3, "replication_factor": 1, "configs": {"max.message.bytes": "8388608"}}
    with admin(access) as client:
        client.create_topics({access.prefix + name: settings for name in names})


@contextmanager
def a_town(access: Access, url: str, folder: Path) -> Iterator[Town]:
    """Provision one, and end every process started in it."""
    make_topics(access, *TOPICS)
    upgrade(url)
    FileKeyStore(folder / "keys").create()
    env = {
        "KAFKA_BOOTSTRAP": access.bootstrap,
        "KAFKA_USERNAME": access.username,
        "KAFKA_PASSWORD": access.password,
        "DATABASE_URL": url,
        "RIGHTSBUS_KEYS_DIR": str(folder / "keys"),
        "RIGHTSBUS_TOPIC_PREFIX": access.prefix,
    }
    with nursery(folder, env) as children:
        town = Town(access, psycopg.connect(url, autocommit=True, application_name="test"), children)
        town.db.execute("CREATE TABLE public.letters (id text)")
        try:
            yield town
        finally:
            town.db.close()


def failures(count: int, *, requests: int, first: int = 0) -> list[VerificationFailed]:
    """So many events about so many requests, in order."""
    now = datetime.now(UTC)
    ids = [str(uuid5(NAMESPACE_OID, f"request {number % requests}")) for number in range(first, first + count)]
    return [
        VerificationFailed(
            event_id=uuid5(UUID(request), str(number)), occurred_at=now, request_id=request, case_id=request,
            detail="silent",
        )
        for number, request in enumerate(ids, first)
    ]  # fmt: skip


def in_order(events: list[VerificationFailed]) -> dict[str, list[str]]:
    """The events of each request, as they were produced."""
    found: dict[str, list[str]] = {}
    for event in events:
        found.setdefault(event.request_id, []).append(str(event.event_id))
    return found
