"""Packages made of what lies in a real vault, and read back."""

import io
import json
import resource
import zipfile
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest
from pydantic_core import to_json

from schemas.events import TaskFinished
from schemas.values import Outcome
from services.fulfiller.adapters.builtin import BuiltIn
from services.kernel.house import House
from services.kernel.leases import Leased
from services.kernel.tokens import case_key
from services.packages import stored
from tests.support.lab import a_request
from tests.support.policies import handbook, systems

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
MOST_MIB = 64
"""What making a package may add, however many rows: a few blocks, chunks, and what Python keeps for itself."""


def task(name: str, **more: Any) -> Leased:
    request = a_request(name)
    body: dict[str, Any] = {
        "system": "package", "task_id": str(uuid5(NAMESPACE_OID, name)), "part": "own/package", "attempt": 1,
        "action": "export", "right": "know_specific", "brand": "parcelwise", "subjects": [], "client": None,
        "since": None, "law": "US-CA-CCPA", "reply_token": "t" * 32, **more,
    }  # fmt: skip
    return Leased(uuid5(NAMESPACE_OID, name), "task", "package", request, request, name, body, 1, None)


async def export(house: House, effect: Leased, chunks: dict[str, list[list[dict[str, Any]]]]) -> None:
    whose = effect.body["client"] or "own"
    for table, some in chunks.items():
        for number, rows in enumerate(some):
            name = f"export:{effect.request_id}:{whose}:{table.replace('/', ':')}:{number:06}"
            content = to_json({"category": "identifiers", "table": table.partition("/")[2], "rows": rows})
            async with house.pool.connection() as conn:
                await house.vault.put(conn, {(case_key(effect.case_id), name): content})


async def make(house: House, effect: Leased) -> TaskFinished:
    [done] = await BuiltIn(house, systems(), handbook())([effect], NOW)
    [event] = done.events
    assert isinstance(event, TaskFinished)
    return event


async def fetched(house: House, effect: Leased) -> zipfile.ZipFile:
    async with house.pool.connection() as conn:
        what = await stored.about(house.vault, conn, effect.request_id, effect.body["client"] or "own")
        assert what
        return zipfile.ZipFile(io.BytesIO(b"".join([block async for block in stored.read(house.vault, conn, what)])))


async def test_a_package_holds_what_every_system_exported_and_what_the_person_said(house: House) -> None:
    effect = task("all")
    await export(house, effect, {"accounts/account": [[{"id": 1}], [{"id": 2}]], "billing/invoice": [[{"number": 5}]]})
    case = case_key(effect.case_id)
    said = {"message": "please", "authentication": "assertion", "period": None}
    answer = {"kind": "confirmation", "answer_token": "secret"}
    async with house.pool.connection() as conn:
        await house.vault.put(conn, {(case, "submission"): json.dumps(said).encode()})
        await house.vault.put(conn, {(case, "answer:1"): json.dumps(answer).encode()})
    told = await make(house, effect)
    found = await fetched(house, effect)

    assert (told.outcome, told.counts) == (Outcome.EXPORTED, {"accounts.account": 2, "billing.invoice": 1})
    assert json.loads(found.read("data.json"))["tables"]["accounts/account"] == [{"id": 1}, {"id": 2}]
    assert json.loads(found.read("requests.json")) == [{"message": "please"}, {"kind": "confirmation"}]


async def test_a_client_gets_its_own_rows_and_nothing_of_the_request(house: House) -> None:
    mine, theirs = task("scoped", client="fern", part="client:fern/package"), task("scoped")
    await export(house, mine, {"shipments/recipient": [[{"order_number": "F-1"}]]})
    await export(house, theirs, {"accounts/account": [[{"id": 9}]]})
    async with house.pool.connection() as conn:
        await house.vault.put(conn, {(case_key(mine.case_id), "submission"): b'{"message": "please"}'})
    await make(house, mine)
    found = await fetched(house, mine)

    assert list(json.loads(found.read("data.json"))["tables"]) == ["shipments/recipient"]
    assert "requests.json" not in found.namelist()


async def test_packages_made_together_hold_each_their_own_rows_be_they_few_or_many(house: House) -> None:
    few, none, many = task("few"), task("nobody"), task("many")
    pad = [
        [{"id": n, "pad": sha256(b"%d" % n).hexdigest() * 20} for n in range(k, k + 100)] for k in range(0, 400, 100)
    ]
    await export(house, few, {"web/visitor": [[{"id": "few"}]]})
    await export(house, many, {"web/visitor": pad})
    case = case_key(few.case_id)
    async with house.pool.connection() as conn:
        await house.vault.put(conn, {(case, "submission"): b'{"message": "mine alone"}'})
    results = await BuiltIn(house, systems(), handbook())([few, none, many], NOW)

    told = [event for done in results for event in done.events if isinstance(event, TaskFinished)]
    assert [(one.request_id, dict(one.counts)) for one in told] == [
        (few.request_id, {"web.visitor": 1}), (none.request_id, {}), (many.request_id, {"web.visitor": 400}),
    ]  # fmt: skip
    mine, theirs = await fetched(house, few), await fetched(house, many)
    assert json.loads(mine.read("data.json"))["tables"]["web/visitor"] == [{"id": "few"}]
    assert json.loads(mine.read("requests.json")) == [{"message": "mine alone"}]
    assert len(json.loads(theirs.read("data.json"))["tables"]["web/visitor"]) == 400
    assert "requests.json" not in theirs.namelist()


async def test_nothing_exported_is_told_as_nothing_found_and_an_account_of_categories_never_is(house: House) -> None:
    pieces, categories = task("none"), task("general", right="know_categories")

    assert (await make(house, pieces)).outcome is Outcome.NOT_FOUND
    assert (await make(house, categories)).outcome is Outcome.EXPORTED


async def test_a_package_made_again_is_the_same_and_leaves_nothing_of_the_one_before(house: House) -> None:
    effect = task("again")
    chunks = [[{"pad": sha256(b"%d" % n).hexdigest()} for n in range(k, k + 1_000)] for k in range(0, 50_000, 1_000)]
    await export(house, effect, {"web/visitor": chunks})
    await make(house, effect)
    async with house.pool.connection() as conn:
        before = await stored.about(house.vault, conn, effect.request_id)
        names = await house.vault.names(conn, case_key(effect.case_id))
        await house.vault.drop(
            conn, case_key(effect.case_id), [n for n in names if "visitor" in n and n[-6:] > "000009"]
        )
    await make(house, effect)
    async with house.pool.connection() as conn:
        after = await stored.about(house.vault, conn, effect.request_id)
        left = await house.vault.names(conn, case_key(effect.case_id))

    assert before
    assert after
    assert before.blocks > after.blocks
    assert sum(name.startswith("package:") for name in left) == after.blocks
    assert (await fetched(house, effect)).testzip() is None


async def test_making_a_large_package_takes_no_more_memory_than_a_small_one(house: House) -> None:
    effect = task("large")
    rows = [{"id": n, "ip": f"192.0.2.{n % 250}", "pages": f"/p/{n * 7919:032x}"} for n in range(1_000)]
    await export(house, effect, {"web/visitor": [rows] * 100})
    await make(house, task("warm"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = await make(house, effect)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024

    assert told.counts == {"web.visitor": 100_000}
    assert grown < MOST_MIB
