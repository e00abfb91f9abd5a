"""A message nobody can work on is set aside: its bytes sealed, its place named, its content nowhere else."""

import base64
import re
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from pydantic_core import to_json

from schemas.events import Parked
from schemas.topics import PUBLIC_BYTES, STAGES
from schemas.wire import Record, Unreadable
from services.kernel.clock import Clock
from services.kernel.errors import Untrusted
from services.kernel.vault import Sealer

MOST_SEALED: Final = PUBLIC_BYTES
"""Bytes of a record that are carried along; what was packed and is larger unpacked must be read where it lies."""
_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class _Place:
    """The cause when nothing could be read: where the record lies, so that it is parked once however often it comes."""

    event_id: UUID


class Parking:
    """Tells of messages set aside by one stage, in its service's name."""

    def __init__(self, stage: str, sealer: Sealer, clock: Clock) -> None:
        self._stage, self._service, self._sealer, self._clock = stage, STAGES.get(stage, stage), sealer, clock

    def tell(self, record: Record | None, event: Any, error: Exception) -> Parked:  # noqa: ANN401  what was read, if any
        """Build the event; `record` is None when a state was woken, `event` is None when the record is unreadable.

        It names no request when the message was not its writer's to send: nobody else's request is the worse for it.
        """
        original = record or Record("due", 0, 0, None, to_json(event), (), 0)
        found = error.problems if isinstance(error, Unreadable) else []
        problems = [f"{p.field or 'the whole'}: {p.rule}" for p in found]
        if not (carried := _size(original) <= MOST_SEALED):
            problems.append(f"larger than {MOST_SEALED} bytes: read it where it lies")
        about = None if isinstance(error, Untrusted) else event
        request = _id(getattr(about, "request_id", None))
        return Parked.after(
            event or _Place(original.position_id), self._clock(), on=self._stage, request_id=request,
            case_id=_id(getattr(about, "case_id", None)) or request, service=self._service, topic=original.topic,
            partition=original.partition, offset=original.offset, stage="decode" if event is None else "decide",
            error=code_of(error), problems=problems, sealed=self._seal(original) if carried else "",
        )  # fmt: skip

    def _seal(self, record: Record) -> str:
        headers = [(name, _b64(value)) for name, value in record.headers]
        parts = {"key": _b64(record.key), "value": _b64(record.value), "headers": headers, "at_ms": record.at_ms}
        return base64.b64encode(self._sealer.seal(to_json(parts))).decode()


def code_of(error: Exception) -> str:
    """The kind of fault as a code: its class, without its text."""
    return type(error).__name__.strip("_").lower()[:64]


def _size(record: Record) -> int:
    pieces = [record.key, record.value, *(value for _, value in record.headers)]
    return sum(len(piece) for piece in pieces if piece)


def _id(value: object) -> str | None:
    """The id, if it is one: what is filed otherwise (a case by its key) names no request."""
    return value if isinstance(value, str) and _ID.fullmatch(value) else None


def _b64(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode()
