"""A package leaves: by its link once, by an operator's hand with a reason, and not at all when its time is over."""

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import httpx
import psycopg
import pytest
import structlog

from services.kernel.house import House
from services.kernel.tokens import case_key, package_password
from services.ops import packages
from services.ops.door import HEADERS, door
from services.ops.installation import Installation
from services.ops.packages import Hand, NoPackage, ToldBefore
from services.packages import expiry, links, stored, taken
from services.packages.links import Link
from services.packages.stored import About, Outgoing, Shelf
from tests.support.lab import a_request

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

KEY = b"k" * 32
WEEK = timedelta(days=7)


def now() -> datetime:
    return datetime.now(UTC)


async def a_package(house: House, name: str, content: bytes = b"PK" * 900_000) -> About:
    request, outgoing = a_request(name), Outgoing()
    async with house.pool.connection() as conn, conn.transaction():
        shelf = Shelf(house.vault, conn, request, "own")
        for start in range(0, len(content), 100_000):
            outgoing.write(content[start : start + 100_000])
            await shelf.take(outgoing)
        return await shelf.close(outgoing, now())


async def a_link(house: House, request: str, keep: timedelta = WEEK, at: datetime | None = None) -> Link:
    async with house.pool.connection() as conn:
        return (await links.issue(conn, KEY, {request: keep}, at or now()))[request]


@pytest.fixture
async def visitor(house: House, fulfilment_url: str) -> AsyncIterator[httpx.AsyncClient]:
    app = door(fulfilment_url, house.keys)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://door.example") as client,
    ):
        yield client


async def test_a_link_opens_its_package_once(house: House, visitor: httpx.AsyncClient) -> None:
    what = await a_package(house, "once")
    link = await a_link(house, what.request)
    first = await visitor.post(links.PATH, data={"code": link.code})
    second = await visitor.post(links.PATH, data={"code": link.code})

    assert (first.status_code, first.content) == (200, b"PK" * 900_000)
    assert what.blocks == 2
    assert (second.status_code, b"PK" in second.content) == (404, False)
    async with house.pool.connection() as conn:
        assert [one["way"] for one in await taken.notes(house.vault, conn, what.request, "own")] == ["door"]


async def test_looking_at_the_address_uses_nothing_up(house: House, visitor: httpx.AsyncClient) -> None:
    link = await a_link(house, (await a_package(house, "scanned")).request)
    for _ in range(3):
        seen = await visitor.get(link.url("https://door.example"))
        assert (seen.status_code, link.code in seen.text) == (200, False)

    assert (await visitor.post(links.PATH, data={"code": link.code})).status_code == 200


async def test_a_code_typed_with_blanks_and_capitals_opens_too(house: House, visitor: httpx.AsyncClient) -> None:
    link = await a_link(house, (await a_package(house, "typed")).request)

    assert (await visitor.post(links.PATH, data={"code": f" {link.code.upper()} "})).status_code == 200


@pytest.mark.parametrize("body", [b"", b"code=", b"code=nonsense", b"\xff\xfe", b"code=" + b"a" * 5_000])
async def test_what_is_no_code_opens_nothing(visitor: httpx.AsyncClient, body: bytes) -> None:
    answer = await visitor.post(links.PATH, content=body)

    assert answer.status_code == 404
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


async def test_a_link_whose_time_is_over_opens_nothing(house: House, visitor: httpx.AsyncClient) -> None:
    what = await a_package(house, "late")
    link = await a_link(house, what.request, at=now() - WEEK - timedelta(seconds=1))

    assert (await visitor.post(links.PATH, data={"code": link.code})).status_code == 404


async def test_a_further_link_takes_the_place_of_the_one_before(house: House, visitor: httpx.AsyncClient) -> None:
    what = await a_package(house, "renewed")
    old = await a_link(house, what.request)
    async with house.pool.connection() as conn:
        new = await links.renew(conn, KEY, what.request, now() + WEEK, now())

    assert new
    assert (await visitor.post(links.PATH, data={"code": old.code})).status_code == 404
    assert (await visitor.post(links.PATH, data={"code": new.code})).status_code == 200


