"""What the fulfiller remembers of a request: facts, parts, and which conclusions were drawn. No personal value."""

from datetime import date, datetime, timedelta
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from schemas.events import RequestAccepted
from schemas.values import Action, Located, Outcome, PartEnd, Party, Right, Waiting
from services.kernel.early import Early


class Telling(BaseModel):
    """How somebody outside is told: through which system, by the record keys of which, and how long it has."""

    model_config = ConfigDict(frozen=True)

    through: str
    keys_from: tuple[str, ...]
    within: timedelta


class Part(BaseModel):
    """One part: pending until `end` says how it ended.

    `party` and `who` are waited for until `until`, for `waiting`, and reminded at `remind_at`; a part that has none of
    these comes after another one that has. `attempt` counts how often its addressee was asked, `arrived` says that a
    client's request has reached it, `received` that the client has answered, `why` is what the last failure said.
    The part of a service provider or a third party has a `telling`.
    """

    model_config = ConfigDict(frozen=True)

    end: PartEnd | None = None
    attempt: int = 0
    party: Party | None = None
    who: str | None = None
    waiting: Waiting | None = None
    until: AwareDatetime | None = None
    remind_at: AwareDatetime | None = None
    action: Action | None = None
    arrived: bool = Field(default_factory=lambda known: bool(known["attempt"]))
    received: bool = False
    why: str | None = None
    telling: Telling | None = None

    def but(self, **changes: object) -> Self:
        """Return a copy with some fields changed."""
        return self.model_copy(update=changes)

    def ending(self, end: PartEnd) -> Self:
        """Return a copy that has ended and waits for nobody."""
        return self.but(end=end, party=None, who=None, waiting=None, until=None, remind_at=None)


class Fulfilment(Early):
    """One request's work. `parts` is a pending set with set semantics; nothing is counted."""

    accepted: RequestAccepted | None = None
    subject: str | None = None
    instead: Right | None = None
    unverified: bool = False
    late: str | None = None
    """Who was believed after the public end; what is done then amends what was told, part by part."""
    amended: frozenset[str] = frozenset()
    warned: bool | None = None
    confirmed: bool | None = None
    detailed: bool = False
    mandated: bool = False
    upheld: bool = False
    declared: bool = False
    vouched: bool = False
    person_confirms: bool = False
    paying: bool | None = None
    beyond: str = "answer"
    beyond_by: str | None = None
    stop: Outcome | None = None
    stop_reason: str | None = None
    stop_basis: str | None = None
    released: frozenset[str] = frozenset()
    clients: dict[str, Located] = {}
    told_named: frozenset[str] = frozenset()
    extended_to: date | None = None
    parts: dict[str, Part] = {}
    planned: bool = False
    freed: bool = False
    settled: bool = False
    closed: bool = False
    digest: str = ""

    @property
    def due_at(self) -> datetime | None:
        """The next moment something must be looked at."""
        if self.accepted is None:
            return self.early_until
        if self.closed and self.late is None:
            return None
        moments = (at for part in self.parts.values() if part.end is None for at in (part.until, part.remind_at) if at)
        return min(moments, default=None)

    @property
    def named(self) -> list[str]:
        """Clients the person themself named by a parcel that fits."""
        return sorted(name for name, one in self.clients.items() if one.parcel_named)

    def pending(self) -> list[str]:
        """Parts not yet ended, sorted."""
        return sorted(name for name, part in self.parts.items() if part.end is None)

    def outcome(self, name: str) -> Outcome | None:
        """How a part ended; None while it has not, or is not there."""
        part = self.parts.get(name)
        return part.end.outcome if part and part.end else None

    def ended(self, name: str) -> bool:
        """Whether a part exists and has ended."""
        return self.outcome(name) is not None

    def with_part(self, name: str, **changes: object) -> Self:
        """Return a copy in which one part is changed, or made."""
        return self.but(parts=self.parts | {name: self.parts.get(name, Part()).but(**changes)})

    def end(self, name: str, outcome: Outcome, reason: str | None = None, basis: str | None = None) -> Self:
        """End one part, or make one that has ended; the first end stands."""
        return self if self.ended(name) else self.ending(name, PartEnd(outcome=outcome, reason=reason, basis=basis))

    def end_known(self, name: str, outcome: Outcome, reason: str | None = None) -> Self:
        """End a part if there is such a part."""
        return self.end(name, outcome, reason) if name in self.parts else self

    def ending(self, name: str, end: PartEnd) -> Self:
        """Let a part end so, whatever it was before."""
        return self.but(parts=self.parts | {name: self.parts.get(name, Part()).ending(end)})

    def reconsider(self, name: str, outcome: Outcome) -> Self:
        """Let a part end so that may have ended by silence."""
        return self.ending(name, PartEnd(outcome=outcome))

    def ends(self) -> dict[str, PartEnd]:
        """How each ended part ended."""
        return {name: part.end for name, part in sorted(self.parts.items()) if part.end}
