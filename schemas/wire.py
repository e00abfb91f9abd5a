"""How events travel: JSON values with CloudEvents 1.0 headers (Kafka binding, binary mode).

Outsiders may also send structured mode, or plain JSON without any header. Nothing here echoes a value.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from schemas.base import Event
from schemas.events import ClientMessageBase, Parked
from schemas.problems import names, problems_of
from schemas.topics import CATALOGUE, home_of, topic_of
from schemas.values import Problem

MOST_BYTES: Final = 262_144
"""A submission or answer larger than this is refused; documents travel by reference."""
MOST_HEADER_BYTES: Final = 16_384
SPEC: Final = "1.0"
STRUCTURED: Final = "application/cloudevents"
_NO_EVENTS: Final = frozenset(one.name for one in CATALOGUE if not all(issubclass(kind, Event) for kind in one.classes))
"""Asked once: for pydantic's classes `issubclass` is slow."""
_LAST_MS: Final = 32_503_679_999_000
"""The end of the year 2999: a producer may write any time into a record, and time is calculated with."""

Headers = list[tuple[str, bytes]]
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record as it came, before anybody believes it. `at_ms` is the record's timestamp."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    at_ms: int

    @property
    def position_id(self) -> UUID:
        """An identity nobody outside can choose: where the record lies."""
        return uuid5(NAMESPACE_URL, f"{self.topic}/{self.partition}/{self.offset}")

    @property
    def at(self) -> datetime:
        """The record's timestamp; between 1970 and 2999, whatever was written there."""
        return datetime.fromtimestamp(min(max(self.at_ms, 0), _LAST_MS) / 1000, UTC)

    def header(self, name: str) -> str | None:
        """The last header of that name, as text; None when absent or without a value."""
        for key, value in reversed(self.headers):
            if key.lower() == name and value is not None:
                return value.decode(errors="replace")
        return None


class Unreadable(ValueError):
    """A record's bytes are not what its topic carries. Says which fields and rules, never a value.

    `data` is what could be read all the same, unchecked, so that its sender may be told.
    """

    def __init__(self, problems: list[Problem], data: Mapping[str, Any] | None = None) -> None:
        super().__init__("; ".join(f"{p.field or 'the whole'}: {p.rule}" for p in problems))
        self.problems, self.data = problems, data or {}

    @classmethod
    def at(cls, field: str, rule: str, data: Mapping[str, Any] | None = None) -> "Unreadable":
        """One problem only."""
        return cls([Problem(field=field, rule=rule)], data)


def encode(event: Event, *, source: str, traceparent: str | None = None) -> tuple[str, bytes, bytes, Headers]:
    """Turn an event into (topic, key, value, headers). The key is the request's id; equal events are equal bytes.

    A client's message says nothing of its trace: all that belongs to one person does, other clients' messages too.
    """
    kind, about = type(event).__name__, event.request_id
    if isinstance(event, ClientMessageBase):
        traceparent = None
    headers = [
        ("ce_specversion", SPEC),
        ("ce_id", str(event.event_id)),
        ("ce_source", source),
        ("ce_type", f"rightsbus.{kind}.v1"),
        ("ce_time", event.occurred_at.isoformat()),
        ("ce_subject", about),
        ("ce_dataschema", f"urn:rightsbus:schema:{kind}:v1"),
        ("ce_causationid", str(event.causation_id) if event.causation_id else None),
        ("content-type", "application/json"),
        ("traceparent", traceparent),
        *(_dead_letter(event) if isinstance(event, Parked) else ()),
    ]
    told = [(name, text.encode()) for name, text in headers if text]
    return home_of(event), (about or str(event.event_id)).encode(), event.model_dump_json().encode(), told


def _dead_letter(event: Parked) -> list[tuple[str, str]]:
    """The headers by which tools know a dead letter: Kafka Connect's."""
    return [
        ("__connect.errors.topic", event.topic),
        ("__connect.errors.partition", str(event.partition)),
        ("__connect.errors.offset", str(event.offset)),
        ("__connect.errors.connector.name", f"rightsbus/{event.service}"),
        ("__connect.errors.stage", event.stage),
        ("__connect.errors.exception.class.name", event.error),
    ]


