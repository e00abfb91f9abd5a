"""What a correction says: which kinds of points it contests, and what it must still say. Pure."""

from collections.abc import Iterable
from typing import Final

from schemas.public import Correction, RequestSubmitted
from schemas.values import PointKind, Right

_CONTESTED: Final = {
    "name": PointKind.NAME,
    "email": PointKind.EMAIL,
    "phone": PointKind.PHONE,
    "address": PointKind.ADDRESS,
    "postal_address": PointKind.ADDRESS,
}


def contested(corrections: Iterable[Correction]) -> list[PointKind]:
    """The kinds of points under correction: they prove nothing (11 CCR § 7060(h))."""
    return sorted({_CONTESTED[c.field] for c in corrections if c.field in _CONTESTED})


def unsaid(body: RequestSubmitted, right: Right) -> bool:
    """Whether it is a correction that says neither what is wrong nor what would be right."""
    return right is Right.CORRECT and not body.corrections


def completed(first: RequestSubmitted, corrections: list[Correction]) -> bytes:
    """The submission with what is to be corrected, as if it had been said at first: whoever corrects reads it there."""
    return first.model_copy(update={"corrections": corrections}).model_dump_json().encode()