async def test_a_letter_written_again_carries_the_same_link(house: House) -> None:
    what = await a_package(house, "repeated")
    first = await a_link(house, what.request)

    assert await a_link(house, what.request, at=now() + timedelta(hours=1)) == first


async def test_the_database_and_the_logs_hold_no_code(
    house: House, visitor: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    link = await a_link(house, (await a_package(house, "hashed")).request)
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as lines:
        await visitor.get(links.PATH)
        await visitor.post(links.PATH, data={"code": link.code})
    async with house.pool.connection() as conn:
        rows = await (await conn.execute("SELECT l::text FROM vault.links l")).fetchall()

    assert rows
    assert link.code not in str(rows)
    assert link.code.encode().hex() not in str(rows)
    assert [line["event"] for line in lines] == ["package_handed_out"]
    assert link.code not in caplog.text + str(lines)


async def test_what_is_over_goes_and_the_rest_stays(house: House, fulfilment_url: str) -> None:
    over, fresh = await a_package(house, "over"), await a_package(house, "fresh")
    await a_link(house, over.request, at=now() - WEEK - timedelta(days=1))
    await a_link(house, fresh.request)
    case = case_key(over.request)
    rows = {(case, f"export:{over.request}:own:web:visitor:000000"): b"{}", (case, "submission"): b"{}"}
    async with house.pool.connection() as conn:
        await house.vault.put(conn, rows)
        with psycopg.connect(fulfilment_url, autocommit=True) as db:
            counted = expiry.expire(db, now(), dry_run=True)
            still = await house.vault.names(conn, case)
            gone = expiry.expire(db, now())
        left, kept = await house.vault.names(conn, case), await stored.about(house.vault, conn, fresh.request)

    assert (counted, gone) == (1, 1)
    assert len(still) == 5
    assert left == ["submission"]
    assert kept == fresh


async def test_a_link_ends_with_its_case(house: House, visitor: httpx.AsyncClient) -> None:
    what = await a_package(house, "ended")
    link = await a_link(house, what.request)
    async with house.pool.connection() as conn:
        await house.vault.destroy(conn, [case_key(what.request)])
        again = await links.issue(conn, KEY, {what.request: WEEK}, now())

    assert again == {}
    assert (await visitor.post(links.PATH, data={"code": link.code})).status_code == 404


async def test_an_operator_takes_a_package_out_with_a_reason(house: House, tmp_path: Path) -> None:
    what = await a_package(house, "printed", b"PK" * 10)
    async with house.pool.connection() as conn:
        await taken.note(house.vault, conn, what, now(), way="operator", by="ada", reason="asked for paper")
        [noted] = await taken.notes(house.vault, conn, what.request, "own")
        raw = await (await conn.execute("SELECT sealed FROM vault.items WHERE name LIKE 'package-taken:%'")).fetchall()

    assert (noted["by"], noted["reason"], noted["sha256"]) == ("ada", "asked for paper", what.sha256)
    assert b"asked for paper" not in b"".join(bytes(row[0]) for row in raw)


async def test_a_password_is_told_once_and_who_heard_it_is_kept(house: House, fulfilment_url: str) -> None:
    what = await a_package(house, "locked", b"PK" * 10)
    place = cast(Installation, SimpleNamespace(endpoints=SimpleNamespace(database_url=fulfilment_url), keys=house.keys))
    told = await packages.password(place, what.request, Hand("ada", "called the number on file"))
    with pytest.raises(ToldBefore, match="make a link instead"):
        await packages.password(place, what.request, Hand("bo", "called again"))
    with pytest.raises(NoPackage):
        await packages.password(place, a_request("nobody's"), Hand("bo", "mistyped"))

    assert told == package_password(house.keys.derive("tokens"), what.request)
    assert [(one["way"], one["by"]) for one in await packages.history(place, what.request)] == [("password", "ada")]
