"""What the fulfiller remembers of a request: facts, parts, and which conclusions were drawn. No personal value."""

from datetime import datetime
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict

from schemas.events import OperatorDecided, RequestAccepted
from schemas.values import Action, Located, Outcome, PartEnd
from services.kernel.decision import State


class Part(BaseModel):
    """One part: pending until `end` says how it ended. `waits` is whom an operator sees it waiting for."""

    model_config = ConfigDict(frozen=True)

    end: PartEnd | None = None
    attempt: int = 0
    until: AwareDatetime | None = None
    waits: str = ""
    action: Action | None = None

    def but(self, **changes: object) -> Self:
        """Return a copy with some fields changed."""
        return self.model_copy(update=changes)


class Fulfilment(State):
    """One request's work. `parts` is a pending set with set semantics; nothing is counted."""

    accepted: RequestAccepted | None = None
    subject: str | None = None
    unverified: bool = False
    confirmed: bool | None = None
    detailed: bool = False
    stop: Outcome | None = None
    stop_reason: str | None = None
    released: frozenset[str] = frozenset()
    clients: dict[str, Located] = {}
    parts: dict[str, Part] = {}
    planned: bool = False
    settled: bool = False
    closed: bool = False
    early: tuple[OperatorDecided, ...] = ()

    @property
    def case_id(self) -> str:
        """The case this request belongs to; the request itself while nothing was accepted."""
        return self.accepted.case_id if self.accepted else self.id

    @property
    def due_at(self) -> datetime | None:
        """The next moment something must be looked at."""
        if self.closed:
            return None
        return min((p.until for p in self.parts.values() if p.end is None and p.until), default=None)

    @property
    def named(self) -> list[str]:
        """Clients the person themself named by a parcel that fits."""
        return sorted(name for name, one in self.clients.items() if one.parcel_named)

    def pending(self, *names: str) -> list[str]:
        """Parts not yet ended: all, or those of the given names."""
        return sorted(n for n, part in self.parts.items() if part.end is None and (not names or n in names))

    def ended(self, name: str) -> bool:
        """Whether a part exists and has ended."""
        return name in self.parts and self.parts[name].end is not None

    def with_part(self, name: str, **changes: object) -> "Fulfilment":
        """Return a copy in which one part is changed, or made."""
        return self.but(parts=self.parts | {name: self.parts.get(name, Part()).but(**changes)})

    def end(self, name: str, outcome: Outcome, reason: str | None = None) -> "Fulfilment":
        """End one part, unless it has ended before: the first end stands."""
        if self.ended(name):
            return self
        return self.with_part(name, end=PartEnd(outcome=outcome, reason=reason), until=None, waits="")

    def ends(self) -> dict[str, PartEnd]:
        """How each ended part ended."""
        return {name: part.end for name, part in sorted(self.parts.items()) if part.end}
