"""What every event is: immutable, caused by something, about one request of one case."""

from datetime import datetime
from typing import Any, Protocol, Self
from uuid import UUID, uuid5

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.scalars import CaseId, RequestId


class Cause(Protocol):
    """Anything an event can follow from."""

    @property
    def event_id(self) -> UUID:
        """Identity of the cause; the effect's identity derives from it."""


class Event(BaseModel):
    """A fact about one request. Immutable; its id derives from its cause."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    event_id: UUID
    occurred_at: AwareDatetime
    request_id: RequestId
    case_id: CaseId
    causation_id: UUID | None = None
    seq: int = Field(0, ge=0, description="version of the state that told this; later tells win over earlier")

    @classmethod
    def after(cls, cause: Cause, now: datetime, *, on: str = "", **fields: Any) -> Self:  # noqa: ANN401  any field
        """Tell this event because of `cause`: id derived, request and case copied unless given.

        `on` tells apart two events of one class about one request and one cause (a part, a system).
        """
        request_id = fields.setdefault("request_id", getattr(cause, "request_id", None))
        fields.setdefault("case_id", getattr(cause, "case_id", None))
        return cls(
            event_id=uuid5(cause.event_id, f"{cls.__name__}/{request_id}/{on}"),
            occurred_at=now,
            causation_id=cause.event_id,
            **fields,
        )


class Due(BaseModel):
    """A state asked to be woken, and its time has come. Not an event on any topic."""

    model_config = ConfigDict(frozen=True)

    event_id: UUID
    request_id: str
    due_at: AwareDatetime

    @classmethod
    def of(cls, state_id: str, version: int, due_at: datetime) -> Self:
        """Name the waking after what is woken, so that two workers waking one state do the same thing once."""
        return cls(
            event_id=uuid5(UUID(int=0), f"{state_id}/{version}/{due_at.isoformat()}"),
            request_id=state_id,
            due_at=due_at,
        )
