"""The two systems of our own: `package` makes the access package, `suppress` keeps what must stay done."""

from collections.abc import Container, Sequence
from datetime import date, datetime
from typing import Final

from connectors.datamap import DataMap
from connectors.port import Receipt
from rules import parts
from rules.handbook import Handbook
from schemas.public import RequestSubmitted, Subject
from schemas.values import OPT_OUTS, Action, Outcome, Right
from services.directory.farewell import keep_contacts
from services.directory.lookup import forget, suppress
from services.directory.offered import Offered, merge, offered
from services.directory.preferences import kind_of, suppress_offered
from services.fulfiller.adapters.packaging import Packaging
from services.fulfiller.adapters.tasks import told
from services.kernel.effects import Done
from services.kernel.house import House
from services.kernel.leases import Leased
from services.kernel.store import Conn
from services.kernel.tokens import case_key

BUILT_IN_ACTIONS: Final = {"package": Action.EXPORT, "suppress": Action.APPLY}


class BuiltIn:
    """Performs the tasks of `package` and `suppress`."""

    def __init__(self, house: House, systems: DataMap, handbook: Handbook) -> None:
        self._house, self._handbook, self._packaging = house, handbook, Packaging(house, systems, handbook)

    async def __call__(self, effects: Sequence[Leased], now: datetime) -> Sequence[Done]:
        """Carry out a lane's tasks; all of one lane are of one system."""
        if effects[0].body["system"] == "package":
            return await self._packaging(effects, now)
        return await self._suppress(effects, now)

    async def _suppress(self, effects: Sequence[Leased], now: datetime) -> list[Done]:
        """Note the preference or the deletion, keyed; forget deleted people in the directory, last of all.

        A preference also follows the points the person gave: whether a record holds them or not, now or later.
        """
        async with self._house.pool.connection() as conn, conn.transaction():
            offers = await self._offers(conn, [effect for effect in effects if _follows_points(effect)])
            for kind in sorted({kind for effect in effects for kind in _kinds(effect)}):
                mine = [effect for effect in effects if kind in _kinds(effect)]
                subjects = [subject for effect in mine for subject in effect.body["subjects"]]
                given = [one for effect in mine if _follows_points(effect) for one in offers.get(effect.case_id, ())]
                await suppress(conn, self._house.keys, subjects, kind, now)
                await suppress_offered(conn, self._house.keys, given, kind, now)
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


def _kinds(effect: Leased) -> list[str]:
    """As what it is remembered; marketing that stops in some ways only as each of these."""
    return [kind_of(effect.body["right"], medium) for medium in effect.body.get("media") or [""]]


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
