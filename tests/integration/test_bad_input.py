"""What an upstream app gets for a record that cannot be used: which field, which rule, never the value."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from kafka import KafkaProducer

from bench.system import System
from services.ops.kafka import Follower
from stack.demo.login import client_settings

pytestmark = pytest.mark.integration

SOURCE = "webform"
SECRET = "Quillon Farnaby"
GOOD = {
    "source": SOURCE, "brand": "parcelwise", "rights": ["delete"],
    "subject": {"name": SECRET, "emails": ["quillon.farnaby@example.org"]},
    "residence": {"country": "US", "region": "UT"},
}  # fmt: skip


def changed(name: str, **fields: Any) -> bytes:
    return json.dumps(GOOD | {"submission_id": name} | fields).encode()


def subject(**fields: Any) -> dict[str, Any]:
    return {"subject": {"name": SECRET} | fields}


BOMB = ("[" * 50_000 + "]" * 50_000).encode()
CASES: dict[str, tuple[bytes, str]] = {
    "right": (changed("right", rights=["delete", "teleport"]), "rights.1"),
    "brand": (changed("brand", brand="nobody"), "brand"),
    "nobody": (changed("nobody", subject={}), "subject"),
    "no-subject": (json.dumps({k: v for k, v in GOOD.items() if k != "subject"}
                              | {"submission_id": "no-subject"}).encode(), "subject"),
    "silent": (changed("silent", rights=[]), "rights"),
    "many-rights": (changed("many-rights", rights=["delete"] * 51), "rights"),
    "email": (changed("email", **subject(emails=["no-domain"])), "subject.emails.0"),
    "phone": (changed("phone", **subject(phones=["+1999"])), "subject.phones.0"),
    "nul": (changed("nul", subject={"name": SECRET + "\u0000"}), "subject.name"),
    "control": (changed("control", subject={"name": SECRET + "\u0007"}), "subject.name"),
    "zero-width": (changed("zero-width", subject={"name": SECRET + "\u200b"}), "subject.name"),
    "long": (changed("long", subject={"name": SECRET * 40}), "subject.name"),
    "naive": (changed("naive", received_at="2026-06-01T12:00:00"), "received_at"),
    "future": (changed("future", received_at="2099-01-01T00:00:00Z"), "received_at"),
    "large": (changed("large", message=SECRET * 140_000), ""),
}  # fmt: skip
"""Submission id -> the record, and the field the answer must name."""
UNNAMED: dict[str, bytes] = {
    "not JSON": b"{]",
    "not UTF-8": b'{"submission_id": "\xff"}',
    "a nested bomb": BOMB,
    "a list": b"[1, 2]",
}
"""Records that do not even say their own id; the header says who sends."""


class Upstream:
    def __init__(self, system: System) -> None:
        login = system.described["kafka"]["upstream"]
        settings = client_settings(system.found.endpoints.bootstrap, login["username"], login["password"])
        self.producer = KafkaProducer(max_request_size=4_000_000, **settings)
        self.statuses = Follower(system.found.access("ops"), [f"privacy.status.{SOURCE}"])
        self.parked = Follower(system.found.access("ops"), ["privacy.parked.intake"])
        for follower in (self.statuses, self.parked):
            ends = follower.ends()
            while not follower.reached(ends):
                follower.poll(200)

    def send(self, value: bytes | None, headers: dict[str, str] | None = None) -> tuple[int, int]:
        pairs = [(name, text.encode()) for name, text in (headers or {}).items()]
        sent = self.producer.send("privacy.requests", key=b"any", value=value, headers=pairs).get(timeout=30)
        return sent.partition, sent.offset

    def answers(self, number: int, within_s: float = 60) -> list[dict[str, Any]]:
        return self._take(self.statuses, number, within_s)

    def parkings(self, number: int, within_s: float = 60) -> list[dict[str, Any]]:
        return self._take(self.parked, number, within_s)

    def close(self) -> None:
        self.producer.close()
        self.statuses.close()
        self.parked.close()

    def _take(self, follower: Follower, number: int, within_s: float) -> list[dict[str, Any]]:
        deadline, found = time.monotonic() + within_s, list[dict[str, Any]]()
        while len(found) < number and time.monotonic() < deadline:
            found += [json.loads(record.value or b"{}") for record in follower.poll(200)]
        return found


@pytest.fixture
def upstream(system: System) -> Iterator[Upstream]:
    with closing(Upstream(system)) as found:
        yield found


def test_every_broken_rule_is_answered_with_its_field_and_no_value(upstream: Upstream) -> None:
    for value, _ in CASES.values():
        upstream.send(value)

    told = {answer["submission_id"]: answer for answer in upstream.answers(len(CASES))}
    assert told.keys() == CASES.keys()
    for name, (_, field) in CASES.items():
        assert told[name]["status"] == "rejected"
        assert field in [problem["field"] for problem in told[name]["problems"]], name
        assert all(problem["rule"] for problem in told[name]["problems"])
    assert SECRET not in json.dumps(told)


def test_what_cannot_be_read_is_answered_when_the_header_says_who_sent_it(upstream: Upstream) -> None:
    for value in UNNAMED.values():
        upstream.send(value, {"ce_source": SOURCE})

    told = upstream.answers(len(UNNAMED))
    assert [answer["status"] for answer in told] == ["rejected"] * len(UNNAMED)
    assert all(answer["problems"] for answer in told)


def test_a_null_value_a_huge_header_and_a_wrong_specversion_are_answered(upstream: Upstream) -> None:
    structured = json.dumps({"specversion": "2.0", "source": SOURCE, "data": GOOD}).encode()
    upstream.send(None, {"ce_source": SOURCE})
    upstream.send(changed("huge-header"), {"x-huge": "h" * 20_000})
    upstream.send(structured, {"content-type": "application/cloudevents+json", "ce_source": SOURCE})

    fields = sorted(problem["field"] for answer in upstream.answers(3) for problem in answer["problems"])
    assert fields == ["", "headers", "specversion"]


def test_an_app_nobody_registered_cannot_be_answered_so_its_record_is_parked(upstream: Upstream) -> None:
    places = [upstream.send(changed("strange").replace(b"webform", b"nobody")), upstream.send(b"\xff\xfe")]

    told = upstream.parkings(2)
    assert sorted((one["partition"], one["offset"]) for one in told) == sorted(places)
    assert SECRET not in json.dumps(told)


def test_fields_nobody_knows_are_ignored(upstream: Upstream) -> None:
    upstream.send(changed("unknown-field", favourite_colour="blue"))

    told = upstream.answers(1)[0]
    assert (told["submission_id"], told["status"]) == ("unknown-field", "open")


def test_what_an_app_packs_by_any_codec_is_taken(system: System, upstream: Upstream) -> None:
    login = system.described["kafka"]["upstream"]
    settings = client_settings(system.found.endpoints.bootstrap, login["username"], login["password"])
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        with closing(KafkaProducer(compression_type=codec, **settings)) as producer:
            producer.send("privacy.requests", key=b"any", value=changed(f"packed-{codec}"))

    missing = {"packed-gzip", "packed-snappy", "packed-lz4", "packed-zstd"}
    while missing:
        answer = upstream.answers(1)[0]
        assert answer["status"] != "rejected"
        missing.discard(answer["submission_id"])
