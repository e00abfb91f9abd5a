"""Questions to the directory: one query for a whole batch, and flat in the number of people it holds."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from rules.compare import compare
from rules.finding import finders
from rules.matching import Candidate
from schemas.values import PointKind, Population
from services.directory.digests import Digests, Version
from services.directory.held import contact_of, open_held, points_of, type_held
from services.directory.offered import Offered
from services.directory.preferences import suppress, suppressed
from services.directory.writing import VERSIONS
from services.kernel.errors import TransientError
from services.kernel.keys import KeyStore

__all__ = ["Contacts", "contacts", "forget", "lookup", "record_keys", "suppress", "suppressed", "values_of"]

Conn = AsyncConnection[TupleRow]
_ANY_DAY: Final[Mapping[str, date]] = MappingProxyType({})
CROWD: Final = 500
"""What more people share than this is nobody's own: it finds nobody, and must not make every look-up slow. Nobody is
left out of what is found by anything else, so two who fit equally are both seen."""
FIND: Final = """WITH hit AS MATERIALIZED (
  SELECT w.digest, h.subjects FROM unnest(%b::bytea[]) AS w(digest) CROSS JOIN LATERAL (
    SELECT array_agg(l.subject) AS subjects FROM (
      SELECT p.subject FROM directory.point p WHERE p.digest = w.digest LIMIT %s + 1) l) h
  WHERE cardinality(h.subjects) <= %s),
found AS MATERIALIZED (
  SELECT s.subject, array_agg(hit.digest) AS digests FROM hit, unnest(hit.subjects) AS s(subject) GROUP BY s.subject)
SELECT f.subject, o.population, o.client, o.normaliser, o.sealed, f.digests FROM found f CROSS JOIN LATERAL (
  SELECT population, client, normaliser, sealed FROM directory.person WHERE subject = f.subject OFFSET 0) o"""
_PEOPLE: Final = "SELECT subject, normaliser, sealed FROM directory.person WHERE subject = ANY(%b)"
_FORGET: Final = """DELETE FROM directory.person WHERE subject IN
(SELECT subject FROM directory.person WHERE subject = ANY(%b) ORDER BY subject FOR UPDATE) RETURNING subject"""

type_why = tuple[str, PointKind | None]
"""Who asked, and by which kind of point alone, if by one."""


class NewerDirectory(TransientError):
    """The directory is being indexed by newer rules than these: this worker must be upgraded, and waits for it."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """How a person was reachable before the request: what is on file."""

    email: str | None = None
    address: dict[str, Any] | None = None
    name: str | None = None
    locale: str | None = None


async def lookup(conn: Conn, asked: Mapping[str, Offered], keys: KeyStore) -> dict[str, list[Candidate]]:
    """Every person of the offer's brand who shares something few people share with it, per question.

    Raises:
        NewerDirectory: rules of a newer release indexed it; trying again helps once this worker is upgraded.
    """
    digests = Digests(keys)
    wanted, rows = await _find(conn, asked, digests)
    said = {question: (offer.wanted, offer.names) for question, offer in asked.items()}
    found: dict[str, list[Candidate]] = {question: [] for question in asked}
    for subject, population, client, normaliser, sealed, hits in rows:
        held = open_held(sealed, subject, normaliser, digests)
        whose: dict[str, set[PointKind]] = {}
        for question, kind in (why for hit in hits for why in wanted[hit]):
            whose.setdefault(question, set()).update([kind] if kind else [])
        for question, kinds in whose.items():
            matched, name = compare(held.values(), *said[question])
            near = frozenset(kinds - {one.kind for one in matched})
            found[question].append(Candidate(str(subject), Population(population), client, matched, name, near))
    return {question: sorted(some, key=lambda c: c.subject) for question, some in found.items()}


async def _find(
    conn: Conn, asked: Mapping[str, Offered], digests: Digests
) -> tuple[dict[bytes, list[type_why]], list[TupleRow]]:
    """Ask under every version there is; again, should one have been added meanwhile."""
    alive = {Version(*row) for row in await (await conn.execute(VERSIONS)).fetchall()}
    while True:
        wanted = _wanted(asked, alive, digests)
        if not wanted:
            return {}, []
        async with conn.pipeline():
            rows = await conn.execute(FIND, [list(wanted), CROWD, CROWD])
            versions = await conn.execute(VERSIONS)
            found, now = await rows.fetchall(), {Version(*row) for row in await versions.fetchall()}
        if now <= alive:
            return wanted, found
        alive = now


def _wanted(asked: Mapping[str, Offered], versions: Iterable[Version], digests: Digests) -> dict[bytes, list[type_why]]:
    """Which questions wait for which digest."""
    wanted: dict[bytes, list[type_why]] = {}
    for version in sorted(versions):
        for question, offer in asked.items():
            for label, key in finders(_keys(offer, version.normaliser)):
                why = question, _KINDS.get(label)
                wanted.setdefault(digests.point(version.key, offer.brand, label, key), []).append(why)
    return wanted


_KINDS: Final = {kind.value: kind for kind in PointKind}


def _keys(offer: Offered, normaliser: int) -> frozenset[tuple[PointKind, str]]:
    try:
        return offer.keys(normaliser)
    except KeyError:
        raise NewerDirectory(
            f"the directory is indexed by rules {normaliser}, which this release does not know"
        ) from None


async def contacts(
    conn: Conn, subjects: Iterable[str], keys: KeyStore, *, held_by: Mapping[str, date] = _ANY_DAY
) -> dict[str, Contacts]:
    """The contacts on file; whose day `held_by` names, those that were on file on that day, changed since or not."""
    return {
        subject: Contacts(
            email=contact_of(held, "email", held_by.get(subject)),
            address=contact_of(held, "address", held_by.get(subject)),
            name=contact_of(held, "name", None),
            locale=contact_of(held, "locale", None),
        )
        for subject, held in (await _people(conn, subjects, keys)).items()
    }


async def values_of(
    conn: Conn, subjects: Iterable[str], keys: KeyStore, kinds: Iterable[PointKind] | None = None
) -> dict[str, set[tuple[PointKind, str]]]:
    """The normalised points each person's records hold: a client is told only what its own record holds already."""
    only = frozenset(PointKind if kinds is None else kinds)
    people = await _people(conn, subjects, keys)
    return {subject: {one for one in points_of(held) if one[0] in only} for subject, held in people.items()}


async def record_keys(
    conn: Conn, wanted: Iterable[tuple[str, str]], keys: KeyStore
) -> dict[tuple[str, str], Sequence[Mapping[str, str]]]:
    """The record keys of (subject, system) pairs: from here, and never from what somebody typed."""
    pairs = set(wanted)
    people = await _people(conn, {subject for subject, _ in pairs}, keys)
    found: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    for subject, held in people.items():
        for _, record in sorted(held.items()):
            if record["keys"] and (subject, record["system"]) in pairs:
                found.setdefault((subject, record["system"]), []).append(record["keys"])
    return dict(found)


async def forget(conn: Conn, subjects: Iterable[str]) -> set[str]:
    """Delete people with their points, records and contacts; returns those there were."""
    rows = await conn.execute(_FORGET, [[UUID(subject) for subject in subjects]])
    return {str(row[0]) async for row in rows}


async def _people(conn: Conn, subjects: Iterable[str], keys: KeyStore) -> dict[str, type_held]:
    digests, wanted = Digests(keys), [UUID(subject) for subject in subjects]
    rows = await (await conn.execute(_PEOPLE, [wanted])).fetchall()
    return {str(subject): open_held(sealed, subject, normaliser, digests) for subject, normaliser, sealed in rows}
