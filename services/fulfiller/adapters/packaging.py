"""Make access packages: many small ones together in a few queries, a large one chunk by chunk in little memory."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from connectors.datamap import DataMap
from connectors.port import Receipt
from rules.handbook import Handbook
from schemas.values import Outcome, Population, Right
from services.fulfiller.adapters.tasks import exported, told
from services.kernel.effects import Done
from services.kernel.house import House
from services.kernel.leases import Leased
from services.kernel.store import Conn
from services.kernel.tokens import case_key
from services.packages import archive, stored
from services.packages.account import Asked
from services.packages.archive import Inventory
from services.packages.stored import Outgoing, Shelf

SMALL: Final = 256 * 1024
"""Sealed bytes of rows up to which a package is made in memory, with others."""
_POPULATIONS: Final = "SELECT subject::text, population FROM directory.person WHERE subject = ANY(%s::uuid[])"
_NOT_OF_THE_PERSON: Final = frozenset({"answer_token", "authentication"})
"""What proves a person to us is no account of them, and must not lie in a package."""

Items = dict[tuple[str, str], bytes]


@dataclass(frozen=True, slots=True)
class Around:
    """What a batch of packages is made of: what lies in the vault of each case, and what of it is at hand."""

    populations: Mapping[str, Population]
    lying: Mapping[str, Mapping[str, int]]
    at_hand: Items = field(default_factory=dict)


class Packaging:
    """Brings what was exported for requests together, each in one archive, sealed in the vault.

    Made again, a package replaces the one that is there: what it was made of stays until it expires.
    """

    def __init__(self, house: House, systems: DataMap, handbook: Handbook) -> None:
        self._house, self._systems, self._handbook = house, systems, handbook

    async def __call__(self, effects: Sequence[Leased], now: datetime) -> list[Done]:
        """Make the packages of some requests, in one transaction."""
        async with self._house.pool.connection() as conn, conn.transaction():
            around, made = await self._around(conn, effects), Items()
            done = [await self._one(conn, effect, around, made, now) for effect in effects]
            await self._house.vault.put(conn, made)
        return done

    async def _around(self, conn: Conn, effects: Sequence[Leased]) -> Around:
        """Ask once per kind, whatever the number of effects."""
        subjects = sorted({subject for effect in effects for subject in effect.body["subjects"]})
        rows = await conn.execute(_POPULATIONS, [subjects])
        populations = {subject: Population(name) async for subject, name in rows}
        lying = await stored.inventory(conn, (case_key(effect.case_id) for effect in effects))
        wanted = [item for effect in effects for item in _small(effect, lying.get(case_key(effect.case_id), {}))]
        return Around(populations, lying, await self._house.vault.get(conn, wanted) if wanted else {})

    async def _one(self, conn: Conn, effect: Leased, around: Around, made: Items, now: datetime) -> Done:
        asked, case = self._asked(effect, around, now), case_key(effect.case_id)
        lying = around.lying.get(case, {})
        before = [name for name in lying if stored.belongs(name, effect.request_id, asked.scope)]
        if before:
            await self._house.vault.drop(conn, case, before)
        source = Exported(self._house, conn, case, _chunks(effect, lying), around.at_hand)
        outgoing, notes = Outgoing(), _notes(case, around) if asked.client is None else []
        if _is_small(effect, lying):
            seen = await archive.write(outgoing, asked, source, notes, _ready)
            made |= stored.items_of(outgoing, effect.request_id, asked.scope, now)
        else:
            shelf = Shelf(self._house.vault, conn, effect.request_id, asked.scope)
            seen = await archive.write(outgoing, asked, source, notes, lambda: shelf.take(outgoing))
            await shelf.close(outgoing, now)
        return _done(effect, asked, seen, now)

    def _asked(self, effect: Leased, around: Around, now: datetime) -> Asked:
        body = effect.body
        known = (around.populations.get(subject) for subject in body["subjects"])
        return Asked(
            effect.request_id, Right(body["right"]), self._handbook.brands[body["brand"]], self._systems, now.date(),
            law=body.get("law") or "", since=_day(body.get("since")),
            until=_day(body.get("until")),
            client=body["client"], populations=frozenset(one for one in known if one),
        )  # fmt: skip


async def _ready() -> None:
    """Nothing leaves before the package is whole."""


def _done(effect: Leased, asked: Asked, seen: Inventory, now: datetime) -> Done:
    counts = {name.replace("/", "."): number for name, number in sorted(seen.counts.items())}
    general = asked.client is None and not asked.pieces
    outcome = Outcome.EXPORTED if counts or general else Outcome.NOT_FOUND
    return Done((told(effect, now, outcome, Receipt(effect.id, outcome, counts)),))


def _notes(case: str, around: Around) -> list[dict[str, Any]]:
    """What the person told us with this case, the submission first: collected data, too."""
    mine = sorted((name != "submission", name, raw) for (one, name), raw in around.at_hand.items() if one == case)
    said = [json.loads(raw) for _, name, raw in mine if name == "submission" or name.startswith("answer:")]
    return [{k: v for k, v in one.items() if v not in (None, [], "") and k not in _NOT_OF_THE_PERSON} for one in said]


def _chunks(effect: Leased, lying: Mapping[str, int]) -> dict[str, list[str]]:
    """The chunks of a request by table: `export:<request>:<scope>:<system>:<table>:<number>`."""
    chunks: dict[str, list[str]] = {}
    for name in sorted(lying):
        if name.startswith(exported(effect)):
            system, table = name.split(":")[3:5]
            chunks.setdefault(f"{system}/{table}", []).append(name)
    return chunks


def _is_small(effect: Leased, lying: Mapping[str, int]) -> bool:
    prefix = exported(effect)
    return sum(size for name, size in lying.items() if name.startswith(prefix)) <= SMALL


def _small(effect: Leased, lying: Mapping[str, int]) -> list[tuple[str, str]]:
    """What is read at once for a request: what the person said; and its rows, if they are few."""
    case, small = case_key(effect.case_id), _is_small(effect, lying)
    kinds = ("answer:", *((exported(effect),) if small else ()))
    return [(case, name) for name in lying if name == "submission" or name.startswith(kinds)]


class Exported:
    """The rows that systems exported for one request, as they lie in the vault; one chunk is read at a time."""

    def __init__(
        self, house: House, conn: Conn, case: str, chunks: Mapping[str, Sequence[str]], at_hand: Mapping[Any, bytes]
    ) -> None:
        self._vault, self._conn, self._case, self._chunks = house.vault, conn, case, chunks
        self._at_hand = at_hand

    def tables(self) -> Sequence[str]:
        """Every `system/table`, sorted."""
        return sorted(self._chunks)

    async def rows(self, table: str) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """A table's rows, chunk by chunk, in order."""
        for name in self._chunks[table]:
            item = self._case, name
            raw = self._at_hand.get(item) or (await self._vault.get(self._conn, [item]))[item]
            yield json.loads(raw)["rows"]


def _day(told: str | None) -> date | None:
    return date.fromisoformat(told) if told else None
