"""By which keys a person's record is found: never by what many share alone, and only to be compared afterwards."""

from collections.abc import Iterable, Iterator
from typing import Final

from schemas.values import PointKind

INDEXED: Final = frozenset(
    {
        PointKind.EMAIL,
        PointKind.PHONE,
        PointKind.ADDRESS,
        PointKind.ACCOUNT_NUMBER,
        PointKind.ORDER_NUMBER,
        PointKind.TRACKING_NUMBER,
        PointKind.NATIONAL_ID,
    }
)
"""What few people share."""
WITH_NAME: Final = (
    PointKind.POSTCODE,
    PointKind.DATE_OF_BIRTH,
    PointKind.TRANSACTION_DATE,
    PointKind.TRANSACTION_AMOUNT,
)
"""What many share: an index of it alone would tell how often each value occurs, and find half the town."""


def finders(keys: Iterable[tuple[PointKind, str]]) -> Iterator[tuple[str, str]]:
    """The keys to look under, each with what it is made of: `email`, or `name+postcode`.

    Give exact and second keys alike: what was found is compared before it proves anything.
    """
    by_kind: dict[PointKind, set[str]] = {}
    for kind, key in keys:
        by_kind.setdefault(kind, set()).add(key)
    for kind in INDEXED & by_kind.keys():
        yield from ((kind.value, key) for key in by_kind[kind])
    for kind in WITH_NAME:
        for key in by_kind.get(kind, ()):
            yield from ((f"name+{kind}", f"{name}|{key}") for name in by_kind.get(PointKind.NAME, ()))
