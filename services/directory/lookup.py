"""Questions to the directory: one query for a whole batch, and flat in the number of people it holds."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from rules.matching import Candidate
from schemas.values import PointKind, Population
from services.directory.digests import INDEXED, Digests
from services.directory.held import LABEL, compare, contact_of, open_held, points_of, type_held
from services.directory.offered import Offered
from services.directory.preferences import suppress, suppressed
from services.kernel.keys import KeyStore
from services.kernel.sealing import unseal

__all__ = [
    "Contacts",
    "contacts",
    "forget",
    "lookup",
    "record_keys",
    "suppress",
    "suppressed",
    "values_of",
]

Conn = AsyncConnection[TupleRow]
CROWD: Final = 500
"""People looked at per point at the most. More share one only where the value is nobody's own: it cannot tell them
apart, and must not make every look-up slow."""
FIND: Final = """SELECT s.subject, s.population, s.client, s.sealed, h.digests FROM (
  SELECT p.subject, array_agg(w.digest) AS digests FROM unnest(%s::bytea[]) AS w(digest)
  CROSS JOIN LATERAL (SELECT subject FROM directory.point WHERE digest = w.digest ORDER BY digest LIMIT %s) p
  GROUP BY p.subject) h
CROSS JOIN LATERAL (SELECT * FROM directory.person WHERE subject = h.subject OFFSET 0) s"""
_PEOPLE: Final = "SELECT subject, sealed FROM directory.person WHERE subject = ANY(%s)"
_RECORDS: Final = """SELECT r.subject, r.system, r.sealed FROM directory.record r
JOIN unnest(%s::uuid[], %s::text[]) AS w(subject, system) USING (subject, system) ORDER BY 1, 2, r.digest"""
_FORGET: Final = """DELETE FROM directory.person WHERE subject IN
(SELECT subject FROM directory.person WHERE subject = ANY(%s) ORDER BY subject FOR UPDATE)"""


@dataclass(frozen=True, slots=True)
class Contacts:
    """How a person was reachable before the request: what is on file."""

    email: str | None = None
    address: dict[str, Any] | None = None
    name: str | None = None
    locale: str | None = None


async def lookup(conn: Conn, asked: Mapping[str, Offered], keys: KeyStore) -> dict[str, list[Candidate]]:
    """Every person of the offer's brand who shares at least one indexed point with it, per question."""
    found: dict[str, list[Candidate]] = {question: [] for question in asked}
    wanted = _wanted(asked, Digests(keys))
    if not wanted:
        return found
    key = keys.derive(LABEL)
    async for subject, population, client, sealed, digests in await conn.execute(FIND, [list(wanted), CROWD]):
        held = open_held(sealed, subject, key)
        for question in dict.fromkeys(name for digest in digests for name in wanted[digest]):
            matched, name = compare(held, asked[question])
            found[question].append(Candidate(str(subject), Population(population), client, matched, name))
    return {question: sorted(some, key=lambda c: c.subject) for question, some in found.items()}


def _wanted(asked: Mapping[str, Offered], digests: Digests) -> dict[bytes, list[str]]:
    """Which questions wait for which digest."""
    wanted: dict[bytes, list[str]] = {}
    for question, offer in asked.items():
        for kind, normal in sorted(offer.points):
            if kind in INDEXED:
                wanted.setdefault(digests.point(offer.brand, kind, normal), []).append(question)
    return wanted


async def contacts(
    conn: Conn, subjects: Iterable[str], keys: KeyStore, *, held_by: date | None = None
) -> dict[str, Contacts]:
    """The contacts on file; with `held_by`, only those on file on that day already and not changed since."""
    return {
        subject: Contacts(
            email=contact_of(held, "email", held_by),
            address=contact_of(held, "address", held_by),
            name=contact_of(held, "name", None),
            locale=contact_of(held, "locale", None),
        )
        for subject, held in (await _held(conn, subjects, keys)).items()
    }


async def values_of(
    conn: Conn, subjects: Iterable[str], keys: KeyStore, kinds: Iterable[PointKind] | None = None
) -> dict[str, set[tuple[PointKind, str]]]:
    """The normalised points each person's records hold: a client is told only what its own record holds already."""
    only = frozenset(PointKind if kinds is None else kinds)
    people = await _held(conn, subjects, keys)
    return {subject: {one for one in points_of(held) if one[0] in only} for subject, held in people.items()}


async def record_keys(
    conn: Conn, wanted: Iterable[tuple[str, str]], keys: KeyStore
) -> dict[tuple[str, str], Sequence[Mapping[str, str]]]:
    """The record keys of (subject, system) pairs: from here, and never from what somebody typed."""
    pairs = sorted(set(wanted))
    key = keys.derive(LABEL)
    found: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    args = [[UUID(subject) for subject, _ in pairs], [system for _, system in pairs]]
    async for subject, system, sealed in await conn.execute(_RECORDS, args):
        opened = json.loads(unseal(key, sealed, f"{subject}|{system}".encode()))
        found.setdefault((str(subject), system), []).append(opened)
    return dict(found)


async def forget(conn: Conn, subjects: Iterable[str]) -> int:
    """Delete people with their points, records and contacts; returns how many there were."""
    return (await conn.execute(_FORGET, [[UUID(subject) for subject in subjects]])).rowcount


async def _held(conn: Conn, subjects: Iterable[str], keys: KeyStore) -> dict[str, type_held]:
    key, wanted = keys.derive(LABEL), [UUID(subject) for subject in subjects]
    rows = await conn.execute(_PEOPLE, [wanted])
    return {str(subject): open_held(sealed, subject, key) async for subject, sealed in rows}
