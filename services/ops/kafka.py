"""Kafka for people: administration, publishing one by one with confirmation, reading topics from a position."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
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


class Follower:
    """Reads topics as they grow, from their beginning or their end. Belongs to no group: nothing is ever committed.

    `starts` says for single partitions, by topic and number, where to begin instead.
    """

    def __init__(
        self,
        access: Access,
        topics: Sequence[str],
        *,
        at_end: bool = False,
        starts: Mapping[tuple[str, int], int] | None = None,
    ) -> None:
        self._prefix = access.prefix
        self._consumer = KafkaConsumer(
            **access.settings(), group_id=None, auto_offset_reset="earliest", enable_auto_commit=False,
            fetch_max_wait_ms=100,
        )  # fmt: skip
        named = [access.prefix + topic for topic in topics]
        self._parts = [
            TopicPartition(topic, number)
            for topic in named
            for number in sorted(self._consumer.partitions_for_topic(topic) or ())
        ]
        self._consumer.assign(self._parts)
        if self._parts:
            self._start(at_end=at_end, starts=starts or {})

    def _start(self, *, at_end: bool, starts: Mapping[tuple[str, int], int]) -> None:
        """Be at the start when this returns: what is published from now on is not missed."""
        if at_end:
            self._consumer.seek_to_end(*self._parts)
        else:
            self._consumer.seek_to_beginning(*self._parts)
        for part in self._parts:
            offset = starts.get((part.topic.removeprefix(self._prefix), part.partition))
            if offset is not None:
                self._consumer.seek(part, offset)
            elif at_end:
                self._consumer.position(part)

    def offsets_at(self, times_ms: Mapping[str, int]) -> dict[tuple[str, int], int]:
        """Where each topic's partitions were at a time, by topic and number; those silent since are left out."""
        wanted = {part: times_ms[part.topic.removeprefix(self._prefix)] for part in self._parts}
        told = self._consumer.offsets_for_times(wanted) if wanted else {}
        return {(part.topic.removeprefix(self._prefix), part.partition): at.offset for part, at in told.items() if at}

    def ends(self) -> dict[Any, int]:
        """Where each partition ends now."""
        return dict(self._consumer.end_offsets(self._parts)) if self._parts else {}

    def reached(self, ends: Mapping[Any, int]) -> bool:
        """Whether everything before those ends was read."""
        return all(self._consumer.position(part) >= end for part, end in ends.items())

    def poll(self, wait_ms: int = 0) -> list[Record]:
        """What came since the last call, oldest first per partition; waits so long for something."""
        polled = self._consumer.poll(timeout_ms=wait_ms) if self._parts else {}
        return [record_of(m, self._prefix) for messages in polled.values() for m in messages]

    def close(self) -> None:
        """Close the connection."""
        self._consumer.close()


def record_of(m: Any, prefix: str) -> Record:  # noqa: ANN401  kafka-python's message
    """The plain record a message came from, the installation's prefix taken off the topic."""
    headers = tuple((name, value) for name, value in m.headers)
    return Record(m.topic.removeprefix(prefix), m.partition, m.offset, m.key, m.value, headers, m.timestamp)


def read_all(
    access: Access,
    topics: Sequence[str],
    *,
    follow_s: float = 0.0,
    starts: Mapping[tuple[str, int], int] | None = None,
) -> Iterator[Record]:
    """Yield every record of the topics, oldest first per partition; then wait up to `follow_s` for each further one.

    `starts` says for single partitions where to begin.
    """
    follower = Follower(access, topics, starts=starts)
    try:
        ends = follower.ends()
        while True:
            behind = not follower.reached(ends)
            found = follower.poll(500 if behind else int(follow_s * 1000))
            if not found and not behind:
                return
            yield from found
    finally:
        follower.close()
