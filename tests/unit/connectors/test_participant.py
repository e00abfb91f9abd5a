"""What a participant is told can be read by it alone; what it sends is read as declared."""

import json
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey

from connectors.participant import PIECE, CannotOpen, Piece, key_of, opened, seal_keys, seal_rows, shown
from connectors.port import Chunk
from connectors.registry import NoSuchConnector
from tests.contract.company import correct, erase, held
from tests.contract.reached import PUBLIC

THEIRS = ECKey.generate_key("P-256")
PRIVATE = dict(THEIRS.as_dict(private=True))
JWK = {name: str(value) for name, value in THEIRS.as_dict(private=False).items() if name in PUBLIC}


def test_record_keys_and_corrections_are_read_with_the_private_half_only() -> None:
    token = seal_keys(JWK | {"kid": "k1"}, correct(1, email="new@example.org"))

    assert json.loads(opened(PRIVATE, token)) == {
        "keys": [{"person_id": "1"}],
        "corrections": [{"field": "email", "new": "new@example.org"}],
    }
    with pytest.raises(CannotOpen):
        opened(dict(ECKey.generate_key("P-256").as_dict(private=True)), token)
    with pytest.raises(CannotOpen):
        opened(PRIVATE, token[:-4] + "AAAA")


def test_the_same_task_is_sealed_anew_each_time() -> None:
    assert seal_keys(JWK, erase(1)) != seal_keys(JWK, erase(1))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "options.jwk: Field required"),
        ({"jwk": {name: str(v) for name, v in PRIVATE.items() if name in {*PUBLIC, "d"}}}, "private key"),
        ({"jwk": JWK | {"crv": "P-384"}}, "must be of"),
        ({"jwk": JWK | {"x": "AAAA"}}, "no point"),
        ({"jwk": {k: str(v) for k, v in OKPKey.generate_key("X25519").as_dict(private=False).items()}}, "must be of"),
    ],
)
def test_a_key_must_be_a_public_one_of_the_right_kind(options: dict[str, Any], said: str) -> None:
    with pytest.raises(NoSuchConnector, match="shop: ") as raised:
        key_of("shop", held("participant", options))

    assert said in str(raised.value)
    assert key_of("shop", held("participant", {"jwk": JWK})) == JWK


def test_rows_go_in_pieces_that_fit_into_a_record() -> None:
    rows = [{"page": "x" * 3_000, "number": n} for n in range(200)]

    pieces = seal_rows(JWK, [Chunk(erase(1).task_id, "internet_activity", "visit", rows)])

    found = [Piece.model_validate_json(opened(PRIVATE, piece)) for piece in pieces]
    assert len(pieces) == 16
    assert all(len(piece) < 1.5 * PIECE for piece in pieces)
    assert [row for piece in found for row in piece.rows] == rows


def test_rows_are_shown_as_the_data_map_declares() -> None:
    holds = held("participant", {"jwk": JWK}).holds
    row = {"name": "Ann Oak", "email": "ann@example.org", "card": "4000", "note": "hidden"}

    known = shown(Piece(category="any", table="person", rows=[row]), holds)
    unknown = shown(Piece(category="any", table="diary", rows=[row]), holds)

    assert known.categories == ("customer_records", "identifiers")
    assert known.rows == [
        {"name": "Ann Oak", "email": "ann@example.org", "card": {"held": True, "type": "payment_card"}}
    ]
    assert (unknown.categories, unknown.rows) == (("any",), [row])
