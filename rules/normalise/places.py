"""Postal addresses as compared: all lines are one key. US ones after USPS Publication 28, others plainly.

Nothing typed is lost: a word that is not understood stays in the key, so that two places never become one by
a parser's guess. Units are compared by value, not by designator: `Apt 4B` is `#4B`. City and region are in
the key only where no postcode says where the street is.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import usaddress

from rules.normalise import streets
from rules.normalise.codes import postcode
from rules.spelling import folded, plain

_TAIL: Final = re.compile(
    rf"^(?P<rest>.*?)[\s,]+(?P<region>{streets.REGION})\.?[\s,]+(?P<zip>\d{{5}}(?:-\d{{4}})?)"
    r"(?:[\s,]+(?:USA?|U\.S\.A?\.|United States(?: of America)?))?\s*$",
    re.IGNORECASE,
)
_BETWEEN_LETTERS: Final = re.compile(r"(?<=[^\W\d]) (?=[^\W\d])")
_WORDS: Final = re.compile(r"[^\w#&/]+")


@dataclass(frozen=True, slots=True)
class PostalAddress:
    """A postal address as typed; all of it is one data point. `line1` may hold the whole of it."""

    line1: str
    line2: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = "US"


def key(address: PostalAddress) -> str | None:
    """The key of an address; None without a street, or without a postcode or city to say where it is."""
    parts = _parts(address)
    return "|".join(parts) if parts else None


def second(address: PostalAddress) -> tuple[str, ...]:
    """The key without diacritics, without the unit's mark, and by city and region instead of the postcode."""
    parts = _parts(address)
    if not parts:
        return ()
    street, place, country = (folded(part).upper() for part in parts)
    street = " ".join(street.replace("#", " ").split())
    whole = _split(address)
    city = folded(f"{whole.city} {streets.region(whole.region)}").upper().strip()
    keys = [f"{street}|{place}|{country}"]
    if whole.city:
        keys.append(f"{street}|{city}|{country}")
    return tuple(dict.fromkeys(keys))


@lru_cache(maxsize=4_096)
def _parts(address: PostalAddress) -> tuple[str, str, str] | None:
    whole = _split(address)
    country = plain(whole.country).upper() or "US"
    lines = [plain(line).upper() for line in (whole.line1, whole.line2)]
    street = streets.street(*lines) if country == "US" else _run_on(" ".join(lines))
    place = postcode(whole.postcode, country) if whole.postcode else None
    if not place and whole.city:
        region = streets.region(whole.region) if country == "US" else plain(whole.region).upper()
        place = _spaced(f"{plain(whole.city).upper()} {region}")
    return (street, place, country) if street and place else None


def _run_on(text: str) -> str:
    """Without spaces between letters, which come and go: `Mac Arthur Straße` is `MACARTHURSTRASSE`."""
    return _BETWEEN_LETTERS.sub("", _spaced(text))


def _spaced(text: str) -> str:
    return " ".join(_WORDS.sub(" ", text.replace("'", "")).split())


def _split(address: PostalAddress) -> PostalAddress:
    """Take apart an address that was typed into one line; where that fails, it stays as it is."""
    if address.postcode or address.city or address.country.upper() != "US":
        return address
    found = _TAIL.match(f"{address.line1}, {address.line2}" if address.line2 else address.line1)
    if not found:
        return address
    rest = found["rest"].strip(" ,")
    street, comma, city = rest.rpartition(",")
    if not comma:
        street, city = _guess(rest, found["region"])
    return replace(
        address,
        line1=street.strip(),
        line2="",
        city=city.strip(),
        region=found["region"],
        postcode=found["zip"],
    )


def _guess(rest: str, region: str) -> tuple[str, str]:
    """Split `842 E 1700 S Salt Lake City`; without a sure answer all of it is the street."""
    try:
        tagged, _ = usaddress.tag(f"{rest}, {region}")
    except usaddress.RepeatedLabelError:
        return rest, ""
    city = tagged.get("PlaceName", "")
    return (rest[: -len(city)], city) if city and rest.endswith(city) else (rest, "")
