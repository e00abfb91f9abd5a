"""Turn an outsider's record into something to decide on: content, or the list of what is wrong with it. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from pydantic import BaseModel

from schemas import wire
from schemas.base import Event
from schemas.public import RequesterAnswered, RequestSubmitted
from schemas.values import Problem
from schemas.wire import Record, Unreadable

REQUESTS: Final = "privacy.requests"
ANSWERS: Final = "privacy.answers"
LONGEST_ID: Final = 64
SHORT: Final = 16
"""Hexadecimal digits that tell the answers of one case apart."""
_SAFE: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far an app's clock may be ahead of the broker's."""
DAY: Final = timedelta(days=1)
"""How far a person's calendar may be ahead of UTC's."""
Body = TypeVar("Body", RequestSubmitted, RequesterAnswered)


@dataclass(frozen=True, slots=True)
class Submission:
    """A record of `privacy.requests`. `body` is None when `problems` says why; `ignored` counts fields nobody knows."""

    event_id: UUID
    recorded_at: datetime
    source: str
    submission_id: str | None
    case_id: str
    digest: str
    body: RequestSubmitted | None
    problems: tuple[Problem, ...] = ()
    ignored: int = 0

    @property
    def request_id(self) -> str:
        """What the message is filed under when parked."""
        return self.case_id


@dataclass(frozen=True, slots=True)
class Answer:
    """A record of `privacy.answers`. `body` is None when `problems` says why; `ignored` counts fields nobody knows."""

    event_id: UUID
    recorded_at: datetime
    source: str
    answer_id: str | None
    case_id: str
    request_id: str
    digest: str
    body: RequesterAnswered | None
    problems: tuple[Problem, ...] = ()
    ignored: int = 0


class Reader:
    """Reads intake's topics. `name_case`, `digest` and `unseal` are keyed and pure.

    `moment` gives a record's own time as the installation counts it: a trial may have moved its clock.
    """

    def __init__(
        self,
        name_case: Callable[[str, str], str],
        digest: Callable[[bytes], str],
        unseal: Callable[[Record], Record] = lambda record: record,
        moment: Callable[[datetime], datetime] = lambda at: at,
    ) -> None:
        self._name_case, self._digest, self._unseal, self._moment = name_case, digest, unseal, moment

    def __call__(self, record: Record) -> Submission | Answer | Event:
        """Read one record.

        Raises:
            Unreadable: it does not even say which app it comes from.
        """
        if record.topic == REQUESTS:
            return self._submission(record)
        return self._answer(record) if record.topic == ANSWERS else wire.decode(record)

    def _submission(self, record: Record) -> Submission:
        at, position = self._moment(record.at), record.position_id
        read = _read(RequestSubmitted, record, self._unseal, at)
        submission_id = _code(read.data.get("submission_id"))
        return Submission(
            event_id=position, recorded_at=at, source=read.source, submission_id=submission_id,
            case_id=self._name_case(read.source, submission_id or str(position)),
            digest=self._digest(_content(read.body)) if read.body else "",
            body=read.body, problems=read.problems, ignored=read.ignored,
        )  # fmt: skip

    def _answer(self, record: Record) -> Answer:
        at, position = self._moment(record.at), record.position_id
        read = _read(RequesterAnswered, record, self._unseal, at)
        target = (read.body.request_id or read.body.case_id) if read.body else None
        filed = target or self._name_case(read.source, str(position))
        return Answer(
            event_id=position, recorded_at=at, source=read.source, answer_id=_code(read.data.get("answer_id")),
            case_id=filed, request_id=filed,
            digest=self._digest(_content(read.body))[:SHORT] if read.body else "",
            body=read.body, problems=read.problems, ignored=read.ignored,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Read(Generic[Body]):
    """What could be read of a record: all of it, or as much as tells whom to answer what."""

    source: str
    data: Mapping[str, Any]
    body: Body | None
    problems: tuple[Problem, ...]
    ignored: int


def _read(model: type[Body], record: Record, unseal: Callable[[Record], Record], now: datetime) -> _Read[Body]:
    body: Body | None = None
    try:
        data: Mapping[str, Any] = wire.unwrap(unseal(record))
        body = wire.read(model, data)
        problems: list[Problem] = [Problem(field=at, rule="must not lie in the future") for at in _ahead(body, now)]
    except Unreadable as error:
        data, problems = error.data, error.problems
    source = _code(data.get("source")) or _code(record.header("ce_source"))
    if source is None:
        raise Unreadable([*problems, Problem(field="source", rule="must name the app that submits")])
    ignored = wire.ignored(body, data) if body else 0
    return _Read(source, data, None if problems else body, tuple(problems), ignored)


def _ahead(body: RequestSubmitted | RequesterAnswered, now: datetime) -> Iterator[str]:
    """The paths of what was signed or bought, and lies in the future."""
    latest, tomorrow = now + CLOCK_SKEW, (now + DAY).date()
    if body.declaration and body.declaration.signed_at > latest:
        yield "declaration.signed_at"
    agent = body.agent if isinstance(body, RequestSubmitted) else None
    mandate = body.mandate if isinstance(body, RequesterAnswered) else agent and agent.mandate
    if mandate and mandate.signed_at and mandate.signed_at > latest:
        yield "agent.mandate.signed_at" if agent else "mandate.signed_at"
    for index, bought in enumerate(body.subject.transactions if body.subject else ()):
        if bought.on and bought.on > tomorrow:
            yield f"subject.transactions.{index}.on"


def _content(body: BaseModel) -> bytes:
    """What was said, without what was left to defaults: a field added later must not make it another content."""
    return body.model_dump_json(exclude_defaults=True).encode()


def _code(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= LONGEST_ID and set(value) <= _SAFE else None
