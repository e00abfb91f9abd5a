"""Fill the directory: in chunks, by COPY, and idempotent. Rows of one person are joined by declared links only.

A row says what its record holds now, whole: what the same record held before and holds no more is forgotten, and what
it did not hold before counts as held since today.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from typing import Any, Final
from uuid import UUID

import psycopg

from services.directory.digests import Digests, Version
from services.directory.held import record_of
from services.directory.person import Person
from services.directory.preferences import DELETED, of_subject
from services.directory.talk import Ask, Talk, hold
from services.directory.writing import Known, begin, opened, write
from services.kernel.clock import Clock
from services.kernel.keys import KeyStore

CHUNK: Final = 5_000
_KNOWN: Final = """SELECT subject, brand, population, client, key_version, normaliser, sealed FROM directory.person
WHERE subject = ANY(%b) ORDER BY subject FOR UPDATE"""
_DELETED: Final = "SELECT token, at FROM directory.suppression WHERE token = ANY(%b) AND kind = %s ORDER BY at"
_GONE: Final = "DELETE FROM directory.person WHERE subject = ANY(%b)"

type_db = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load brought: rows read, people new, changed and gone, and rows left out since the person was deleted."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    left_out: int = 0
    gone: int = 0

    @property
    def people(self) -> int:
        """How many people the directory now knows more or otherwise of."""
        return self.new + self.changed

    def __add__(self, other: "Loaded") -> "Loaded":
        """Both together."""
        return Loaded(
            self.rows + other.rows,
            self.new + other.new,
            self.changed + other.changed,
            self.left_out + other.left_out,
            self.gone + other.gone,
        )


@dataclass(frozen=True, slots=True)
class Change:
    """One record as it is now, or, without `person`, one that is no more. `seen_on` is the day it was told live."""

    subject: UUID
    record: str
    person: Person | None
    seen_on: date | None = None


def name(person: Person, digests: Digests) -> tuple[UUID, str]:
    """The opaque references of a row's person and record."""
    subject = digests.subject(person.brand, person.population, person.client, person.link)
    return subject, f"{person.system}/{digests.record(person.system, person.record_keys)}"


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
    day, total = today or Clock.real().date(), Loaded()
    for some in _chunks(people, chunk):
        digests = Digests(keys)
        changes = [Change(*name(person, digests), person) for person in some]
        with db.transaction():
            total += hold(db, take_up(changes, digests, day))
        progress(len(some))
    return total


def _chunks(people: Iterable[Person], size: int) -> Iterator[list[Person]]:
    source = iter(people)
    while some := list(islice(source, size)):
        yield some


def take_up(changes: Sequence[Change], digests: Digests, today: date) -> Talk[Loaded]:
    """Bring changes into the directory, in order, within the caller's transaction."""
    version = yield from begin(digests)
    allowed = yield from _allowed(changes, digests)
    rows = yield Ask(_KNOWN, [list({change.subject for change in allowed})])
    before = {person.subject: person for person in (opened(row, digests) for row in rows)}
    after = _joined(before, allowed, today)
    touched = [p for s, p in after.items() if p.held and (s not in before or _differs(before[s], p, version))]
    gone = [subject for subject, person in after.items() if not person.held and subject in before]
    if touched:
        yield from write(touched, version, digests)
    if gone:
        yield Ask(_GONE, [gone])
    new = sum(person.subject not in before for person in touched)
    return Loaded(len(changes), new, len(touched) - new, len(changes) - len(allowed), len(gone))


def _differs(before: Known, after: Known, version: Version) -> bool:
    return before.version != version or before.held != after.held


def _allowed(changes: Sequence[Change], digests: Digests) -> Talk[list[Change]]:
    """Without people who were deleted, unless what the row says began afterwards."""
    tokens = {t: change.subject for change in changes for t in digests.suppressions(*of_subject(change.subject))}
    rows = yield Ask(_DELETED, [list(tokens), DELETED])
    deleted = {tokens[bytes(token)]: at.date() for token, at in rows}
    return [change for change in changes if change.subject not in deleted or _begun(change, deleted[change.subject])]


def _begun(change: Change, after: date) -> bool:
    return change.person is None or (change.person.since is not None and change.person.since > after)


def _joined(before: Mapping[UUID, Known], changes: Iterable[Change], today: date) -> dict[UUID, Known]:
    after: dict[UUID, Known] = {}
    for change in changes:
        known = before.get(change.subject)
        if change.subject not in after and (person := known or _nobody(change)):
            after[change.subject] = replace(person, held=dict(person.held))
        if change.person is None:
            if change.subject in after:
                after[change.subject].held.pop(change.record, None)
            continue
        record = known.held.get(change.record) if known else None
        day, live = change.seen_on or today, change.seen_on is not None
        after[change.subject].held[change.record] = record_of(change.person, record, day, live=live)
    return after


def _nobody(change: Change) -> Known | None:
    """Somebody of whom nothing is held yet."""
    person = change.person
    return Known(change.subject, person.brand, person.population, person.client) if person else None
