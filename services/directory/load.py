"""Fill the directory: in chunks, by COPY, and idempotent. Rows of one person are joined by declared links only.

A row says what its record holds now, whole: what the same record held before and holds no more is forgotten, and what
it did not hold before counts as held since today. One loader works at a time.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any, Final
from uuid import UUID

import psycopg

from rules.normalise import NORMALISER_VERSION
from services.directory.digests import INDEXED, KEY_VERSION, Digests
from services.directory.held import LABEL, open_held, points_of, record_of, seal_held, type_held
from services.directory.person import Person
from services.directory.preferences import DELETED, SUBJECT
from services.kernel.clock import Clock
from services.kernel.keys import KeyStore
from services.kernel.sealing import seal

CHUNK: Final = 5_000
_LOCK: Final = "SELECT pg_advisory_xact_lock(7202612)"
_TABLES: Final = """
CREATE TEMP TABLE new_person (LIKE directory.person) ON COMMIT DROP;
CREATE TEMP TABLE new_point (LIKE directory.point) ON COMMIT DROP;
CREATE TEMP TABLE new_record (LIKE directory.record) ON COMMIT DROP;
"""
_KNOWN: Final = "SELECT subject, sealed FROM directory.person WHERE subject = ANY(%s) ORDER BY subject FOR UPDATE"
_DELETED: Final = "SELECT token, at FROM directory.suppression WHERE token = ANY(%s) AND kind = %s"
_POINTS: Final = "COPY new_point (subject, kind, digest, key_version, normaliser) FROM STDIN"
_UPSERTS: Final = (
    """INSERT INTO directory.person SELECT * FROM new_person ORDER BY subject
    ON CONFLICT (subject) DO UPDATE SET sealed = excluded.sealed""",
    """DELETE FROM directory.point p USING new_person n WHERE p.subject = n.subject AND NOT EXISTS (
    SELECT FROM new_point w WHERE w.subject = p.subject AND w.kind = p.kind AND w.digest = p.digest)""",
    """INSERT INTO directory.point (subject, kind, digest, key_version, normaliser)
    SELECT subject, kind, digest, key_version, normaliser FROM new_point
    ON CONFLICT (subject, kind, digest) DO UPDATE
    SET key_version = excluded.key_version, normaliser = excluded.normaliser
    WHERE directory.point.normaliser <> excluded.normaliser""",
    """INSERT INTO directory.record SELECT DISTINCT ON (subject, system, digest) * FROM new_record
    ON CONFLICT (subject, system, digest) DO NOTHING""",
)

type_db = psycopg.Connection[Any]
type_named = list[tuple[UUID, Person]]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load brought: rows read, people new and changed, and rows left out since the person was deleted."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    left_out: int = 0

    @property
    def people(self) -> int:
        """How many people the directory now knows more or otherwise of."""
        return self.new + self.changed

    def __add__(self, other: "Loaded") -> "Loaded":
        return Loaded(
            self.rows + other.rows,
            self.new + other.new,
            self.changed + other.changed,
            self.left_out + other.left_out,
        )


def load(  # noqa: PLR0913  what may differ between loaders
    db: type_db,
    people: Iterable[Person],
    keys: KeyStore,
    *,
    chunk: int = CHUNK,
    progress: Callable[[int], None] = lambda _: None,
    today: date | None = None,
) -> Loaded:
    """Load records chunk by chunk, each in a transaction of its own; loading the same again changes nothing."""
    loader = _Loader(db, keys, today or Clock.real().date())
    total = Loaded()
    for some in _chunks(people, chunk):
        total += loader.load(some)
        progress(len(some))
    return total


def _chunks(people: Iterable[Person], size: int) -> Iterator[list[Person]]:
    source = iter(people)
    while some := list(islice(source, size)):
        yield some


class _Loader:
    def __init__(self, db: type_db, keys: KeyStore, today: date) -> None:
        self._db, self._digests, self._key, self._today = db, Digests(keys), keys.derive(LABEL), today

    def load(self, rows: list[Person]) -> Loaded:
        named = [(self._digests.subject(p.brand, p.population, p.client, p.link), p) for p in rows]
        with self._db.transaction():
            self._db.execute(_LOCK)
            allowed = self._allowed(named)
            before = self._known({subject for subject, _ in allowed})
            after = self._joined(before, allowed)
            people = {subject: p for subject, p in allowed if after[subject] != before.get(subject)}
            if people:
                self._write(people, after, [(s, p) for s, p in allowed if s in people])
        new = len(people.keys() - before.keys())
        return Loaded(len(rows), new, len(people) - new, len(named) - len(allowed))

    def _allowed(self, named: type_named) -> type_named:
        """Without people who were deleted, unless what the row says began afterwards."""
        tokens = {self._digests.suppression("", SUBJECT, str(subject)): subject for subject, _ in named}
        rows = self._db.execute(_DELETED, [list(tokens), DELETED])
        deleted = {tokens[token]: at.date() for token, at in rows}
        return [(s, p) for s, p in named if s not in deleted or (p.since is not None and p.since > deleted[s])]

    def _known(self, subjects: set[UUID]) -> dict[UUID, type_held]:
        rows = self._db.execute(_KNOWN, [list(subjects)])
        return {subject: open_held(sealed, subject, self._key) for subject, sealed in rows}

    def _joined(self, before: dict[UUID, type_held], named: type_named) -> dict[UUID, type_held]:
        after: dict[UUID, type_held] = {}
        for subject, person in named:
            known, held = before.get(subject, {}), after.setdefault(subject, dict(before.get(subject, {})))
            record_id = f"{person.system}/{self._digests.record(person.system, person.record_keys).hex()[:32]}"
            held[record_id] = record_of(person, known.get(record_id), self._today)
        return after

    def _write(self, people: dict[UUID, Person], after: dict[UUID, type_held], named: type_named) -> None:
        self._db.execute(_TABLES)
        with self._db.cursor() as cursor:
            with cursor.copy("COPY new_person (subject, brand, population, client, sealed) FROM STDIN") as copy:
                for subject, p in people.items():
                    sealed = seal_held(after[subject], subject, self._key)
                    copy.write_row((subject, p.brand, p.population.value, p.client, sealed))
            with cursor.copy(_POINTS) as copy:
                for subject, p in people.items():
                    for kind, value in points_of(after[subject]):
                        if kind in INDEXED:
                            digest = self._digests.point(p.brand, kind, value)
                            copy.write_row((subject, kind.value, digest, KEY_VERSION, NORMALISER_VERSION))
            with cursor.copy("COPY new_record (subject, system, digest, sealed) FROM STDIN") as copy:
                for subject, p in named:
                    if p.record_keys:
                        copy.write_row(self._record(subject, p))
        for statement in _UPSERTS:
            self._db.execute(statement)

    def _record(self, subject: UUID, person: Person) -> tuple[UUID, str, bytes, bytes]:
        plain = json.dumps(dict(person.record_keys), sort_keys=True).encode()
        sealed = seal(self._key, plain, f"{subject}|{person.system}".encode())
        return subject, person.system, self._digests.record(person.system, person.record_keys), sealed
