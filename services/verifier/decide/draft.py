"""A decision in the making: what is remembered so far, what must be told, what counts as a failed try."""

from dataclasses import dataclass, field
from datetime import datetime

from rules.brands import Brand
from schemas.base import Due, Event
from services.kernel.decision import Count, Decision
from services.verifier.decide.facts import Facts
from services.verifier.decide.state import Verification


@dataclass(slots=True)
class Draft:
    """Collects what follows from one cause. Only ever used inside one decision."""

    state: Verification
    cause: Event | Due
    facts: Facts
    now: datetime
    said: list[Event] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)

    @property
    def brand(self) -> Brand:
        """Whose request it is."""
        return self.facts.brands[self.state.brand]

    def decision(self) -> Decision[Verification]:
        """What was concluded."""
        return Decision(self.state, tuple(self.said), counters=tuple(self.counts), due_at=self.state.due_at)
