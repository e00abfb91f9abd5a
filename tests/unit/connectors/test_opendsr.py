"""What an OpenDSR processor says is believed only when it is signed, by the right one, and about what was asked."""

import asyncio
import hashlib
import json
from collections.abc import Coroutine, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid5

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from connectors.opendsr import OpenDsrSystem, open_opendsr
from connectors.opendsr.callbacks import Ear, Heard, Refused
from connectors.opendsr.messages import request, request_id, task_id
from connectors.opendsr.options import OpenDsrOptions
from connectors.opendsr.trust import Trust, Untrusted
from connectors.port import Answer, Pending, Receipt, Task, Trouble
from schemas.values import Action, Outcome
from tests.contract.company import CASE, Basket, erase, held, task
from tests.contract.processor import CALLBACK, DOMAIN, OPTIONS, Authority, authority, sign, vendor_key
from tests.contract.worlds import RIGHTS, OpenDsrWorld

Result = TypeVar("Result")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[OpenDsrWorld]:
    made = OpenDsrWorld(tmp_path)
    yield made
    made.close()


def run(world: OpenDsrWorld, work: Coroutine[Any, Any, Result]) -> Result:
    return world.runner.run(work)


def once(world: OpenDsrWorld, wanted: Task, reference: str = "", **options: Any) -> Answer:
    system = other(world, **options) if options else world.opendsr
    [answer] = run(world, system.perform([Task(**{**fields(wanted), "reference": reference})], Basket()))
    run(world, system.close())
    return answer


def other(world: OpenDsrWorld, **options: Any) -> OpenDsrSystem:
    return open_opendsr("shop", held("opendsr", OPTIONS | options, rights=RIGHTS), world.environment)


def fields(wanted: Task) -> dict[str, Any]:
    return {name: getattr(wanted, name) for name in Task.__slots__}


def test_every_task_has_an_id_of_version_4_that_leads_back_to_it() -> None:
    for number in range(50):
        ours = uuid5(CASE, str(number))
        theirs = request_id(ours)

        assert (theirs.version, theirs.variant) == (4, ours.variant)
        assert task_id(theirs) == ours


def test_a_request_says_what_the_standard_asks_and_no_more() -> None:
    options = OpenDsrOptions.model_validate(
        OPTIONS | {"identities": {"mail": {"type": "email", "format": "sha256"}, "person_id": {"type": "android_id"}}}
    )
    wanted = erase(None, keys=({"mail": " Ann@Example.org", "shelf": "7"}, {"person_id": "9"}), client="acorn")

    told = request(wanted, options)
    british = request(erase(1, law="GB-UKGDPR"), options)

    mail = hashlib.sha256(b"ann@example.org").hexdigest()
    assert told == {
        "regulation": "ccpa",
        "subject_request_id": str(request_id(wanted.task_id)),
        "subject_request_type": "erasure",
        "submitted_time": "2026-03-02T17:30:00+00:00",
        "subject_identities": [
            {"identity_type": "email", "identity_value": mail, "identity_format": "sha256"},
            {"identity_type": "android_id", "identity_value": "9", "identity_format": "raw"},
        ],
        "api_version": "2.0",
        "status_callback_urls": [CALLBACK],
        "extensions": {DOMAIN: {"client": "acorn"}},
    }
    assert british["regulation"] == "gdpr"


def test_a_request_sent_twice_is_one_request(world: OpenDsrWorld) -> None:
    first, second = once(world, erase(1)), once(world, erase(1))

    assert isinstance(first, Pending)
    assert isinstance(second, Pending)
    assert len(world.processor.requests) == 1


def test_a_bare_completion_is_taken_at_its_count(world: OpenDsrWorld) -> None:
    name = str(request_id(erase(1).task_id))
    once(world, erase(1))
    outcomes = []
    for more in ({"results_count": 4}, {"results_count": 0}, {}):
        world.processor.status[name] = {"request_status": "completed", **more}
        outcomes.append(once(world, erase(1), "asked"))

    assert [(o.outcome, dict(o.counts)) for o in outcomes if isinstance(o, Receipt)] == [
        (Outcome.ERASED, {"records": 4}),
        (Outcome.NOT_FOUND, {}),
        (Outcome.ERASED, {}),
    ]


def test_a_cancelled_request_is_for_an_operator(world: OpenDsrWorld) -> None:
    once(world, erase(1))
    withdrawn = run(world, world.opendsr.recall(erase(1)))
    answer = once(world, erase(1), "asked")
    again = run(world, world.opendsr.recall(erase(1)))

    assert (withdrawn, again) == (True, False)
    assert answer == Trouble(erase(1).task_id, retry=False, code="cancelled")


def test_what_was_begun_cannot_be_taken_back(world: OpenDsrWorld) -> None:
    once(world, erase(1))
    once(world, erase(1), "asked")

    assert run(world, world.opendsr.recall(erase(1))) is False


def test_the_older_protocol_is_spoken_too(world: OpenDsrWorld) -> None:
    world.processor.prefix = "X-OpenGDPR"

    answer = once(world, erase(1), legacy=True)

    assert isinstance(answer, Pending)
    [body] = world.processor.requests.values()
    assert "regulation" not in body
    assert ("POST", "/v2/opengdpr_requests") in world.server.seen


def test_an_answer_that_is_not_signed_by_the_processor_is_refused(world: OpenDsrWorld) -> None:
    world.processor._signed = lambda status, body: (status, body)  # type: ignore[method-assign]

    answer = once(world, erase(1))

    assert answer == Trouble(erase(1).task_id, retry=False, code="unknown_domain")
    assert isinstance(once(world, erase(1), signed=False), Pending)


