"""Turn an outsider's record into something to decide on: content, or the list of what is wrong with it. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from schemas import wire
from schemas.base import Event
from schemas.public import RequesterAnswered, RequestSubmitted
from schemas.values import Problem
from schemas.wire import Record, Unreadable

REQUESTS: Final = "privacy.requests"
ANSWERS: Final = "privacy.answers"
_SAFE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


@dataclass(frozen=True, slots=True)
class Submission:
    """A record of `privacy.requests`. `body` is None when `problems` says why."""

    event_id: UUID
    recorded_at: datetime
    source: str
    submission_id: str | None
    case_id: str
    digest: str
    body: RequestSubmitted | None
    problems: tuple[Problem, ...] = ()

    @property
    def request_id(self) -> str:
        """What the message is filed under when parked."""
        return self.case_id


@dataclass(frozen=True, slots=True)
class Answer:
    """A record of `privacy.answers`. `body` is None when `problems` says why."""

    event_id: UUID
    recorded_at: datetime
    source: str
    answer_id: str | None
    case_id: str
    request_id: str
    body: RequesterAnswered | None
    problems: tuple[Problem, ...] = ()


class Reader:
    """Reads intake's topics. `name_case` and `digest` are keyed and pure."""

    def __init__(self, name_case: Callable[[str, str], str], digest: Callable[[bytes], str]) -> None:
        self._name_case, self._digest = name_case, digest

    def __call__(self, record: Record) -> Submission | Answer | Event:
        """Read one record.

        Raises:
            Unreadable: it does not even say which app it comes from.
        """
        if record.topic == REQUESTS:
            return self._submission(record)
        return self._answer(record) if record.topic == ANSWERS else wire.decode(record)

    def _submission(self, record: Record) -> Submission:
        data, problems = _data(record)
        source, submission_id = _code(data, "source"), _code(data, "submission_id")
        source = source or _code({"s": record.header("ce_source")}, "s")
        if source is None:
            raise Unreadable([*problems, Problem(field="source", rule="must name the app that submits")])
        case_id = self._name_case(source, submission_id or str(record.position_id))
        body = None
        if not problems:
            try:
                body = wire.read(RequestSubmitted, record, data)
            except Unreadable as error:
                problems = error.problems
        digest = self._digest(body.model_dump_json().encode()) if body else ""
        return Submission(
            record.position_id, _at(record), source, submission_id, case_id, digest, body, tuple(problems)
        )

    def _answer(self, record: Record) -> Answer:
        data, problems = _data(record)
        source = _code(data, "source") or _code({"s": record.header("ce_source")}, "s")
        if source is None:
            raise Unreadable([*problems, Problem(field="source", rule="must name the app that submits")])
        body = None
        if not problems:
            try:
                body = wire.read(RequesterAnswered, record, data)
            except Unreadable as error:
                problems = error.problems
        target = (body.request_id or body.case_id) if body else None
        filed = target or self._name_case(source, str(record.position_id))
        return Answer(
            record.position_id,
            _at(record),
            source,
            _code(data, "answer_id"),
            filed,
            filed,
            body,
            tuple(problems),
        )


def _data(record: Record) -> tuple[dict[str, Any], list[Problem]]:
    try:
        return wire.unwrap(record), []
    except Unreadable as error:
        return {}, error.problems


def _code(data: dict[str, Any], field: str) -> str | None:
    value = data.get(field)
    return value if isinstance(value, str) and 0 < len(value) <= 64 and set(value) <= _SAFE else None  # noqa: PLR2004


def _at(record: Record) -> datetime:
    return datetime.fromtimestamp(record.at_ms / 1000, UTC)