def decode(record: Record) -> Event:
    """Read a record of a topic that carries events.

    On topics that outsiders write, identity, order and time come from where and when the record lies.

    Raises:
        Unreadable: not JSON, or not what the topic carries.
        LookupError: the topic carries messages of outsiders that are no events; `unwrap` and `read` are for those.
    """
    topic = topic_of(record.topic)
    if topic.name in _NO_EVENTS:
        message = f"{topic.name} carries no events"
        raise LookupError(message)
    try:
        if not topic.outside:
            event: Event = topic.adapter.validate_json(record.value or b"")
            return event
        data = unwrap(record, most=topic.max_bytes)
        ours = {"event_id": record.position_id, "occurred_at": record.at, "causation_id": None, "seq": 0}
        outside: Event = topic.adapter.validate_python({"case_id": data.get("request_id")} | data | ours)
    except ValidationError as error:
        raise Unreadable(problems_of(error)) from None
    return outside


def unwrap(record: Record, *, most: int = MOST_BYTES) -> dict[str, Any]:
    """The data of an outsider's record, in whichever of the three ways it came; nothing in it is checked yet.

    Raises:
        Unreadable: no value, not UTF-8, not a JSON object, too large, or a CloudEvent of another version.
    """
    data = _json(record.value)
    wrapped = (record.header("content-type") or "").lower().startswith(STRUCTURED)
    inner = data.get("data") if wrapped else data
    known = inner if isinstance(inner, dict) else {"source": data.get("source")}
    if len(record.value or b"") > most:
        raise Unreadable.at("", f"must have at most {most} bytes", known)
    if sum(len(name) + len(value or b"") for name, value in record.headers) > MOST_HEADER_BYTES:
        raise Unreadable.at("headers", f"must have at most {MOST_HEADER_BYTES} bytes together", known)
    version = data.get("specversion") if wrapped else record.header("ce_specversion") or SPEC
    if version != SPEC:
        raise Unreadable.at("specversion" if wrapped else "ce_specversion", f"must be {SPEC}", known)
    if not isinstance(inner, dict):
        raise Unreadable.at("data", "must be a JSON object", known)
    twice = _said_twice(record.value or b"")
    if twice is not None:
        raise Unreadable.at(twice, "must be given once", known)
    return inner


def _json(value: bytes | None) -> dict[str, Any]:
    if value is None:
        raise Unreadable.at("", "must have a value")
    try:
        text = value.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable.at("", "must be UTF-8") from None
    try:
        data = from_json(text, allow_inf_nan=False)
    except ValueError:
        raise Unreadable.at("", "must be JSON, nested 200 levels at most") from None
    if not isinstance(data, dict):
        raise Unreadable.at("", "must be a JSON object")
    return data


class _Twice(Exception):
    """An object names one field twice."""


def _said_twice(value: bytes) -> str | None:
    """The field that one object of a JSON text names twice: parsers disagree on which of the two counts.

    None when there is none; empty when its name is not one of ours.
    """
    try:
        json.loads(value.decode("utf-8-sig"), object_pairs_hook=_once, parse_int=str, parse_float=str)
    except _Twice as found:
        return str(found)
    return None


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) == len(pairs):
        return
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise _Twice(name if name in names() else "")
        seen.add(name)


def read(model: type[Model], data: Mapping[str, Any]) -> Model:
    """Check an outsider's data against `model`, field by field.

    Raises:
        Unreadable: lists every field that breaks a rule, 20 at most.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise Unreadable(problems_of(error), data) from None


def ignored(known: BaseModel, data: Mapping[str, Any]) -> int:
    """How many fields of `data`, at any depth, were left out when `known` was read from it."""
    fields, count = type(known).model_fields, 0
    for name, raw in data.items():
        if name not in fields:
            count += 1
        elif isinstance(raw, dict):
            count += _ignored(getattr(known, name), raw)
        elif isinstance(raw, list):
            count += sum(map(_ignored, getattr(known, name), raw))
    return count


def _ignored(value: object, raw: object) -> int:
    return ignored(value, raw) if isinstance(value, BaseModel) and isinstance(raw, dict) else 0
