"""What operators' own tools tell: who repaired a parked record, who delivered a letter; the signed roots of history."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from schemas.base import Event
from schemas.scalars import CaseId, Code, RequestId, Slug
from schemas.values import Letter, Value

Why = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/#-]{0,63}$")]
"""A ticket or a code, without spaces: nothing about people."""
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256, in hexadecimal."""


class Repair(Event):
    """What every act on a parked record says: which one, who, why."""

    request_id: RequestId | None = None  # type: ignore[assignment]  # what could not be read names no request
    case_id: CaseId | None = None  # type: ignore[assignment]  # nor a case
    parked_id: UUID = Field(description="the event that told of the parked record")
    by: Code
    why: Why


class RecordShown(Repair):
    """Somebody read a parked record in clear; told before it was shown."""

    type: Literal["RecordShown"] = "RecordShown"


class RecordReplayed(Repair):
    """A parked record was put back on its topic, as it was or edited."""

    type: Literal["RecordReplayed"] = "RecordReplayed"
    edited: bool = False


class RecordDiscarded(Repair):
    """A parked record will not be worked on any more."""

    type: Literal["RecordDiscarded"] = "RecordDiscarded"


class LetterDelivered(Event):
    """Somebody brought a letter to its addressee another way than by mail."""

    type: Literal["LetterDelivered"] = "LetterDelivered"
    letter: Letter
    way: Literal["paper", "telephone", "app"]
    by: Code
    why: Why


class PolicyChanged(Event):
    """A version of a brand's privacy policy has come into force. Requests stay with the version they came under."""

    type: Literal["PolicyChanged"] = "PolicyChanged"
    request_id: RequestId | None = None  # type: ignore[assignment]  # it is about no request
    case_id: CaseId | None = None  # type: ignore[assignment]  # nor a case
    brand: Slug
    version: str
    effective_from: date
    material: bool = Field(description="people must be told of it")
    reconsent: bool = Field(description="what was consented to must be consented to anew")
    operator: str = Field(description="the company behind the brand from that day on")


Repaired = Annotated[RecordShown | RecordReplayed | RecordDiscarded | LetterDelivered, Field(discriminator="type")]


class ChainRoot(Value):
    """What one root says of one topic-partition: entries `first` to `last`, the tree over them, the chain's head."""

    topic: str
    partition: int
    first: int = Field(ge=1)
    last: int = Field(ge=1)
    root: Hash
    head: Hash


class AuditRoot(Event):
    """The signed root over everything chained since the last one. Whoever kept it can tell any later edit."""

    request_id: RequestId | None = None  # type: ignore[assignment]  # it is about all requests
    case_id: CaseId | None = None  # type: ignore[assignment]  # as above
    type: Literal["AuditRoot"] = "AuditRoot"
    number: int = Field(ge=1)
    day: date
    sealed_at: AwareDatetime
    previous: Hash
    chains: list[ChainRoot]
    root: Hash = Field(description="root of the tree over the chains, in their order")
    signature: str = Field(description="Ed25519 over number, day, sealed_at, previous and root; base64")
