"""How far behind each consumer group is, as messages and as the age of the oldest record it has not processed.

Asks the broker for positions only: no record is read, so personal topics are covered by the right to describe them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from schemas.topics import SERVICES, read_by
from services.ops.kafka import Access
from services.ops.register.settings import GROUP

OLDEST_MS: Final = 31 * 86_400_000
"""No topic a service works through keeps records longer; what claims to be older counts as this old."""
_STEPS: Final = 40

type_times = Callable[[Mapping[Any, int]], Mapping[Any, Any]]


@dataclass(frozen=True, slots=True)
class Behind:
    """One group on one topic, over all its partitions."""

    group: str
    topic: str
    messages: int
    age_s: float


def groups(prefix: str = "") -> list[str]:
    """The consumer groups of an installation."""
    return [f"{prefix}{service}" for service in SERVICES if service != "ops"] + [f"{prefix}{GROUP}"]


class Lag:
    """Asks a broker, over connections that stay open."""

    def __init__(self, access: Access) -> None:
        self._prefix = access.prefix
        self._admin = KafkaAdminClient(**access.settings())
        self._consumer = KafkaConsumer(**access.settings(), group_id=None, enable_auto_commit=False)

    def behind(self, now_ms: int) -> list[Behind]:
        """Every group on every topic it reads; where it never committed a position it has processed nothing."""
        at = self._positions()
        ends = self._consumer.end_offsets(sorted({part for _, part in at})) if at else {}
        ages = self._ages(at, ends, now_ms)
        found: dict[tuple[str, str], tuple[int, float]] = {}
        for (group, part), offset in at.items():
            messages, age = found.get((group, part.topic), (0, 0.0))
            left = max(0, ends.get(part, 0) - offset)
            found[group, part.topic] = messages + left, max(age, ages.get((group, part), 0.0))
        return [
            Behind(group.removeprefix(self._prefix), topic.removeprefix(self._prefix), messages, age)
            for (group, topic), (messages, age) in sorted(found.items())
        ]

    def _positions(self) -> dict[tuple[str, Any], int]:
        committed = self._admin.list_group_offsets(dict.fromkeys(groups(self._prefix)))
        at = {(group, part): told.offset for group, parts in committed.items() for part, told in parts.items()}
        fresh = [
            (self._prefix + service, TopicPartition(self._prefix + topic.name, number))
            for service in SERVICES
            if service != "ops"
            for topic in read_by(service)
            if topic.field is None
            for number in self._consumer.partitions_for_topic(self._prefix + topic.name) or ()
        ]
        silent = [key for key in fresh if at.get(key, -1) < 0]
        starts = self._consumer.beginning_offsets(sorted({part for _, part in silent})) if silent else {}
        known = {key: offset for key, offset in at.items() if offset >= 0}
        return known | {(group, part): starts[part] for group, part in silent if part in starts}

    def _ages(
        self, at: Mapping[tuple[str, Any], int], ends: Mapping[Any, int], now_ms: int
    ) -> dict[tuple[str, Any], float]:
        """The age of the record at each position that has one, in seconds; groups on one partition one by one."""
        ages: dict[tuple[str, Any], float] = {}
        for group in {group for group, _ in at}:
            behind = {part: offset for (g, part), offset in at.items() if g == group and offset < ends.get(part, 0)}
            for part, when in times_at(self._consumer.offsets_for_times, behind, now_ms).items():
                ages[group, part] = max(0.0, (now_ms - when) / 1000)
        return ages

    def close(self) -> None:
        """Close the connections."""
        self._admin.close()
        self._consumer.close()


def times_at(ask: type_times, positions: Mapping[TopicPartition, int], now_ms: int) -> dict[TopicPartition, int]:
    """The timestamps of the records at positions, found by halving: the broker tells the first offset from a time on.

    Exact where the broker names the very record; else to a millisecond, and never older than OLDEST_MS.
    """
    span = dict.fromkeys(positions, (now_ms - OLDEST_MS, now_ms + 1))
    found: dict[TopicPartition, int] = {}
    for _ in range(_STEPS):
        open_ = {part: (low + high) // 2 for part, (low, high) in span.items() if part not in found and low < high - 1}
        if not open_:
            break
        told = ask(open_)
        for part, middle in open_.items():
            at = told.get(part)
            if at is not None and at.offset == positions[part]:
                found[part] = max(at.timestamp, now_ms - OLDEST_MS)
            low, high = span[part]
            span[part] = (low, middle) if at is None or at.offset > positions[part] else (middle, high)
    return {part: found.get(part, span[part][0]) for part in positions}


def oldest(behind: Iterable[Behind]) -> dict[str, Behind]:
    """Per group, where it is furthest behind."""
    worst: dict[str, Behind] = {}
    for one in behind:
        known = worst.get(one.group)
        if known is None or (one.age_s, one.messages) > (known.age_s, known.messages):
            worst[one.group] = one
    return worst
