import json
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwe, jws
from joserfc.jwk import ECKey

from schemas.wire import Record, Unreadable
from services.clients import jose
from services.clients.names import Handovers
from services.clients.registry import Client
from services.fulfiller.adapters.replies import Register, Replies
from services.fulfiller.decide import Instruction, Reply
from services.kernel.keys import FileKeyStore
from services.kernel.metrics import StageMetrics

REQUEST = "5b3f2a10-9c7e-8d21-a4b0-000000000002"
SIGNS, OTHER = ECKey.generate_key("P-256", {"use": "sig"}), ECKey.generate_key("P-256", {"use": "sig"})
CLIENTS = {
    "acorn": Client("acorn", "Acorn", "a@acorn.example", keys={"keys": [SIGNS.as_dict(private=False)]}),
    "birch": Client("birch", "Birch", "b@birch.example", keys={"keys": [OTHER.as_dict(private=False)]}),
    "cedar": Client("cedar", "Cedar", "c@cedar.example"),
}
SAID = {"type": "service-providers", "client": "acorn", "instruction_id": "q-1", "issued_at": "2026-03-02T12:00:00Z"}


@pytest.fixture(scope="module")
def reader(store: FileKeyStore) -> Replies:
    """The reader, with a register of three clients in place of the database."""
    settings_ = SimpleNamespace(database_url=SimpleNamespace(get_secret_value=lambda: "postgresql://localhost:1/none"))
    house = SimpleNamespace(keys=store, settings=settings_, metrics=StageMetrics())
    replies = Replies(cast("Any", house))
    replies._register = cast("Any", CLIENTS)
    return replies


@pytest.fixture(scope="module")
def names(store: FileKeyStore) -> Handovers:
    return Handovers(store)


def laid(value: object, offset: int = 0) -> Record:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Record("privacy.client-replies", 0, offset, None, raw, (), 1_772_452_800_000)


def said(names: Handovers, kind: str = "completed", **fields: Any) -> dict[str, Any]:
    about = {"client": "acorn", "handover_id": names.name("acorn", REQUEST), "type": kind}
    return about | {"reply_token": names.token("acorn", REQUEST)} | fields


def signed(data: object, key: ECKey = SIGNS, client: str = "acorn") -> dict[str, Any]:
    return {"type": "signed", "client": client, "jose": jws.serialize_compact({"alg": "ES256"}, json.dumps(data), key)}


def sealed(body: dict[str, Any], store: FileKeyStore) -> dict[str, Any]:
    ours = ECKey.import_key(jose.Inbound(store).public())
    return body | {"jose": jwe.encrypt_compact({"alg": "ECDH-ES+A256KW", "enc": "A256GCM"}, body["jose"], ours)}


def refused(reader: Replies, client: str, why: str) -> float:
    return float(reader._refused.labels("fulfiller", client, why)._value.get())


def test_a_reply_with_its_token_is_taken(reader: Replies, names: Handovers) -> None:
    reply = reader(laid(said(names)))

    assert isinstance(reply, Reply)
    assert reply.body is not None
    assert (reply.request_id, reply.body.type, reply.problems) == (REQUEST, "completed", ())


@pytest.mark.parametrize(("fields", "field"), [
    ({"type": "teleported"}, "type"), ({"type": "refused"}, "reason"), ({"reason": "No Code"}, "reason"),
    ({"action": "apply"}, "action"), ({"request_id": 1}, "request_id"), ({"request_id": REQUEST}, "handover_id"),
])  # fmt: skip
def test_who_shows_the_token_is_told_what_was_wrong(
    reader: Replies, names: Handovers, fields: dict[str, Any], field: str
) -> None:
    reply = reader(laid(said(names) | fields))

    assert isinstance(reply, Reply)
    assert (reply.body, reply.client, [p.field for p in reply.problems]) == (None, "acorn", [field])


def test_who_names_the_hand_over_wrongly_may_still_name_it_as_the_request(reader: Replies, names: Handovers) -> None:
    reply = reader(laid(said(names, handover_id="not-an-id", request_id=names.name("acorn", REQUEST))))

    assert isinstance(reply, Reply)
    assert (reply.request_id, [p.field for p in reply.problems]) == (REQUEST, ["handover_id"])


