"""A recipient's request travels to the merchant who owns the data, and back; each time over real Kafka."""

import base64
import io
import json
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from bench.system import System
from schemas.values import Mode
from services.ops import clients
from services.ops.clients import StillOpen
from services.ops.kafka import read_all
from services.ops.traces import Trace
from tests.support.shop import Desk, Inbox, Shop, open_shop

pytestmark = pytest.mark.integration
QUICK = "opt_out_sale_share"
"""A right without verification: nothing but the client holds up its end. It concerns clients whose parcel is named."""


@pytest.fixture(scope="module")
def fern(system: System) -> Shop:
    """A client that gave its keys, and lets us act for it."""
    return open_shop(system, "fern", mode=Mode.ACT_FOR_ME, keys=True)


@pytest.fixture(scope="module")
def hazel(system: System) -> Shop:
    """A client without keys that decides by itself."""
    return open_shop(system, "hazel")


@pytest.fixture
def at_fern(fern: Shop) -> Iterator[Inbox]:
    inbox = fern.messages()
    yield inbox
    inbox.close()


@pytest.fixture
def at_hazel(hazel: Shop) -> Iterator[Inbox]:
    inbox = hazel.messages()
    yield inbox
    inbox.close()


def answer(message: dict[str, Any], kind: str, **more: Any) -> dict[str, Any]:
    return {n: message[n] for n in ("client", "handover_id", "reply_token")} | {"type": kind, **more}


def test_a_client_registered_just_now_gets_its_request_and_its_word_ends_it(
    desk: Desk, hazel: Shop, at_hazel: Inbox
) -> None:
    request = desk.asks(hazel.ships_to("Hanno Hazelwood"), QUICK)
    message = at_hazel.until("request")
    hazel.write(answer(message, "received"))
    hazel.write(answer(message, "completed"))

    assert message["handover_id"] == hazel.calls(request)
    assert request not in json.dumps(message)
    assert {p["kind"] for p in message["points"]} == {"name", "email", "tracking_number"}
    assert (message["residence"], message["verified_by_us"]) == ("US-UT", False)
    assert desk.end(request)[f"client:{hazel.id}/handover"] == "completed"


def test_an_operator_finds_a_request_by_what_a_client_calls_it(desk: Desk, hazel: Shop) -> None:
    request = desk.asks(hazel.ships_to("Henrike Hain"), QUICK)
    desk.until(lambda d: [w for w in d.waiting if w["request_id"] == request and w["who"] == hazel.id])
    with closing(Trace(desk.system.found, request)) as trace:
        deadline = time.monotonic() + 20
        while "HandedOver" not in (kinds := {e["type"] for e in trace.events()}) and time.monotonic() < deadline:
            trace.hear(200)
    with closing(Trace(desk.system.found, hazel.calls(request))) as found:
        events = found.events()

    assert kinds - {"ClientRequest"} <= {event["type"] for event in events}
    assert "ClientRequest" in {event["type"] for event in events}
    assert {event["request_id"] for event in events} == {request}


def test_a_request_sealed_to_our_key_travels_as_any_other_and_lies_open_nowhere(
    desk: Desk, hazel: Shop, at_hazel: Inbox
) -> None:
    one = hazel.ships_to("Heike Hollstein")
    request = desk.asks(one, QUICK, sealed=True)
    message = at_hazel.about(hazel.calls(request))

    assert {p["value"] for p in message["points"]} == {one.name, one.email, one.tracking_number}
    submitted = b"".join(record.value or b"" for record in read_all(desk.system.found.access(), ["privacy.requests"]))
    assert one.email.encode() not in submitted


def test_one_person_known_to_two_merchants_is_told_to_each_without_the_other(
    desk: Desk, hazel: Shop, at_hazel: Inbox
) -> None:
    holly = open_shop(desk.system, "holly")
    at_holly, mine = holly.messages(), hazel.ships_to("Hanni Hartwig")
    other = holly.ships_to(mine.name)
    request = desk.asks(mine, QUICK, subject={
        "name": mine.name, "emails": [mine.email, other.email],
        "tracking_numbers": [mine.tracking_number, other.tracking_number],
    })  # fmt: skip
    told = [inbox.about(shop.calls(request)) for inbox, shop in ((at_hazel, hazel), (at_holly, holly))]
    at_holly.close()

    for message, own, strange in zip(told, (mine, other), (other, mine), strict=True):
        assert {p["value"] for p in message["points"]} == {own.name, own.email, own.tracking_number}
        assert not {strange.email, strange.tracking_number, request} & set(json.dumps(message).split('"'))
    assert told[0]["handover_id"] != told[1]["handover_id"]


def test_what_a_client_instructs_is_done_sealed_and_sent_to_it_alone(desk: Desk, fern: Shop, at_fern: Inbox) -> None:
    one = fern.ships_to("Frieda Fernau")
    desk.asks(one, "know_specific")
    fern.write(answer(at_fern.until("request"), "instruct"))
    result = at_fern.until("result")

    assert not any(one.email.encode() in raw or one.name.encode() in raw for raw in at_fern.raw)
    assert {json.loads(raw)["type"] for raw in at_fern.raw} == {"sealed"}
    assert result["parts"][f"client:{fern.id}/package"]["outcome"] == "exported"
    assert orders(result["package"]) == {"shipments/recipient": [one.order_number]}


def orders(package: str) -> dict[str, list[str]]:
    """The order numbers in each table of a package."""
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(package))) as archive:
        tables = json.loads(archive.read("data.json"))["tables"]
    return {name: [row["order_number"] for row in rows] for name, rows in tables.items()}


