"""Intake's surroundings in PostgreSQL: sources, clients, directory, vault; each asked once per batch."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from rules.handbook import Handbook
from rules.matching import Candidate
from rules.points import Throttled
from rules.rights import TAKEN_BACK
from schemas.events import RequestSettled
from schemas.public import RequestSubmitted, Subject
from schemas.values import AnswerKind, Mode, Right
from services.directory.counters import Counters
from services.directory.lookup import lookup
from services.directory.offered import Offered, merge, offered, without_points
from services.directory.preferences import suppressed_each
from services.intake.decide.case import Case
from services.intake.decide.facts import Facts
from services.intake.decide.reading import Answer, Submission
from services.kernel import tokens
from services.kernel.effects import Done
from services.kernel.house import House
from services.kernel.leases import Leased
from services.kernel.store import Conn

_SOURCES: Final = "SELECT name FROM ops.sources"
_MODES: Final = "SELECT id, mode FROM ops.clients WHERE enabled AND id = ANY(%s)"

type_heard = Submission | Answer | RequestSettled


class PostgresSurroundings:
    """Gathers what intake must know to decide a batch."""

    def __init__(self, handbook: Handbook, house: House) -> None:
        self._handbook, self._vault, self._keys, self._clock = handbook, house.vault, house.keys, house.clock
        self._ids, self._tokens = house.keys.derive("ids"), house.keys.derive("tokens")
        self._counters = Counters("intake", house.keys)

    async def gather(self, conn: Conn, batch: Sequence[Any], states: Mapping[str, Case]) -> Facts:
        """Bring together what the batch needs; queries grow with the kinds of messages, not with their number."""
        heard = [e for e in batch if isinstance(e, Submission | Answer) and e.body is not None]
        sources: frozenset[str] = frozenset()
        if any(isinstance(e, Submission | Answer | RequestSettled) for e in batch):
            sources = frozenset([row[0] async for row in await conn.execute(_SOURCES)])
        again = [e for e in batch if isinstance(e, RequestSettled) and e.reopens]
        submitted = await self._submitted(conn, [*heard, *again], states)
        found, offers = await self._found(conn, [*heard, *again], submitted)
        asking = self._asking(heard, submitted)
        clients = {c.client for some in found.values() for c in some if c.client}
        modes = {row[0]: Mode(row[1]) async for row in await conn.execute(_MODES, [sorted(clients)])} if clients else {}
        return Facts(
            handbook=self._handbook,
            sources=sources,
            modes=modes,
            name=lambda case, right: str(tokens.request_id(self._ids, UUID(case), right)),
            token=lambda request, kind, round_: tokens.answer_token(self._tokens, request, kind, round_),
            code=lambda request, round_: tokens.code(self._tokens, request, AnswerKind.CODE, round_),
            same=tokens.matches,
            found=found,
            offers=offers,
            submitted=submitted,
            asking=asking,
            opted_out=await self._opted_out(conn, heard, offers),
            tally=await self._counters.tally(conn, (n for one in asking.values() for n in one.values()), self._clock()),
        )

    def _asking(
        self, heard: Sequence[Submission | Answer], submitted: Mapping[UUID, RequestSubmitted]
    ) -> dict[UUID, Mapping[Throttled, str]]:
        """Who asks, for the messages that name parcels: nobody else is counted."""
        asking: dict[UUID, Mapping[Throttled, str]] = {}
        for event in heard:
            first = event.body if isinstance(event, Submission) else submitted.get(event.event_id)
            said = event.body.subject if event.body else None
            if first and said and (said.order_numbers or said.tracking_numbers):
                asking[event.event_id] = self._counters.asking(first)
        return asking

    async def _submitted(
        self, conn: Conn, heard: Sequence[type_heard], states: Mapping[str, Case]
    ) -> dict[UUID, RequestSubmitted]:
        """What the cases of these answers, and of requests taken up once more, were opened with."""
        cases = {e.event_id: _case(e) for e in heard if _needs_case(e)}
        known = {case for case in cases.values() if case in states and states[case].opened}
        items = await self._vault.get(conn, [(case, "submission") for case in sorted(known)]) if known else {}
        parsed = {case: RequestSubmitted.model_validate_json(raw) for (case, _), raw in items.items()}
        return {event_id: parsed[case] for event_id, case in cases.items() if case in parsed}

    async def _found(
        self, conn: Conn, heard: Sequence[type_heard], submitted: Mapping[UUID, RequestSubmitted]
    ) -> tuple[dict[UUID, tuple[Candidate, ...]], dict[UUID, Offered]]:
        """The directory's candidates for everything each person has said so far, and the points each message brings."""
        asked, brought = dict[str, Offered](), dict[UUID, Offered]()
        earlier = await self._earlier(conn, [e for e in heard if not isinstance(e, Submission)])
        for event in heard:
            first = event.body if isinstance(event, Submission) else submitted.get(event.event_id)
            if first is None or first.brand not in self._handbook.brands:
                continue
            country = first.residence.country if first.residence else "US"
            said = [first.subject, *earlier.get(event.event_id, ())]
            if isinstance(event, Answer) and event.body and event.body.subject:
                said.append(event.body.subject)
            offers = [offered(subject, country) for subject in said]
            brought[event.event_id], asked[str(event.event_id)] = offers[-1], merge(first.brand, *offers)
        candidates = await lookup(conn, asked, self._keys) if asked else {}
        return {UUID(event_id): tuple(found) for event_id, found in candidates.items()}, brought

    async def _opted_out(
        self, conn: Conn, heard: Sequence[Submission | Answer], offers: Mapping[UUID, Offered]
    ) -> dict[UUID, date]:
        """When people whom an app has asked for an opt-in had opted out: by their own points, record or none."""
        asked = {
            event.event_id: merge(event.body.brand, offers[event.event_id])
            for event in heard
            if isinstance(event, Submission) and event.body and event.body.prompted and event.event_id in offers
            if Right.OPT_IN_SALE in event.body.rights
        }
        noted = await suppressed_each(conn, self._keys, asked) if asked else {}
        days = {one: [at.date() for kind, at in some.items() if kind in TAKEN_BACK] for one, some in noted.items()}
        return {one: max(some) for one, some in days.items() if some}

    async def _earlier(self, conn: Conn, later: Sequence[type_heard]) -> dict[UUID, list[Subject]]:
        cases = {e.event_id: _case(e) for e in later}
        if not cases:
            return {}
        items = await self._vault.under(conn, sorted(set(cases.values())), "subject:")
        by_case: dict[str, list[Subject]] = {}
        for (case, _), raw in sorted(items.items()):
            by_case.setdefault(case, []).append(Subject.model_validate_json(raw))
        return {event_id: by_case.get(case, []) for event_id, case in cases.items()}


