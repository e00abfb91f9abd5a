"""The topic catalogue as a page to read: every topic, and who writes and must hear every event."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Final

from pydantic import BaseModel

from schemas.topics import CATALOGUE, CLIENT, SERVICES, SYSTEM, UPSTREAM, Topic

WHERE: Final = "docs/topics.md"
PARTIES: Final = (UPSTREAM, *SERVICES, SYSTEM, CLIENT)

_HEAD: Final = """\
# Topics and events

Written by `python -m schemas generate` from `schemas/topics.py`; edit that.

Each topic carries one class, or one union told apart by `type`; each class travels on one topic. The key of a record is
the request's id; on a client's topic, what the request is called towards that client. Values are JSON, headers are
CloudEvents 1.0 (Kafka binding, binary mode). What the outside may touch is also in
[asyncapi.yaml](../schemas/asyncapi.yaml). Every class has a JSON Schema and [examples](../schemas/examples).

## Topics

`personal`: *yes* is trimmed soon and closed to everybody but its reader; *sealed* is unreadable without our keys.
*Outside* marks topics that outsiders write: identity, order and time of their records are where and when these lie.
"""
_MATRIX: Final = """
## Who writes and who must hear what

**w** writes it · **r** must hear of it · *ops* hears for the register and for operators
"""


def page() -> str:
    """Return the whole page."""
    topics = _rows(("topic", "why", "personal", "partitions", "kept", "largest"), map(_topic, CATALOGUE))
    events = _rows(("event", "topic", *PARTIES), (_event(topic, kind) for topic in CATALOGUE for kind in topic.classes))
    return "\n".join([_HEAD, *topics, _MATRIX, *events, ""])


def _rows(head: Sequence[str], rows: Iterator[Sequence[str]]) -> list[str]:
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows)]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _topic(topic: Topic) -> Sequence[str]:
    personal = topic.personal + (", outside" if topic.outside else "")
    kept = "the last per key" if topic.compacted else _span(topic.keep)
    return f"`{topic.name}`", topic.why, personal, str(topic.partitions), kept, _size(topic.max_bytes)


def _event(topic: Topic, kind: type[BaseModel]) -> Sequence[str]:
    name = kind.__name__
    return (
        f"[{name}](../schemas/json/{name}.schema.json)",
        f"`{topic.name}`",
        *(_mark(topic, party) for party in PARTIES),
    )


def _mark(topic: Topic, party: str) -> str:
    return ("w" if party in topic.writers else "") + ("r" if party in topic.readers else "")


def _span(span: timedelta) -> str:
    return f"{span.days} days"


def _size(count: int) -> str:
    return f"{count // 1_048_576} MiB"
