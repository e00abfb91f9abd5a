"""What is held of one person, record by record, as it lies sealed; and how a newly loaded record changes it. Pure."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final, TypedDict

from rules.matching import Matched
from rules.names import NameFit, fit
from rules.normalise import exact_keys
from schemas.values import PointKind
from services.directory.offered import Offered
from services.directory.person import Person
from services.kernel.sealing import seal, unseal

LABEL: Final = "directory/v1"
"""For the key that seals people and record keys."""
_BEST_FIRST: Final = (NameFit.EXACT, NameFit.FUZZY, NameFit.NONE)

type_dated = list[Any]
"""A value and the day since which it is held, or None: [value, "2026-01-31"]."""


class Record(TypedDict):
    """One record of a person in one system."""

    names: list[type_dated]
    points: list[list[str | None]]
    email: type_dated | None
    address: type_dated | None
    locale: str | None
    source: str
    reliable: bool


type_held = dict[str, Record]
"""All records of one person, by an id that says system and record and nothing else."""


def seal_held(held: type_held, subject: object, key: bytes) -> bytes:
    """Seal what is held of one person."""
    return seal(key, json.dumps(held, separators=(",", ":")).encode(), str(subject).encode())


def open_held(sealed: bytes, subject: object, key: bytes) -> type_held:
    """Unseal what is held of one person."""
    held: type_held = json.loads(unseal(key, sealed, str(subject).encode()))
    return held


def record_of(person: Person, before: Record | None, today: date) -> Record:
    """The record as it is now. A value the record did not hold before is held since today at the earliest."""
    since = person.since.isoformat() if person.since else None
    old = _dated(before) if before else None

    def dated(what: str, value: Any) -> str | None:  # noqa: ANN401  any JSON value
        if old is None:
            return since
        known = (what, json.dumps(value))
        return max(filter(None, (since, old[known] if known in old else today.isoformat())), default=None)

    return Record(
        names=[[name, dated("name", name)] for name in person.names],
        points=[[kind.value, value, dated(kind, value)] for kind, value in sorted(set(person.points))],
        email=[person.email, dated("email_contact", person.email)] if person.email else None,
        address=[person.address, dated("address_contact", person.address)] if person.address else None,
        locale=person.locale,
        source=person.source,
        reliable=person.reliable,
    )


def _dated(record: Record) -> dict[tuple[str, str], str | None]:
    found = {("name", json.dumps(name)): since for name, since in record["names"]}
    found |= {(str(kind), json.dumps(value)): since for kind, value, since in record["points"]}
    for what, contact in (("email_contact", record["email"]), ("address_contact", record["address"])):
        if contact:
            found[what, json.dumps(contact[0])] = contact[1]
    return found


def points_of(held: type_held) -> set[tuple[PointKind, str]]:
    """Every normalised point held, whatever record it is in."""
    return {
        (PointKind(kind), value) for record in held.values() for kind, value, _ in record["points"] if kind and value
    }


def compare(held: type_held, offer: Offered) -> tuple[tuple[Matched, ...], NameFit]:
    """Which held points equal offered ones, and how well the names fit. Order never matters."""
    asked = [(kind, normal) for kind, normal in offer.points if kind != PointKind.NAME]
    wanted: set[tuple[PointKind, str]] = {
        (kind, key) for kind, normal in asked for key in (normal, *exact_keys(kind, normal))
    }
    found = {one for record in held.values() for one in _matched(record, wanted)}
    fits = [(fit_, one) for record in held.values() for fit_, one in _names(record, offer.names)]
    found |= {one for fit_, one in fits if fit_ is NameFit.EXACT}
    seen = {fit_ for fit_, _ in fits}
    best = next((fit_ for fit_ in _BEST_FIRST if fit_ in seen), NameFit.UNKNOWN)
    return tuple(sorted(found, key=_order)), best


def _matched(record: Record, wanted: set[tuple[PointKind, str]]) -> Iterator[Matched]:
    for kind, value, since in record["points"]:
        if kind and value and (PointKind(kind), value) in wanted:
            yield Matched(PointKind(kind), record["source"], _day(since), record["reliable"])


def _names(record: Record, offered: tuple[str, ...]) -> Iterator[tuple[NameFit, Matched]]:
    """How each name fits; what an unreliable record says proves nothing."""
    for name, since in record["names"]:
        for given in offered:
            found = fit(given, name)
            if found is NameFit.EXACT and not record["reliable"]:
                found = NameFit.FUZZY
            yield found, Matched(PointKind.NAME, record["source"], _day(since), record["reliable"])


def _order(one: Matched) -> tuple[str, str, str, bool]:
    return one.kind, one.source, one.held_since.isoformat() if one.held_since else "", one.reliable


def _day(since: str | None) -> date | None:
    return date.fromisoformat(since) if since else None


def contact_of(held: type_held, field: str, held_by: date | None) -> Any:  # noqa: ANN401  a string or an address
    """The newest contact on file that was there on that day already; records are tried in a fixed order."""
    found: list[tuple[str, str, Any]] = []
    for record_id, record in held.items():
        dated: type_dated | None = _contact(record, field)
        if dated and record["reliable"] and (held_by is None or (dated[1] or "") <= held_by.isoformat()):
            found.append((dated[1] or "", record_id, dated[0]))
    return max(found, key=lambda one: one[:2])[2] if found else None


def _contact(record: Mapping[str, Any], field: str) -> type_dated | None:
    if field == "name":
        return record["names"][0] if record["names"] else None
    if field == "locale":
        return [record["locale"], None] if record["locale"] else None
    found: type_dated | None = record[field]
    return found
