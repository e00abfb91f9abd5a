"""Fill the directory: in chunks, by COPY, and idempotent. Rows of one person are joined by declared links only."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from uuid import UUID

import psycopg

from rules.normalise import NORMALISER_VERSION
from schemas.values import PointKind
from services.directory.digests import KEY_VERSION, Digests
from services.directory.lookup import LABEL, open_person, seal_person
from services.directory.rows import Person
from services.kernel.keys import KeyStore
from services.kernel.vault import seal

CHUNK: Final = 5_000
NOT_INDEXED: Final = frozenset({PointKind.NAME, PointKind.POSTCODE})
_TABLES: Final = """
CREATE TEMP TABLE new_person (LIKE directory.person) ON COMMIT DROP;
CREATE TEMP TABLE new_point (LIKE directory.point) ON COMMIT DROP;
CREATE TEMP TABLE new_record (LIKE directory.record) ON COMMIT DROP;
"""
_UPSERTS: Final = (
    """INSERT INTO directory.person SELECT * FROM new_person ORDER BY subject
    ON CONFLICT (subject) DO UPDATE SET sealed = excluded.sealed""",
    """INSERT INTO directory.point SELECT DISTINCT ON (subject, kind, digest) * FROM new_point
    ON CONFLICT (subject, kind, digest) DO NOTHING""",
    """INSERT INTO directory.record SELECT DISTINCT ON (subject, system, digest) * FROM new_record
    ON CONFLICT (subject, system, digest) DO NOTHING""",
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load brought."""

    rows: int
    people: int


def load(
    db: psycopg.Connection[Any],
    people: Iterable[Person],
    keys: KeyStore,
    *,
    progress: Callable[[int], None] = lambda _: None,
) -> Loaded:
    """Load records chunk by chunk, each in a transaction of its own; loading the same again changes nothing."""
    digests, rows, subjects = Digests(keys), 0, set[UUID]()
    for chunk in _chunks(people):
        subjects |= _load_chunk(db, chunk, keys, digests)
        rows += len(chunk)
        progress(len(chunk))
    return Loaded(rows, len(subjects))


def _chunks(people: Iterable[Person]) -> Iterator[list[Person]]:
    source = iter(people)
    while chunk := list(islice(source, CHUNK)):
        yield chunk


def _load_chunk(
    db: psycopg.Connection[Any], chunk: list[Person], keys: KeyStore, digests: Digests
) -> set[UUID]:
    key = keys.derive(LABEL)
    named = [(digests.subject(p.brand, p.population, p.client, p.link), p) for p in chunk]
    with db.transaction():
        held = _known(db, {subject for subject, _ in named}, key)
        first: dict[UUID, Person] = {}
        for subject, person in named:
            first.setdefault(subject, person)
            held[subject] = _join(held.get(subject, {}), person)
        db.execute(_TABLES)
        with db.cursor() as cursor:
            with cursor.copy("COPY new_person FROM STDIN") as copy:
                for subject, p in first.items():
                    copy.write_row(
                        (
                            subject,
                            p.brand,
                            p.population.value,
                            p.client,
                            seal_person(held[subject], subject, key),
                        )
                    )
            _copy_points(cursor, named, digests)
            _copy_records(cursor, named, digests, key)
        for statement in _UPSERTS:
            db.execute(statement)
    return set(first)


def _known(db: psycopg.Connection[Any], subjects: set[UUID], key: bytes) -> dict[UUID, dict[str, Any]]:
    rows = db.execute(
        "SELECT subject, sealed FROM directory.person WHERE subject = ANY(%s) ORDER BY subject FOR UPDATE",
        [list(subjects)],
    )
    return {subject: open_person(sealed, subject, key) for subject, sealed in rows}


def _join(held: dict[str, Any], person: Person) -> dict[str, Any]:
    """What is held of one person, with one more record: sets grow, the first contact stays."""
    points = {tuple(pair) for pair in held.get("points", [])} | {
        (kind.value, value) for kind, value in person.points
    }
    since = min(
        filter(None, (held.get("since"), person.since.isoformat() if person.since else None)), default=None
    )
    return {
        "names": list(dict.fromkeys([*held.get("names", []), *person.names])),
        "points": sorted(points),
        "postcodes": sorted({*held.get("postcodes", []), *person.postcodes}),
        "email": held.get("email") or person.email,
        "address": held.get("address") or person.address,
        "locale": held.get("locale") or person.locale,
        "since": since,
        "source": held.get("source") or person.source,
    }


def _copy_points(cursor: psycopg.Cursor[Any], named: list[tuple[UUID, Person]], digests: Digests) -> None:
    with cursor.copy("COPY new_point FROM STDIN") as copy:
        for subject, p in named:
            for kind, value in p.points:
                if kind not in NOT_INDEXED:
                    digest = digests.point(p.brand, kind, value)
                    row = (
                        subject,
                        kind.value,
                        digest,
                        KEY_VERSION,
                        NORMALISER_VERSION,
                        p.source,
                        p.reliable,
                        p.since,
                    )
                    copy.write_row(row)


def _copy_records(
    cursor: psycopg.Cursor[Any], named: list[tuple[UUID, Person]], digests: Digests, key: bytes
) -> None:
    with cursor.copy("COPY new_record FROM STDIN") as copy:
        for subject, p in named:
            if p.record_keys:
                plain = json.dumps(p.record_keys, sort_keys=True)
                sealed = seal(key, plain.encode(), f"{subject}|{p.system}".encode())
                copy.write_row((subject, p.system, digests.suppression(f"{p.system}|{plain}"), sealed))
