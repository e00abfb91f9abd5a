"""The topic catalogue: what each topic carries, who writes it, who reads it, how long it keeps it.

One class (or one tagged union) per topic, one topic per class. ACLs, provisioning, documentation and the
completeness test are generated from this table; nothing else names a topic.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Literal, get_args

from pydantic import BaseModel, TypeAdapter

from schemas import audit as a
from schemas import clients as c
from schemas import directory as d
from schemas import events as e
from schemas import exports as x
from schemas.public import RequesterAnswered, RequestStatusChanged, RequestSubmitted

WORKERS = ("intake", "verifier", "fulfiller", "notifier")
SERVICES = (*WORKERS, "ops")
STAGES = {"tasks": "fulfiller", "directory": "intake"}
"""Stages that run in another service's process: they write and park under its name."""
UPSTREAM, CLIENT, SYSTEM = "upstream", "client", "system"

type_personal = Literal["no", "yes", "sealed"]

_MONTH = timedelta(days=30)
_PERSONAL_KEEP = timedelta(days=7)
_HISTORY_KEEP = timedelta(days=1_000)
"""Longer than the 24 months that records of requests are kept (11 CCR § 7101)."""
_PERSONAL_SEGMENT = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of the catalogue. `name` may hold one `<field>`, filled from the event."""

    name: str
    carries: Any
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    personal: type_personal = "no"
    partitions: int = 6
    keep: timedelta = _MONTH
    compacted: bool = False
    outside: bool = False
    """Written by outsiders: what a record says of its own identity and time is not believed."""
    max_bytes: int = 1_048_576
    why: str = ""

    @property
    def field(self) -> str | None:
        """The event's field that completes the name, if the name is a pattern."""
        found = re.search(r"<(\w+)>", self.name)
        return found.group(1) if found else None

    def named(self, value: str) -> str:
        """The topic's full name for one system, client, source or service."""
        return re.sub(r"<\w+>", value, self.name)

    def matches(self, name: str) -> bool:
        """Whether `name` is this topic, or one of this pattern."""
        return re.fullmatch(re.sub(r"<\w+>", r"[a-z0-9][a-z0-9-]*", self.name).replace(".", r"\."), name) is not None

    @property
    def classes(self) -> tuple[type[BaseModel], ...]:
        """The classes that travel here."""
        carried = get_args(self.carries)[0] if get_args(self.carries) else self.carries
        return get_args(carried) or (carried,)

    @property
    def adapter(self) -> TypeAdapter[Any]:
        """What reads a value of this topic."""
        return _adapter(self.name)

    def config(self) -> dict[str, str]:
        """Kafka's settings for this topic."""
        settings = {
            "cleanup.policy": "compact" if self.compacted else "delete",
            "max.message.bytes": str(self.max_bytes),
        }
        if not self.compacted:
            settings["retention.ms"] = _milliseconds(self.keep)
        if self.personal == "yes":
            settings["segment.ms"] = _milliseconds(_PERSONAL_SEGMENT)
        if self.outside:
            settings["message.timestamp.type"] = "LogAppendTime"
        return settings


def _milliseconds(span: timedelta) -> str:
    return str(int(span.total_seconds() * 1000))


PUBLIC_BYTES = 4 * 1_048_576
"""Outsiders' records may be larger than we accept, so that an oversized one can be answered instead of lost."""
PARKED_BYTES = 2 * PUBLIC_BYTES
"""A parked record holds its original, sealed, in base64 twice: 16/9 of its size."""

