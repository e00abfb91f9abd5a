"""What the verifier needs from outside, as roles."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from services.verifier.decide import Facts, Verification


class Directory(Protocol):
    """The people the company knows, asked once per batch."""

    async def gather(self, conn: Any, batch: Sequence[Any], states: Mapping[str, Verification]) -> Facts:  # noqa: ANN401
        """Return the candidates for every request of the batch that may need weighing; never a value."""
        ...
