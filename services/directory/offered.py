"""What a person said about themself, in the form the directory looks up and compares. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from rules import normalise as rules
from rules.normalise import PostalAddress, around, normalise, second_keys
from schemas.public import Subject
from schemas.values import PointKind

type_point = tuple[PointKind, str]


@dataclass(frozen=True, slots=True)
class Offered:
    """Normalised points of one brand, and the names given, as typed.

    `near` are second keys, under which a record may be found but nothing is proven; `older` holds the keys by earlier
    versions of the normaliser, as long as there are such.
    """

    brand: str
    points: frozenset[type_point]
    names: tuple[str, ...] = ()
    near: frozenset[type_point] = frozenset()
    older: Mapping[int, frozenset[type_point]] = field(default_factory=dict)

    @property
    def wanted(self) -> frozenset[type_point]:
        """Every key under which a held value counts as equal."""
        return frozenset((kind, key) for kind, normal in self.points for key in around(kind, normal))

    def keys(self, normaliser: int) -> frozenset[type_point]:
        """Every key under which a record may be found that was indexed by this version of the normaliser.

        Raises:
            KeyError: a version these rules do not know.
        """
        return self.wanted | self.near if normaliser == rules.NORMALISER_VERSION else self.older[normaliser]


def raw_points(subject: Subject, country: str) -> list[tuple[PointKind, str, Any]]:
    """Every usable point as (kind, normal form, as given)."""
    found = []
    for kind, raw, given in _said(subject):
        normal = normalise(kind, raw, country=country)
        if normal is not None:
            found.append((kind, normal, given.model_dump() if isinstance(given, BaseModel) else given))
    return found


def _said(subject: Subject) -> Iterable[tuple[PointKind, str | PostalAddress, Any]]:
    if subject.name:
        yield PointKind.NAME, subject.name, subject.name
    yield from ((PointKind.EMAIL, email, email) for email in subject.emails)
    yield from ((PointKind.PHONE, phone, phone) for phone in subject.phones)
    for a in subject.addresses:
        postal = PostalAddress(a.line1, a.line2, a.city, a.region, a.postcode, a.country)
        yield PointKind.ADDRESS, postal, a
        if a.postcode:
            yield PointKind.POSTCODE, postal, a.postcode
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
    said = [(kind, raw) for kind, raw, _ in _said(subject)]
    points = frozenset((kind, key) for kind, raw in said if (key := normalise(kind, raw, country=country)))
    near = frozenset((kind, key) for kind, raw in said for key in second_keys(kind, raw, country=country))
    older = {
        version: frozenset((kind, key) for kind, raw in said for key in keys_of(kind, raw, country))
        for version, keys_of in rules.EARLIER.items()
    }
    return Offered("", points, (subject.name,) if subject.name else (), near - points, older)


def merge(brand: str, *said: Offered) -> Offered:
    """Everything one person said so far, for one brand."""
    nothing = frozenset[type_point]()
    points = nothing.union(*(one.points for one in said))
    near = nothing.union(*(one.near for one in said)) - points
    versions = {version for one in said for version in one.older}
    older = {version: nothing.union(*(one.older.get(version, nothing) for one in said)) for version in versions}
    return Offered(brand, points, tuple(dict.fromkeys(name for one in said for name in one.names)), near, older)


def kinds_of(subject: Subject) -> list[PointKind]:
    """Which kinds of points were given, sorted."""
    return sorted({kind for kind, _, _ in _said(subject)})
