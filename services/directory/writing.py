"""How people get into the directory's tables: a few statements whatever their number, and the index with them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from psycopg.rows import TupleRow

from rules import normalise as rules
from services.directory.digests import Digests, Version
from services.directory.held import index_of, open_held, seal_held, type_held
from services.directory.talk import Ask, Copy, Talk

LOCK: Final = "SELECT pg_advisory_xact_lock(7202612)"
"""One writer at a time: two that know a person each by half would both write that half."""
VERSIONS: Final = "SELECT key_version, normaliser FROM directory.version"
_VERSION: Final = "INSERT INTO directory.version (key_version, normaliser) VALUES (%s, %s) ON CONFLICT DO NOTHING"
_TABLES: Final = """
CREATE TEMP TABLE IF NOT EXISTS new_person (LIKE directory.person) ON COMMIT DROP;
CREATE TEMP TABLE IF NOT EXISTS new_point (LIKE directory.point) ON COMMIT DROP;
TRUNCATE new_person, new_point;
"""
"""Of one transaction, which may write more than once."""
_PEOPLE: Final = "COPY new_person (subject, brand, population, client, key_version, normaliser, sealed) FROM STDIN"
_POINTS: Final = "COPY new_point (digest, subject) FROM STDIN"
_UPSERTS: Final = (
    """INSERT INTO directory.person (subject, brand, population, client, key_version, normaliser, sealed)
    SELECT subject, brand, population, client, key_version, normaliser, sealed FROM new_person ORDER BY subject
    ON CONFLICT (subject) DO UPDATE
    SET sealed = excluded.sealed, key_version = excluded.key_version, normaliser = excluded.normaliser""",
    """DELETE FROM directory.point p USING new_person n WHERE p.subject = n.subject
    AND NOT EXISTS (SELECT FROM new_point w WHERE w.digest = p.digest AND w.subject = p.subject)""",
    "INSERT INTO directory.point (digest, subject) SELECT digest, subject FROM new_point ON CONFLICT DO NOTHING",
)


@dataclass(frozen=True, slots=True)
class Known:
    """One person as the tables have them, opened. `version` is under which they are found; None before they are."""

    subject: UUID
    brand: str
    population: str
    client: str | None
    held: type_held = field(default_factory=dict)
    version: Version | None = None


def opened(row: TupleRow, digests: Digests) -> Known:
    """A row of the table of people, opened; its values in today's form whatever rules they were written by."""
    subject, brand, population, client, key, normaliser, sealed = row
    held = open_held(sealed, subject, normaliser, digests)
    return Known(subject, brand, population, client, held, Version(key, normaliser))


def target(digests: Digests) -> Version:
    """The version everything new is written under."""
    return Version(digests.newest(), rules.NORMALISER_VERSION)


def begin(digests: Digests) -> Talk[Version]:
    """Take the writers' lock until the transaction ends, and announce the version before anything is written under it.

    Look-ups ask under every announced version, so nobody is out of sight while an index is made anew.
    """
    version = target(digests)
    yield Ask(LOCK)
    yield Ask(_VERSION, list(version))
    return version


def write(people: Sequence[Known], version: Version, digests: Digests) -> Talk[None]:
    """Write people whole, with their index under one version; what they were found by before is gone."""
    yield Ask(_TABLES)
    yield Copy(_PEOPLE, (_row(person, version, digests) for person in people))
    yield Copy(_POINTS, _digests(people, version, digests))
    for statement in _UPSERTS:
        yield Ask(statement)


def _row(person: Known, version: Version, digests: Digests) -> tuple[Any, ...]:
    sealed = seal_held(person.held, person.subject, digests)
    return (person.subject, person.brand, person.population, person.client, *version, sealed)


def _digests(people: Iterable[Known], version: Version, digests: Digests) -> Iterator[tuple[bytes, UUID]]:
    for person in people:
        yield from ((digest, person.subject) for digest in index_of(person.held, person.brand, version, digests))
