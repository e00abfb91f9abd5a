"""One record as history keeps it: where and when it lay, what it said, without any token, seal or free text. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from rules.parts import handover
from schemas import wire
from schemas.topics import CATALOGUE, Topic, topic_of
from schemas.wire import Record, Unreadable

UNREADABLE: Final = "Unreadable"
"""The kind of an entry whose record was not what its topic carries."""
_DROPPED: Final = {"sealed", "reply_token", "answer_token", "jose"}
"""Fields that hold a capability, or something sealed or signed that may name a person."""
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/+-]{0,119}")
"""What text of outsiders may stay: codes and references, no sentences."""
_PLAIN: Final = re.compile(r'[A-Za-z0-9_.:/+{}\[\],"-]{0,1000}')
"""JSON in which every text is surely such a code: most are, and need not be looked at one by one."""
TEXT: Final = "[text]"


@dataclass(frozen=True, slots=True)
class Trust:
    """What an outsider's record is believed by.

    `believe(part, request, addressee, token)` says whether a reply shows the token its addressee was given; `restore`
    gives a record that was put back the place it first lay in; `request(client, handover)` is what a client means.
    """

    believe: Callable[[str, str, str, str], bool]
    restore: Callable[[Record], Record]
    request: Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Entry:
    """What the chain holds of one record. `genuine` is said of outsiders' replies: they showed their token."""

    topic: str
    partition: int
    offset: int
    at_ms: int
    kind: str
    body: dict[str, Any]
    genuine: bool = True

    @property
    def request_id(self) -> str | None:
        """The request it is about, if any."""
        return self.body.get("request_id")

    def raw(self) -> bytes:
        """Its bytes, the same for the same record every time."""
        return to_json(
            {
                "topic": self.topic,
                "partition": self.partition,
                "offset": self.offset,
                "at": self.at_ms,
                "kind": self.kind,
                "genuine": self.genuine,
                "body": self.body,
            }
        )


def parse(raw: bytes) -> Entry:
    """Read what `raw` wrote.

    Raises:
        ValueError: these are no entry's bytes.
    """
    try:
        found = from_json(raw)
        where = found["topic"], found["partition"], found["offset"], found["at"]
        return Entry(*where, found["kind"], found["body"], found["genuine"])
    except (KeyError, TypeError):
        message = "these bytes are no entry"
        raise ValueError(message) from None


def entry_of(record: Record, trust: Trust) -> Entry:
    """Read a record for history. Never fails: what cannot be read is an entry that says so, without its content."""
    topic = topic_of(record.topic)
    kind, body, genuine = _outside(topic, trust.restore(record), trust) if topic.outside else _inside(topic, record)
    return Entry(record.topic, record.partition, record.offset, record.at_ms, kind, body, genuine)


@cache
def _kinds(name: str) -> tuple[str, ...]:
    """The kinds that travel on a topic of the catalogue."""
    return tuple(kind.__name__ for topic in CATALOGUE if topic.name == name for kind in topic.classes)


def _inside(topic: Topic, record: Record) -> tuple[str, dict[str, Any], bool]:
    try:
        body = from_json(record.value or b"")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return UNREADABLE, {}, True
    known = _kinds(topic.name)
    named = (record.header("ce_type") or "").removeprefix("rightsbus.").removesuffix(".v1")
    kind = named if named in known else known[0]
    for name in _DROPPED:
        body.pop(name, None)
    return kind, body, True


def _outside(topic: Topic, record: Record, trust: Trust) -> tuple[str, dict[str, Any], bool]:
    """An outsider's record is named and dated by where and when it lies, never by what it says of that."""
    try:
        data = wire.unwrap(record)
        ours = {"event_id": str(record.position_id), "occurred_at": record.at.isoformat()}
        said = topic.adapter.validate_python({"case_id": data.get("request_id")} | data | ours)
    except (Unreadable, ValidationError):
        return UNREADABLE, {}, False
    text = said.model_dump_json(exclude=_DROPPED)
    body = from_json(text) if _PLAIN.fullmatch(text) else _coded(from_json(text))
    if "handover_id" in body:
        ours["request_id"] = trust.request(body["client"], body["handover_id"])
    token, request = getattr(said, "reply_token", ""), (body | ours).get("request_id")
    part = body.get("part") or handover(body.get("client", ""))
    addressee = body.get("system") or body.get("client", "")
    genuine = bool(token and request) and trust.believe(part, str(request), addressee, token)
    return type(said).__name__, body | ours, genuine


def _coded(value: Any) -> Any:  # noqa: ANN401  any JSON value
    if isinstance(value, str):
        return value if _CODE.fullmatch(value) else TEXT
    if isinstance(value, dict):
        return {_coded(name): _coded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_coded(inner) for inner in value]
    return value
