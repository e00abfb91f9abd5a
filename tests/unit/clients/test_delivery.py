import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey

from schemas.base import Event
from schemas.clients import SealedMessage
from schemas.events import ClientReminder, ClientRequest, OfferedPoint, PartWaiting
from schemas.values import PointKind
from services.clients.registry import Client, Transport
from services.fulfiller.adapters.delivery import MAIL, POST, Dispatch
from services.fulfiller.decide import Fulfilment, Packet, decide
from services.kernel.decision import Decision
from tests.support.values import NOON, REQUEST, a_waking, an_accepted, around, located, of

KEY = ECKey.generate_key("P-256", {"use": "enc"})
CANARY = "canary@acorn.example"
PACKET = Packet((OfferedPoint(kind=PointKind.EMAIL, value=CANARY),))
FACTS = around("acorn", "birch", packets={(REQUEST, "acorn"): PACKET})
THREE_DAYS = timedelta(days=3)


def a_client(name: str = "acorn", transport: Transport = "topic", *, sealed: bool = False) -> Client:
    keys = {"keys": [KEY.as_dict(private=False)]} if sealed else None
    url = "https://hook.example/requests" if transport == "webhook" else None
    return Client(name, "Acorn & Co", "privacy@acorn.example", transport=transport, url=url, keys=keys)


def dispatched(*clients: Client, decision: Decision[Fulfilment] | None = None) -> Decision[Fulfilment]:
    """The decision that hands a request over to acorn and birch, on its way to these clients."""
    both = [located("acorn", named=True), located("birch", named=True)]
    decision = decision or decide(Fulfilment.stub(REQUEST), an_accepted(clients=both), FACTS, NOON)
    return Dispatch({client.id: client for client in clients}, NOON, THREE_DAYS)(decision)


def about(decision: Decision[Fulfilment], kind: type[Any], client: str = "acorn") -> list[Any]:
    return [event for event in of(kind, decision.events) if event.client == client]


def test_a_client_with_a_topic_and_no_key_gets_its_message_as_it_is() -> None:
    decision = dispatched(a_client(), a_client("birch"))

    [request] = about(decision, ClientRequest)
    assert (request.points[0].value, request.seq) == (CANARY, 1)
    assert (decision.effects, decision.secrets) == ((), {})


def test_a_client_with_a_key_gets_its_message_sealed_and_nobody_else_reads_it() -> None:
    decision = dispatched(a_client(sealed=True), a_client("birch"))

    [sealed] = about(decision, SealedMessage)
    opened = json.loads(jwe.decrypt_compact(sealed.jose, KEY).plaintext or b"")
    assert (opened["type"], opened["points"][0]["value"], opened["seq"]) == ("request", CANARY, 1)
    assert (opened["event_id"], opened["client"]) == (str(sealed.event_id), "acorn")
    assert CANARY not in "".join(event.model_dump_json() for event in decision.events)


@pytest.mark.parametrize(("transport", "kind"), [("webhook", POST), ("mail", MAIL)])
def test_without_a_topic_a_message_becomes_an_effect_of_that_clients_own_lane(transport: Transport, kind: str) -> None:
    decision = dispatched(a_client(transport=transport), a_client("birch"))

    [effect] = decision.effects
    assert (effect.kind, effect.lane, effect.body["type"]) == (kind, "client/acorn", "request")
    assert CANARY not in json.dumps(dict(effect.body))
    assert json.loads(decision.secrets[effect.body["item"]])["points"][0]["value"] == CANARY
    assert about(decision, ClientRequest) == []
    assert len(about(decision, ClientRequest, "birch")) == 1


def test_what_two_clients_are_told_of_one_request_has_no_id_in_common() -> None:
    decision = dispatched(a_client(), a_client("birch", sealed=True))

    [acorn], [birch] = about(decision, ClientRequest), about(decision, SealedMessage, "birch")
    opened = json.loads(jwe.decrypt_compact(birch.jose, KEY).plaintext or b"")
    mine, theirs = ids_of(acorn.model_dump(mode="json")), ids_of(birch.model_dump(mode="json")) | ids_of(opened)
    assert (mine & theirs, REQUEST in mine | theirs) == (set(), False)
    assert acorn.request_id == acorn.case_id == acorn.handover_id


def ids_of(message: dict[str, Any]) -> set[str]:
    return {str(message[name]) for name in message if name.endswith("_id") and message[name]} | {message["event_id"]}


def test_what_is_delivered_later_is_ours_by_our_name_and_the_clients_by_its_own() -> None:
    decision = dispatched(a_client(transport="webhook"), a_client("birch"))

    [effect] = decision.effects
    message = json.loads(decision.secrets[effect.body["item"]])
    assert (effect.request_id, effect.body["handover"]) == (REQUEST, message["handover_id"])


def test_a_client_taken_out_meanwhile_is_told_nothing_and_no_other_event_is_lost() -> None:
    decision = dispatched(a_client("birch"))

    assert about(decision, ClientRequest) == []
    assert len(of(PartWaiting, decision.events)) == 2


@pytest.mark.parametrize(("transport", "kinds"), [("topic", [MAIL]), ("webhook", [POST, MAIL]), ("mail", [MAIL])])
def test_a_reminder_also_goes_to_the_contact_by_mail(transport: Transport, kinds: list[str]) -> None:
    first = decide(Fulfilment.stub(REQUEST), an_accepted(clients=[located()]), FACTS, NOON)
    at = first.state.parts["client:acorn/handover"].remind_at
    assert at is not None
    reminded = decide(first.state, a_waking(REQUEST, at), FACTS, at)
    decision = dispatched(a_client(transport=transport), decision=reminded)

    assert [effect.kind for effect in decision.effects] == kinds
    assert {effect.body["waiting_for"] for effect in decision.effects} == {"received"}
    assert len(of(ClientReminder, decision.events)) == (transport == "topic")


def test_a_decision_without_messages_is_left_alone() -> None:
    decision = decide(Fulfilment.stub(REQUEST), an_accepted(), FACTS, NOON)

    assert dispatched(decision=decision) is decision


def test_the_same_decision_is_sent_under_the_same_ids() -> None:
    def ids(decision: Decision[Fulfilment]) -> list[Any]:
        told: list[Event] = list(decision.events)
        return [event.event_id for event in told] + [effect.id for effect in decision.effects]

    client = replace(a_client(transport="webhook"), keys={"keys": [KEY.as_dict(private=False)]})
    assert ids(dispatched(client, a_client("birch"))) == ids(dispatched(client, a_client("birch")))
