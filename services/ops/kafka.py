"""Kafka for people: administration, publishing one by one with confirmation, reading topics from a position."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from schemas.wire import Headers, Record
from services.kernel.errors import BrokerAway


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach the broker, and as whom."""

    bootstrap: str
    username: str
    password: str = field(repr=False)
    ca: str | None = None
    prefix: str = ""

    def settings(self) -> dict[str, Any]:
        """kafka-python's settings for this login."""
        return {
            "bootstrap_servers": self.bootstrap,
            "security_protocol": "SASL_SSL" if self.ca else "SASL_PLAINTEXT",
            "sasl_mechanism": "SCRAM-SHA-256",
            "sasl_plain_username": self.username,
            "sasl_plain_password": self.password,
            **({"ssl_cafile": self.ca} if self.ca else {}),
        }


@contextmanager
def admin(access: Access) -> Iterator[KafkaAdminClient]:
    """An admin client, closed at the end.

    Raises:
        BrokerAway: the broker does not answer this login.
    """
    try:
        client = KafkaAdminClient(**access.settings())
    except KafkaError as error:
        message = f"the broker at {access.bootstrap} does not answer {access.username} ({type(error).__name__})"
        raise BrokerAway(message) from error
    try:
        yield client
    finally:
        client.close()


class Publisher:
    """Publishes records and returns when the broker confirmed each."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._producer = KafkaProducer(**access.settings())

    def send(self, topic: str, value: bytes, *, key: bytes | None = None, headers: Headers | None = None) -> None:
        """Send one record; returns when confirmed."""
        self.send_all([(topic, key, value, headers or [])])

    def send_all(self, records: list[tuple[str, bytes | None, bytes, Headers]]) -> None:
        """Send records in order; returns when all are confirmed.

        Raises:
            BrokerAway: at least one was not.
        """
        try:
            futures = [
                self._producer.send(self._access.prefix + topic, value=value, key=key, headers=headers)
                for topic, key, value, headers in records
            ]
            self._producer.flush()
            for future in futures:
                future.get(timeout=30)
        except KafkaError as error:
            message = f"the broker did not confirm ({type(error).__name__}); is the topic there and may we write it?"
            raise BrokerAway(message) from error

    def close(self) -> None:
        """Close the connection."""
        self._producer.close()


def read_all(access: Access, topics: list[str], *, follow_s: float = 0.0) -> Iterator[Record]:
    """Yield every record of the topics, oldest first per partition; then wait up to `follow_s` for each further one."""
    consumer = KafkaConsumer(
        **access.settings(), group_id=None, auto_offset_reset="earliest", enable_auto_commit=False,
        fetch_max_wait_ms=100,
    )  # fmt: skip
    try:
        named = [access.prefix + topic for topic in topics]
        parts = [tp for topic in named for tp in _partitions(consumer, topic)]
        if parts:
            consumer.assign(parts)
            consumer.seek_to_beginning(*parts)
            yield from _poll(consumer, access.prefix, consumer.end_offsets(parts), follow_s)
    finally:
        consumer.close()


def _partitions(consumer: KafkaConsumer, topic: str) -> list[Any]:
    from kafka import TopicPartition

    return [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]


def _poll(consumer: KafkaConsumer, prefix: str, ends: dict[Any, int], follow_s: float) -> Iterator[Record]:
    while True:
        behind = any(consumer.position(tp) < end for tp, end in ends.items())
        if not behind and not follow_s:
            return
        polled = consumer.poll(timeout_ms=500 if behind else int(follow_s * 1000))
        if not polled and not behind:
            return
        for messages in polled.values():
            for m in messages:
                headers = tuple((name, value) for name, value in m.headers)
                yield Record(m.topic.removeprefix(prefix), m.partition, m.offset, m.key, m.value, headers, m.timestamp)
