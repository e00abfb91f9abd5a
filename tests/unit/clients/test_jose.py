import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwe, jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from services.clients import jose
from services.clients.jose import CannotRead, Inbound, public_keys
from services.kernel.errors import Misconfigured
from services.kernel.keys import FileKeyStore

MINE = ECKey.generate_key("P-256", {"use": "enc", "kid": "mine"})
SIGNS = ECKey.generate_key("P-256", {"use": "sig"})
OTHER = ECKey.generate_key("P-256")
KEYS = {"keys": [MINE.as_dict(private=False), SIGNS.as_dict(private=False)]}


@pytest.fixture(scope="module")
def inbound(tmp_path_factory: pytest.TempPathFactory) -> Inbound:
    store = FileKeyStore(tmp_path_factory.mktemp("keys"))
    store.create()
    return Inbound(store)


def sealed_to(inbound: Inbound, text: str, **header: str) -> str:
    key = ECKey.import_key(inbound.public())
    return jwe.encrypt_compact({"alg": "ECDH-ES+A256KW", "enc": "A256GCM", **header}, text, key)


def test_a_lone_key_and_a_set_of_keys_are_both_taken() -> None:
    lone = OTHER.as_dict(private=False)

    assert public_keys(json.dumps(lone)) == {"keys": [lone]}
    assert jose.can(public_keys(json.dumps(KEYS))) == ("enc", "sig")
    assert jose.can(public_keys(json.dumps(lone))) == ("enc", "sig")
    assert jose.can({"keys": [SIGNS.as_dict(private=False)]}) == ("sig",)
    assert jose.can(None) == ()


@pytest.mark.parametrize(("text", "rule"), [
    ("{]", "must be JSON"),
    ("[]", "must hold a JWK"),
    ('{"keys": []}', "must hold a JWK"),
    (json.dumps(MINE.as_dict(private=True)), "is a private key"),
    (json.dumps(OKPKey.generate_key("X25519").as_dict(private=False)), '"kty": "EC"'),
    (json.dumps(ECKey.generate_key("P-384").as_dict(private=False)), '"crv": "P-256"'),
    (json.dumps({**MINE.as_dict(private=False), "use": "both"}), '"use" must be'),
    (json.dumps({**MINE.as_dict(private=False), "x": "AAAA"}), "no point of P-256"),
    (json.dumps({"kty": "EC", "crv": "P-256"}), "no point of P-256"),
], ids=["text", "list", "none", "private", "curve", "size", "use", "elsewhere", "nowhere"])  # fmt: skip
def test_a_wrong_key_is_refused_with_what_is_wrong_and_never_repeated(text: str, rule: str) -> None:
    with pytest.raises(Misconfigured, match=rule) as told:
        public_keys(text)

    assert str(MINE.as_dict(private=True)["d"]) not in str(told.value)


def test_what_is_sealed_to_a_client_opens_with_its_key_alone() -> None:
    token = jose.seal(KEYS, b'{"a": 1}')
    assert token is not None

    header = json.loads(jwe.decrypt_compact(token, MINE).plaintext or b"")
    assert header == {"a": 1}
    with pytest.raises(JoseError):
        jwe.decrypt_compact(token, OTHER)


def test_what_is_sealed_to_another_or_changed_on_the_way_does_not_open(inbound: Inbound) -> None:
    ours = sealed_to(inbound, "told")
    head, key, nonce, body, tag = ours.split(".")
    theirs = jwe.encrypt_compact({"alg": "ECDH-ES+A256KW", "enc": "A256GCM"}, "told", OTHER)

    for token in (
        theirs,
        f"{head}.{key}.{nonce}.{body}.{tag[:-4]}AAAA",
        f"{head}.{key[:-8]}AAAAAAAA.{nonce}.{body}.{tag}",
    ):
        with pytest.raises(CannotRead):
            inbound.open(token)


def test_nothing_is_sealed_for_who_gave_no_key_for_it() -> None:
    assert jose.seal(None, b"x") is None
    assert jose.seal({"keys": [SIGNS.as_dict(private=False)]}, b"x") is None


def test_what_is_sealed_to_us_opens_in_every_process_with_the_key_store(tmp_path: Path) -> None:
    store = FileKeyStore(tmp_path)
    store.create()
    first, second = Inbound(store), Inbound(FileKeyStore(tmp_path))

    assert first.public() == second.public()
    assert "d" not in first.public()
    assert second.open(sealed_to(first, "told")) == "told"


@pytest.mark.parametrize("header", [{"alg": "ECDH-ES"}, {"enc": "A128GCM"}, {"zip": "DEF"}])
def test_only_the_agreed_algorithms_open(inbound: Inbound, header: dict[str, str]) -> None:
    with pytest.raises(CannotRead):
        inbound.open(sealed_to(inbound, "told", **header))


@settings(deadline=None)
@given(st.text(alphabet='abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.{}" :,é', max_size=200))
def test_rubbish_is_never_more_than_unreadable(text: str) -> None:
    with pytest.raises(CannotRead):
        jose.signed_by(KEYS, text)


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_rubbish_is_never_opened(inbound: Inbound, before: str, after: str) -> None:
    with pytest.raises(CannotRead):
        inbound.open(f"{before}....{after}")


def test_a_signature_holds_for_its_own_key_only() -> None:
    token = jws.serialize_compact({"alg": "ES256"}, b"told", SIGNS)

    assert jose.signed_by(KEYS, token) == b"told"
    for keys in (None, {"keys": [OTHER.as_dict(private=False)]}, {"keys": [MINE.as_dict(private=False)]}):
        with pytest.raises(CannotRead):
            jose.signed_by(keys, token)


def test_a_token_without_a_signature_is_not_signed() -> None:
    head, body, _ = jws.serialize_compact({"alg": "ES256"}, b"told", SIGNS).split(".")

    for forged in (f"eyJhbGciOiJub25lIn0.{body}.", f"{head}.{body}."):
        with pytest.raises(CannotRead):
            jose.signed_by(KEYS, forged)
