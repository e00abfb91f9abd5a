"""The verifier's step on a real database: failed tries add up, a session counts, what was given leaves a hash."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from rules.sessions import Authenticator
from schemas import wire
from schemas.events import PartWaiting, RequestVerified
from schemas.public import RequestSubmitted
from schemas.values import Party, Right
from schemas.wire import Record
from services.kernel import tokens
from services.kernel.house import House, open_house
from services.kernel.policies import load_handbook
from services.kernel.step import Blueprint, Step
from services.kernel.store import Store
from services.verifier.adapters import PostgresDirectory
from services.verifier.app import keys
from services.verifier.decide import Facts, Verification, decide
from tests.support.directory import ADA
from tests.support.lab import settings
from tests.support.source import ROOT
from tests.support.values import an_accepted

pytestmark = [pytest.mark.integration, pytest.mark.anyio]
SIGNER = ECKey.generate_key("P-256")
LOGIN = Authenticator(
    issuer="https://login.example.com", brand="parcelwise", keys=[SIGNER.as_dict(private=False)], source="a test"
)


class Verifier:
    """The stage as the worker wires it, without a bus: submissions in, events out."""

    def __init__(self, house: House) -> None:
        handbook = replace(load_handbook(ROOT / "policies"), authenticators=(LOGIN,))
        self.house, self.number = house, 0
        gather = PostgresDirectory(handbook, house).gather
        blueprint = Blueprint("verifier", Verification, keys=keys, gather=gather, decide=decide, learn=Facts.learning)
        self.step = Step(blueprint, house, Store("verifier", Verification))

    async def ask(self, *bodies: dict[str, Any], **terms: Any) -> list[Any]:
        """Take these submissions in one batch; returns what was told."""
        records = [await self._record(body, terms) for body in bodies]
        return [self._read(row.message) for row in await self.step.take(records)]

    async def _record(self, body: dict[str, Any], terms: dict[str, Any]) -> Record:
        self.number += 1
        name = body.pop("submission_id", f"s-{self.number}")
        said = RequestSubmitted.model_validate(
            {"submission_id": name, "source": "webform", "brand": "parcelwise", "rights": ["delete"], **body}
        )
        case = tokens.case_id(b"k" * 32, "webform", name)
        items = {"submission": said, "subject:0": said.subject}
        async with self.house.pool.connection() as conn:
            sealed = {(tokens.case_key(case), item): one.model_dump_json().encode() for item, one in items.items()}
            await self.house.vault.put(conn, sealed)
        ids = {"request_id": str(tokens.request_id(b"k" * 32, case, "delete")), "case_id": str(case)}
        now = self.house.clock()
        event = an_accepted(**{"received_at": now, "unverified_at": now + timedelta(days=14), **terms})
        event = event.model_copy(update={**ids, "event_id": case, "occurred_at": now})
        topic, key, value, headers = wire.encode(event, source="a test")
        return Record(topic, 0, self.number, key, value, tuple(headers), int(now.timestamp() * 1000))

    def _read(self, message: Any) -> Any:
        return wire.decode(Record(message.topic, 0, 0, message.key, message.value, tuple(message.headers), 0))


@pytest.fixture
async def verifier(directory: Any, tmp_path: Path) -> AsyncIterator[Verifier]:
    directory.load(ADA)
    directory.db.execute(
        "TRUNCATE verifier.state, verifier.inbox, verifier.outbox, verifier.counters, vault.keys CASCADE"
    )
    house = open_house("verifier", settings(directory.url, tmp_path / "keys"))
    await house.pool.open(wait=True)
    try:
        yield Verifier(house)
    finally:
        await house.pool.close()


def guess(number: int, **more: Any) -> dict[str, Any]:
    """Ada's name and phone, somebody else's mailbox, and a number that may be hers."""
    subject = {"name": ADA["name"], "phones": [ADA["phone"]], "emails": [f"guesser-{number}@example.net"], **more}
    return {"subject": subject}


async def test_what_failed_in_one_batch_and_in_earlier_ones_adds_up_against_one_record(
    verifier: Verifier, directory: Any
) -> None:
    three: dict[str, Any] = {"right": Right.KNOW_SPECIFIC, "points_needed": 3}
    right = guess(99, account_number=ADA["account_number"])
    [verified] = [e for e in await verifier.ask(dict(right), **three) if isinstance(e, RequestVerified)]
    for batch in range(3):
        await verifier.ask(*(guess(10 * batch + n, account_number=f"WRONG-{batch}-{n}") for n in range(7)), **three)
    told = await verifier.ask(dict(right), **three)

    assert verified.by == "points"
    assert [e for e in told if isinstance(e, RequestVerified)] == []
    assert [e.why for e in told if isinstance(e, PartWaiting) and e.party is Party.OPERATOR] == ["throttled"]
    names = [key for key, _, n in directory.db.execute("SELECT key, expires_at, n FROM verifier.counters").fetchall()]
    assert {name.partition("/")[0] for name in names} >= {"request", "requester", "source", "record"}
    assert not any(value.lower() in " ".join(names).lower() for value in ("guesser", "example.net", "webform"))


async def test_an_account_session_verifies_without_any_point(verifier: Verifier) -> None:
    now = verifier.house.clock()
    claims = {"iss": LOGIN.issuer, "aud": "parcelwise", "sub": ADA["account_number"], "submission_id": "in",
              "auth_time": int(now.timestamp())}  # fmt: skip

    def signed(said: dict[str, Any]) -> str:
        return jws.serialize_compact({"alg": "ES256"}, json.dumps(said).encode(), SIGNER, algorithms=["ES256"])

    told = await verifier.ask(
        {"submission_id": "in", "subject": {}, "authentication": signed(claims)},
        {"submission_id": "out", "subject": {}, "authentication": signed(claims)},
        {"submission_id": "name", "subject": {"name": "Basil Thorne"},
         "authentication": signed(claims | {"submission_id": "name"})},
    )  # fmt: skip

    case = str(tokens.case_id(b"k" * 32, "webform", "in"))
    assert [(e.case_id, e.by) for e in told if isinstance(e, RequestVerified)] == [(case, "session")]


async def test_of_what_was_given_a_keyed_hash_is_told_and_the_same_gives_the_same(verifier: Verifier) -> None:
    true = {"subject": {"name": ADA["name"], "phones": [ADA["phone"]], "account_number": ADA["account_number"]}}
    other = {"subject": {**true["subject"], "emails": [ADA["email"]]}}

    told = [e for e in await verifier.ask(dict(true), dict(true), other) if isinstance(e, RequestVerified)]

    first, again, more = [e.evidence for e in told]
    assert first == again != more
    assert len(first or "") == 64