def test_a_reply_with_another_clients_token_is_nobodys_and_counted(reader: Replies, names: Handovers) -> None:
    before = refused(reader, "acorn", "token")
    with pytest.raises(Unreadable, match="reply_token") as told:
        reader(laid(said(names, reply_token=names.token("birch", REQUEST))))

    assert names.token("birch", REQUEST) not in str(told.value)
    assert refused(reader, "acorn", "token") == before + 1


def test_names_nobody_registered_are_counted_together(reader: Replies, names: Handovers) -> None:
    before = refused(reader, "unknown", "token")
    for name in ("nobody", "noone"):
        with pytest.raises(Unreadable):
            reader(laid(said(names, reply_token="0" * 32, client=name)))

    assert refused(reader, "unknown", "token") == before + 2


@pytest.mark.parametrize(
    "fields",
    [{"reply_token": None}, {"reply_token": 7}, {"client": ["acorn"]}, {"handover_id": 1}, {"handover_id": "x"}],
)
def test_who_breaks_the_rules_without_a_token_is_answered_by_nobody(
    reader: Replies, names: Handovers, fields: dict[str, Any]
) -> None:
    with pytest.raises(Unreadable):
        reader(laid(said(names, type="teleported") | fields))


def test_what_a_client_signed_is_taken_sealed_or_open(reader: Replies, store: FileKeyStore) -> None:
    open_, closed = reader(laid(signed(SAID))), reader(laid(sealed(signed(SAID), store), 1))

    assert isinstance(open_, Instruction)
    assert isinstance(closed, Instruction)
    assert (open_.sealed, closed.sealed) == (False, True)
    assert (open_.body, open_.request_id, open_.digest) == (closed.body, closed.request_id, closed.digest)
    assert open_.event_id != closed.event_id


def test_the_request_behind_an_instruction_is_named_by_client_and_its_own_id(reader: Replies) -> None:
    names = {
        cast(
            "Instruction", reader(laid(signed(SAID | {"client": client, "instruction_id": own}, key, client)))
        ).request_id
        for client, key in (("acorn", SIGNS), ("birch", OTHER))
        for own in ("q-1", "q-2")
    }

    assert len(names) == 4


@pytest.mark.parametrize(("body", "who", "why"), [
    (signed(SAID, OTHER), "acorn", "signature"),
    (signed(SAID, OTHER, "cedar"), "cedar", "signature"),
    (signed(SAID, SIGNS, "birch"), "birch", "signature"),
    (signed(SAID, SIGNS, "nobody"), "unknown", "signature"),
    (signed(SAID) | {"jose": "a.b.c.d.e"}, "acorn", "seal"),
    (signed(SAID) | {"jose": "rubbish"}, "acorn", "signature"),
])  # fmt: skip
def test_what_the_named_client_did_not_sign_is_nobodys_and_counted(
    reader: Replies, body: dict[str, Any], who: str, why: str
) -> None:
    before = refused(reader, who, why)
    with pytest.raises(Unreadable, match="jose"):
        reader(laid(body))

    assert refused(reader, who, why) == before + 1


@pytest.mark.parametrize(("data", "field"), [
    (SAID | {"client": "birch"}, "client"), (SAID | {"type": "order"}, "type"), ({}, "type"), ([1], "type"),
    (SAID | {"issued_at": "yesterday"}, "issued_at"), (SAID | {"type": "instruction"}, "brand"),
    (SAID | {"instruction_id": "with space"}, "instruction_id"),
])  # fmt: skip
def test_what_a_client_signed_wrongly_is_its_own_error(reader: Replies, data: object, field: str) -> None:
    told = reader(laid(signed(data)))

    assert isinstance(told, Instruction)
    assert (told.body, told.client) == (None, "acorn")
    assert field in {problem.field for problem in told.problems}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(value=st.one_of(st.binary(max_size=200), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["client", "type", "jose", "reply_token", "request_id", "handover_id", "reason", "x"]), inner),
    max_leaves=8,
).map(lambda data: json.dumps(data).encode())))  # fmt: skip
def test_rubbish_is_never_more_than_unreadable(reader: Replies, value: bytes) -> None:
    with pytest.raises(Unreadable):
        reader(laid(value))


def test_the_last_known_register_serves_while_the_database_is_away() -> None:
    register = Register("postgresql://localhost:1/none?connect_timeout=1")
    register._clients = CLIENTS

    assert register.get("acorn") == CLIENTS["acorn"]
    assert register.get("nobody") is None
    assert register.get(None) is None
