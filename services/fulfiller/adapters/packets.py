"""What each client may be told: the person's own words that fit this client's record, and nothing else."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from rules.handbook import Handbook
from rules.matching import locate
from rules.normalise import normalise
from schemas.events import CorrectedValue, OfferedPoint
from schemas.public import Correction, RequestSubmitted, Subject
from schemas.values import PointKind
from services.directory.lookup import lookup, values_of
from services.directory.offered import Offered, merge, offered_in, raw_points
from services.fulfiller.decide import Packet
from services.kernel.clock import Clock
from services.kernel.keys import KeyStore
from services.kernel.store import Conn
from services.kernel.tokens import case_key
from services.kernel.vault import Vault

_KINDS: Final = {"name": PointKind.NAME, "email": PointKind.EMAIL, "phone": PointKind.PHONE}
"""Fields of corrections whose old value can be held against a record."""

type_point = tuple[PointKind, str]


@dataclass(frozen=True)
class Said:
    """Everything one person has said so far about themself, and the submission it began with."""

    first: RequestSubmitted
    subjects: tuple[bytes, ...]
    """As intake wrote them, with their normal form."""

    @property
    def country(self) -> str:
        """Where their numbers and addresses are read."""
        return self.first.residence.country if self.first.residence else "US"

    @property
    def residence(self) -> str | None:
        """ISO 3166-2 as far as given."""
        home = self.first.residence
        return "-".join(part for part in (home.country, home.region) if part) if home else None

    def offer(self) -> Offered:
        """Their points in the form the directory compares."""
        return merge(self.first.brand, *(offered_in(raw, self.country) for raw in self.subjects))

    @cached_property
    def points(self) -> list[tuple[PointKind, str, Any]]:
        """Every usable point as (kind, normal form, as given)."""
        subjects = [Subject.model_validate_json(raw) for raw in self.subjects]
        return [point for subject in subjects for point in raw_points(subject, self.country)]

    def packet(self, held: set[type_point]) -> Packet:
        """What of it fits a record that holds these points."""
        points = {
            f"{kind}/{normal}": OfferedPoint(kind=kind, value=value)
            for kind, normal, value in self.points
            if (kind, normal) in held
        }
        corrections = tuple(
            CorrectedValue(field=c.field, new=c.new) for c in self.first.corrections if self._concerns(c, held)
        )
        return Packet(tuple(points[name] for name in sorted(points)), corrections, self.residence)

    def _concerns(self, correction: Correction, held: set[type_point]) -> bool:
        """Whether a correction can be about this record: not if it names an old value that is not in there."""
        kind = _KINDS.get(correction.field)
        if kind is None or not correction.old:
            return True
        return (kind, normalise(kind, correction.old, country=self.country)) in held


class Packets:
    """Makes packets for whole batches: a fixed number of queries, whatever their number."""

    def __init__(self, handbook: Handbook, vault: Vault, keys: KeyStore, clock: Clock) -> None:
        self._handbook, self._vault, self._keys, self._clock = handbook, vault, keys, clock

    async def of(self, conn: Conn, requests: Sequence[str]) -> dict[tuple[str, str], Packet]:
        """One packet per request and client whose record is located by what was said; empty when none is."""
        said = await self._said(conn, requests)
        found = await lookup(conn, {request: one.offer() for request, one in said.items()}, self._keys)
        day = self._clock().date()
        located = {r: locate(some, on=day, policy=self._handbook.points) for r, some in found.items()}
        held = await values_of(conn, {c.subject for some in located.values() for c in some}, self._keys)
        packets: dict[tuple[str, str], Packet] = {}
        for request, candidates in located.items():
            for client in sorted({c.client for c in candidates if c.client}):
                theirs = {value for c in candidates if c.client == client for value in held.get(c.subject, ())}
                packets[request, client] = said[request].packet(theirs)
        return packets

    async def _said(self, conn: Conn, requests: Iterable[str]) -> dict[str, Said]:
        cases = {request: case_key(request) for request in requests}
        items = await self._vault.under(conn, sorted(set(cases.values())), "sub")
        by_case: dict[str, dict[str, bytes]] = {}
        for (case, name), raw in sorted(items.items()):
            by_case.setdefault(case, {})[name] = raw
        read = {case: _read(named) for case, named in by_case.items() if "submission" in named}
        return {request: read[case] for request, case in cases.items() if case in read}


def _read(named: Mapping[str, bytes]) -> Said:
    subjects = tuple(raw for name, raw in named.items() if name != "submission")
    return Said(RequestSubmitted.model_validate_json(named["submission"]), subjects)


def points_of(numbers: Mapping[PointKind, Iterable[Any]]) -> frozenset[type_point]:
    """Values as a client writes them, in the form the directory compares; what cannot be one is left out."""
    found = ((kind, normalise(kind, value)) for kind, values in numbers.items() for value in values)
    return frozenset((kind, normal) for kind, normal in found if normal is not None)
