"""What a row of a table says about one person: names, and values by kind. Cells may hold several, separated by `|`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from rules.normalise import PostalAddress
from schemas.values import PointKind

BETWEEN: Final = "|"
"""What stands between several values of one cell."""
NAMES: Final = ("name", "given_name", "family_name")
ADDRESS: Final = ("address_line", "city", "region", "postcode", "country")
_IN_PARTS: Final = frozenset({PointKind.NAME, PointKind.ADDRESS, PointKind.POSTCODE})
_PLAIN: Final = tuple(kind for kind in PointKind if kind not in _IN_PARTS)
COLUMNS: Final = frozenset({*NAMES, *ADDRESS, *_PLAIN})
"""Every column that says something about a person; each may be left out."""

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Written:
    """One value as a cell has it: of which kind, and in which country's way it is written."""

    kind: PointKind
    raw: str | PostalAddress
    country: str

    @property
    def column(self) -> str:
        """Where it stands."""
        return "address_line" if self.kind is PointKind.ADDRESS else str(self.kind)


def values(row: Row, country: str = "US") -> Iterator[Written]:
    """Every value of a row but its names. `country` is for rows that name none."""
    places = addresses(row, country)
    written = next((place.country for place in places if place.country), country)
    for kind in _PLAIN:
        yield from (Written(kind, value, written) for value in cells(row, kind))
    yield from (Written(PointKind.ADDRESS, place, place.country) for place in places if place.line1)
    codes = dict.fromkeys((place.postcode, place.country) for place in places if place.postcode)
    yield from (Written(PointKind.POSTCODE, code, where) for code, where in codes)


def addresses(row: Row, country: str = "US") -> list[PostalAddress]:
    """The addresses of a row: the n-th of each column together, and a single value with each of them."""
    columns = [cells(row, column, keep_empty=True) for column in ADDRESS]
    places = []
    for at in range(max(map(len, columns))):
        line, city, region, code, where = (
            column[at] if at < len(column) else (column[0] if len(column) == 1 else "") for column in columns
        )
        places.append(PostalAddress(line, "", city, region, code, where.upper() or country))
    return places


def names(row: Row) -> tuple[str, ...]:
    """The names of a row; given and family names are joined pair by pair when there is no whole name."""
    if whole := cells(row, "name"):
        return tuple(whole)
    given, family = (cells(row, column, keep_empty=True) for column in NAMES[1:])
    pairs = range(max(len(given), len(family)))
    both = (tuple(part[at] if at < len(part) else "" for part in (family, given)) for at in pairs)
    return tuple(", ".join(pair).strip(", ") for pair in both if any(pair))


def cells(row: Row, column: str, *, keep_empty: bool = False) -> list[str]:
    """The values of one cell; nothing when it is empty or not there. Places are kept with `keep_empty`."""
    text = cell(row, column)
    found = [value.strip() for value in text.split(BETWEEN)] if text else []
    return found if keep_empty else [value for value in found if value]


def cell(row: Row, column: str) -> str:
    """One cell without the space around it; empty when it is not there."""
    return (row.get(column) or "").strip()


def unknown(columns: Iterable[str], more: Iterable[str]) -> list[str]:
    """The columns nothing is done with, sorted: a misspelt one is better said than ignored."""
    return sorted(set(columns) - COLUMNS - set(more))
