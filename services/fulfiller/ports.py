"""What the fulfiller needs from outside, as roles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from services.clients.registry import Client
from services.fulfiller.decide import Facts, Fulfilment


@dataclass(frozen=True, slots=True)
class Surrounded:
    """The facts a decision needs, and the clients as they are reached, which concerns no decision."""

    facts: Facts
    clients: Mapping[str, Client] = field(default_factory=dict)


class Surroundings(Protocol):
    """The data map, tokens, the register of clients and what may be said to each, asked once per batch."""

    async def gather(self, conn: Any, batch: Sequence[Any], states: Mapping[str, Fulfilment]) -> Surrounded:  # noqa: ANN401
        """Bring together what the batch needs to be decided; only newly located clients cost a look-up."""
        ...