def _case(event: type_heard) -> str:
    return tokens.case_key(event.reopens or "" if isinstance(event, RequestSettled) else event.case_id)


def _needs_case(event: type_heard) -> bool:
    return isinstance(event, RequestSettled) or (
        isinstance(event, Answer)
        and event.body is not None
        and event.body.kind
        in {
            AnswerKind.POINTS,
            AnswerKind.DETAIL,
        }
    )


class Records:
    """Keeps declarations and mandates beyond their case, and destroys cases and records whose time is over."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def keep(self, effects: Sequence[Leased], _now: datetime) -> list[Done]:
        """Copy what was signed or shown out of each case; the same again is the same. What is gone stays gone."""
        wanted = {effect.id: (tokens.case_key(effect.case_id), str(effect.body["item"])) for effect in effects}
        async with self._house.pool.connection() as conn, conn.transaction():
            items = await self._house.vault.get(conn, wanted.values())
            for effect in effects:
                if raw := items.get(wanted[effect.id]):
                    kind, until = effect.body["kind"], datetime.fromisoformat(effect.body["until"])
                    at = tokens.case_key(effect.case_id), f"{kind}/{effect.body['item']}"
                    await self._house.vault.put_record(conn, at, _signed(kind, raw), until)
        return [Done() for _ in effects]

    async def erase(self, effects: Sequence[Leased], _now: datetime) -> list[Done]:
        """Erase the points that were given, but where to write to; what was signed or shown stays until it was kept."""
        cases, vault = [tokens.case_key(effect.case_id) for effect in effects], self._house.vault
        async with self._house.pool.connection() as conn, conn.transaction():
            answers = await vault.under(conn, cases, "answer:")
            for (case, name), raw in answers.items():
                said = json.loads(raw)
                if not (said.get("declaration") or said.get("mandate")):
                    await vault.drop(conn, case, [name, name.replace("answer:", "subject:", 1)])
            given = await vault.get(conn, [(case, name) for case in cases for name in ("submission", "subject:0")])
            await vault.put(conn, {at: without_points(raw) for at, raw in given.items()})
        return [Done() for _ in effects]

    async def destroy(self, effects: Sequence[Leased], now: datetime) -> list[Done]:
        """Destroy the data keys of cases, and records that were kept long enough."""
        async with self._house.pool.connection() as conn:
            await self._house.vault.destroy(conn, [tokens.case_key(effect.case_id) for effect in effects])
            await self._house.vault.expire_records(conn, now)
        return [Done() for _ in effects]


def _signed(kind: str, raw: bytes) -> bytes:
    """What the record holds: the declaration, or who acts by which mandate, and nothing else that was said."""
    said = json.loads(raw)
    names = ("declaration",) if kind == "declaration" else ("agent", "mandate")
    return json.dumps({name: said[name] for name in names if said.get(name)}).encode()
