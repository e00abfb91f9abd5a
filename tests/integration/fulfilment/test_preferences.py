"""A preference holds for people of whom there is no record: by what they gave, keyed."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import pytest

from schemas.events import TaskFinished
from schemas.values import OPT_OUTS, Outcome, Right
from services.directory.lookup import suppressed
from services.directory.preferences import suppressed_each
from services.fulfiller.adapters.builtin import BuiltIn
from services.kernel.house import House
from services.kernel.leases import Leased
from services.kernel.tokens import case_key
from tests.support.directory import BRAND, offer
from tests.support.lab import a_request
from tests.support.policies import handbook, systems

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


async def opted(
    house: House, name: str, right: Right, subject: dict[str, Any], *, client: str | None = None, media: Any = ()
) -> None:
    request = a_request(name)
    body = {
        "system": "suppress", "task_id": str(uuid5(NAMESPACE_OID, name)), "attempt": 1, "right": right.value,
        "part": f"client:{client}/suppress" if client else "own/suppress", "brand": BRAND, "subjects": [],
        "client": client, "reply_token": "t" * 32, "media": list(media),
    }  # fmt: skip
    said = {"submission_id": name, "source": "webform", "brand": BRAND, "rights": [right.value], "subject": subject}
    case = case_key(request)
    async with house.pool.connection() as conn:
        kept = {(case, "submission"): json.dumps(said).encode(), (case, "subject:0"): json.dumps(subject).encode()}
        await house.vault.put(conn, kept)
    effect = Leased(uuid5(NAMESPACE_OID, name), "task", "suppress", request, request, name, body, 1, None)
    [done] = await BuiltIn(house, systems(), handbook())([effect], NOW)
    assert [event.outcome for event in done.events if isinstance(event, TaskFinished)] == [Outcome.APPLIED]


async def noted(house: House, **said: Any) -> set[str]:
    async with house.pool.connection() as conn:
        return set(await suppressed(conn, house.keys, offer(**said)))


@pytest.mark.parametrize("right", sorted(OPT_OUTS - {Right.OPT_IN_SALE}))
async def test_a_preference_of_somebody_unknown_is_kept_by_what_they_gave(house: House, right: Right) -> None:
    mine, other = f"{right}@example.org".replace("_", "-"), "somebody.else@example.org"
    await opted(house, right, right, {"emails": [mine], "phones": ["(801) 555-0144"]})

    assert await noted(house, email=mine) == {right}
    assert right in await noted(house, phone="801.555.0144")
    assert await noted(house, email=other) == set()


async def test_marketing_that_stops_in_some_ways_only_is_remembered_as_these(house: House) -> None:
    await opted(house, "stop", Right.OPT_OUT_MARKETING, {"phones": ["(801) 555-0145"]}, media=["sms", "phone"])

    assert await noted(house, phone="801.555.0145") == {"opt_out_marketing/phone", "opt_out_marketing/sms"}


async def test_of_several_people_each_has_their_own_with_its_last_day(house: House) -> None:
    for name, right in (("first", Right.OPT_OUT_SALE_SHARE), ("second", Right.LIMIT_SENSITIVE)):
        await opted(house, name, right, {"emails": [f"{name}@example.net"]})
    asked = {name: offer(email=f"{name}@example.net") for name in ("first", "second", "third")}

    async with house.pool.connection() as conn:
        found = await suppressed_each(conn, house.keys, asked)

    assert found == {"first": {Right.OPT_OUT_SALE_SHARE: NOW}, "second": {Right.LIMIT_SENSITIVE: NOW}, "third": {}}


async def test_a_preference_is_one_brands_own(house: House) -> None:
    await opted(house, "brand", Right.OPT_OUT_MARKETING, {"emails": ["brand@example.org"]})

    assert await noted(house, email="brand@example.org", brand="shipdesk") == set()


async def test_an_address_or_a_name_alone_silences_nobody(house: House) -> None:
    home = {"line1": "842 E 1700 S", "city": "Salt Lake City", "region": "UT", "postcode": "84105", "country": "US"}
    await opted(house, "home", Right.OPT_OUT_SALE_SHARE, {"name": "Ada Lovelace", "addresses": [home]})

    assert await noted(house, name="Ada Lovelace", address=home) == set()


async def test_nobody_opts_in_for_points_they_did_not_prove(house: House) -> None:
    await opted(house, "in", Right.OPT_IN_SALE, {"emails": ["victim@example.org"]})

    assert await noted(house, email="victim@example.org") == set()


async def test_a_clients_instruction_notes_nothing_of_what_the_person_gave(house: House) -> None:
    await opted(house, "theirs", Right.OPT_OUT_MARKETING, {"emails": ["theirs@example.org"]}, client="fern")

    assert await noted(house, email="theirs@example.org") == set()


async def test_what_is_kept_names_nobody(house: House) -> None:
    await opted(house, "keyed", Right.WITHDRAW_CONSENT, {"emails": ["keyed.quill@example.org"]})
    async with house.pool.connection() as conn:
        rows = await (await conn.execute("SELECT token, kind FROM directory.suppression")).fetchall()

    assert rows
    assert all(len(token) >= 16 and b"quill" not in bytes(token) for token, _ in rows)
