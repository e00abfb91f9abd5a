"""The two systems of our own: `package` makes the access package, `suppress` keeps what must stay done."""

import json
from collections.abc import AsyncIterator, Container, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from connectors.datamap import DataMap
from connectors.port import Receipt
from rules import parts
from rules.handbook import Handbook
from schemas.public import RequestSubmitted, Subject
from schemas.values import OPT_OUTS, Action, Outcome, Population, Right
from services.directory.farewell import keep_contacts
from services.directory.lookup import forget, suppress
from services.directory.offered import Offered, merge, offered
from services.directory.preferences import suppress_offered
from services.fulfiller.adapters.tasks import exported, told
from services.kernel.effects import Done
from services.kernel.house import House
from services.kernel.leases import Leased
from services.kernel.store import Conn
from services.kernel.tokens import case_key
from services.packages import archive
from services.packages.account import Asked
from services.packages.stored import Outgoing, Shelf

BUILT_IN_ACTIONS: Final = {"package": Action.EXPORT, "suppress": Action.APPLY}
_POPULATIONS: Final = "SELECT DISTINCT population FROM directory.person WHERE subject = ANY(%s::uuid[])"
_NOT_OF_THE_PERSON: Final = frozenset({"answer_token", "authentication"})
"""What proves a person to us is no account of them, and must not lie in a package."""


class BuiltIn:
    """Performs the tasks of `package` and `suppress`."""

    def __init__(self, house: House, systems: DataMap, handbook: Handbook) -> None:
        self._house, self._systems, self._handbook = house, systems, handbook

    async def __call__(self, effects: Sequence[Leased], now: datetime) -> Sequence[Done]:
        """Carry out a lane's tasks; all of one lane are of one system."""
        if effects[0].body["system"] == "package":
            return [await self._package(effect, now) for effect in effects]
        return await self._suppress(effects, now)

    async def _package(self, effect: Leased, now: datetime) -> Done:
        """Bring what was exported for one request together in one archive, sealed in the vault as it is written.

        Made again, it replaces the one that is there: what it was made of stays until the package expires.
        """
        async with self._house.pool.connection() as conn, conn.transaction():
            asked = await self._asked(conn, effect, now)
            source = await Exported.of(self._house, conn, effect)
            outgoing, shelf = Outgoing(), Shelf(self._house.vault, conn, effect.request_id, asked.scope)
            await shelf.clear()
            notes = [] if asked.client else await self._notes(conn, case_key(effect.case_id))
            seen = await archive.write(outgoing, asked, source, notes, lambda: shelf.take(outgoing))
            await shelf.close(outgoing, now)
        counts = {name.replace("/", "."): number for name, number in sorted(seen.counts.items())}
        general = asked.client is None and not asked.pieces
        outcome = Outcome.EXPORTED if counts or general else Outcome.NOT_FOUND
        return Done((told(effect, now, outcome, Receipt(effect.id, outcome, counts)),))

    async def _asked(self, conn: Conn, effect: Leased, now: datetime) -> Asked:
        body = effect.body
        rows = await conn.execute(_POPULATIONS, [list(body["subjects"])])
        return Asked(
            effect.request_id, Right(body["right"]), self._handbook.brands[body["brand"]], self._systems, now.date(),
            law=body.get("law") or "", since=date.fromisoformat(body["since"]) if body.get("since") else None,
            client=body["client"], populations=frozenset([Population(row[0]) async for row in rows]),
        )  # fmt: skip

    async def _notes(self, conn: Conn, case: str) -> list[dict[str, Any]]:
        """What the person told us with this case: collected data, too."""
        found = await self._house.vault.under(conn, [case], "answer:")
        found |= await self._house.vault.get(conn, [(case, "submission")])
        said = [
            json.loads(raw) for (_, name), raw in sorted(found.items(), key=lambda item: item[0][1] != "submission")
        ]
        return [
            {k: v for k, v in one.items() if v not in (None, [], "") and k not in _NOT_OF_THE_PERSON} for one in said
        ]

    async def _suppress(self, effects: Sequence[Leased], now: datetime) -> list[Done]:
        """Note the preference or the deletion, keyed; forget deleted people in the directory, last of all.

        A preference also follows the points the person gave: whether a record holds them or not, now or later.
        """
        async with self._house.pool.connection() as conn, conn.transaction():
            offers = await self._offers(conn, [effect for effect in effects if _follows_points(effect)])
            for effect in effects:
                right = effect.body["right"]
                await suppress(conn, self._house.keys, effect.body["subjects"], right, now)
                await suppress_offered(conn, self._house.keys, offers.get(effect.case_id, ()), right, now)
            gone = {(case_key(e.case_id), s): e.id for e in effects if _forgets(e) for s in e.body["subjects"]}
            forgotten: set[str] = set()
            if gone:
                await keep_contacts(conn, self._house.vault, self._house.keys, gone, self._days(effects, now))
                forgotten = await forget(conn, [subject for _, subject in gone])
        return [Done((told(e, now, Outcome.APPLIED, _noted(e, forgotten)),)) for e in effects]

    def _days(self, effects: Sequence[Leased], now: datetime) -> dict[str, date]:
        """The day whose contact counts, per person: one changed shortly before somebody asked may be theirs."""
        days: dict[str, date] = {}
        for body in (effect.body for effect in effects):
            asked = datetime.fromisoformat(body["received_at"]) if body.get("received_at") else now
            day = asked.date() - self._handbook.brands[body["brand"]].windows.cooling_off
            days |= {subject: min(day, days.get(subject, day)) for subject in body["subjects"]}
        return days

    async def _offers(self, conn: Conn, effects: Sequence[Leased]) -> dict[str, list[Offered]]:
        """What the people behind these cases said of themselves, per case."""
        cases = {case_key(effect.case_id): effect.case_id for effect in effects}
        if not cases:
            return {}
        first = await self._house.vault.get(conn, [(case, "submission") for case in cases])
        said = await self._house.vault.under(conn, cases, "subject:")
        found: dict[str, list[Offered]] = {}
        for (case, _), raw in sorted(said.items()):
            submitted = RequestSubmitted.model_validate_json(first[case, "submission"])
            country = submitted.residence.country if submitted.residence else "US"
            one = merge(submitted.brand, offered(Subject.model_validate_json(raw), country))
            found.setdefault(cases[case], []).append(one)
        return found


