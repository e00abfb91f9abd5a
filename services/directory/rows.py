"""Read what a loader brings: CSV or JSON lines with one record per row. Errors name line, column and rule, no value."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from rules.normalise import PostalAddress, normalise
from schemas.values import PointKind, Population
from services.kernel.errors import PermanentError

COLUMNS: Final = frozenset(
    """brand population client system record_keys link name email phone address_line city region postcode country
    account_number order_number tracking_number transaction_date transaction_amount date_of_birth contact_email
    contact_address locale held_since source reliable""".split()  # noqa: SIM905  a table reads better than a list
)
_REQUIRED: Final = ("brand", "population", "system", "link")
_PLAIN: Final = {
    "name": PointKind.NAME,
    "email": PointKind.EMAIL,
    "phone": PointKind.PHONE,
    "account_number": PointKind.ACCOUNT_NUMBER,
    "order_number": PointKind.ORDER_NUMBER,
    "tracking_number": PointKind.TRACKING_NUMBER,
    "transaction_date": PointKind.TRANSACTION_DATE,
    "transaction_amount": PointKind.TRANSACTION_AMOUNT,
}


class WrongRow(PermanentError):
    """A row cannot be loaded: which line, which column, and what would be right."""

    def __init__(self, line: int, column: str, rule: str) -> None:
        super().__init__(f"line {line}, column {column}: {rule}")


@dataclass(frozen=True, slots=True)
class Person:
    """One record of one person in one system."""

    brand: str
    population: Population
    client: str | None
    link: str
    system: str
    record_keys: dict[str, str]
    points: tuple[tuple[PointKind, str], ...]
    names: tuple[str, ...]
    postcodes: tuple[str, ...]
    email: str | None
    address: dict[str, Any] | None
    locale: str | None
    since: date | None
    source: str
    reliable: bool


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield (line, row) of a CSV file with a header, or of JSON lines.

    Raises:
        WrongRow: a column nobody knows, or a line that is no JSON object.
    """
    with path.open(encoding="utf-8", newline="") as stream:
        if path.suffix in {".jsonl", ".ndjson", ".json"}:
            yield from _json_rows(stream)
            return
        reader = csv.DictReader(stream)
        for column in reader.fieldnames or ():
            if column not in COLUMNS:
                raise WrongRow(1, column, f"is not known; columns are {', '.join(sorted(COLUMNS))}")
        for row in reader:
            yield reader.line_num, {name: value or "" for name, value in row.items() if name}


def _json_rows(lines: Iterable[str]) -> Iterator[tuple[int, dict[str, str]]]:
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except ValueError:
            raise WrongRow(number, "-", "must be a JSON object") from None
        yield number, {name: str(value) for name, value in row.items() if value is not None}


def person_of(line: int, row: Mapping[str, str]) -> Person:
    """Turn a row into a person's record.

    Raises:
        WrongRow: a required column is empty, or a value cannot be what the column says.
    """
    for column in _REQUIRED:
        if not row.get(column):
            raise WrongRow(line, column, "must not be empty")
    try:
        population = Population(row["population"])
    except ValueError:
        raise WrongRow(line, "population", f"must be one of {', '.join(Population)}") from None
    client = row.get("client") or None
    if (population is Population.RECIPIENT) != (client is not None):
        raise WrongRow(line, "client", "is given for recipients, and only for them")
    address = _address(row)
    country = row.get("country") or "US"
    codes = [normalise(PointKind.POSTCODE, code, country=country) for code in _cells(row, "postcode")]
    return Person(
        brand=row["brand"], population=population, client=client, link=row["link"], system=row["system"],
        record_keys=_keys(line, row), points=tuple(_points(line, row, address, country)), names=tuple(_cells(row, "name")),
        postcodes=tuple(code for code in codes if code),
        email=row.get("contact_email") or next(iter(_cells(row, "email")), None),
        address=None if address is None else _as_dict(address), locale=row.get("locale") or None,
        since=_day(line, row, "held_since"), source=row.get("source") or row["system"],
        reliable=(row.get("reliable") or "true").lower() not in {"false", "no", "0"},
    )  # fmt: skip


def _cells(row: Mapping[str, str], column: str) -> list[str]:
    return [cell.strip() for cell in (row.get(column) or "").split("|") if cell.strip()]


def _address(row: Mapping[str, str]) -> PostalAddress | None:
    if not row.get("address_line"):
        return None
    names = ("city", "region", "postcode")
    return PostalAddress(
        row["address_line"], "", *(row.get(n) or "" for n in names), row.get("country") or "US"
    )


def _as_dict(address: PostalAddress) -> dict[str, Any]:
    names = ("line1", "line2", "city", "region", "postcode", "country")
    return {name: getattr(address, name) for name in names}


def _points(
    line: int, row: Mapping[str, str], address: PostalAddress | None, country: str
) -> Iterator[tuple[PointKind, str]]:
    for column, kind in _PLAIN.items():
        for cell in _cells(row, column):
            normal = normalise(kind, cell, country=country)
            if normal is None:
                raise WrongRow(line, column, f"is not a {kind.replace('_', ' ')} that can exist")
            yield kind, normal
    if address is not None and (normal := normalise(PointKind.ADDRESS, address)):
        yield PointKind.ADDRESS, normal


def _keys(line: int, row: Mapping[str, str]) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in (row.get("record_keys") or "").split(";") if pair]
    if any(not name or not equals or not value for name, equals, value in pairs):
        raise WrongRow(line, "record_keys", "must look like account_id=7;customer_id=12")
    return {name: value for name, _, value in pairs}


def _day(line: int, row: Mapping[str, str], column: str) -> date | None:
    try:
        return date.fromisoformat(row[column]) if row.get(column) else None
    except ValueError:
        raise WrongRow(line, column, "must be a date such as 2026-01-31") from None
