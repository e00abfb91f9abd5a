"""How events travel: JSON values with CloudEvents 1.0 headers (Kafka binding, binary mode).

Outsiders may also send structured mode, or plain JSON without any header. Nothing here echoes a value.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from schemas.base import Event
from schemas.topics import home_of, topic_of
from schemas.values import Problem

MOST_BYTES = 262_144
"""A submission or answer larger than this is refused; documents travel by reference."""
MOST_HEADER_BYTES = 16_384
MOST_PROBLEMS = 20

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
    headers: tuple[tuple[str, bytes], ...]
    at_ms: int

    @property
    def position_id(self) -> UUID:
        """An identity nobody outside can choose: where the record lies."""
        return uuid5(NAMESPACE_URL, f"{self.topic}/{self.partition}/{self.offset}")

    def header(self, name: str) -> str | None:
        """The last header of that name, as text; None when absent or not text."""
        for key, value in reversed(self.headers):
            if key.lower() == name:
                return value.decode(errors="replace")
        return None


class Unreadable(ValueError):
    """A record's bytes are not what its topic carries. Says which fields and rules, never a value."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{p.field}: {p.rule}" for p in problems))
        self.problems = problems


def encode(event: Event, *, source: str, traceparent: str | None = None) -> tuple[str, bytes, bytes, Headers]:
    """Turn an event into (topic, key, value, headers). The key is the request's id; equal events are equal bytes."""
    topic = home_of(event)
    kind = type(event).__name__
    key = (event.request_id or str(event.event_id)).encode()
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", str(event.event_id).encode()),
        ("ce_source", source.encode()),
        ("ce_type", f"rightsbus.{kind}.v1".encode()),
        ("ce_time", event.occurred_at.isoformat().encode()),
        ("ce_subject", key),
        ("ce_dataschema", f"urn:rightsbus:schema:{kind}".encode()),
        ("content-type", b"application/json"),
    ]
    if event.causation_id:
        headers.append(("ce_causationid", str(event.causation_id).encode()))
    if traceparent:
        headers.append(("traceparent", traceparent.encode()))
    return topic, key, event.model_dump_json().encode(), headers


def decode(record: Record) -> Event:
    """Read a record of one of our own topics.

    On topics that outsiders write, identity and time come from where and when the record lies.

    Raises:
        Unreadable: not JSON, or not what the topic carries.
    """
    topic = topic_of(record.topic)
    try:
        if not topic.outside:
            event: Event = topic.adapter.validate_json(record.value or b"")
            return event
        data = _json(record.value)
        data |= {"event_id": str(record.position_id), "occurred_at": record.at_ms / 1000}
        data.setdefault("case_id", data.get("request_id"))
        outside: Event = topic.adapter.validate_python(data)
    except ValidationError as error:
        raise Unreadable(problems_of(error)) from None
    return outside


def _json(value: bytes | None) -> dict[str, Any]:
    if value is None:
        raise Unreadable([Problem(field="", rule="the record has no value")])
    try:
        text = value.decode()
    except UnicodeDecodeError:
        raise Unreadable([Problem(field="", rule="must be UTF-8")]) from None
    try:
        data = from_json(text)
    except (ValueError, RecursionError):
        raise Unreadable([Problem(field="", rule="must be JSON, nested 200 levels at most")]) from None
    if not isinstance(data, dict):
        raise Unreadable([Problem(field="", rule="must be a JSON object")])
    return data


def unwrap(record: Record) -> dict[str, Any]:
    """The data of an outsider's record, in whichever of the three ways it came.

    Raises:
        Unreadable: no value, not UTF-8, not a JSON object, or a CloudEvent of another version.
    """
    if sum(len(name) + len(value) for name, value in record.headers) > MOST_HEADER_BYTES:
        raise Unreadable([Problem(field="headers", rule=f"at most {MOST_HEADER_BYTES} bytes together")])
    data = _json(record.value)
    if not (record.header("content-type") or "").lower().startswith("application/cloudevents"):
        return data
    if data.get("specversion") != "1.0":
        raise Unreadable([Problem(field="specversion", rule="must be 1.0")])
    inner = data.get("data")
    if not isinstance(inner, dict):
        raise Unreadable([Problem(field="data", rule="must be a JSON object")])
    return inner


def read(model: type[Model], record: Record, data: Mapping[str, Any]) -> Model:
    """Check an outsider's data against `model`, field by field.

    Raises:
        Unreadable: lists every field that breaks a rule, 20 at most.
    """
    if len(record.value or b"") > MOST_BYTES:
        raise Unreadable([Problem(field="", rule=f"at most {MOST_BYTES} bytes")])
    try:
        return model.model_validate(data, strict=False)
    except ValidationError as error:
        raise Unreadable(problems_of(error)) from None
    except RecursionError:
        raise Unreadable([Problem(field="", rule="nested too deeply")]) from None


def problems_of(error: ValidationError) -> list[Problem]:
    """Each broken rule with its field; what pydantic saw there is left out."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [Problem(field=_path(entry["loc"]), rule=_rule(entry["msg"])) for entry in found[:MOST_PROBLEMS]]


def _path(location: Iterable[int | str]) -> str:
    return ".".join(str(step) for step in location)[:120]


def _rule(message: str) -> str:
    return message.removeprefix("Value error, ").removeprefix("Input ")[:200]
