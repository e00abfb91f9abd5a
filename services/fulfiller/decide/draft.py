"""A decision in the making: the state so far, and what must be told."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from rules import parts
from rules.brands import Windows
from rules.clocks import instant_of_end
from schemas.base import Cause, Event
from schemas.events import PartWaiting, RequestAccepted
from schemas.values import Outcome, Party, Right, Waiting
from services.fulfiller.decide.facts import Facts
from services.fulfiller.decide.state import Fulfilment
from services.kernel.decision import Decision, Effect

GRACE: Final = timedelta(days=1)
"""What is asked of a system after the last day to answer still gets this long."""


@dataclass(slots=True)
class Draft:
    """Collects conclusions drawn from one cause. Only ever used inside one decision."""

    state: Fulfilment
    accepted: RequestAccepted
    cause: Cause
    facts: Facts
    now: datetime
    events: list[Event] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)

    def tell(self, kind: type[Event], *, on: str = "", **fields: Any) -> None:  # noqa: ANN401  any event's fields
        """Add an event about this request."""
        fields = {"request_id": self.state.id, "case_id": self.accepted.case_id, **fields}
        self.events.append(kind.after(self.cause, self.now, on=on, **fields))

    def tell_of(self, client: str, kind: type[Event], *, on: str, **fields: Any) -> None:  # noqa: ANN401  as above
        """Add an event about this request and one client, with what it is called towards that client."""
        self.tell(kind, on=on, client=client, handover_id=self.facts.handover(client, self.state.id), **fields)

    def wait(self, part: str, party: Party, waiting: Waiting, until: datetime, **more: Any) -> None:  # noqa: ANN401
        """Let a part wait for a named party until a known moment, and say so."""
        who = more.get("who")
        self.state = self.state.with_part(part, party=party, who=who, waiting=waiting, until=until, remind_at=None)
        on = f"{part}/{party}/{waiting}/{until.isoformat()}"
        self.tell(PartWaiting, on=on, part=part, party=party, waiting=waiting, until=until, **more)

    @property
    def first_moment(self) -> datetime:
        """The end of the last day to answer, before any extension."""
        return instant_of_end(self.accepted.clock.respond_by, self.accepted.clock.timezone)

    @property
    def last_moment(self) -> datetime:
        """The end of the last day to answer."""
        day = max(self.accepted.clock.respond_by, self.state.extended_to or self.accepted.clock.respond_by)
        return instant_of_end(day, self.accepted.clock.timezone)

    @property
    def windows(self) -> Windows:
        """How long this brand waits for whom."""
        return self.facts.handbook.brands[self.accepted.brand].windows

    @property
    def right(self) -> Right:
        """What is done: the right asked for, or what it became because too little was proven.

        A report about a minor that was upheld is a deletion.
        """
        right = self.accepted.right
        return Right.DELETE if right is Right.MINOR_REPORT else self.state.instead or right

    @property
    def since(self) -> date | None:
        """The first day the answer covers: that of what the request became, if it became another."""
        return self.accepted.fallback_since if self.state.instead else self.accepted.since

    @property
    def sure(self) -> bool:
        """Whether the company may work on its own data: nobody must be verified, or the one who asks was."""
        return not self.accepted.verify or self.state.outcome(parts.VERIFICATION) is Outcome.VERIFIED

    def public(self) -> set[str]:
        """The parts that whoever asked may learn of. Who reports a minor learns that somebody looked at it, no more."""
        if self.accepted.right is Right.MINOR_REPORT:
            return {parts.ANSWER, parts.STOP} & self.state.parts.keys()
        return parts.public(self.state.parts, self.state.named, sure=self.state.subject is not None)

    def decision(self) -> Decision[Fulfilment]:
        """What was concluded."""
        return Decision(self.state, tuple(self.events), tuple(self.effects), due_at=self.state.due_at)
