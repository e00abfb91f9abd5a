"""Events of invented requests, as the services tell them, and records of them as they lie on topics."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from schemas import wire
from schemas.base import Event
from schemas.events import (
    Clock,
    RequestAccepted,
)
from schemas.wire import Record

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def an_id(name: str) -> str:
    """A request id of its own for every name."""
    return str(uuid5(NAMESPACE_URL, f"request/{name}"))


def told(kind: type[Event], request: str, /, *, at_s: float = 0, **fields: Any) -> Event:
    """An event of the request, told so many seconds after noon. `seq` grows with time unless given."""
    moment = NOON + timedelta(seconds=at_s)
    named = f"{kind.__name__}/{request}/{at_s}/{sorted(fields.items(), key=str)}"
    common = {"event_id": uuid5(NAMESPACE_URL, named), "occurred_at": moment, "case_id": an_id("case")}
    return kind(**{"request_id": request, "seq": max(0, int(at_s)) + 1, **common, **fields})


def accepted(request: str, *, at_s: float = 0, **fields: Any) -> Event:
    """A deletion under the law of California, to be verified, unless told otherwise."""
    received = NOON + timedelta(seconds=at_s)
    clock = Clock(receipt_date=received.date(), acknowledge_by=received.date() + timedelta(days=14),
                  respond_by=received.date() + timedelta(days=45),
                  extended_respond_by=received.date() + timedelta(days=90), timezone="America/Los_Angeles")  # fmt: skip
    usual: dict[str, Any] = {
        "source": "webform", "submission_id": "sub-1", "brand": "parcelwise", "right": "delete", "role": "subject",
        "channel": "web", "context": "unknown", "locale": "en-US", "law": "us-ca", "law_why": "residence",
        "granted": True, "provisional": False, "policy_version": "1", "received_at": received, "clock": clock,
        "verify": True, "assurance": "reasonable", "points_needed": 2, "declaration_needed": False,
        "parts": ["own/verification"], "unverified_at": received + timedelta(days=20),
    }  # fmt: skip
    return told(RequestAccepted, request, at_s=at_s, **(usual | fields))


class Topics:
    """Lays events on topics as records, one after the other per partition."""

    def __init__(self, partitions: int = 2) -> None:
        self._next: dict[tuple[str, int], int] = {}
        self._partitions = partitions

    def lay(self, *events: Event, at_ms: int | None = None) -> list[Record]:
        """Records of the events, in order."""
        return [self._record(event, at_ms) for event in events]

    def _record(self, event: Event, at_ms: int | None) -> Record:
        topic, key, value, headers = wire.encode(event, source="rightsbus/test")
        when = at_ms or int(event.occurred_at.timestamp() * 1000)
        return self.raw(topic, value, key=key, headers=headers, at_ms=when)

    def raw(
        self, topic: str, value: bytes | None, *, key: bytes | None = None, headers: Sequence[Any] = (), at_ms: int = 0
    ) -> Record:
        """A record with these very bytes."""
        partition = sum(key or b"") % self._partitions
        offset = self._next.get((topic, partition), 0)
        self._next[topic, partition] = offset + 1
        return Record(topic, partition, offset, key, value, tuple(headers), at_ms)
