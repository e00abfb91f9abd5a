"""Every event of a request, a case or a submission: from history, and from topics only what history has not taken yet.

Where nothing keeps history, topics are read from their beginning.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg

from schemas.topics import topic_of
from schemas.wire import Record
from services.clients.names import Handovers
from services.kernel.tokens import case_id, case_key
from services.ops import provision
from services.ops.installation import Installation
from services.ops.kafka import Follower, read_all
from services.ops.register.entry import Entry, parse
from services.ops.register.store import positions

_ENTRIES: Final = "SELECT entry FROM ops.audit WHERE case_key = ANY(%s) AND entry IS NOT NULL"
_HANDED: Final = """SELECT h.client, request_id, h.handed_at FROM ops.handovers h JOIN ops.requests r USING (request_id)
WHERE h.handed_at IS NOT NULL AND left(replace(r.case_id, '-', ''), 18) = ANY(%s)"""
_KNOWN: Final = "SELECT request_id FROM ops.requests WHERE request_id = ANY(%s) LIMIT 1"
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
        names = Handovers(found.keys)
        with found.connect() as db:
            self._wanted = _meant(db, names, found.names("clients"), wanted)
            self._cases, starts = cases(found, self._wanted), positions(db)
            raw = [bytes(row[0]) for row in db.execute(_ENTRIES, [list(self._cases)])]
            handed = [_Handed(*row) for row in db.execute(_HANDED, [list(self._cases)])]
        by_name = {names.name(one.client, one.request_id): one for one in handed}
        self._called = {name: one.request_id for name, one in by_name.items()}
        self._events = [_remembered(parse(one)) for one in raw]
        self._events += _handed_over(found, by_name)
        public = [name for name in all_topics(found) if topic_of(name).personal != "yes"]
        self._follower = Follower(found.access(), public, starts=starts)
        ends = self._follower.ends()
        while not self._follower.reached(ends):
            self.hear(500)

    def hear(self, wait_ms: int) -> None:
        """Add what came meanwhile, waiting so long for something."""
        for record in self._follower.poll(wait_ms):
            self._add(record)

    def events(self) -> list[dict[str, Any]]:
        """Everything, oldest first. Of a case all requests; of a request only itself."""
        named = [event for event in self._events if event["request_id"] == self._wanted]
        return sorted(named or self._events, key=lambda event: (event["time"], event["topic"], event["offset"]))

    def close(self) -> None:
        """Close the connection."""
        self._follower.close()

    def _add(self, record: Record) -> None:
        """Keep a record of ours; what a client writes is known by what it calls the request."""
        key, event = (record.key or b"").decode(errors="replace"), told(record)
        if key in self._called:
            event["request_id"] = self._called[key]
        elif key_of(key) not in self._cases and key != self._wanted:
            return
        if event["type"] == "HandedOver" and event["data"]:
            self._called[event["data"]["handover_id"]] = event["request_id"]
        self._events.append(event)


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


@dataclass(frozen=True, slots=True)
class _Handed:
    """A request that was handed over to a client."""

    client: str
    request_id: str
    at: datetime


def _meant(db: psycopg.Connection[Any], names: Handovers, clients: Iterable[str], wanted: str) -> str:
    """The request behind the name a client knows it by; any other id is itself."""
    if not key_of(wanted) or db.execute(_KNOWN, [[wanted]]).fetchone():
        return wanted
    found = db.execute(_KNOWN, [[names.request(client, wanted) for client in clients]]).fetchone()
    return str(found[0]) if found else wanted


def _handed_over(found: Installation, handed: Mapping[str, _Handed]) -> Iterable[dict[str, Any]]:
    """What lies on clients' topics of hand-overs, by their names, from about when they were; under our own ids."""
    if not handed:
        return
    topics: dict[str, datetime] = {}
    for one in handed.values():
        topic = provision.client_topic(one.client)
        topics[topic] = min(one.at, topics.get(topic, one.at))
    follower = Follower(found.access(), list(topics))
    starts = follower.offsets_at({name: int((at - _EARLIER).timestamp() * 1000) for name, at in topics.items()})
    follower.close()
    for record in read_all(found.access(), list(topics), starts=starts):
        one_of_them = handed.get((record.key or b"").decode(errors="replace"))
        if one_of_them:
            yield told(record) | {"request_id": one_of_them.request_id}
