import json
from typing import Any

import pytest
from joserfc import jwe
from joserfc.jwk import ECKey

from schemas.public import RequestSubmitted
from schemas.shapes import examples
from schemas.wire import Record, Unreadable
from services.clients.jose import Inbound
from services.clients.unsealing import Unsealing
from services.intake.decide.reading import Reader, Submission
from services.kernel.keys import FileKeyStore

GOOD: dict[str, Any] = examples(RequestSubmitted)["three-rights-with-declaration"]
HOW = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM"}


@pytest.fixture(scope="module")
def unseal(store: FileKeyStore) -> Unsealing:
    return Unsealing(store)


def sealed(to: dict[str, Any], content: object = GOOD, how: dict[str, str] = HOW, **headers: bytes) -> Record:
    token = jwe.encrypt_compact(how, json.dumps(content), ECKey.import_key(to))
    told = {"content-type": b"application/jose", **headers}
    return Record("privacy.requests", 0, 7, None, token.encode(), tuple(told.items()), 1_772_471_112_000)


def reading(unseal: Unsealing, record: Record) -> Submission:
    read = Reader(lambda *names: "/".join(names), lambda content: content.decode(), unseal)(record)
    assert isinstance(read, Submission)
    return read


def test_what_is_sealed_to_our_key_reads_as_the_same_submission_in_the_open(unseal: Unsealing) -> None:
    record = sealed(unseal.public())
    plain = Record("privacy.requests", 0, 7, None, json.dumps(GOOD).encode(), (), record.at_ms)

    assert reading(unseal, record) == reading(unseal, plain)
    assert reading(unseal, record).body is not None
    assert unseal(plain) is plain


def test_a_structured_cloud_event_may_be_sealed_too(unseal: Unsealing) -> None:
    how, event = HOW | {"cty": "application/cloudevents+json"}, {"specversion": "1.0", "id": "1", "data": GOOD}

    assert reading(unseal, sealed(unseal.public(), event, how)).body is not None


def test_a_rule_that_is_broken_under_seal_is_told_as_any_other(unseal: Unsealing) -> None:
    read = reading(unseal, sealed(unseal.public(), GOOD | {"rights": ["teleport"]}))

    assert (read.body, read.source, read.submission_id) == (None, GOOD["source"], GOOD["submission_id"])
    assert [problem.field for problem in read.problems] == ["rights.0"]


def test_who_sealed_to_another_key_is_told_so_where_a_header_says_who_it_is(
    store: FileKeyStore, unseal: Unsealing
) -> None:
    record = sealed(Inbound(store).public(), ce_source=b"webform")
    read = reading(unseal, record)

    assert (read.source, read.body) == ("webform", None)
    assert "JWE to our key" in read.problems[0].rule


@pytest.mark.parametrize("value", [b"", b"a.b.c.d.e", b"{}", b"\xff\xfe", None])
def test_what_only_says_it_is_sealed_and_not_by_whom_is_nobodys(unseal: Unsealing, value: bytes | None) -> None:
    record = Record("privacy.requests", 0, 7, None, value, (("content-type", b"application/jose"),), 0)

    with pytest.raises(Unreadable):
        reading(unseal, record)


def test_a_bomb_of_compressed_nothing_is_not_unpacked(unseal: Unsealing) -> None:
    record = sealed(unseal.public(), {"message": " " * 4_000_000}, HOW | {"zip": "DEF"}, ce_source=b"webform")

    assert reading(unseal, record).body is None


def test_the_key_for_apps_is_not_the_one_for_clients(store: FileKeyStore, unseal: Unsealing) -> None:
    assert unseal.public()["x"] != Inbound(store).public()["x"]
    assert "d" not in unseal.public()
