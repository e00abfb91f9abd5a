"""Delete from clients' topics what has served its purpose: its hand-over has ended, and the client has read it.

Kafka deletes from the front only, so one open hand-over keeps what comes after it, until the topic's own time is over.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from services.clients.names import Handovers
from services.ops import clients
from services.ops.installation import Installation
from services.ops.kafka import admin
from services.ops.provision import client_topic

KEEP: Final = timedelta(days=1)
"""Younger records stay in any case."""
_POLL_MS: Final = 500


@dataclass(slots=True)
class _Front:
    """How far one topic can be cut: up to the first record that must stay."""

    open: frozenset[bytes]
    read: int
    before_ms: int
    cut: int = 0
    stopped: bool = False

    def see(self, record: Any) -> None:  # noqa: ANN401  kafka-python's message
        """Look at the next record."""
        stays = record.key in self.open or record.offset >= self.read or record.timestamp >= self.before_ms
        self.stopped = self.stopped or stays
        if not self.stopped:
            self.cut = record.offset + 1


def trim(found: Installation, now: datetime, keep: timedelta = KEEP) -> dict[str, int]:
    """Cut every client's topic as far as it can be; returns how many records each lost."""
    names = found.names("clients")
    called, waiting = Handovers(found.keys), clients.open_handovers(found)
    before_ms = int((now - keep).timestamp() * 1000)
    with admin(found.access()) as broker:
        there = set(broker.list_topics())
        parts = {TopicPartition(found.prefix + client_topic(name), 0): name for name in names}
        parts = {part: name for part, name in parts.items() if part.topic in there}
        read = _read(broker, found.prefix, parts)
        fronts = {
            part: _Front(
                frozenset(called.name(name, one).encode() for one in waiting.get(name, ())), read[part], before_ms
            )
            for part, name in parts.items()
        }
        begins = _look(found, fronts)
        cuts = {part: front.cut for part, front in fronts.items() if front.cut > begins.get(part, 0)}
        if cuts:
            broker.delete_records(cuts)
    return {parts[part]: cut - begins.get(part, 0) for part, cut in cuts.items()}


def _read(broker: KafkaAdminClient, prefix: str, parts: Mapping[TopicPartition, str]) -> dict[TopicPartition, int]:
    """How far each client has read its topic in all of its groups; 0 where it has none."""
    starts = tuple(f"{prefix}{name}." for name in parts.values())
    groups = [group["group_id"] for group in broker.list_groups() if group["group_id"].startswith(starts)]
    told = broker.list_group_offsets(groups) if groups else {}
    read: dict[TopicPartition, int] = {}
    for part, name in parts.items():
        mine = [at for group, at in told.items() if group.startswith(f"{prefix}{name}.")]
        read[part] = min((at[part].offset for at in mine if part in at), default=0)
    return read


def _look(found: Installation, fronts: Mapping[TopicPartition, _Front]) -> dict[TopicPartition, int]:
    """Read every topic from its beginning as far as needed; returns where each begins."""
    consumer = KafkaConsumer(**found.access().settings(), group_id=None, enable_auto_commit=False)
    try:
        parts = [part for part, front in fronts.items() if front.read]
        consumer.assign(parts)
        if not parts:
            return {}
        begins, ends = dict(consumer.beginning_offsets(parts)), dict(consumer.end_offsets(parts))
        consumer.seek_to_beginning(*parts)
        while left := [part for part in parts if not fronts[part].stopped and consumer.position(part) < ends[part]]:
            consumer.pause(*(part for part in parts if part not in left))
            _feed(consumer.poll(timeout_ms=_POLL_MS), fronts)
        return begins
    finally:
        consumer.close()


def _feed(polled: Mapping[TopicPartition, Iterable[Any]], fronts: Mapping[TopicPartition, _Front]) -> None:
    for part, records in polled.items():
        for record in records:
            fronts[part].see(record)