CATALOGUE: tuple[Topic, ...] = (
    Topic("privacy.requests", RequestSubmitted, (UPSTREAM,), ("intake",), "yes", keep=_PERSONAL_KEEP,
          outside=True, max_bytes=PUBLIC_BYTES, why="A person asks"),
    Topic("privacy.answers", RequesterAnswered, (UPSTREAM,), ("intake",), "yes", keep=_PERSONAL_KEEP,
          outside=True, max_bytes=PUBLIC_BYTES, why="The person says more"),
    Topic("privacy.status.<source>", RequestStatusChanged, ("intake", "notifier"), (UPSTREAM, "ops"),
          compacted=True, why="What an upstream app may know of its requests"),
    Topic("privacy.accepted", e.RequestAccepted, ("intake", "fulfiller"), ("verifier", "fulfiller", "notifier", "ops"),
          why="Whose data, which law, which clock"),
    Topic("privacy.answered", e.AnswerRecorded, ("intake",), ("verifier", "fulfiller", "notifier", "ops"),
          why="An answer's kind and what it adds"),
    Topic("privacy.waiting", e.PartWaiting, ("verifier", "fulfiller"), ("notifier", "ops"),
          why="A part waits for somebody until a known moment"),
    Topic("privacy.verified", e.RequestVerified, ("verifier",), ("fulfiller", "notifier", "ops"),
          why="The requester is who they say they are"),
    Topic("privacy.unverified", e.VerificationFailed, ("verifier",), ("fulfiller", "notifier", "ops"),
          why="It stayed open who asks"),
    Topic("privacy.tasks.<system>", e.TaskAssigned, ("fulfiller",), ("fulfiller", SYSTEM, "ops"),
          why="One system is asked to do one thing"),
    Topic("privacy.task-results", e.TaskFinished, ("fulfiller", SYSTEM), ("fulfiller", "ops"), outside=True,
          why="One system's account of one task"),
    Topic("privacy.task-exports", x.ExportUploaded, (SYSTEM,), ("fulfiller",), "sealed", keep=_PERSONAL_KEEP,
          outside=True, why="What a system that reads its tasks itself exported, piece by piece"),
    Topic("privacy.clients.<client>.requests", c.ClientMessage, ("fulfiller",), (CLIENT,), "yes", partitions=1,
          why="Requests about records this client owns"),
    Topic("privacy.client-replies", c.ClientWord, (CLIENT,), ("fulfiller", "ops"), outside=True,
          why="What clients answer, instruct and ask"),
    Topic("privacy.client-heard", c.ClientHeard, ("fulfiller", "ops"), ("fulfiller", "ops"),
          why="What a client said by another way than its replies"),
    Topic("privacy.handed-over", e.HandedOver, ("fulfiller",), ("notifier", "ops"),
          why="A request lies on its client's topic"),
    Topic("privacy.decisions", e.OperatorDecided, ("ops",), ("verifier", "fulfiller", "intake", "ops"),
          why="An operator decided"),
    Topic("privacy.decided", e.DecisionApplied, ("verifier", "fulfiller", "intake"), ("ops",),
          why="What became of a decision"),
    Topic("privacy.deadlines", e.Deadline, ("intake", "verifier", "fulfiller"),
          ("intake", "notifier", "fulfiller", "ops"),
          why="Time passes; time was lengthened"),
    Topic("privacy.released", e.RequestReleased, ("fulfiller",), ("fulfiller", "ops"),
          why="A request may begin that waited for another of its case"),
    Topic("privacy.settled", e.RequestSettled, ("fulfiller",), ("notifier", "intake", "ops"),
          why="Everything the person may be told about has ended"),
    Topic("privacy.closed", e.Closing, ("fulfiller", "verifier"),
          ("notifier", "intake", "verifier", "fulfiller", "ops"), why="Every part ended"),
    Topic("privacy.warned", e.ContactWarned, ("notifier",), ("fulfiller", "ops"),
          why="The contact on file knows what is about to happen"),
    Topic("privacy.notified", e.Notice, ("notifier",), ("ops",),
          why="A letter left, or could not"),
    Topic("privacy.directory", d.DirectoryChanged, ("ops",), ("intake",), "sealed", keep=_PERSONAL_KEEP,
          why="A record of a person is so now, or is no more"),
    Topic("privacy.parked.<service>", e.Parked, WORKERS, ("ops",), "sealed", max_bytes=PARKED_BYTES,
          why="Records nobody could work on"),
    Topic("privacy.repairs", a.Repaired, ("ops",), ("ops",),
          why="Who read a parked record, put it back, gave it up; who delivered a letter"),
    Topic("privacy.policies", a.PolicyChanged, ("ops",), (UPSTREAM, "ops"), compacted=True,
          why="A version of a privacy policy came into force"),
    Topic("privacy.audit-roots", a.AuditRoot, ("ops",), ("ops",), partitions=1, keep=_HISTORY_KEEP,
          why="What history was, signed"),
)  # fmt: skip


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(next(topic.carries for topic in CATALOGUE if topic.name == name))


@cache
def topic_of(name: str) -> Topic:
    """The catalogue's row for a full topic name.

    Raises:
        KeyError: the catalogue has no such topic.
    """
    for topic in CATALOGUE:
        if topic.matches(name):
            return topic
    raise KeyError(name)


@cache
def _home(kind: type[BaseModel]) -> Topic:
    return next(topic for topic in CATALOGUE if kind in topic.classes)


def home_of(event: BaseModel) -> str:
    """The full name of the one topic `event` belongs on."""
    topic = _home(type(event))
    return topic.named(getattr(event, topic.field)) if topic.field else topic.name


def read_by(service: str) -> tuple[Topic, ...]:
    """The rows a service reads, in the catalogue's order."""
    return tuple(topic for topic in CATALOGUE if service in topic.readers)


def written_by(service: str) -> tuple[Topic, ...]:
    """The rows a service writes, in the catalogue's order."""
    return tuple(topic for topic in CATALOGUE if service in topic.writers)
