"""What happened to each task so far, and the receipt that comes of it. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from connectors.port import Receipt, Task
from schemas.values import Outcome, Retained

_TOLD_FIRST: Final = (
    Outcome.RETAINED,
    Outcome.ERASED,
    Outcome.MASKED,
    Outcome.AGGREGATED,
    Outcome.EXPORTED,
    Outcome.CORRECTED,
    Outcome.APPLIED,
    Outcome.UNNEEDED,
)
"""What a system kept is never hidden behind what it erased; the counts tell the rest."""


@dataclass(slots=True)
class Account:
    """One task's counts per category, and every outcome any of its tables had."""

    counts: dict[str, int] = field(default_factory=dict)
    outcomes: set[Outcome] = field(default_factory=set)
    retained: list[Retained] = field(default_factory=list)

    def add(self, categories: Iterable[str], number: int, outcome: Outcome) -> None:
        """Note that so many rows holding these categories met this outcome."""
        if number:
            self.outcomes.add(outcome)
            for category in categories:
                self.counts[category] = self.counts.get(category, 0) + number

    def keep(self, retained: Retained) -> None:
        """Note what was kept, and why; what is kept on one ground is told together."""
        self.outcomes.add(Outcome.RETAINED)
        for index, other in enumerate(self.retained):
            if (other.category, other.code, other.citation) == (retained.category, retained.code, retained.citation):
                until = max((day for day in (other.until, retained.until) if day), default=None)
                both = {"count": other.count + retained.count, "until": until}
                self.retained[index] = other.model_copy(update=both)
                return
        self.retained.append(retained)

    def receipt(self, task: Task) -> Receipt:
        """The task's receipt; nothing found is an outcome too."""
        outcome = next((one for one in _TOLD_FIRST if one in self.outcomes), Outcome.NOT_FOUND)
        return Receipt(task.task_id, outcome, dict(sorted(self.counts.items())), tuple(self.retained))


Accounts = Mapping[UUID, Account]


def open_accounts(tasks: Sequence[Task]) -> dict[UUID, Account]:
    """An empty account per task."""
    return {task.task_id: Account() for task in tasks}
