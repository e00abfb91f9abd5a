"""What a person said about themself, in the form the directory compares. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rules.normalise import PostalAddress, normalise
from schemas.public import Subject
from schemas.values import PointKind


@dataclass(frozen=True, slots=True)
class Offered:
    """Normalised points of one brand, and the names given, as typed."""

    brand: str
    points: frozenset[tuple[PointKind, str]]
    names: tuple[str, ...] = ()


def raw_points(subject: Subject, country: str) -> list[tuple[PointKind, str, Any]]:
    """Every usable point as (kind, normal form, as given)."""
    found = []
    for kind, raw, given in _said(subject):
        normal = normalise(kind, raw, country=country)
        if normal is not None:
            found.append((kind, normal, given))
    return found


def _said(subject: Subject) -> Iterable[tuple[PointKind, str | PostalAddress, Any]]:
    if subject.name:
        yield PointKind.NAME, subject.name, subject.name
    yield from ((PointKind.EMAIL, email, email) for email in subject.emails)
    yield from ((PointKind.PHONE, phone, phone) for phone in subject.phones)
    for address in subject.addresses:
        postal = PostalAddress(**address.model_dump())
        yield PointKind.ADDRESS, postal, address.model_dump()
        if address.postcode:
            yield PointKind.POSTCODE, address.postcode, address.postcode
    if subject.account_number:
        yield PointKind.ACCOUNT_NUMBER, subject.account_number, subject.account_number
    yield from ((PointKind.ORDER_NUMBER, number, number) for number in subject.order_numbers)
    yield from ((PointKind.TRACKING_NUMBER, number, number) for number in subject.tracking_numbers)
    for transaction in subject.transactions:
        if transaction.on:
            yield PointKind.TRANSACTION_DATE, transaction.on.isoformat(), transaction.on.isoformat()
        if transaction.amount:
            yield PointKind.TRANSACTION_AMOUNT, transaction.amount, transaction.amount


def offered(subject: Subject, country: str = "US") -> Offered:
    """The points of one statement; the brand is put in by `merge`."""
    points = frozenset((kind, normal) for kind, normal, _ in raw_points(subject, country))
    return Offered("", points, (subject.name,) if subject.name else ())


def merge(brand: str, *said: Offered) -> Offered:
    """Everything one person said so far, for one brand."""
    points = frozenset[tuple[PointKind, str]]().union(*(one.points for one in said))
    return Offered(brand, points, tuple(dict.fromkeys(name for one in said for name in one.names)))


def kinds_of(subject: Subject) -> list[PointKind]:
    """Which kinds of points were given, sorted."""
    return sorted({kind for kind, _, _ in _said(subject)})