def test_results_nobody_declared_are_not_passed_over(world: OpenDsrWorld) -> None:
    wanted = task(Action.EXPORT, 1)
    once(world, wanted)
    name = str(request_id(wanted.task_id))
    world.processor.results[name] = {"diary": [{"page": "dear diary"}]}
    world.processor.status[name] = {"request_status": "completed", "results_url": f"/results/{name}"}

    assert once(world, wanted, "asked") == Trouble(wanted.task_id, retry=False, code="undeclared_results")


def test_results_are_fetched_from_the_processor_only(world: OpenDsrWorld) -> None:
    wanted = task(Action.EXPORT, 1)
    once(world, wanted)
    elsewhere = {"request_status": "completed", "results_url": "http://169.254.169.254/latest/meta-data"}
    world.processor.status[str(request_id(wanted.task_id))] = elsewhere

    assert once(world, wanted, "asked") == Trouble(wanted.task_id, retry=False, code="points_elsewhere")


@pytest.mark.parametrize("wrong", ["stranger", "other domain", "expired", "self-signed", "nothing"])
def test_a_certificate_must_be_for_this_domain_valid_and_of_somebody_we_trust(wrong: str) -> None:
    trust, stranger = Trust(DOMAIN, (authority().certificate,)), Authority()
    pem = {
        "stranger": stranger.vouch(DOMAIN, vendor_key(), days=30),
        "other domain": authority().vouch("opendsr.other.example", vendor_key(), days=30),
        "expired": authority().vouch(DOMAIN, vendor_key(), days=-1),
        "self-signed": stranger.certificate,
    }
    sent = pem[wrong].public_bytes(Encoding.PEM) if wrong in pem else b"-----BEGIN CERTIFICATE-----"

    with pytest.raises(Untrusted):
        trust.certificate(sent)
    good = authority().vouch(DOMAIN, vendor_key(), days=1)
    assert trust.certificate(good.public_bytes(Encoding.PEM)) == good


def callback(world: OpenDsrWorld, **changes: Any) -> bytes:
    told = {"controller_id": "us", "subject_request_id": str(request_id(erase(1).task_id)),
            "request_status": "completed", "status_callback_url": CALLBACK}  # fmt: skip
    return json.dumps(told | changes).encode()


def hear(world: OpenDsrWorld, headers: dict[str, str], raw: bytes) -> Heard | Refused:
    async def heard() -> Heard | Refused:
        try:
            return await Ear({"shop": world.opendsr}).hear(headers, raw)
        except Refused as refused:
            return refused

    return run(world, heard())


@pytest.mark.parametrize("prefix", ["X-OpenDSR", "x-opengdpr"])
def test_a_callback_says_which_task_to_look_at(world: OpenDsrWorld, prefix: str) -> None:
    raw = callback(world)

    assert hear(world, sign(raw, prefix=prefix), raw) == Heard("shop", erase(1).task_id, "completed")


def test_a_callback_is_not_read_before_it_is_checked(world: OpenDsrWorld) -> None:
    good, forged = callback(world), ec.generate_private_key(ec.SECP256R1())
    cases: list[tuple[dict[str, str], bytes]] = [
        ({}, good),
        (sign(good) | {"X-OpenDSR-Processor-Domain": "opendsr.other.example"}, good),
        (sign(good, forged), good),
        (sign(good), good + b" "),
        (sign(good) | {"X-OpenDSR-Signature": "not base64!"}, b"{"),
        (sign(b"{"), b"{"),
        (sign(raw := callback(world, status_callback_url="https://other.example/")), raw),
        (sign(raw := callback(world, request_status="denied")), raw),
    ]

    told = [hear(world, headers, raw) for headers, raw in cases]

    assert [(one.status, one.code) for one in told if isinstance(one, Refused)] == [
        (HTTPStatus.UNAUTHORIZED, "unknown_domain"),
        (HTTPStatus.UNAUTHORIZED, "unknown_domain"),
        (HTTPStatus.BAD_REQUEST, "bad_signature"),
        (HTTPStatus.BAD_REQUEST, "bad_signature"),
        (HTTPStatus.BAD_REQUEST, "bad_signature"),
        (HTTPStatus.BAD_REQUEST, "not_json"),
        (HTTPStatus.BAD_REQUEST, "not_for_us"),
        (HTTPStatus.BAD_REQUEST, "unexpected_answer"),
    ]


def test_the_check_compares_what_was_agreed_with_what_is_offered(world: OpenDsrWorld) -> None:
    hashed_key = {"person_id": {"type": "controller_customer_id", "format": "sha256"}}
    system = other(world, identities=hashed_key)
    world.processor.types = ["access"]

    found = {(f.where, f.serious) for f in run(world, system.check())}
    run(world, system.close())

    assert found == {("options.identities.person_id", True), ("rights", True)}


def test_the_check_does_not_trust_a_certificate_of_nobody_known(world: OpenDsrWorld) -> None:
    world.processor.certificate = Authority().vouch(DOMAIN, vendor_key(), days=30)

    [finding] = run(world, world.opendsr.check())

    assert (finding.where, finding.serious) == ("certificate", True)


def test_a_processor_that_is_away_may_come_back(world: OpenDsrWorld) -> None:
    world.server.close()

    [answer] = asyncio.run(other(world).perform([erase(1)], Basket()))

    assert answer == Trouble(erase(1).task_id, retry=True, code="system_unavailable")
    world.server = type(world.server)(world.processor.answer)
