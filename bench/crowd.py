"""A directory of any size, brought in without a loader: its values are made in normal form, so none is normalised."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final
from uuid import UUID

import psycopg

from rules.finding import finders
from rules.normalise import PostalAddress, normalise, second_keys
from schemas.public import Subject
from schemas.values import PointKind, Population
from services.directory.digests import Digests, Version
from services.directory.held import record_of, seal_held
from services.directory.person import Person, Point
from services.directory.writing import target
from services.kernel.clock import Clock

BRAND: Final = "parcelwise"
_GIVEN: Final = (
    "Ada", "Ben", "Cleo", "Dina", "Egon", "Faye", "Gita", "Hugo", "Ines", "Jonah", "Kira", "Lars", "Mona", "Nils",
    "Olga", "Pavel", "Quinn", "Rosa", "Sven", "Tara", "Umar", "Vera", "Wim", "Xenia", "Yuri",
)  # fmt: skip
_FAMILY: Final = (
    "Abbott", "Barlow", "Castell", "Dorsey", "Eckhart", "Farrow", "Garrick", "Hollis", "Ivers", "Jessup", "Kestrel",
    "Lowell", "Marlow", "Norwood", "Ostrom", "Pruitt", "Quimby", "Rowan", "Sutter",
)  # fmt: skip
_STREETS: Final = (
    "Alder", "Birch", "Cedar", "Dogwood", "Elder", "Fir", "Ginkgo", "Hazel", "Ironwood", "Juniper", "Larch",
)  # fmt: skip
_AREAS: Final = tuple(str(area) for area in range(201, 990) if str(area)[1:] != "11")
"""Of phone numbers; 555-0100 to 555-0199 in each of them are fictional. Who comes after those has none."""
_PEOPLE: Final = (
    "COPY directory.person (subject, brand, population, client, key_version, normaliser, sealed) FROM STDIN"
)
_POINTS: Final = "COPY directory.point (digest, subject) FROM STDIN"
_WITHOUT_INDEX: Final = """
TRUNCATE directory.person, directory.point, directory.version;
ALTER TABLE directory.point DROP CONSTRAINT point_pkey, DROP CONSTRAINT point_subject_fkey;
DROP INDEX directory.point_subject_idx;
"""
_WITH_INDEX: Final = (
    "SET maintenance_work_mem = '1GB'",
    "ALTER TABLE directory.point ADD PRIMARY KEY (digest, subject)",
    "CREATE INDEX point_subject_idx ON directory.point (subject)",
    "ALTER TABLE directory.point ADD FOREIGN KEY (subject) REFERENCES directory.person ON DELETE CASCADE",
    "VACUUM (ANALYZE) directory.person, directory.point",
)


def subject_of(number: int) -> Subject:
    """What the person of a number says of themself."""
    place = _place(number)
    return Subject.model_validate(
        {
            "name": _name(number),
            "emails": [_email(number)],
            "phones": [phone] if (phone := _phone(number)) else [],
            "addresses": [{"line1": place.line1, "city": place.city, "region": "UT", "postcode": place.postcode}],
            "account_number": f"AC-{number}",
        }
    )


def person_of(number: int) -> Person:
    """The record of a number, as a loader would read it."""
    place, account, phone = _place(number), f"AC-{number}", _phone(number)
    street = place.line1.upper()
    points = [
        Point(PointKind.EMAIL, _email(number), _email(number), "US"),
        Point(PointKind.ADDRESS, f"{street}|{place.postcode}|US", place, "US"),
        Point(PointKind.POSTCODE, place.postcode, place.postcode, "US"),
        Point(PointKind.ACCOUNT_NUMBER, f"AC{number}", account, "US"),
    ]
    points += [Point(PointKind.PHONE, phone, phone, "US")] if phone else []
    return Person(
        brand=BRAND, population=Population.ACCOUNT_HOLDER, client=None, link=account, system="accounts",
        record_keys={"account_id": account}, points=tuple(points), names=(_name(number),), email=_email(number),
        address=place, locale="en-US", since=None, source="accounts", reliable=True,
    )  # fmt: skip


def keys_of(number: int) -> set[tuple[PointKind, str]]:
    """Every exact and second key of a person."""
    person, place = person_of(number), _place(number)
    second = (PointKind.ADDRESS, f"{place.line1.upper()}|{place.city.upper()} UT|US")
    return {second, *_named(_name(number)), *((point.kind, point.key) for point in person.points)}


@cache
def _named(name: str) -> frozenset[tuple[PointKind, str]]:
    """There are few names, so these are made out of what was written."""
    keys = (normalise(PointKind.NAME, name), *second_keys(PointKind.NAME, name))
    return frozenset((PointKind.NAME, key) for key in keys if key)


def fill(db: psycopg.Connection[Any], digests: Digests, count: int) -> None:
    """Make the directory hold so many people and nobody else; indexes are built once, at the end."""
    version, today = target(digests), Clock.real().date()
    db.execute(_WITHOUT_INDEX)
    db.execute("INSERT INTO directory.version (key_version, normaliser) VALUES (%s, %s)", list(version))
    subjects = [digests.subject(BRAND, Population.ACCOUNT_HOLDER, None, f"AC-{number}") for number in range(count)]
    people = ((subject, number, person_of(number)) for number, subject in enumerate(subjects))
    with db.cursor().copy(_PEOPLE) as copy:
        for subject, number, person in people:
            held = {f"accounts/{number:032x}": record_of(person, None, today)}
            sealed = seal_held(held, subject, digests)
            copy.write_row((subject, BRAND, person.population.value, None, *version, sealed))
    with db.cursor().copy(_POINTS) as copy:
        for row in _digests(enumerate(subjects), version, digests):
            copy.write_row(row)
    for statement in _WITH_INDEX:
        db.execute(statement)


def _digests(people: Iterable[tuple[int, UUID]], version: Version, digests: Digests) -> Iterator[tuple[bytes, UUID]]:
    for number, subject in people:
        for label, key in finders(keys_of(number)):
            yield digests.point(version.key, BRAND, label, key), subject


def _name(number: int) -> str:
    return f"{_GIVEN[number % len(_GIVEN)]} {_FAMILY[number // len(_GIVEN) % len(_FAMILY)]}"


def _email(number: int) -> str:
    return f"{_name(number).replace(' ', '.').lower()}.{number}@example.org"


def _phone(number: int) -> str | None:
    return f"+1{_AREAS[number // 100]}55501{number % 100:02}" if number < len(_AREAS) * 100 else None


def _place(number: int) -> PostalAddress:
    street = f"{_STREETS[number % 11]}{_STREETS[number // 11 % 11].lower()}"
    line = f"{100 + number % 8_999} {street} St"
    return PostalAddress(
        line, "", f"Lake {_FAMILY[number // 97 % len(_FAMILY)]}", "UT", f"{10_000 + number * 7 % 89_999}"
    )
