"""A decision in the making: the state so far, and what must be told."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rules.clocks import instant_of_end
from schemas.base import Cause, Event
from schemas.events import PartWaiting, RequestAccepted
from schemas.values import Party, Waiting
from services.fulfiller.decide.facts import Facts
from services.fulfiller.decide.state import Fulfilment
from services.kernel.decision import Decision


@dataclass(slots=True)
class Draft:
    """Collects conclusions drawn from one cause. Only ever used inside one decision."""

    state: Fulfilment
    accepted: RequestAccepted
    cause: Cause
    facts: Facts
    now: datetime
    events: list[Event] = field(default_factory=list)

    def tell(self, kind: type[Event], *, on: str = "", **fields: Any) -> None:  # noqa: ANN401  any event's fields
        """Add an event about this request."""
        fields = {"request_id": self.state.id, "case_id": self.accepted.case_id, **fields}
        self.events.append(kind.after(self.cause, self.now, on=on, **fields))

    def wait(self, part: str, party: Party, waiting: Waiting, until: datetime, **more: Any) -> None:  # noqa: ANN401
        """Let a part wait for a named party until a known moment, and say so."""
        who = more.get("who") or party.value
        self.state = self.state.with_part(part, until=until, waits=f"{party.value}:{who}")
        self.tell(PartWaiting, on=f"{part}/{waiting}", part=part, party=party, waiting=waiting, until=until, **more)

    @property
    def last_moment(self) -> datetime:
        """The end of the last day to answer."""
        clock = self.accepted.clock
        return instant_of_end(clock.respond_by, clock.timezone)

    def decision(self) -> Decision[Fulfilment]:
        """What was concluded."""
        return Decision(self.state, tuple(self.events), due_at=self.state.due_at)
