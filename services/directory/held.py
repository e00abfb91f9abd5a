"""What is held of one person, record by record, as it lies sealed; and how a newly told record changes it. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, astuple
from datetime import date, timedelta
from typing import Any, Final, NotRequired
from uuid import UUID

from rules import normalise as rules
from rules.compare import Record
from rules.finding import finders
from rules.normalise import PostalAddress, normalise, second_keys
from schemas.values import PointKind
from services.directory.digests import Digests, Version
from services.directory.person import Person, Point

type_dated = list[Any]
"""A value and the day since which it is held, or None for all along: [value, "2026-01-31"]."""
REMEMBERED: Final = timedelta(days=180)
"""How long a contact that was changed is remembered: longer than any request waits that came before the change."""


class HeldRecord(Record):
    """One record of a person in one system. A point is [kind, key, since, raw or None where it is the key, country].

    `begun` is the record's own first day: what was there then was never changed. `earlier` are contacts that were
    changed, by field: [value, since, the day it was changed].
    """

    system: str
    keys: dict[str, str]
    email: type_dated | None
    address: type_dated | None
    locale: str | None
    begun: NotRequired[str | None]
    earlier: NotRequired[dict[str, list[type_dated]]]


type_held = dict[str, HeldRecord]
"""All records of one person, by an id that says system and record and nothing else."""


def seal_held(held: type_held, subject: UUID, digests: Digests) -> bytes:
    """Seal what is held of one person."""
    return digests.seal(json.dumps(held, separators=(",", ":")).encode(), str(subject))


def open_held(sealed: bytes, subject: UUID, normaliser: int, digests: Digests) -> type_held:
    """Unseal what is held of one person: in today's form, whatever version of the normaliser wrote it."""
    held: type_held = json.loads(digests.open(sealed, str(subject)))
    return held if normaliser == rules.NORMALISER_VERSION else {i: _renewed(record) for i, record in held.items()}


def record_of(person: Person, before: HeldRecord | None, today: date, *, live: bool = False) -> HeldRecord:
    """The record as it is now. A value the record did not hold before is held since today at the earliest.

    A record never seen before brings its own day, or none; told `live`, it may have been made a moment ago.
    """
    since = person.since.isoformat() if person.since else None
    old = _dated(before) if before else {}
    known = before is not None or (live and since is None)

    def dated(what: str, value: Any) -> str | None:  # noqa: ANN401  any JSON value
        held = (what, json.dumps(value))
        if not known:
            return since
        return max(filter(None, (since, old[held] if held in old else today.isoformat())), default=None)

    address = asdict(person.address) if person.address else None
    contacts: dict[str, type_dated | None] = {
        "email": [person.email, dated("email_contact", person.email)] if person.email else None,
        "address": [address, dated("address_contact", address)] if address else None,
    }
    points = sorted(set(person.points), key=lambda point: (point.kind, point.key, str(point.raw)))
    record = HeldRecord(
        source=person.source,
        reliable=person.reliable,
        names=[[name, dated("name", name)] for name in person.names],
        points=[[p.kind.value, p.key, dated(p.kind.value, p.key), _raw(p), p.country] for p in points],
        system=person.system,
        keys=dict(person.record_keys),
        email=contacts["email"],
        address=contacts["address"],
        locale=person.locale,
    )
    record["begun"] = before.get("begun") if before else dated("begun", None)
    earlier = {field: _earlier(before, field, now, today) for field, now in contacts.items()} if before else {}
    if kept := {field: some for field, some in earlier.items() if some}:
        record["earlier"] = kept
    return record


def _earlier(before: HeldRecord, field: str, now: type_dated | None, today: date) -> list[type_dated]:
    """The contacts of one field that were changed not long ago, the one that changes now among them."""
    old: type_dated | None = _contact(before, field)
    changed = [[*old, today.isoformat()]] if old and (now is None or old[0] != now[0]) else []
    oldest = (today - REMEMBERED).isoformat()
    return [one for one in before.get("earlier", {}).get(field, []) if one[2] > oldest] + changed


def _raw(point: Point) -> str | list[str] | None:
    if isinstance(point.raw, PostalAddress):
        return list(astuple(point.raw))
    return None if point.raw == point.key else point.raw


def _written(key: str, raw: str | list[str] | None) -> str | PostalAddress:
    return PostalAddress(*raw) if isinstance(raw, list) else key if raw is None else raw


def _dated(record: HeldRecord) -> dict[tuple[str, str], str | None]:
    found = {("name", json.dumps(name)): since for name, since in record["names"]}
    found |= {(kind, json.dumps(key)): since for kind, key, since, *_ in record["points"]}
    for what, contact in (("email_contact", record["email"]), ("address_contact", record["address"])):
        if contact:
            found[what, json.dumps(contact[0])] = contact[1]
    return found


def _renewed(record: HeldRecord) -> HeldRecord:
    """A record with every key made anew from what was written."""
    points = []
    for kind, key, since, raw, country in record["points"]:
        written = _written(key, raw)
        if (now := normalise(PointKind(kind), written, country=country)) is not None:
            points.append([kind, now, since, key if raw is None and now != key else raw, country])
    return {**record, "points": points}


def points_of(held: type_held) -> set[tuple[PointKind, str]]:
    """Every normalised point held, names among them, whatever record it is in."""
    names = {
        (PointKind.NAME, normalise(PointKind.NAME, name)) for record in held.values() for name, _ in record["names"]
    }
    points = {(PointKind(kind), key) for record in held.values() for kind, key, *_ in record["points"]}
    return points | {(kind, key) for kind, key in names if key}


def index_of(held: type_held, brand: str, version: Version, digests: Digests) -> set[bytes]:
    """The digests one person is found by, by today's rules."""
    return {digests.point(version.key, brand, label, key) for label, key in finders({*points_of(held), *_near(held)})}


def _near(held: type_held) -> Iterator[tuple[PointKind, str]]:
    """The second keys of everything held."""
    for record in held.values():
        for name, _ in record["names"]:
            yield from ((PointKind.NAME, key) for key in second_keys(PointKind.NAME, name))
        for kind, key, _, raw, country in record["points"]:
            found = second_keys(PointKind(kind), _written(key, raw), country=country)
            yield from ((PointKind(kind), second) for second in found)


def contact_of(held: type_held, field: str, held_by: date | None) -> Any:  # noqa: ANN401  a string or an address
    """The newest contact on file; with a day, the one that was there then, also if it was changed since.

    Who was not known on that day is reached where they have been reached from the first day on.
    """
    found: list[tuple[str, str, Any]] = []
    day = held_by.isoformat() if held_by else None
    for record_id, record in held.items():
        if not record["reliable"]:
            continue
        dated: type_dated | None = _contact(record, field)
        first = dated is not None and dated[1] is not None and dated[1] == record.get("begun")
        if dated and (day is None or first or (dated[1] or "") <= day):
            found.append((dated[1] or "", record_id, dated[0]))
        then = [one for one in record.get("earlier", {}).get(field, []) if day and (one[1] or "") <= day < one[2]]
        found += [(since or "", record_id, value) for value, since, _ in then]
    return max(found, key=lambda one: one[:2])[2] if found else None


def _contact(record: Mapping[str, Any], field: str) -> type_dated | None:
    if field == "name":
        return record["names"][0] if record["names"] else None
    if field == "locale":
        return [record["locale"], None] if record["locale"] else None
    found: type_dated | None = record[field]
    return found
