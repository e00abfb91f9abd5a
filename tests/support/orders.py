"""Orders in which things can happen, as streams of choices: a few that can be made simpler, many drawn from a seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import strategies as st

MOST = 10_000


@dataclass(frozen=True)
class Order:
    """First the choices listed, then `length` more drawn from the seed; after those, first come first served."""

    first: tuple[int, ...]
    seed: int
    length: int

    def __iter__(self) -> Iterator[int]:
        yield from self.first
        drawn = random.Random(self.seed)
        yield from (drawn.randrange(MOST) for _ in range(self.length))


ORDERS = st.builds(
    Order,
    first=st.lists(st.integers(0, MOST - 1), max_size=20).map(tuple),
    seed=st.integers(0, 2**32),
    length=st.sampled_from([0, 40, 120, 300]),
)
