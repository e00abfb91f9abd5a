"""Numbers and codes as compared: never fuzzy, leading zeros kept."""

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from rules.spelling import tidy

_SEPARATORS: Final = re.compile(r"[\s\-#.]+")
_CANADA: Final = re.compile(r"[ABCEGHJ-NPRSTVXY]\d[ABCEGHJ-NPRSTV-Z]\d[ABCEGHJ-NPRSTV-Z]\d")
_ZIP: Final = re.compile(r"(\d{5})(?:-?\d{4})?")
_SHORT_ZIP: Final = re.compile(r"\d{3,4}")
_ISO: Final = re.compile(r"(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})(?:[T ].*)?")
_WRITTEN: Final = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_AMOUNT: Final = re.compile(r"(?:[A-Z]{3}|[^\w\s-])?\s*(\d[\d.,' ]*)\s*(?:[A-Z]{3}|[^\w\s])?")
_MONTH_FIRST: Final = frozenset({"US", "PH", "FM", "MH", "PW", "PR", "GU"})
_CENTS: Final = 2


def code(raw: str) -> str | None:
    """An order, tracking, account or identity number: upper case without spaces, hyphens, dots and `#`."""
    return _SEPARATORS.sub("", tidy(raw)).upper() or None


def postcode(raw: str, country: str) -> str | None:
    """A postcode: five digits in the US, `A1A 1A1` in Canada, upper case without spaces elsewhere.

    A US code that lost its leading zeros gets them back; the four further digits are left out, they change.
    """
    text = tidy(raw).upper()
    joined = text.replace(" ", "")
    if country.upper() == "US" and (zipped := _ZIP.fullmatch(joined)):
        return zipped[1]
    if country.upper() == "US" and _SHORT_ZIP.fullmatch(joined):
        return joined.zfill(5)
    if country.upper() == "CA":
        canadian = joined.replace("-", "")
        return f"{canadian[:3]} {canadian[3:]}" if _CANADA.fullmatch(canadian) else None
    return joined or None


def day(raw: str, country: str) -> date | None:
    """A calendar day: ISO, eight digits, or as written in the country (month first in the US)."""
    text = tidy(raw)
    try:
        if iso := _ISO.fullmatch(text):
            return date(int(iso[1]), int(iso[2]), int(iso[3]))
        if written := _WRITTEN.fullmatch(text):
            first, second, year = (int(part) for part in written.groups())
            month_first = country.upper() in _MONTH_FIRST
            return date(year, first, second) if month_first else date(year, second, first)
    except ValueError:
        return None
    return None


def amount(raw: str) -> str | None:
    """An amount with two decimals, without currency and thousands separators; None when it is none."""
    found = _AMOUNT.fullmatch(tidy(raw).upper())
    if not found:
        return None
    digits = found[1].replace(" ", "").replace("'", "").rstrip(".,")
    whole, mark, cents = _split(digits)
    try:
        value = Decimal(re.sub(r"[.,]", "", whole) + (f".{cents}" if mark else ""))
    except InvalidOperation:
        return None
    return f"{value:.2f}"


def _split(digits: str) -> tuple[str, str, str]:
    for mark in sorted(".,", key=digits.rfind, reverse=True):
        whole, found, cents = digits.rpartition(mark)
        if found and len(cents) <= _CENTS:
            return whole, mark, cents
    return digits, "", ""