def _forgets(effect: Leased) -> bool:
    return bool(effect.body["right"] == Right.DELETE)


def _noted(effect: Leased, forgotten: Container[str]) -> Receipt:
    """What was noted; for a deletion, how many people left the directory with it."""
    gone = sum(subject in forgotten for subject in effect.body["subjects"])
    return Receipt(effect.id, Outcome.APPLIED, {parts.DIRECTORY: gone} if _forgets(effect) else {})


def _follows_points(effect: Leased) -> bool:
    """Whether a part notes a preference by what was given. An opt-in does not: nobody proved whose points those are."""
    right = Right(effect.body["right"])
    return effect.body["client"] is None and right in OPT_OUTS and right is not Right.OPT_IN_SALE


class Exported:
    """The rows that systems exported for one request, as they lie in the vault; one chunk is read at a time."""

    def __init__(self, house: House, conn: Conn, case: str, chunks: Mapping[str, Sequence[str]]) -> None:
        self._vault, self._conn, self._case, self._chunks = house.vault, conn, case, chunks

    @classmethod
    async def of(cls, house: House, conn: Conn, effect: Leased) -> "Exported":
        """Find the chunks of a request: `export:<request>:<scope>:<system>:<table>:<number>`."""
        case, chunks = case_key(effect.case_id), dict[str, list[str]]()
        for name in await house.vault.names(conn, case):
            if name.startswith(exported(effect)):
                system, table = name.split(":")[3:5]
                chunks.setdefault(f"{system}/{table}", []).append(name)
        return cls(house, conn, case, chunks)

    def tables(self) -> Sequence[str]:
        """Every `system/table`, sorted."""
        return sorted(self._chunks)

    async def rows(self, table: str) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """A table's rows, chunk by chunk, in order."""
        for name in sorted(self._chunks[table]):
            item = self._case, name
            raw = (await self._vault.get(self._conn, [item]))[item]
            yield json.loads(raw)["rows"]