def test_a_client_that_was_written_to_itself_has_us_delete_its_records_and_no_others(
    desk: Desk, fern: Shop, hazel: Shop, at_fern: Inbox
) -> None:
    one, other, strangers = fern.ships_to("Flora Farnham"), fern.ships_to("Fabian Farr"), hazel.ships_to("Hedda Hale")
    told = {"type": "instruction", "brand": "parcelwise", "action": "erase"}
    whose = {"order_numbers": [one.order_number, strangers.order_number]}
    fern.write(fern.signs({"instruction_id": "ticket-1", "whose": whose, **told}))
    result = at_fern.until("result", count=1 + sum(m["type"] == "result" for m in at_fern.all))
    while result["instruction_id"] != "ticket-1":
        result = at_fern.until("result", count=1 + sum(m["type"] == "result" for m in at_fern.all))

    assert result["parts"][f"client:{fern.id}/system:shipments"]["outcome"] == "erased"
    assert (fern.holds(one), bool(fern.holds(other)), bool(hazel.holds(strangers))) == (None, True, True)
    assert desk.end(fern.means(result["handover_id"])) == {
        f"client:{fern.id}/directory": "erased",
        f"client:{fern.id}/handover": "completed",
        f"client:{fern.id}/suppress": "applied",
        f"client:{fern.id}/system:shipments": "erased",
    }


def test_a_client_is_told_what_was_wrong_with_what_it_signed(desk: Desk, fern: Shop, at_fern: Inbox) -> None:
    one = fern.ships_to("Fenja Fell")
    told = {"type": "instruction", "brand": "parcelwise", "whose": {"order_numbers": [one.order_number]}}
    fern.write(fern.signs({"instruction_id": "open", "action": "export", **told}, sealed=False))
    fern.write(fern.signs({"instruction_id": "void", "action": "teleport", **told}))
    fern.write(fern.signs({"instruction_id": "late", "action": "export", "issued_at": "2020-01-01T00:00:00Z", **told}))
    at_fern.until("reply-error", count=3)

    errors = {m["instruction_id"]: m["field"] for m in at_fern.all if m["type"] == "reply-error"}
    assert errors == {"open": "jose", "void": "action", "late": "issued_at"}


def test_a_client_learns_our_service_providers(fern: Shop, at_fern: Inbox) -> None:
    fern.write(fern.signs({"type": "service-providers", "instruction_id": "who-gets-it"}, sealed=False))

    assert at_fern.until("service-providers")["instruction_id"] == "who-gets-it"


def test_what_nobody_signed_or_another_signed_is_parked_and_answered_to_nobody(
    desk: Desk, fern: Shop, hazel: Shop, at_fern: Inbox, at_hazel: Inbox
) -> None:
    before, errors = len(desk.parked), [m for m in at_fern.all if m["type"] == "reply-error"]
    other = open_shop(desk.system, "juniper", mode=Mode.ACT_FOR_ME, keys=True)
    asked = {"type": "service-providers", "instruction_id": "x"}
    hazel.write(fern.signs(asked, by=other.signature))
    hazel.write(fern.signs(asked) | {"client": hazel.id})
    hazel.write({"type": "signed", "client": fern.id, "jose": "a.b.c"})
    desk.until(lambda d: len(d.parked) >= before + 3)

    problems = [parked["problems"] for parked in desk.parked[before:]]
    assert problems == [["jose: must be signed with the key that client registered"]] * 3
    assert [m for m in at_fern.all if m["type"] == "reply-error"] == errors


def test_a_reply_that_breaks_a_rule_is_answered_where_its_token_is_right_and_nowhere_else(
    desk: Desk, hazel: Shop, at_hazel: Inbox, at_fern: Inbox
) -> None:
    request = desk.asks(hazel.ships_to("Hermine Hofer"), QUICK)
    message = at_hazel.about(hazel.calls(request))
    hazel.write(answer(message, "refused"))
    hazel.write(answer(message, "teleported"))
    hazel.write(answer(message, "completed", reply_token="0" * 32))
    hazel.write(answer(message, "completed") | {"client": "fern"})
    hazel.write(answer(message, "not_ours"))
    ends = desk.end(request)
    at_hazel.until("reply-error", count=2)

    told = [m for m in at_hazel.all if m["type"] == "reply-error"]
    assert [m["field"] for m in told] == ["reason", "type"]
    assert ends[f"client:{hazel.id}/handover"] == "not_ours"
    assert sum("reply_token" in problem for parked in desk.parked for problem in parked["problems"]) >= 2


def test_a_client_with_open_hand_overs_is_removed_only_if_an_operator_takes_them_over(desk: Desk) -> None:
    larch = open_shop(desk.system, "larch")
    inbox = larch.messages()
    request = desk.asks(larch.ships_to("Lorenz Larssen"), QUICK)
    inbox.until("request")
    inbox.close()

    with pytest.raises(StillOpen, match="1 hand-overs"):
        clients.remove(desk.system.found, larch.id)
    assert clients.remove(desk.system.found, larch.id, escalate=True) == 1

    wait = desk.until(lambda d: [w for w in d.waiting if w["request_id"] == request and w["party"] == "operator"])
    assert (wait[0]["who"], wait[0]["waiting"]) == (larch.id, "review")


def test_a_disabled_client_makes_its_own_part_wait_for_an_operator_and_no_other(desk: Desk, hazel: Shop) -> None:
    maple = open_shop(desk.system, "maple")
    one = maple.ships_to("Matti Maple")
    clients.disable(desk.system.found, maple.id)
    request, beside = desk.asks(one, QUICK), desk.asks(hazel.ships_to("Hilde Holm"), QUICK)

    desk.until(lambda d: [w for w in d.waiting if w["request_id"] == request and w["party"] == "operator"])
    desk.until(lambda d: [w for w in d.waiting if w["request_id"] == beside and w["party"] == "client"])
