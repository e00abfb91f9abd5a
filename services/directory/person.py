"""One row of what a loader brings, as a person's record. Errors name line, column and rule, never a value."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Final

from rules.normalise import PostalAddress, normalise
from schemas.values import PointKind, Population
from services.kernel.errors import PermanentError

REQUIRED: Final = ("brand", "population", "system", "link")
_KINDS: Final = {
    "name": PointKind.NAME,
    "email": PointKind.EMAIL,
    "phone": PointKind.PHONE,
    "account_number": PointKind.ACCOUNT_NUMBER,
    "order_number": PointKind.ORDER_NUMBER,
    "tracking_number": PointKind.TRACKING_NUMBER,
    "transaction_date": PointKind.TRANSACTION_DATE,
    "transaction_amount": PointKind.TRANSACTION_AMOUNT,
    "date_of_birth": PointKind.DATE_OF_BIRTH,
}
_ADDRESS: Final = ("address_line", "city", "region", "postcode", "country")
_KEYS: Final = ("client", "record_keys", "source", "reliable", "held_since")
_CONTACTS: Final = ("contact_email", "contact_address", "locale")
COLUMNS: Final = frozenset({*REQUIRED, *_KINDS, *_ADDRESS, *_KEYS, *_CONTACTS})
"""A cell may hold several values, separated by `|`. Record keys look like `account_id=7;customer_id=12`, a contact
address like `line; city; region; postcode; country`."""
_FALSE: Final = frozenset({"false", "no", "0"})
_TRUE: Final = frozenset({"true", "yes", "1", ""})


class WrongRow(PermanentError):
    """A row cannot be loaded: which line, which column, and what would be right."""

    def __init__(self, line: int, column: str, rule: str) -> None:
        super().__init__(f"line {line}, column {column}: {rule}")
        self.line, self.column, self.rule = line, column, rule


@dataclass(frozen=True, slots=True)
class Person:
    """One record of one person in one system. Points are in normal form, names as written."""

    brand: str
    population: Population
    client: str | None
    link: str
    system: str
    record_keys: Mapping[str, str]
    points: tuple[tuple[PointKind, str], ...]
    names: tuple[str, ...]
    email: str | None
    address: dict[str, str] | None
    locale: str | None
    since: date | None
    source: str
    reliable: bool


def person_of(line: int, row: Mapping[str, str]) -> Person:
    """Turn a row into a person's record.

    Raises:
        WrongRow: a required cell is empty, or a value cannot be what its column says.
    """
    for column in REQUIRED:
        if not (row.get(column) or "").strip():
            raise WrongRow(line, column, "must not be empty")
    population, client = _population(line, row)
    places = list(_places(row))
    emails = [*_cells(row, "contact_email"), *_cells(row, "email")]
    return Person(
        brand=row["brand"].strip(),
        population=population,
        client=client,
        link=row["link"].strip(),
        system=row["system"].strip(),
        record_keys=_keys(line, row),
        points=tuple(_points(line, row, places)),
        names=tuple(_cells(row, "name")),
        email=emails[0] if emails else None,
        address=_contact_address(row) or (asdict(places[0]) if places else None),
        locale=(row.get("locale") or "").strip() or None,
        since=_day(line, row, "held_since"),
        source=(row.get("source") or row["system"]).strip(),
        reliable=_flag(line, row, "reliable"),
    )


def _population(line: int, row: Mapping[str, str]) -> tuple[Population, str | None]:
    try:
        population = Population(row["population"].strip())
    except ValueError:
        raise WrongRow(line, "population", f"must be one of {', '.join(Population)}") from None
    client = (row.get("client") or "").strip() or None
    if (population is Population.RECIPIENT) != (client is not None):
        raise WrongRow(line, "client", "is given for recipients, and only for them")
    return population, client


def _cells(row: Mapping[str, str], column: str) -> list[str]:
    return [cell.strip() for cell in (row.get(column) or "").split("|") if cell.strip()]


def _country(row: Mapping[str, str]) -> str:
    return next(iter(_cells(row, "country")), "US").upper()


def _places(row: Mapping[str, str]) -> Iterator[PostalAddress]:
    """The addresses of a row: cells belong together by position; a single cell is for all of them."""
    columns = {name: _cells(row, name) for name in _ADDRESS}
    for number, street in enumerate(columns["address_line"]):
        city, region, postcode, country = (_at(columns[name], number) for name in _ADDRESS[1:])
        yield PostalAddress(street, "", city, region, postcode, country.upper() or "US")


def _at(cells: list[str], number: int) -> str:
    if len(cells) == 1:
        return cells[0]
    return cells[number] if number < len(cells) else ""


def _contact_address(row: Mapping[str, str]) -> dict[str, str] | None:
    parts = [part.strip() for part in (row.get("contact_address") or "").split(";")]
    if not parts[0]:
        return None
    city, region, postcode, country = (*parts[1:5], *[""] * 4)[:4]
    return asdict(PostalAddress(parts[0], "", city, region, postcode, country.upper() or _country(row)))


def _points(line: int, row: Mapping[str, str], places: list[PostalAddress]) -> Iterator[tuple[PointKind, str]]:
    country = _country(row)
    for column, kind in _KINDS.items():
        for cell in _cells(row, column):
            normal = normalise(kind, cell, country=country)
            if normal is not None:
                yield kind, normal
            elif kind is not PointKind.NAME:
                raise WrongRow(line, column, f"must be a {kind.replace('_', ' ')} that can exist, or empty")
    for place in places:
        if normal := normalise(PointKind.ADDRESS, place):
            yield PointKind.ADDRESS, normal
    for cell in _cells(row, "postcode"):
        if normal := normalise(PointKind.POSTCODE, cell, country=country):
            yield PointKind.POSTCODE, normal


def _keys(line: int, row: Mapping[str, str]) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in (row.get("record_keys") or "").split(";") if pair.strip()]
    if any(not name.strip() or not value.strip() for name, _, value in pairs):
        raise WrongRow(line, "record_keys", "must look like account_id=7;customer_id=12")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _day(line: int, row: Mapping[str, str], column: str) -> date | None:
    try:
        return date.fromisoformat(row[column].strip()) if (row.get(column) or "").strip() else None
    except ValueError:
        raise WrongRow(line, column, "must be a date such as 2026-01-31") from None


def _flag(line: int, row: Mapping[str, str], column: str) -> bool:
    word = (row.get(column) or "").strip().lower()
    if word not in _TRUE | _FALSE:
        raise WrongRow(line, column, "must be true or false")
    return word in _TRUE
