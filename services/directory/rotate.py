"""Make the index anew while it is in use: under a new key, by today's rules, from what lies sealed.

Look-ups ask under every announced version, so a person is found before, while and after their rows change over; that is
one transaction per chunk. What died half-way is gone on with by the next call.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg

from services.directory.digests import Digests, Version
from services.directory.preferences import follow
from services.directory.talk import Ask, Talk, hold
from services.directory.writing import LOCK, VERSIONS, begin, opened, target, write
from services.kernel.errors import Misconfigured
from services.kernel.keys import DIRECTORY, SUPPRESSED, FileKeyStore

CHUNK: Final = 1_000
_OTHERS: Final = "SELECT count(*) FROM directory.person WHERE (key_version, normaliser) <> (%s, %s)"
_NEXT: Final = """SELECT subject, brand, population, client, key_version, normaliser, sealed FROM directory.person
WHERE subject > %s AND (key_version, normaliser) <> (%s, %s) ORDER BY subject LIMIT %s FOR UPDATE"""
_RETIRE: Final = """DELETE FROM directory.version v WHERE (key_version, normaliser) <> (%s, %s)
AND NOT EXISTS (SELECT FROM directory.person p WHERE (p.key_version, p.normaliser) = (v.key_version, v.normaliser))"""
_UNDER: Final = "SELECT count(*) FROM directory.person WHERE key_version = %s"
_REMEMBERED: Final = "SELECT count(*) FROM directory.suppression WHERE key_version = %s"
_BEFORE_ALL: Final = UUID(int=0)

type_db = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did: under which version everybody is found now, and how many people changed over."""

    version: Version
    people: int


def rotate(
    db: type_db, keys: FileKeyStore, *, chunk: int = CHUNK, progress: Callable[[int, int], None] = lambda *_: None
) -> Rotated:
    """Bring everybody under a new key; a rotation that was begun and not ended is ended instead.

    `progress` hears how many people changed over, of how many.
    """
    if not _unfinished(db, Digests(keys)):
        keys.rotate(SUPPRESSED)
        keys.rotate(DIRECTORY)
    digests, done, last = Digests(keys), 0, _BEFORE_ALL
    version = target(digests)
    with db.transaction():
        hold(db, begin(digests))
    [(total,)] = db.execute(_OTHERS, list(version)).fetchall()
    while True:
        with db.transaction():
            some = hold(db, _change_over(last, version, digests, chunk))
        if not some:
            break
        last, done = some[-1], done + len(some)
        progress(done, max(total, done))
    with db.transaction():
        db.execute(LOCK)
        db.execute(_RETIRE, list(version))
    return Rotated(version, done)


def _unfinished(db: type_db, digests: Digests) -> bool:
    """Whether people are still found under an older key than the newest one."""
    return any(key < digests.newest() for key, _ in db.execute(VERSIONS).fetchall())


def _change_over(after: UUID, version: Version, digests: Digests, most: int) -> Talk[list[UUID]]:
    """Write the next people anew; returns who they were, in order."""
    yield from begin(digests)
    rows = yield Ask(_NEXT, [after, *version, most])
    if rows:
        people = [opened(row, digests) for row in rows]
        yield from write(people, version, digests)
        yield from follow([(one.subject, one.brand, one.held) for one in people], digests)
    return [row[0] for row in rows]


def destroy_older(db: type_db, keys: FileKeyStore) -> list[str]:
    """Destroy the keys of versions nobody is found or remembered under any more; returns their epochs.

    Changes sealed under them that are still on their way to the directory become unreadable, as do backups. A key under
    which somebody who is gone is remembered stays: there is nothing left that token could be made from again.
    """
    older = older_epochs(keys, DIRECTORY)
    for epoch in older:
        keys.destroy(epoch, in_use=lambda name: under(db, name))
    unused = [epoch for epoch in older_epochs(keys, SUPPRESSED) if not _count(db, epoch)]
    for epoch in unused:
        keys.destroy(epoch, in_use=lambda name: under(db, name))
    return older + unused


def older_epochs(keys: FileKeyStore, ring: str) -> list[str]:
    """The epochs of a ring that are there and are not today's."""
    found = [epoch for epoch in keys.epochs() if epoch.startswith(ring)]
    return found[:-1]


def under(db: type_db, epoch: str) -> int:
    """Nothing, where nobody is found or remembered under an epoch of the directory's rings.

    Raises:
        Misconfigured: somebody is.
    """
    if count := _count(db, epoch):
        if epoch.startswith(SUPPRESSED):
            raise Misconfigured(f"{count} deletions and preferences are remembered under {epoch} alone; it must stay")
        raise Misconfigured(f"{count} people are still found under key {epoch[1:]}; end the rotation first")
    return 0


def _count(db: type_db, epoch: str) -> int:
    [(count,)] = db.execute(_REMEMBERED if epoch.startswith(SUPPRESSED) else _UNDER, [int(epoch[1:])]).fetchall()
    return int(count)
