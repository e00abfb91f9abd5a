"""Whose data must stay although their time is over: those a request is about, may still be about, or somebody held."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import psycopg

from rules.laws import Law
from rules.recourse import kept_until
from schemas.public import RequestSubmitted, Subject
from services.directory.lookup import lookup, record_keys
from services.directory.offered import Offered, merge, offered
from services.kernel.errors import PermanentError
from services.kernel.keys import KeyStore
from services.kernel.store import Conn
from services.kernel.tokens import case_key
from services.kernel.vault import Vault

Ground = Literal["law", "court_order", "business_critical"]
AT_ONCE: Final = 500
_OPEN: Final = """SELECT id, body->>'subject', body->'accepted'->'subjects', body->'clients',
coalesce((body->'accepted'->>'verify')::bool, false) AND body->>'subject' IS NULL AND NOT (body->>'unverified')::bool
FROM fulfiller.state WHERE due_at IS NOT NULL"""
_CLOSED: Final = """SELECT s.body->>'subject', s.body->'accepted'->'subjects', r.law, r.closed_at
FROM fulfiller.state s JOIN ops.requests r ON r.request_id = s.id
WHERE s.due_at IS NULL AND r.law = ANY(%s) AND r.closed_at IS NOT NULL"""
_BY_HAND: Final = "SELECT subject FROM ops.holds WHERE released_at IS NULL AND (until IS NULL OR until > %s)"
_SUBJECTS: Final = """SELECT DISTINCT s FROM fulfiller.state, LATERAL (
  SELECT body->>'subject' AS s UNION SELECT jsonb_array_elements_text(coalesce(body->'accepted'->'subjects', '[]'))) t
WHERE id = %s AND s IS NOT NULL"""
_PUT: Final = """INSERT INTO ops.holds (id, subject, request_id, ground, basis, until, by, placed_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"""
_RELEASE: Final = "UPDATE ops.holds SET released_at = %s, released_by = %s WHERE id = %s AND released_at IS NULL"
_LIST: Final = """SELECT id, subject, request_id, ground, basis, until, by, placed_at FROM ops.holds
WHERE released_at IS NULL ORDER BY placed_at, id"""


class NothingToHold(PermanentError):
    """No request of that id is about anybody known; or no hold of that id stands."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Why somebody's records must stay: law, court order or critical need, what it rests on, until when, by whom."""

    ground: Ground
    basis: str
    until: datetime | None
    by: str


def place(db: psycopg.Connection[Any], request: str, hold: Hold, ids: Iterable[UUID], now: datetime) -> list[str]:
    """Let the records of everybody a request is about stay; `ids` names the holds. Returns whose.

    Raises:
        NothingToHold: it is about nobody the directory knows.
    """
    subjects = sorted(row[0] for row in db.execute(_SUBJECTS, [request]))
    if not subjects:
        raise NothingToHold(f"request {request} is about nobody who was found; hold it when it is verified")
    for subject, hold_id in zip(subjects, ids, strict=False):
        db.execute(_PUT, [hold_id, subject, request, hold.ground, hold.basis, hold.until, hold.by, now])
    return subjects


def release(db: psycopg.Connection[Any], hold_id: str, by: str, now: datetime) -> None:
    """End a hold.

    Raises:
        NothingToHold: no such hold stands.
    """
    if not db.execute(_RELEASE, [now, by, hold_id]).rowcount:
        raise NothingToHold(f"no hold {hold_id} stands")


def standing(db: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """Every hold that was placed by hand and not released."""
    names = ("id", "subject", "request_id", "ground", "basis", "until", "by", "placed_at")
    return [dict(zip(names, row, strict=True)) for row in db.execute(_LIST)]


async def spared(
    conn: Conn, keys: KeyStore, laws: Mapping[str, Law], systems: Iterable[str], now: datetime
) -> dict[str, dict[str, frozenset[str]]]:
    """Per system and kind of record key, the keys whose rows must stay."""
    subjects = await _subjects(conn, keys, laws, now)
    found: dict[str, dict[str, set[str]]] = {}
    for start in range(0, len(subjects), AT_ONCE):
        wanted = [(subject, system) for subject in subjects[start : start + AT_ONCE] for system in systems]
        for (_, system), records in (await record_keys(conn, wanted, keys)).items():
            for name, value in (pair for record in records for pair in record.items()):
                found.setdefault(system, {}).setdefault(name, set()).add(value)
    return {system: {name: frozenset(some) for name, some in named.items()} for system, named in found.items()}


async def _subjects(conn: Conn, keys: KeyStore, laws: Mapping[str, Law], now: datetime) -> list[str]:
    """Everybody an open request is or may be about, whose recourse is open, or who is held by hand."""
    about: set[str] = set()
    unproven: list[str] = []
    async for request, subject, several, clients, proving in await conn.execute(_OPEN):
        about |= {subject, *(several or ())} - {None}
        about |= {one for located in (clients or {}).values() for one in located.get("subjects", ())}
        unproven += [request] if proving else []
    keeping = {name: law for name, law in laws.items() if law.recourse.keep_data}
    async for subject, several, law, closed_at in await conn.execute(_CLOSED, [list(keeping)]):
        last = kept_until(keeping[law], closed_at.date())
        about |= {subject, *(several or ())} - {None} if last and last >= now.date() else set()
    about |= {row[0] async for row in await conn.execute(_BY_HAND, [now])}
    return sorted(about | await _perhaps(conn, keys, unproven))


async def _perhaps(conn: Conn, keys: KeyStore, requests: Iterable[str]) -> set[str]:
    """Whoever those may be who have asked and not proven who they are."""
    cases, found = sorted({case_key(request) for request in requests}), set[str]()
    for start in range(0, len(cases), AT_ONCE):
        said: dict[str, dict[str, bytes]] = {}
        for (case, name), raw in (await Vault(keys).under(conn, cases[start : start + AT_ONCE], "sub")).items():
            said.setdefault(case, {})[name] = raw
        offers = {case: _offer(named) for case, named in said.items() if "submission" in named}
        found |= {c.subject for some in (await lookup(conn, offers, keys)).values() for c in some}
    return found


def _offer(named: Mapping[str, bytes]) -> Offered:
    first = RequestSubmitted.model_validate_json(named["submission"])
    country = first.residence.country if first.residence else "US"
    subjects = [Subject.model_validate(json.loads(raw)) for name, raw in sorted(named.items()) if name != "submission"]
    return merge(first.brand, *(offered(one, country) for one in [first.subject, *subjects]))
