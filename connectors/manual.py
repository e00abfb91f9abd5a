"""A system no program can reach: a shelf of paper, an archive, a colleague. Each task waits for an operator.

The operator sees the part waiting, does what `instructions` says, and marks it: `rightsbus decide done`, or `skip` with
the reason. Nobody is bothered about people the directory knows no record of.
"""

from collections.abc import Sequence

from pydantic import Field

from connectors.holdings import Mapped
from connectors.port import Answer, Finding, Pending, Receipt, Sink, Task, Trouble
from connectors.registry import Environment, options
from connectors.systems import ACTIONS, SystemMap
from schemas.values import Action, Outcome, Party


class ManualOptions(Mapped):
    """What an operator does for each kind of task; a kind without instructions is not done here."""

    instructions: dict[Action, str] = Field(min_length=1)


class ManualSystem:
    """One such system."""

    keeps_ledger = False

    def __init__(self, name: str, declared: SystemMap, chosen: ManualOptions) -> None:
        self._name, self._map, self._options = name, declared, chosen

    @property
    def name(self) -> str:
        """The system's name in the data map."""
        return self._name

    async def perform(self, tasks: Sequence[Task], sink: Sink) -> list[Answer]:  # noqa: ARG002  people bring the rows
        """Put tasks on the operator's list."""
        return [self._one(task) for task in tasks]

    def _one(self, task: Task) -> Answer:
        if task.action not in self._options.instructions:
            return Trouble(task.task_id, retry=False, code="not_supported")
        if not task.keys:
            return Receipt(task.task_id, Outcome.NOT_FOUND)
        return Pending(task.task_id, check_in=None, party=Party.OPERATOR)

    async def check(self) -> list[Finding]:
        """See whether there are instructions for everything it is to serve."""
        served = {action for right, action in ACTIONS.items() if self._map.serves(right, None)}
        return [
            Finding(self._name, f"options.instructions.{action}", "says nothing; or leave its rights out", serious=True)
            for action in sorted(served - set(self._options.instructions))
        ]

    async def close(self) -> None:
        """Nothing is open."""


def open_manual(name: str, declared: SystemMap, environment: Environment) -> ManualSystem:  # noqa: ARG001  no address
    """Open a system by its instructions.

    Raises:
        NoSuchConnector: there are none.
    """
    return ManualSystem(name, declared, options(name, declared, ManualOptions))
