"""What the fulfiller needs from outside, as roles."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from services.fulfiller.decide import Facts, Fulfilment


class Surroundings(Protocol):
    """The data map, tokens, and what may be said to each client, asked once per batch."""

    async def gather(self, conn: Any, batch: Sequence[Any], states: Mapping[str, Fulfilment]) -> Facts:  # noqa: ANN401
        """Bring together what the batch needs to be decided; only newly located clients cost a look-up."""
        ...
