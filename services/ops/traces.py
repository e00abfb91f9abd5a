"""Every event of a request, a case or a submission: from history, and from topics only what history has not taken yet.

Where nothing keeps history, topics are read from their beginning.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from schemas.topics import topic_of
from schemas.wire import Record
from services.kernel.tokens import case_id, case_key
from services.ops import provision
from services.ops.installation import Installation
from services.ops.kafka import Follower, read_all
from services.ops.register.entry import Entry, parse
from services.ops.register.store import positions

_ENTRIES: Final = "SELECT entry FROM ops.audit WHERE case_key = ANY(%s) AND entry IS NOT NULL"
_HANDED: Final = """SELECT client, min(handed_at) FROM ops.handovers h JOIN ops.requests r USING (request_id)
WHERE handed_at IS NOT NULL AND left(replace(r.case_id, '-', ''), 18) = ANY(%s) GROUP BY client"""
_EARLIER: Final = timedelta(minutes=1)
"""How much earlier than it was told a message may lie on its client's topic."""


def all_topics(found: Installation) -> list[str]:
    """Every topic of the installation."""
    systems, sources, clients = found.systems().systems, found.names("sources"), found.names("clients")
    return sorted(provision.topic_names(systems, sources, clients))


def told(record: Record) -> dict[str, Any]:
    """One record as `trace --json` shows it; what is personal or sealed is left out."""
    topic = topic_of(record.topic)
    body = _object(record.value) if topic.personal == "no" else {}
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "time": record.at_ms / 1000,
        "event_id": record.header("ce_id") or str(record.position_id),
        "type": (record.header("ce_type") or topic.classes[0].__name__).removeprefix("rightsbus.").removesuffix(".v1"),
        "request_id": record.header("ce_subject") or body.get("request_id"),
        "data": {k: v for k, v in body.items() if not k.endswith("_token")} or None,
    }


def _object(value: bytes | None) -> dict[str, Any]:
    """The JSON object in a record; empty where there is none."""
    with suppress(ValueError):
        body = json.loads(value or b"{}")
        return body if isinstance(body, dict) else {}
    return {}


def _remembered(entry: Entry) -> dict[str, Any]:
    """One entry of history in the same shape."""
    return {
        "topic": entry.topic,
        "partition": entry.partition,
        "offset": entry.offset,
        "time": entry.at_ms / 1000,
        "event_id": entry.body.get("event_id"),
        "type": entry.kind,
        "request_id": entry.request_id,
        "data": (entry.body if topic_of(entry.topic).personal == "no" else None) or None,
    }


class Trace:
    """What is known of one request, case or submission, and what is added as it comes."""

    def __init__(self, found: Installation, wanted: str) -> None:
        self._wanted, self._cases = wanted, cases(found, wanted)
        with found.connect() as db:
            starts = positions(db)
            raw = [bytes(row[0]) for row in db.execute(_ENTRIES, [list(self._cases)])]
            handed = dict(db.execute(_HANDED, [list(self._cases)]).fetchall())
        self._events = [_remembered(parse(one)) for one in raw]
        self._events += [told(record) for record in _handed_over(found, handed) if self._mine(record)]
        public = [name for name in all_topics(found) if topic_of(name).personal != "yes"]
        self._follower = Follower(found.access(), public, starts=starts)
        ends = self._follower.ends()
        while not self._follower.reached(ends):
            self.hear(500)

    def hear(self, wait_ms: int) -> None:
        """Add what came meanwhile, waiting so long for something."""
        self._events += [told(record) for record in self._follower.poll(wait_ms) if self._mine(record)]

    def events(self) -> list[dict[str, Any]]:
        """Everything, oldest first. Of a case all requests; of a request only itself."""
        named = [event for event in self._events if event["request_id"] == self._wanted]
        return sorted(named or self._events, key=lambda event: (event["time"], event["topic"], event["offset"]))

    def close(self) -> None:
        """Close the connection."""
        self._follower.close()

    def _mine(self, record: Record) -> bool:
        key = (record.key or b"").decode(errors="replace")
        return key_of(key) in self._cases or key == self._wanted


def cases(found: Installation, wanted: str) -> set[str]:
    """The case keys an id can mean: its own, and those of the submissions of that name, one per app."""
    key = found.keys.derive("ids")
    named = {case_key(case_id(key, source, wanted)) for source in found.names("sources")}
    return named | {own for own in (key_of(wanted),) if own}


def key_of(text: str) -> str:
    """The case key behind an id, or nothing when it is none."""
    try:
        return case_key(text)
    except ValueError:
        return ""


def _handed_over(found: Installation, handed: Mapping[str, datetime]) -> Iterable[Record]:
    """What lies on the topics of the clients a case was handed to, from about when it was."""
    if not handed:
        return
    topics = {provision.client_topic(client): at for client, at in handed.items()}
    follower = Follower(found.access(), list(topics))
    starts = follower.offsets_at({name: int((at - _EARLIER).timestamp() * 1000) for name, at in topics.items()})
    follower.close()
    yield from read_all(found.access(), list(topics), starts=starts)
