"""Values as compared: `normalise` gives the one key that counts, `second_keys` those that may only locate.

Nothing here looks anything up, and nothing raises for odd input: what cannot be used has no key. A changed
rule needs a new NORMALISER_VERSION, since every stored digest was made by the old one.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import Final

from rules import names
from rules.normalise import codes, contact, places
from rules.normalise.places import PostalAddress
from rules.spelling import plain
from schemas.values import PointKind

__all__ = ["EARLIER", "NORMALISER_VERSION", "PostalAddress", "around", "exact_keys", "normalise", "second_keys"]

NORMALISER_VERSION: Final = 1
EARLIER: Final[dict[int, Callable[[PointKind, str | PostalAddress, str], Iterable[str]]]] = {}
"""Rules of earlier versions: every exact and second key of a value. Each stays as long as a directory holds rows of it,
or a preference noted by it: look-ups ask by them too."""
_ELDEST: Final = date(1850, 1, 1)
_LONGEST: Final = 500


def normalise(kind: PointKind, raw: str | PostalAddress, *, country: str = "US") -> str | None:
    """The key of a value: equal keys are equal points. None when the value cannot be used.

    `country` says how phone numbers, dates and postcodes are written; an address names its own.
    """
    if isinstance(raw, PostalAddress):
        return _of_address(kind, raw)
    if not raw or len(raw) > _LONGEST:
        return None
    return _BY_KIND[kind](raw, country)


def _of_address(kind: PointKind, raw: PostalAddress) -> str | None:
    if kind is PointKind.POSTCODE:
        return codes.postcode(raw.postcode, raw.country)
    return places.key(raw) if kind is PointKind.ADDRESS else None


def _day(raw: str, country: str) -> str | None:
    when = codes.day(raw, country)
    return when.isoformat() if when and when >= _ELDEST else None


def _code(raw: str, _country: str) -> str | None:
    return codes.code(raw)


_BY_KIND: Final[Mapping[PointKind, Callable[[str, str], str | None]]] = {
    PointKind.NAME: lambda raw, _country: names.key(raw),
    PointKind.EMAIL: lambda raw, _country: contact.email(raw),
    PointKind.PHONE: contact.phone,
    PointKind.ADDRESS: lambda raw, country: places.key(PostalAddress(raw, country=country)),
    PointKind.POSTCODE: codes.postcode,
    PointKind.ACCOUNT_NUMBER: _code,
    PointKind.ORDER_NUMBER: _code,
    PointKind.TRACKING_NUMBER: _code,
    PointKind.NATIONAL_ID: _code,
    PointKind.TRANSACTION_AMOUNT: lambda raw, _country: codes.amount(raw),
    PointKind.TRANSACTION_DATE: _day,
    PointKind.DATE_OF_BIRTH: _day,
}


def exact_keys(kind: PointKind, raw: str | PostalAddress, *, country: str = "US") -> tuple[str, ...]:
    """Every key under which a *held* value counts as equal to an offered one; look up all of them.

    That is `normalise`, and for the day of a transaction also the days before and after it.
    """
    key = normalise(kind, raw, country=country)
    return around(kind, key) if key else ()


def around(kind: PointKind, key: str) -> tuple[str, ...]:
    """The keys that count as equal to this one: itself, and the days next to the day of a transaction."""
    if kind is not PointKind.TRANSACTION_DATE:
        return (key,)
    when = date.fromisoformat(key)
    if when == date.max:
        return (key,)
    return tuple((when + timedelta(days=days)).isoformat() for days in (0, -1, 1))


def second_keys(kind: PointKind, raw: str | PostalAddress, *, country: str = "US") -> tuple[str, ...]:
    """Further keys, folded or provider-specific: they may locate a record for review and never count.

    Compare them with the second keys of the held value.
    """
    if isinstance(raw, str) and (not raw or len(raw) > _LONGEST):
        return ()
    if kind is PointKind.ADDRESS:
        return places.second(raw if isinstance(raw, PostalAddress) else PostalAddress(raw, country=country))
    if isinstance(raw, PostalAddress):
        return ()
    if kind is PointKind.EMAIL:
        return contact.email_second(raw)
    if kind is PointKind.NAME:
        return names.second(plain(raw))
    return ()
