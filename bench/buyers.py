"""People who got parcels, and the merchants who sent them: a third of the people are known to two to four merchants."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from bench.load import SOURCE, Submission

BRAND: Final = "parcelwise"


@dataclass(slots=True)
class Buyer:
    """One person, the merchants who sent them parcels, and a parcel's number for each."""

    number: int
    merchants: list[str]
    rows: list[dict[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        name = f"Buyer Number-{_letters(self.number)}"
        for merchant in self.merchants:
            self.rows.append(
                {
                    "brand": BRAND, "population": "recipient", "client": merchant, "link": f"{merchant}/{self.number}",
                    "system": "shipments", "record_keys": f"recipient_id={merchant}-{self.number}", "name": name,
                    "tracking_number": parcel(self.number, merchant), "held_since": "2025-01-01",
                }
            )  # fmt: skip

    def asks(self) -> Submission:
        """A deletion by name and parcels, which locate the records of all their merchants; no letter can be sent."""
        return {
            "submission_id": f"buyer-{self.number}", "source": SOURCE, "brand": BRAND, "rights": ["delete"],
            "subject": {"name": self.rows[0]["name"], "tracking_numbers": [r["tracking_number"] for r in self.rows]},
            "residence": {"country": "US", "region": "UT"}, "locale": "en-US",
        }  # fmt: skip


def parcel(number: int, merchant: str) -> str:
    """The number of the parcel one merchant sent to one person; no other merchant may see it."""
    return f"1Z{number:06}{merchant[-5:]}".upper()


def _letters(number: int) -> str:
    return "".join(chr(ord("a") + int(digit)) for digit in str(number))


def buyers(count: int, merchants: Sequence[str], seed: int) -> list[Buyer]:
    """People and whose parcels they got: the n-th merchant ships 1/n as many as the first."""
    chance = random.Random(seed)
    weights = list(accumulate(1 / rank for rank in range(1, len(merchants) + 1)))
    found = []
    for number in range(count):
        several = chance.randint(2, 4) if number % 3 == 0 else 1
        mine: dict[str, None] = {}
        while len(mine) < min(several, len(merchants)):
            mine[chance.choices(merchants, cum_weights=weights)[0]] = None
        found.append(Buyer(number, list(mine)))
    return found
