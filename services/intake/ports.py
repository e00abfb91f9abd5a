"""What intake needs from outside, as roles."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from services.intake.decide.case import Case
from services.intake.decide.facts import Facts


class Surroundings(Protocol):
    """Sources, clients, the directory and the vault, asked once per batch."""

    async def gather(self, conn: Any, batch: Sequence[Any], states: Mapping[str, Case]) -> Facts:  # noqa: ANN401
        """Bring together what the batch needs to be decided; one round trip per place asked."""
        ...
