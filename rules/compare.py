"""Which of one person's records hold what was offered: equal keys, and how well the names fit. Order never matters."""

from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import date
from typing import Any, Final, TypedDict

from rules.matching import Matched
from rules.names import NameFit, fit
from schemas.values import PointKind

_KINDS: Final = {kind.value: kind for kind in PointKind}
_BEST_FIRST: Final = (NameFit.EXACT, NameFit.FUZZY, NameFit.NONE)

type_key = tuple[PointKind, str]
"""A value as compared: its kind and its normal form."""


class Record(TypedDict):
    """What comparing needs of one record of one person. Days are written 2026-01-31, or None for all along."""

    source: str
    reliable: bool
    names: list[list[Any]]
    """[name as written, since]"""
    points: list[list[Any]]
    """[kind, key, since, …]; what follows is not looked at."""


def compare(
    records: Iterable[Record], wanted: Container[tuple[str, str]], names: Sequence[str]
) -> tuple[tuple[Matched, ...], NameFit]:
    """The points of one person's records that are `wanted`, and the best fit of the names offered."""
    found: set[Matched] = set()
    fits: set[NameFit] = set()
    for record in records:
        found.update(_equal(record, wanted))
        for fits_so, named in _named(record, names):
            fits.add(fits_so)
            if fits_so is NameFit.EXACT:
                found.add(named)
    best = next((one for one in _BEST_FIRST if one in fits), NameFit.UNKNOWN)
    return tuple(sorted(found, key=_order)), best


def _equal(record: Record, wanted: Container[tuple[str, str]]) -> Iterator[Matched]:
    for kind, key, since, *_ in record["points"]:
        if (kind, key) in wanted and kind != PointKind.NAME:
            yield Matched(_KINDS[kind], record["source"], _day(since), record["reliable"])


def _named(record: Record, offered: Sequence[str]) -> Iterator[tuple[NameFit, Matched]]:
    """How each name fits; what an unreliable record says proves nothing."""
    for name, since in record["names"]:
        for given in offered:
            found = fit(given, name)
            if found is NameFit.EXACT and not record["reliable"]:
                found = NameFit.FUZZY
            yield found, Matched(PointKind.NAME, record["source"], _day(since), record["reliable"])


def _order(one: Matched) -> tuple[str, str, str, bool]:
    return one.kind, one.source, one.held_since.isoformat() if one.held_since else "", one.reliable


def _day(since: str | None) -> date | None:
    return date.fromisoformat(since) if since else None
