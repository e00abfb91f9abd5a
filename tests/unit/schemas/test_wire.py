"""How events travel, and how outsiders' records are read in each of their three ways."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from schemas import wire
from schemas.events import ClientRecall, Parked, RequestClosed, TaskFinished
from schemas.public import RequestSubmitted
from schemas.shapes import examples
from schemas.values import Ending, Outcome, PartEnd
from schemas.wire import Record, Unreadable

SUBMITTED = examples(RequestSubmitted)["deletion"]
CLOSED = RequestClosed.model_validate(examples(RequestClosed)["deletion"])
PARKED = Parked.model_validate(examples(Parked)["unreadable"])
FINISHED = examples(TaskFinished)["erased"]
EVENT = {"type": "example", "source": "/webform", "id": "1"}


def a_record(
    value: bytes | dict[str, Any] | None = None,
    headers: Mapping[str, bytes | None] = MappingProxyType({}),
    *,
    topic: str = "privacy.requests",
    at_ms: int = 1_772_470_000_000,
) -> Record:
    raw = json.dumps(value).encode() if isinstance(value, dict) else value
    return Record(topic, 3, 1842, b"key", raw, tuple(headers.items()), at_ms)


def sent(message: KafkaMessage) -> Record:
    return Record("privacy.requests", 0, 1, None, message.value, tuple(message.headers.items()), 1_772_470_000_000)


def problem(record: Record) -> tuple[str, str]:
    with pytest.raises(Unreadable) as caught:
        wire.unwrap(record)
    [found] = caught.value.problems
    return found.field, found.rule


def test_an_event_comes_back_as_it_was_sent() -> None:
    topic, key, value, headers = wire.encode(CLOSED, source="rightsbus/fulfiller", traceparent="00-1-2-01")
    record = Record(topic, 0, 0, key, value, tuple(headers), 0)

    assert wire.decode(record) == CLOSED
    assert key == CLOSED.request_id.encode()
    assert record.header("traceparent") == "00-1-2-01"


def test_what_a_client_is_told_says_nothing_of_the_trace_that_others_share() -> None:
    about = {"request_id": CLOSED.request_id, "case_id": CLOSED.case_id, "client": "acorn", "handover_id": "h"}
    recall = ClientRecall.after(CLOSED, CLOSED.occurred_at, reason="withdrawn", **about)
    *_, headers = wire.encode(recall, source="rightsbus/fulfiller", traceparent="00-1-2-01")

    assert "traceparent" not in dict(headers)


def test_a_foreign_library_reads_our_headers_as_a_cloud_event() -> None:
    _, key, value, headers = wire.encode(CLOSED, source="rightsbus/fulfiller")
    read = from_binary(KafkaMessage(headers=dict(headers), key=key, value=value), JSONFormat())

    assert read.get_id() == str(CLOSED.event_id)
    assert read.get_type() == "rightsbus.RequestClosed.v1"
    assert read.get_subject() == CLOSED.request_id
    assert read.get_time() == CLOSED.occurred_at
    assert RequestClosed.model_validate(read.get_data()) == CLOSED


@pytest.mark.parametrize("send", [to_binary, to_structured])
def test_a_foreign_librarys_events_are_read_in_both_modes(send: Any) -> None:
    message = send(CloudEvent({**EVENT, "datacontenttype": "application/json"}, SUBMITTED), JSONFormat())

    assert wire.unwrap(sent(message)) == SUBMITTED


def test_equal_events_are_equal_bytes_whatever_order_they_were_made_in() -> None:
    ends = {"own/b": PartEnd(outcome=Outcome.ERASED, counts={"z": 1, "a": 2}), "own/a": PartEnd(outcome=Outcome.SENT)}
    other = {name: end.model_copy() for name, end in reversed(ends.items())}
    other["own/b"] = PartEnd(outcome=Outcome.ERASED, counts={"a": 2, "z": 1})

    one, two = (
        RequestClosed(**CLOSED.model_dump(exclude={"parts", "ending"}), ending=Ending.FULFILLED, parts=parts)
        for parts in (ends, other)
    )

    assert one == two
    assert wire.encode(one, source="s") == wire.encode(two, source="s")


def test_a_parked_record_tells_tools_that_know_kafka_connect_where_it_came_from() -> None:
    topic, key, _, headers = wire.encode(PARKED, source="rightsbus/intake")
    told = dict(headers)

    assert topic == "privacy.parked.intake"
    assert key == str(PARKED.event_id).encode()
    assert "ce_subject" not in told
    assert told["__connect.errors.topic"] == b"privacy.requests"
    assert told["__connect.errors.partition"] == b"3"
    assert told["__connect.errors.offset"] == b"1842"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"ce_specversion": b"1.0", "content-type": b"application/json"},
        {"content-type": None, "ce_source": None},
        {"x": b"\xff\xfe"},
    ],
)
def test_plain_json_is_read_with_or_without_headers(headers: dict[str, bytes | None]) -> None:
    assert wire.unwrap(a_record(SUBMITTED, headers)) == SUBMITTED
    assert wire.unwrap(a_record(b"\xef\xbb\xbf" + json.dumps(SUBMITTED).encode(), headers)) == SUBMITTED


@pytest.mark.parametrize("kind", [b"application/cloudevents+json", b"Application/CloudEvents+JSON; charset=UTF-8"])
def test_structured_mode_is_known_by_its_content_type_in_any_case(kind: bytes) -> None:
    record = a_record({"specversion": "1.0", **EVENT, "data": SUBMITTED}, {"content-type": kind})

    assert wire.unwrap(record) == SUBMITTED


STRUCTURED: dict[str, bytes | None] = {"content-type": b"application/cloudevents+json"}
UNREADABLE = {
    "no value": (a_record(None), "", "must have a value"),
    "empty": (a_record(b""), "", "must be JSON"),
    "not JSON": (a_record(b"{]"), "", "must be JSON"),
    "two texts": (a_record(b"{} {}"), "", "must be JSON"),
    "not UTF-8": (a_record(b'{"source": "\xff"}'), "", "must be UTF-8"),
    "UTF-16": (a_record(json.dumps(SUBMITTED).encode("utf-16")), "", "must be UTF-8"),
    "a list": (a_record(b"[1]"), "", "must be a JSON object"),
    "a text": (a_record(b'"source"'), "", "must be a JSON object"),
    "null": (a_record(b"null"), "", "must be a JSON object"),
    "not a number": (a_record(b'{"source": NaN}'), "", "must be JSON"),
    "deep lists": (a_record(b'{"rights": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"), "", "must be JSON"),
    "deep objects": (a_record(b'{"a":' * 50_000 + b"1" + b"}" * 50_000), "", "must be JSON"),
    "a huge number": (a_record(b'{"source": ' + b"9" * 100_000 + b"}"), "", "must be JSON"),
    "half a surrogate pair": (a_record(rb'{"source": "\ud800"}'), "", "must be JSON"),
    "2 MB": (a_record({"message": "x" * 2_000_000}), "", "must have at most 262144 bytes"),
    "huge headers": (a_record(SUBMITTED, {"note": b"x" * 20_000}), "headers", "must have at most 16384 bytes"),
    "a field twice": (a_record(b'{"source": "a", "source": "b"}'), "source", "must be given once"),
    "an inner field twice": (a_record(b'{"subject": {"emails": [], "emails": []}}'), "emails", "must be given once"),
    "an unknown field twice": (a_record(b'{"zz": 1, "zz": 1}'), "", "must be given once"),
    "binary mode of old": (a_record(SUBMITTED, {"ce_specversion": b"0.3"}), "ce_specversion", "must be 1.0"),
    "binary mode unreadable": (a_record(SUBMITTED, {"ce_specversion": b"\xff"}), "ce_specversion", "must be 1.0"),
    "structured mode of old": (
        a_record({"specversion": "0.3", "data": SUBMITTED}, STRUCTURED),
        "specversion",
        "must be 1.0",
    ),
    "structured mode of none": (a_record(SUBMITTED, STRUCTURED), "specversion", "must be 1.0"),
    "structured mode, number": (a_record({"specversion": 1.0, "data": {}}, STRUCTURED), "specversion", "must be 1.0"),
    "structured mode, no data": (a_record({"specversion": "1.0"}, STRUCTURED), "data", "must be a JSON object"),
    "structured mode, base64": (
        a_record({"specversion": "1.0", "data_base64": "e30="}, STRUCTURED),
        "data",
        "must be a JSON object",
    ),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_read_is_told_with_its_rule(name: str) -> None:
    record, field, rule = UNREADABLE[name]

    found = problem(record)

    assert found[0] == field
    assert found[1].startswith(rule)


def test_a_field_twice_among_many_is_found_at_once() -> None:
    many = ",".join(f'"{n:x}":1' for n in range(20_000))

    assert problem(a_record(f'{{{many},"0":1}}'.encode())) == ("", "must be given once")


@pytest.mark.parametrize("name", ["2 MB", "huge headers", "a field twice", "binary mode of old"])
def test_who_sent_an_unreadable_record_is_known_where_it_can_be(name: str) -> None:
    value, _, _ = UNREADABLE[name]
    body = json.loads(value.value or b"{}") | {"source": "webform", "submission_id": "s-1"}
    record = Record(
        value.topic, 0, 0, None, json.dumps(body).encode().replace(b"{", b'{"zz": 1, "zz": 2,', 1), value.headers, 0
    )

    with pytest.raises(Unreadable) as caught:
        wire.unwrap(record)

    assert caught.value.data["source"] == "webform"
    assert caught.value.data["submission_id"] == "s-1"


@given(st.binary(max_size=300), st.lists(st.tuples(st.text(max_size=9), st.none() | st.binary(max_size=9)), max_size=3))
def test_no_bytes_do_more_harm_than_being_unreadable(value: bytes, headers: list[tuple[str, bytes | None]]) -> None:
    record = Record("privacy.requests", 0, 0, None, value, tuple(headers), 0)
    try:
        read = wire.unwrap(record)
    except Unreadable:
        return
    assert isinstance(read, dict)


@pytest.mark.parametrize("at_ms", [-(10**18), -1, 0, 10**18])
def test_a_time_no_clock_shows_is_read_as_the_nearest_there_is(at_ms: int) -> None:
    at = a_record(SUBMITTED, at_ms=at_ms).at

    assert at.tzinfo is UTC
    assert 1970 <= at.year <= 2999


def test_what_a_system_says_of_identity_order_and_time_is_not_believed() -> None:
    forged = FINISHED | {"seq": 10**9, "causation_id": FINISHED["event_id"], "occurred_at": "2999-01-01T00:00:00Z"}
    record = a_record(forged, topic="privacy.task-results")

    read = wire.decode(record)

    assert isinstance(read, TaskFinished)
    assert read.event_id == record.position_id != UUID(FINISHED["event_id"])
    assert (read.seq, read.causation_id) == (0, None)
    assert read.occurred_at == datetime.fromtimestamp(record.at_ms / 1000, UTC)


def test_two_records_with_one_id_of_the_senders_choice_are_two() -> None:
    one, two = (
        Record("privacy.task-results", 0, offset, None, json.dumps(FINISHED).encode(), (("ce_id", b"same"),), 0)
        for offset in (1, 2)
    )

    assert wire.decode(one).event_id != wire.decode(two).event_id


def test_a_system_may_wrap_its_account_as_a_cloud_event_and_need_not_know_the_case() -> None:
    account = {name: value for name, value in FINISHED.items() if name not in {"case_id", "event_id", "occurred_at"}}
    record = a_record({"specversion": "1.0", "data": account}, STRUCTURED, topic="privacy.task-results")

    assert wire.decode(record).case_id == FINISHED["request_id"]


@pytest.mark.parametrize(
    ("topic", "value", "told"),
    [
        ("privacy.closed", b"{]", "the whole: must be JSON"),
        ("privacy.closed", None, "the whole: must be JSON"),
        ("privacy.closed", b'{"type": "Surprise"}', "the whole: must be one of RequestClosed, RequestAmended"),
        ("privacy.closed", b'{"type": "RequestClosed", "seq": -1}', "*.event_id: must be given"),
        ("privacy.task-results", b'{"counts": {"Wren Castellan": "many"}}', "counts.*: must be a whole number"),
    ],
)
def test_a_bad_event_is_unreadable_with_field_and_rule(topic: str, value: bytes | None, told: str) -> None:
    with pytest.raises(Unreadable) as caught:
        wire.decode(a_record(value, topic=topic))

    assert told in str(caught.value)
    assert "Surprise" not in str(caught.value)


def test_messages_that_are_no_events_are_left_to_their_own_readers() -> None:
    for topic in ("privacy.requests", "privacy.answers", "privacy.client-replies"):
        with pytest.raises(LookupError, match="carries no events"):
            wire.decode(a_record(SUBMITTED, topic=topic))


def test_fields_nobody_knows_are_counted_at_every_depth() -> None:
    body = SUBMITTED | {
        "utm": "x",
        "subject": SUBMITTED["subject"] | {"shoe": 1, "addresses": [{"line1": "a", "b": 2}]},
    }
    read = wire.read(RequestSubmitted, body)

    assert wire.ignored(read, body) == 3
    assert wire.ignored(wire.read(RequestSubmitted, SUBMITTED), SUBMITTED) == 0


def test_a_token_is_never_printed_and_always_sent() -> None:
    read = TaskFinished.model_validate(FINISHED)

    assert FINISHED["reply_token"] not in f"{read!r} {read} {read.reply_token} {[read.reply_token]}"
    assert read.reply_token == FINISHED["reply_token"]
    assert FINISHED["reply_token"].encode() in wire.encode(read, source="billing")[2]
