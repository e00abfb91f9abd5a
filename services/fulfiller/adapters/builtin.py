"""The two systems of our own: `package` makes the access package, `suppress` keeps what must stay done."""

import io
import json
import zipfile
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from connectors.port import Receipt
from schemas.values import Action, Outcome, Right
from services.directory.lookup import forget, suppress
from services.fulfiller.adapters.tasks import exported, told
from services.kernel.effects import Done
from services.kernel.house import House
from services.kernel.leases import Leased
from services.kernel.tokens import case_key


class BuiltIn:
    """Performs the tasks of `package` and `suppress`."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def __call__(self, effects: Sequence[Leased], now: datetime) -> Sequence[Done]:
        """Carry out a lane's tasks; all of one lane are of one system."""
        if effects[0].body["system"] == "package":
            return [await self._package(effect, now) for effect in effects]
        return await self._suppress(effects, now)

    async def _package(self, effect: Leased, now: datetime) -> Done:
        """Bring all exported rows of one request together in one archive, sealed in the vault."""
        case = case_key(effect.case_id)
        scope = effect.body["client"] or "own"
        async with self._house.pool.connection() as conn, conn.transaction():
            chunks = await self._house.vault.under(conn, [case], exported(effect))
            tables: dict[str, list[Any]] = {}
            for (_, name), raw in sorted(chunks.items()):
                content = json.loads(raw)
                tables.setdefault(f"{name.split(':')[3]}/{content['table']}", []).extend(content["rows"])
            archive = _zip(tables, effect, categories=effect.body["right"] == Right.KNOW_CATEGORIES)
            await self._house.vault.put(conn, {(case, f"package:{effect.request_id}:{scope}"): archive})
        counts = {name.replace("/", "."): len(rows) for name, rows in sorted(tables.items())}
        outcome = Outcome.EXPORTED if tables else Outcome.NOT_FOUND
        return Done((told(effect, now, outcome, Receipt(effect.id, outcome, counts)),))

    async def _suppress(self, effects: Sequence[Leased], now: datetime) -> list[Done]:
        """Note the preference or the deletion, keyed; forget deleted people in the directory, last of all."""
        async with self._house.pool.connection() as conn, conn.transaction():
            for effect in effects:
                await suppress(conn, self._house.keys, effect.body["subjects"], effect.body["right"], now)
            gone = [s for e in effects if e.body["right"] == Right.DELETE for s in e.body["subjects"]]
            if gone:
                await forget(conn, gone)
        return [Done((told(effect, now, Outcome.APPLIED, Receipt(effect.id, Outcome.APPLIED)),)) for effect in effects]


def _zip(tables: dict[str, list[Any]], effect: Leased, *, categories: bool) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        summary = {name: len(rows) for name, rows in sorted(tables.items())}
        archive.writestr("summary.json", json.dumps({"request": effect.request_id, "records": summary}, indent=2))
        for name, rows in sorted(tables.items()):
            if not categories:
                archive.writestr(f"{name}.json", json.dumps(rows, indent=2, ensure_ascii=False))
    return buffer.getvalue()


BUILT_IN_ACTIONS = {"package": Action.EXPORT, "suppress": Action.APPLY}
