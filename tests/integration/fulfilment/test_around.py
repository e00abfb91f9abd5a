"""What the fulfiller asks a real database before it decides, and what it destroys afterwards."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import psycopg
import pytest

from connectors.datamap import DataMap
from schemas.events import RequestVerified
from schemas.values import Assurance, Population, Right, Verb
from services.clients import registry
from services.clients.registry import Client
from services.directory.digests import Digests
from services.directory.load import load
from services.directory.preferences import of_record
from services.directory.rows import person_of
from services.fulfiller.adapters.appeals import undecided
from services.fulfiller.adapters.discards import discarding
from services.fulfiller.adapters.holders import holders_of, open_with
from services.fulfiller.adapters.tasks import TaskPerformer, tasks_of
from services.fulfiller.decide import Fulfilment
from services.fulfiller.decide.leftovers import DISCARD
from services.kernel.house import House
from services.kernel.leases import Leased
from services.kernel.store import Conn
from services.kernel.tokens import case_key
from services.ops.seeds import account_number
from tests.contract.company import KEYS, shop
from tests.contract.fake import Drawer
from tests.support.directory import ADA, BEN, BRAND
from tests.support.lab import a_request
from tests.support.values import a_decision, an_accepted

pytestmark = [pytest.mark.integration, pytest.mark.anyio]
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
WEB = {**ADA, "system": "web", "record_keys": "visitor_id=V-1"}


def known(house: House, url: str, *rows: dict[str, str]) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("TRUNCATE directory.person, ops.clients CASCADE")
        load(db, (person_of(line, row) for line, row in enumerate(rows, 2)), house.keys)


def subject(house: House, row: dict[str, str]) -> str:
    return str(Digests(house.keys).subject(BRAND, Population.ACCOUNT_HOLDER, None, row["link"]))


def verified(house: House, row: dict[str, str], name: str = "holder") -> RequestVerified:
    request = a_request(name)
    return RequestVerified(
        event_id=uuid5(NAMESPACE_OID, name), occurred_at=NOW, request_id=request, case_id=request,
        subject=subject(house, row), groups=[], assurance=Assurance.REASONABLE,
    )  # fmt: skip


def handed_over(url: str, client: str, *ends: dict[str, str] | None) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        for number, end in enumerate(ends):
            body = {"parts": {f"client:{client}/handover": {"end": end}, "own/system:web": {"end": None}}}
            db.execute(
                "INSERT INTO fulfiller.state (id, version, body_version, body, due_at) VALUES (%s, 1, 1, %s, now())",
                [a_request(f"{client}/{number}"), json.dumps(body)],
            )


async def test_the_client_behind_an_account_is_known_by_its_number_and_what_lies_with_it_is_counted(
    house: House, fulfilment_url: str
) -> None:
    known(house, fulfilment_url, ADA, BEN)
    with psycopg.connect(fulfilment_url, autocommit=True) as db:
        registry.save(db, [Client("acorn", "Acorn", "privacy@acorn.example", account=account_number("AC-1"))])
        [stored] = registry.every(db)
    handed_over(fulfilment_url, "acorn", None, None, {"outcome": "completed"})
    handed_over(fulfilment_url, "birch-co", None)
    batch = [verified(house, ADA), verified(house, BEN, "other")]
    async with house.pool.connection() as conn:
        holders = await holders_of(conn, house.keys, batch, {})
        counted = await open_with(conn, holders, {})

    assert stored.account == account_number("AC-1")
    assert holders == {a_request("holder"): "acorn"}
    assert counted == {"acorn": 2}


async def test_where_no_clients_account_is_known_nobody_is_looked_up(house: House, fulfilment_url: str) -> None:
    known(house, fulfilment_url, ADA)
    async with house.pool.connection() as conn:
        assert await holders_of(conn, house.keys, [verified(house, ADA)], {}) == {}
        assert await open_with(conn, {}, {}) == {}


async def test_a_request_that_was_planned_is_not_asked_about_again(house: House, fulfilment_url: str) -> None:
    known(house, fulfilment_url, ADA)
    with psycopg.connect(fulfilment_url, autocommit=True) as db:
        registry.save(db, [Client("acorn", "Acorn", "privacy@acorn.example", account=account_number("AC-1"))])
    state = Fulfilment(id=a_request("planned"), subject=subject(house, ADA), planned=True)
    async with house.pool.connection() as conn:
        assert await holders_of(conn, house.keys, [], {state.id: state}) == {}


def a_task(name: str, **more: Any) -> Leased:
    request = a_request(name)
    body: dict[str, Any] = {
        "system": "mail", "task_id": str(uuid5(NAMESPACE_OID, name)), "part": "own/provider:meadow-mail", "attempt": 1,
        "action": "erase", "right": Right.DELETE.value, "brand": BRAND, "request_id": request, "case_id": request,
        "deadline": NOW.isoformat(), "client": None, "reply_token": "t" * 32, **more,
    }  # fmt: skip
    return Leased(uuid5(NAMESPACE_OID, name), "task", "mail", request, request, name, body, 1, None)


async def test_a_provider_is_told_by_the_keys_of_the_systems_it_works_for(house: House, fulfilment_url: str) -> None:
    known(house, fulfilment_url, ADA, WEB)
    mine = [subject(house, ADA)]
    [one] = await tasks_of(house, "mail", [a_task("told", subjects=mine, keys_from=["accounts"])], NOW)
    [both] = await tasks_of(house, "mail", [a_task("both", subjects=mine, keys_from=["accounts", "web"])], NOW)
    [none] = await tasks_of(house, "mail", [a_task("none", subjects=mine)], NOW)

    assert one.keys == ({"account_id": "AC-1"},)
    assert both.keys == ({"account_id": "AC-1"}, {"visitor_id": "V-1"})
    assert none.keys == ()


async def test_what_is_discarded_goes_and_the_rest_of_the_case_stays(house: House) -> None:
    request = a_request("discarded")
    case = case_key(request)
    names = ["submission", f"export:{request}:own:web:visitor:000000", f"export:{request}:own:accounts:account:000000"]
    async with house.pool.connection() as conn:
        await house.vault.put(conn, {(case, name): b"{}" for name in names})
    body = {"prefixes": [f"export:{request}:own:web:"]}
    effect = Leased(uuid5(NAMESPACE_OID, "discard"), DISCARD, "vault", request, request, "late/1", body, 1, None)
    for _ in range(2):
        await discarding(house)([effect], NOW)
    async with house.pool.connection() as conn:
        left = await house.vault.names(conn, case)

    assert left == sorted({*names} - {names[1]})


async def test_copies_that_went_are_known_again_and_the_person_stays_in_the_directory(
    house: House, fulfilment_url: str
) -> None:
    known(house, fulfilment_url, WEB)
    mine = [subject(house, ADA)]
    drawer = Drawer("web", shop("fake"), {name: [] for name in KEYS})
    perform = TaskPerformer(house, DataMap({"web": shop("fake")}), {"web": drawer})
    copies = a_task("copies", subjects=mine, system="web", part="client:acorn/copies:web")
    own = a_task("own", subjects=mine, system="web", part="own/system:web")
    token = Digests(house.keys).suppression(*of_record("web", "visitor_id", "V-1"))
    async with house.pool.connection() as conn:
        await conn.execute("TRUNCATE directory.suppression")
        await perform([own], NOW)
        before = await rows_of(conn, "SELECT token, kind FROM directory.suppression")
        await perform([copies], NOW)
        after = await rows_of(conn, "SELECT token, kind FROM directory.suppression")
        people = await rows_of(conn, "SELECT count(*) FROM directory.person")

    assert (before, after) == ([], [(token, "delete")])
    assert people == [(1,)]


async def rows_of(conn: Conn, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) async for row in await conn.execute(query.encode())]


async def test_what_appeals_are_about_and_still_runs_is_known_from_the_fulfillers_own_memory(
    house: House, fulfilment_url: str
) -> None:
    names = ("running", "answered", "stub", "unknown")
    about = {name: a_request(f"about/{name}") for name in names}
    bodies = {"running": {"accepted": {}}, "answered": {"accepted": {}, "settled": True}, "stub": {"accepted": None}}
    with psycopg.connect(fulfilment_url, autocommit=True) as db:
        for name, body in bodies.items():
            db.execute(
                "INSERT INTO fulfiller.state (id, version, body_version, body) VALUES (%s, 1, 1, %s)",
                [about[name], json.dumps(body)],
            )
    states, decided = {}, []
    for name in names:
        appeal = a_request(f"appeal/{name}")
        accepted = an_accepted(Right.APPEAL, parts=["answer"], refers_to=about[name])
        states[appeal] = Fulfilment(id=appeal, accepted=accepted)
        decided.append(a_decision(Verb.APPROVE, "answer").model_copy(update={"request_id": appeal}))
    deletion = Fulfilment(id=a_request("other"), accepted=an_accepted())

    async with house.pool.connection() as conn:
        found = await undecided(conn, decided, states)
        fresh = await undecided(conn, [an_accepted(Right.APPEAL, refers_to=about["running"])], {})
        none = await undecided(conn, [a_decision(Verb.DENY)], {deletion.id: deletion})

    assert found == fresh == {about["running"]}
    assert none == set()
