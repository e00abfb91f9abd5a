"""Only a listed authenticator's fresh word about this very submission proves a session."""

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from rules.errors import PolicyProblem
from rules.sessions import Authenticator, compile_authenticators
from schemas.public import RequestSubmitted
from services.directory.sessions import Sessions
from services.kernel.errors import Misconfigured

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ISSUER = "https://login.example.com"


@cache
def key(kind: str) -> Any:
    made = {"ES256": lambda: ECKey.generate_key("P-256"), "Ed25519": lambda: OKPKey.generate_key("Ed25519"),
            "RS256": lambda: RSAKey.generate_key(2_048), "ES256b": lambda: ECKey.generate_key("P-256")}  # fmt: skip
    return made[kind]()


def listed(*kinds: str, brand: str = "parcelwise", issuer: str = ISSUER) -> Sessions:
    keys = [key(kind).as_dict(private=False) for kind in kinds or ("ES256",)]
    return Sessions([Authenticator(issuer=issuer, brand=brand, keys=keys, source="a test")])


def claims(**changed: Any) -> dict[str, Any]:
    signed_in = int((NOON - timedelta(minutes=2)).timestamp())
    ordinary = {"iss": ISSUER, "aud": "parcelwise", "sub": "AC-4711", "auth_time": signed_in, "submission_id": "s-1"}
    return {name: value for name, value in {**ordinary, **changed}.items() if value is not None}


def signed(said: Any, by: Any = None, alg: str = "ES256") -> str:
    return jws.serialize_compact({"alg": alg}, json.dumps(said).encode(), by or key(alg), algorithms=[alg])


def submitted(token: str | None, **changed: Any) -> RequestSubmitted:
    ordinary = {"submission_id": "s-1", "source": "web", "brand": "parcelwise", "rights": ["access"], "subject": {}}
    return RequestSubmitted.model_validate({**ordinary, "authentication": token, **changed})


def account(token: str | None, sessions: Sessions | None = None, **changed: Any) -> str | None:
    return (sessions or listed()).account(submitted(token, **changed), NOON)


@pytest.mark.parametrize("alg", ["ES256", "Ed25519", "RS256"])
def test_a_fresh_session_names_its_account(alg: str) -> None:
    assert account(signed(claims(), alg=alg), listed(alg)) == "AC-4711"


def test_any_listed_key_will_do_while_keys_are_exchanged() -> None:
    assert account(signed(claims()), listed("ES256b", "RS256", "ES256")) == "AC-4711"


@pytest.mark.parametrize("changed", [
    {"iss": "https://login.example.net"}, {"aud": "shipdesk"}, {"submission_id": "s-2"}, {"submission_id": None},
    {"sub": ""}, {"sub": 4_711}, {"sub": None}, {"auth_time": None}, {"auth_time": "now"}, {"auth_time": True},
    {"auth_time": (NOON - timedelta(minutes=11)).timestamp()}, {"auth_time": (NOON + timedelta(minutes=2)).timestamp()},
], ids=str)  # fmt: skip
def test_what_is_stale_or_meant_for_something_else_proves_nothing(changed: dict[str, Any]) -> None:
    assert account(signed(claims(**changed))) is None


def test_what_nobody_listed_signed_proves_nothing() -> None:
    assert account(signed(claims(), by=ECKey.generate_key("P-256"))) is None
    assert account(signed(claims()), Sessions(())) is None
    assert account(signed(claims()), listed(issuer="https://login.example.net")) is None
    assert account(signed(claims(aud="shipdesk")), brand="shipdesk") is None


def test_a_public_key_is_never_taken_for_a_shared_secret_and_none_signs_nothing() -> None:
    public = json.dumps(key("ES256").as_dict(private=False))
    as_secret = signed(claims(), by=OctKey.import_key(public), alg="HS256")
    head, body, _ = signed(claims()).split(".")
    unsigned = "eyJhbGciOiJub25lIn0"

    assert [account(token) for token in (as_secret, f"{unsigned}.{body}.", f"{head}.{body}.AAAA")] == [None] * 3


@pytest.mark.parametrize("token", [None, "x", "a.b.c", signed([]), signed("AC-4711")])
def test_what_is_no_assertion_proves_nothing(token: str | None) -> None:
    assert account(token) is None


@pytest.mark.parametrize("jwk", [
    {"kty": "oct", "k": "c2VjcmV0"}, key("ES256").as_dict(private=True), {"kty": "EC"},
])  # fmt: skip
def test_only_public_keys_can_be_listed(jwk: dict[str, Any]) -> None:
    said = {"authenticators": [{"issuer": ISSUER, "brand": "parcelwise", "keys": [jwk], "source": "a test"}]}

    with pytest.raises((PolicyProblem, Misconfigured)) as error:
        Sessions(compile_authenticators(json.dumps(said)))
    assert "c2VjcmV0" not in str(error.value)
    assert str(jwk.get("d", "c2VjcmV0")) not in str(error.value)
