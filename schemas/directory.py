"""What loaders tell the directory as it happens: one record is so now, or is no more. Sealed, and about no request."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.base import Event
from schemas.scalars import CaseId, RequestId

Reference = RequestId
"""The directory's opaque reference of one person. Records are keyed by it, so that one person's changes keep order."""


class DirectoryChange(Event):
    """What every change says: of whom and of which record, by opaque references; what it is lies sealed."""

    request_id: RequestId | None = None  # type: ignore[assignment]  # it is about no request
    case_id: CaseId | None = None  # type: ignore[assignment]  # nor about a case
    subject: Reference
    record: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}/[0-9a-f]{32}$")]
    sealed: str = Field(
        max_length=64_000, description="the row as its loader read it, sealed for the directory, base64"
    )


class PersonSeen(DirectoryChange):
    """A record of a person is new, or is so now: what it does not say any more is forgotten."""

    type: Literal["PersonSeen"] = "PersonSeen"


class PersonGone(DirectoryChange):
    """A record of a person is no more; with their last one the person is forgotten."""

    type: Literal["PersonGone"] = "PersonGone"


DirectoryChanged = Annotated[PersonSeen | PersonGone, Field(discriminator="type")]
