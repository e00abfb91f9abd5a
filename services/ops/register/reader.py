"""Every topic that operators may read, from where the register's own positions say; new topics join by themselves."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.consumer.subscription_state import ConsumerRebalanceListener

from schemas.topics import read_by
from schemas.wire import Record
from services.ops.kafka import Access, record_of
from services.ops.register.settings import GROUP

FRESH_TOPICS_MS: Final = 15_000
"""How soon the topic of a new client, app or system is found."""
GATHER_MS, GATHER_BYTES = 300, 262_144
"""The broker answers after this time, or sooner with so much: a batch costs the same whatever it holds."""
type_positions = Callable[[], Mapping[tuple[str, int], int]]


def pattern(prefix: str) -> str:
    """What the names of our topics look like."""
    names = (re.sub(r"<\w+>", r"[a-z0-9][a-z0-9-]*", topic.name).replace(".", r"\.") for topic in read_by("ops"))
    return rf"^{re.escape(prefix)}({'|'.join(names)})$"


class Reader(ConsumerRebalanceListener):  # type: ignore[misc]  # published without types
    """A consumer of group `ops.register`. What is committed to Kafka is for others to see; truth is in the database."""

    def __init__(self, access: Access, positions: type_positions, most: int) -> None:
        self._prefix, self._positions = access.prefix, positions
        self._consumer = KafkaConsumer(
            **access.settings(), group_id=f"{access.prefix}{GROUP}", enable_auto_commit=False,
            auto_offset_reset="earliest", max_poll_records=most, fetch_max_wait_ms=GATHER_MS,
            fetch_min_bytes=GATHER_BYTES, session_timeout_ms=10_000, metadata_max_age_ms=FRESH_TOPICS_MS,
        )  # fmt: skip
        self._consumer.subscribe(pattern=pattern(access.prefix), listener=self)

    def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Go on where the database says, or at the beginning."""
        known = self._positions()
        for part in assigned:
            offset = known.get((part.topic.removeprefix(self._prefix), part.partition))
            if offset is None:
                self._consumer.seek_to_beginning(part)
            else:
                self._consumer.seek(part, offset)

    def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Nothing to give back: positions moved with what was stored."""

    def poll(self, wait_ms: int) -> list[Record]:
        """What came, waiting so long for something."""
        polled: Mapping[Any, Sequence[Any]] = self._consumer.poll(timeout_ms=wait_ms)
        return [record_of(message, self._prefix) for messages in polled.values() for message in messages]

    def reads_all(self) -> bool:
        """Whether partitions are ours and nothing in them is left to read; asks the broker.

        A consumer that has fallen out of its group, as after a rebalance on a busy machine, says nothing of it itself.
        """
        parts = self._consumer.assignment()
        ends = self._consumer.end_offsets(sorted(parts)) if parts else {}
        return bool(parts) and all((self._consumer.position(part) or 0) >= end for part, end in ends.items())

    def commit(self) -> None:
        """Show how far we are."""
        self._consumer.commit_async()

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()
