"""Questions to the directory, one query for a whole batch, flat in the number of people it holds."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from rules.matching import Candidate, Matched
from rules.names import NameFit, fit
from schemas.values import PointKind, Population
from services.directory.digests import Digests
from services.directory.offered import Offered
from services.kernel.keys import KeyStore
from services.kernel.vault import seal, unseal

Conn = AsyncConnection[TupleRow]
LABEL: Final = "directory/v1"
_FIND: Final = """SELECT p.digest, p.kind, p.source, p.reliable, p.held_since, s.subject, s.brand, s.population, s.client,
s.sealed FROM directory.point p JOIN directory.person s USING (subject) WHERE p.digest = ANY(%s)"""
_PEOPLE: Final = "SELECT subject, sealed FROM directory.person WHERE subject = ANY(%s)"
_RECORDS: Final = """SELECT r.subject, r.system, r.sealed FROM directory.record r
JOIN unnest(%s::uuid[], %s::text[]) AS w(subject, system) USING (subject, system) ORDER BY 1, 2, r.digest"""
_FORGET: Final = "DELETE FROM directory.person WHERE subject = ANY(%s)"
_SUPPRESS: Final = """INSERT INTO directory.suppression (token, kind, at) SELECT unnest(%s::bytea[]), %s, %s
ON CONFLICT (token, kind) DO NOTHING"""
NOT_A_POINT: Final = frozenset({PointKind.POSTCODE, PointKind.NAME})
"""Too many people share one: never looked up alone, only compared inside a record found otherwise."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """How a person was reachable before the request: what is on file."""

    email: str | None = None
    address: dict[str, Any] | None = None
    name: str | None = None
    locale: str | None = None


@dataclass(slots=True)
class _Hit:
    population: Population
    client: str | None
    person: dict[str, Any]
    matched: dict[PointKind, Matched] = field(default_factory=dict)


def open_person(sealed: bytes, subject: object, key: bytes) -> dict[str, Any]:
    """Unseal what is held of one person: values per kind, contacts."""
    held: dict[str, Any] = json.loads(unseal(key, bytes(sealed), str(subject).encode()))
    return held


def seal_person(held: Mapping[str, Any], subject: object, key: bytes) -> bytes:
    """Seal what is held of one person."""
    return seal(key, json.dumps(held).encode(), str(subject).encode())


async def lookup(conn: Conn, asked: Mapping[str, Offered], keys: KeyStore) -> dict[str, list[Candidate]]:
    """Every record that shares at least one point with what was offered, per question."""
    digests, wanted = Digests(keys), dict[bytes, list[str]]()
    for question, offer in asked.items():
        for kind, normal in offer.points:
            if kind not in NOT_A_POINT:
                wanted.setdefault(digests.point(offer.brand, kind, normal), []).append(question)
    hits: dict[str, dict[UUID, _Hit]] = {question: {} for question in asked}
    key, opened = keys.derive(LABEL), dict[UUID, dict[str, Any]]()
    if not wanted:
        return {question: [] for question in asked}
    async for row in await conn.execute(_FIND, [list(wanted)]):
        subject = row[5]
        if subject not in opened:
            opened[subject] = open_person(row[9], subject, key)
        for question in wanted[bytes(row[0])]:
            known = hits[question].setdefault(subject, _Hit(Population(row[7]), row[8], opened[subject]))
            known.matched[PointKind(row[1])] = Matched(PointKind(row[1]), row[2], row[4], row[3])
    return {
        question: [_candidate(subject, hit, asked[question]) for subject, hit in sorted(found.items())]
        for question, found in hits.items()
    }


def _candidate(subject: UUID, hit: _Hit, offer: Offered) -> Candidate:
    held_names = hit.person.get("names", [])
    fits = [fit(given, held) for given in offer.names for held in held_names]
    name = next((f for f in (NameFit.EXACT, NameFit.FUZZY, NameFit.NONE) if f in fits), NameFit.UNKNOWN)
    matched = dict(hit.matched)
    since = date.fromisoformat(hit.person["since"]) if hit.person.get("since") else None
    source = hit.person.get("source", "")
    if name is NameFit.EXACT:
        matched[PointKind.NAME] = Matched(PointKind.NAME, source, since, reliable=True)
    codes = {normal for kind, normal in offer.points if kind is PointKind.POSTCODE}
    if codes & set(hit.person.get("postcodes", [])):
        matched[PointKind.POSTCODE] = Matched(PointKind.POSTCODE, source, since, reliable=True)
    ordered = tuple(matched[kind] for kind in sorted(matched))
    return Candidate(str(subject), hit.population, hit.client, ordered, name)


async def contacts(conn: Conn, subjects: Iterable[str], keys: KeyStore) -> dict[str, Contacts]:
    """The contacts on file, held since before the request."""
    key, found = keys.derive(LABEL), {}
    async for subject, sealed in await conn.execute(_PEOPLE, [[UUID(s) for s in subjects]]):
        held = open_person(sealed, subject, key)
        names = held.get("names") or [None]
        found[str(subject)] = Contacts(held.get("email"), held.get("address"), names[0], held.get("locale"))
    return found


async def values_of(
    conn: Conn, subjects: Iterable[str], keys: KeyStore
) -> dict[str, set[tuple[PointKind, str]]]:
    """The normalised points each record holds, to tell a client only what its own record holds already."""
    key, found = keys.derive(LABEL), {}
    async for subject, sealed in await conn.execute(_PEOPLE, [[UUID(s) for s in subjects]]):
        held = open_person(sealed, subject, key)
        found[str(subject)] = {(PointKind(kind), value) for kind, value in held.get("points", [])}
    return found


async def record_keys(
    conn: Conn, wanted: Iterable[tuple[str, str]], keys: KeyStore
) -> dict[tuple[str, str], Sequence[Mapping[str, str]]]:
    """The record keys of people in systems, from here and never from what somebody typed."""
    pairs, key = list(wanted), keys.derive(LABEL)
    found: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    args = [[UUID(subject) for subject, _ in pairs], [system for _, system in pairs]]
    async for subject, system, sealed in await conn.execute(_RECORDS, args):
        opened = json.loads(unseal(key, bytes(sealed), f"{subject}|{system}".encode()))
        found.setdefault((str(subject), system), []).append(opened)
    return dict(found)


async def forget(conn: Conn, subjects: Iterable[str]) -> int:
    """Delete people with their points, records and contacts."""
    return (await conn.execute(_FORGET, [[UUID(subject) for subject in subjects]])).rowcount


async def suppress(conn: Conn, keys: KeyStore, subjects: Iterable[str], kind: str, now: datetime) -> None:
    """Remember by keyed token that something was done for these people, so that it stays done."""
    digests, key = Digests(keys), keys.derive(LABEL)
    tokens = [digests.suppression(subject) for subject in subjects]
    async for subject, sealed in await conn.execute(_PEOPLE, [[UUID(s) for s in subjects]]):
        held = open_person(sealed, subject, key)
        tokens += [digests.suppression(f"{k}|{value}") for k, value in held.get("points", [])]
    if tokens:
        await conn.execute(_SUPPRESS, [tokens, kind, now])
