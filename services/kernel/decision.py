"""What a service remembers and what it may decide: values only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, Self, TypeVar
from uuid import UUID, uuid5

from pydantic import BaseModel, ConfigDict

from schemas.base import Event


class State(BaseModel):
    """What a service knows of one request (intake: of one case). Immutable; told events yield a new one.

    Stored as JSON with BODY, the version of its shape; `upcast` lifts an older shape, so that old and new code can
    run side by side: a field that newer code added stays where older code writes. While both run, shapes only grow.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    BODY: ClassVar[int] = 1

    id: str
    version: int = 0
    parked: int = 0
    """How many messages about this lie parked: an operator must look before it can be whole. Kept by the kernel."""

    @classmethod
    def stub(cls, state_id: str) -> Self:
        """What is known before anything is known."""
        return cls(id=state_id)

    @classmethod
    def upcast(cls, body: dict[str, Any], _written_as: int) -> dict[str, Any]:
        """Lift a body written in an older shape to today's. Default: shapes only grew by defaults."""
        return body

    def but(self, **changes: Any) -> Self:  # noqa: ANN401  any field
        """Return a copy with some fields changed. Values are not validated again."""
        if unknown := changes.keys() - type(self).model_fields.keys():
            message = f"{type(self).__name__} has no field {', '.join(sorted(unknown))}"
            raise AttributeError(message)
        return self.model_copy(update=changes)


S_co = TypeVar("S_co", bound=State, covariant=True)


@dataclass(frozen=True, slots=True)
class Effect:
    """Something to do outside, recorded with the decision and done afterwards, at least once, under one id.

    `lane` is what a slow one may delay (a system, the mail server); `body` holds codes and references, no values.
    """

    kind: str
    request_id: str
    case_id: str
    name: str
    body: Mapping[str, Any]
    lane: str = ""
    not_before: datetime | None = None

    @property
    def id(self) -> UUID:
        """The idempotency key: the same for every attempt and for a repeated decision."""
        return uuid5(UUID(self.request_id), f"{self.kind}/{self.name}")


@dataclass(frozen=True, slots=True)
class Count:
    """One more of something within a window that ends at `until`. The key is a keyed hash, never a value."""

    key: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Tally:
    """How often each key was counted before this decision, earlier ones of the same batch included."""

    counted: Mapping[str, int] = field(default_factory=dict)

    def of(self, key: str) -> int:
        """How often; 0 for what was never counted, or whose window is over."""
        return self.counted.get(key, 0)

    def adding(self, counts: Iterable[Count]) -> "Tally":
        """What is known once these are counted too."""
        more: dict[str, int] = {}
        for count in counts:
            more[count.key] = more.get(count.key, self.of(count.key)) + 1
        return Tally({**self.counted, **more})


@dataclass(frozen=True, slots=True)
class Decision(Generic[S_co]):
    """Everything that follows from one message: written in one transaction, or not at all.

    `secrets` are vault items of the case, by name. `due_at` wakes the state; None lets it sleep.
    """

    state: S_co
    events: tuple[Event, ...] = ()
    effects: tuple[Effect, ...] = ()
    counters: tuple[Count, ...] = ()
    due_at: datetime | None = None
    secrets: Mapping[str, bytes] = field(default_factory=dict)
