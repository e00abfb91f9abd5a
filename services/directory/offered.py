"""What a person said about themself, in the form the directory looks up and compares. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import from_json, to_json

from rules import normalise as rules
from rules.normalise import PostalAddress, around, normalise, second_keys
from schemas.public import Subject
from schemas.values import PointKind

type_point = tuple[PointKind, str]
NORMAL: Final = "normal"
"""Under which name the normal form lies beside what was said. Readers of a subject do not know it, and pass it over."""
_KINDS: Final = {kind.value: kind for kind in PointKind}


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
        days = [one for one in self.points if one[0] is PointKind.TRANSACTION_DATE]
        return self.points.union((kind, key) for kind, day in days for key in around(kind, day))

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


def with_normal_form(subject: Subject, offer: Offered | None) -> bytes:
    """What a person said, as JSON, with its normal form beside it where there is one, for whoever reads it next."""
    said = subject.model_dump(mode="json")
    if offer is not None:
        said[NORMAL] = {"rules": rules.NORMALISER_VERSION, "points": sorted(offer.points), "near": sorted(offer.near)}
    return to_json(said)


def offered_in(raw: bytes, country: str) -> Offered:
    """The points of what `with_normal_form` wrote; made anew where other rules did, or earlier ones are asked by."""
    said = from_json(raw)
    normal = said.get(NORMAL)
    if normal is None or normal["rules"] != rules.NORMALISER_VERSION or rules.EARLIER:
        return offered(Subject.model_validate(said), country)
    points, near = (frozenset((_KINDS[kind], key) for kind, key in normal[name]) for name in ("points", "near"))
    return Offered("", points, (said["name"],) if said.get("name") else (), near)


def without_points(raw: bytes) -> bytes:
    """A submission, or its subject alone, as it lies in the vault, with nothing of the person but where to write to."""
    said = from_json(raw)
    subject = said["subject"] if "submission_id" in said else said
    left = {name: subject[name] for name in ("name", "emails") if subject.get(name)}
    if not subject.get("emails") and subject.get("addresses"):
        left["addresses"] = subject["addresses"]
    return to_json(left if subject is said else said | {"subject": left})


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
