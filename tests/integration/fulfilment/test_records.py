"""What was signed outlives its case: under a key of its own, with nothing else that was said, and not for ever."""

import json
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

import pytest

from services.intake.adapters import Records
from services.intake.decide import DESTROY, KEEP
from services.kernel.house import House
from services.kernel.leases import Leased
from services.kernel.tokens import case_key
from tests.support.lab import a_request

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
UNTIL = NOW + timedelta(days=730)
DECLARED = {"signed_name": "Ada Brook", "signed_at": "2026-03-04T11:00:00Z", "text_version": "1"}
SAID = {"subject": {"emails": ["ada@example.org"]}, "declaration": DECLARED, "message": "Please."}


def an_effect(what: str, request: str, **body: str) -> Leased:
    name = "/".join([what, *body.values()])
    return Leased(uuid5(NAMESPACE_OID, request + name), what, "vault", request, request, name, body, 1, None)


async def signed(house: House, request: str) -> None:
    async with house.pool.connection() as conn:
        await house.vault.put(conn, {(case_key(request), "submission"): json.dumps(SAID).encode()})
    keep = an_effect(KEEP, request, kind="declaration", item="submission", until=UNTIL.isoformat())
    assert len(await Records(house).keep([keep, keep], NOW)) == 2


async def read(house: House, request: str, now: datetime) -> dict[str, object] | None:
    async with house.pool.connection() as conn:
        raw = await house.vault.get_record(conn, (case_key(request), "declaration/submission"), now)
    return json.loads(raw) if raw else None


async def test_a_declaration_is_there_when_its_case_is_gone_and_says_no_more_than_was_signed(house: House) -> None:
    request = a_request("signed")
    await signed(house, request)
    await Records(house).destroy([an_effect(DESTROY, request)], NOW + timedelta(days=60))

    async with house.pool.connection() as conn:
        assert await house.vault.get(conn, [(case_key(request), "submission")]) == {}
    assert await read(house, request, NOW + timedelta(days=700)) == {"declaration": DECLARED}


async def test_its_time_ends_too(house: House) -> None:
    request = a_request("expired")
    await signed(house, request)
    await Records(house).destroy([], UNTIL + timedelta(days=1))

    async with house.pool.connection() as conn:
        rows = await (await conn.execute("SELECT count(*) FROM vault.records")).fetchone()
    assert rows == (0,)


async def test_what_is_gone_before_it_was_kept_is_no_fault(house: House) -> None:
    keep = an_effect(KEEP, a_request("gone"), kind="mandate", item="submission", until=UNTIL.isoformat())

    assert len(await Records(house).keep([keep], NOW)) == 1
    assert await read(house, a_request("gone"), NOW) is None
