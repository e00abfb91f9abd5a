"""One row of what a loader brings, as a person's record. Errors name line, column and rule, never a value."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from rules import table
from rules.normalise import PostalAddress, normalise
from rules.table import Row, cell, cells
from schemas.values import PointKind, Population
from services.kernel.errors import PermanentError

REQUIRED: Final = ("brand", "population", "system", "link")
_KEYS: Final = ("client", "record_keys", "source", "reliable", "held_since")
_CONTACTS: Final = ("contact_email", "contact_address", "locale")
COLUMNS: Final = frozenset({*REQUIRED, *table.COLUMNS, *_KEYS, *_CONTACTS})
"""A cell may hold several values, separated by `|`. Record keys look like `account_id=7;customer_id=12`, a contact
address like `line; city; region; postcode; country`."""
_SYSTEM: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FALSE: Final = frozenset({"false", "no", "0"})
_TRUE: Final = frozenset({"true", "yes", "1", ""})
_MAY_BE_UNUSABLE: Final = frozenset({PointKind.ADDRESS, PointKind.POSTCODE})
"""Half an address, a postcode of nowhere: kept out of the index, no reason to leave the person out."""


class WrongRow(PermanentError):
    """A row cannot be loaded: which line, which column, and what would be right."""

    def __init__(self, line: int, column: str, rule: str) -> None:
        super().__init__(f"line {line}, column {column}: {rule}")
        self.line, self.column, self.rule = line, column, rule


@dataclass(frozen=True, slots=True)
class Point:
    """One value: its normal form, and as written, so that later rules can make another form of it."""

    kind: PointKind
    key: str
    raw: str | PostalAddress
    country: str


@dataclass(frozen=True, slots=True)
class Person:
    """One record of one person in one system. Names are as written."""

    brand: str
    population: Population
    client: str | None
    link: str
    system: str
    record_keys: Mapping[str, str]
    points: tuple[Point, ...]
    names: tuple[str, ...]
    email: str | None
    address: PostalAddress | None
    locale: str | None
    since: date | None
    source: str
    reliable: bool


def person_of(line: int, row: Row) -> Person:
    """Turn a row into a person's record.

    Raises:
        WrongRow: a required cell is empty, or a value cannot be what its column says.
    """
    for column in REQUIRED:
        if not cell(row, column):
            raise WrongRow(line, column, "must not be empty")
    if not _SYSTEM.fullmatch(cell(row, "system")):
        raise WrongRow(line, "system", "must be a system's name: letters, digits, dots, hyphens, 64 at most")
    population, client = _population(line, row)
    places = [place for place in table.addresses(row) if place.line1]
    emails = [*cells(row, "contact_email"), *cells(row, "email")]
    return Person(
        brand=cell(row, "brand"),
        population=population,
        client=client,
        link=cell(row, "link"),
        system=cell(row, "system"),
        record_keys=_keys(line, row),
        points=tuple(_points(line, row)),
        names=table.names(row),
        email=emails[0] if emails else None,
        address=_contact_address(row) or (places[0] if places else None),
        locale=cell(row, "locale") or None,
        since=_day(line, row, "held_since"),
        source=cell(row, "source") or cell(row, "system"),
        reliable=_flag(line, row, "reliable"),
    )


def _population(line: int, row: Row) -> tuple[Population, str | None]:
    try:
        population = Population(cell(row, "population"))
    except ValueError:
        raise WrongRow(line, "population", f"must be one of {', '.join(Population)}") from None
    client = cell(row, "client") or None
    if (population is Population.RECIPIENT) != (client is not None):
        raise WrongRow(line, "client", "is given for recipients, and only for them")
    return population, client


def _points(line: int, row: Row) -> Iterator[Point]:
    for written in table.values(row):
        key = normalise(written.kind, written.raw, country=written.country)
        if key is not None:
            yield Point(written.kind, key, written.raw, written.country)
        elif written.kind not in _MAY_BE_UNUSABLE:
            named = written.kind.replace("_", " ")
            raise WrongRow(line, written.column, f"must be a value that can exist ({named}), or empty")


def _contact_address(row: Row) -> PostalAddress | None:
    parts = [part.strip() for part in cell(row, "contact_address").split(";")]
    if not parts[0]:
        return None
    city, region, postcode, country = (*parts[1:5], *[""] * 4)[:4]
    home = next(iter(cells(row, "country")), "US")
    return PostalAddress(parts[0], "", city, region, postcode, (country or home).upper())


def _keys(line: int, row: Row) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in cell(row, "record_keys").split(";") if pair.strip()]
    if any(not name.strip() or not value.strip() for name, _, value in pairs):
        raise WrongRow(line, "record_keys", "must look like account_id=7;customer_id=12")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _day(line: int, row: Row, column: str) -> date | None:
    text = cell(row, column)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise WrongRow(line, column, "must be a date such as 2026-01-31") from None


def _flag(line: int, row: Row, column: str) -> bool:
    word = cell(row, column).lower()
    if word not in _TRUE | _FALSE:
        raise WrongRow(line, column, "must be true or false")
    return word in _TRUE
