"""History keeps what records said, but no token, no seal, and no text an outsider wrote."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import Parked, TaskAssigned
from schemas.topics import CATALOGUE, read_by
from schemas.wire import Record
from services.ops.register.entry import TEXT, UNREADABLE, Trust, entry_of, parse
from services.ops.register.facts import _READ, rows_of
from tests.support.story import NOON, Topics, accepted, an_id, told

TOKEN = "f" * 32
REQUEST = an_id("entry")


def believing(answer: bool) -> Trust:
    return Trust(lambda *_: answer, lambda record: record, lambda _, handover: handover)


def a_result(**fields: Any) -> Record:
    usual = {"type": "TaskFinished", "request_id": REQUEST, "task_id": an_id("task"), "system": "billing",
             "part": "own/system:billing", "outcome": "erased", "reply_token": TOKEN}  # fmt: skip
    value = json.dumps(usual | fields).encode()
    return Topics().raw("privacy.task-results", value, at_ms=int(NOON.timestamp() * 1000))


def test_a_task_is_kept_without_its_token() -> None:
    task = told(TaskAssigned, REQUEST, task_id=an_id("task"), system="billing", part="own/system:billing",
                action="erase", right="delete", brand="parcelwise", deadline=NOON, reply_token=TOKEN)  # fmt: skip
    [record] = Topics().lay(task)

    entry = entry_of(record, believing(answer=True))

    assert entry.kind == "TaskAssigned"
    assert entry.body["system"] == "billing"
    assert TOKEN.encode() not in entry.raw()


def test_a_parked_record_is_kept_without_its_seal() -> None:
    parked = told(Parked, REQUEST, service="intake", topic="privacy.requests", partition=0, offset=3, stage="decode",
                  error="unreadable", sealed="c2VhbGVk")  # fmt: skip
    [record] = Topics().lay(parked)

    assert b"c2VhbGVk" not in entry_of(record, believing(answer=True)).raw()


@pytest.mark.parametrize("showed", [True, False])
def test_a_result_counts_only_if_it_showed_its_token(showed: bool) -> None:
    asked = []

    def believe(*about: str) -> bool:
        asked.append(about)
        return showed

    entry = entry_of(a_result(), Trust(believe, lambda record: record, lambda _, handover: handover))

    assert asked == [("own/system:billing", REQUEST, "billing", TOKEN)]
    assert entry.genuine is showed
    assert ("ends" in rows_of([entry], lambda _: None)) is showed


def test_text_of_an_outsider_is_not_kept() -> None:
    entry = entry_of(a_result(reason="asked by Nadia Nowhere", counts={"orders of Nadia": 2}), believing(answer=True))

    assert entry.body["reason"] == TEXT
    assert entry.body["counts"] == {TEXT: 2}
    assert b"Nadia" not in entry.raw()


def test_an_outsider_does_not_choose_its_identity_or_time() -> None:
    record = a_result(event_id=an_id("chosen"), occurred_at="1999-01-01T00:00:00Z")

    entry = entry_of(record, believing(answer=True))

    assert entry.body["event_id"] == str(record.position_id)
    assert entry.body["occurred_at"] == NOON.isoformat()


@given(value=st.one_of(st.none(), st.binary(max_size=60)), topic=st.sampled_from([t.name for t in read_by("ops")]))
def test_any_bytes_become_an_entry_that_says_nothing_of_them(value: bytes | None, topic: str) -> None:
    name = topic.replace("<", "").replace(">", "")

    entry = entry_of(Record(name, 0, 0, None, value, (), 0), believing(answer=True))

    assert entry.kind == UNREADABLE or isinstance(json.loads(value or b""), dict)
    assert rows_of([entry], lambda _: None) == {}


def test_bytes_are_the_same_every_time_and_can_be_read_again() -> None:
    [record] = Topics().lay(accepted(REQUEST))

    entry = entry_of(record, believing(answer=True))

    assert entry.raw() == entry_of(record, believing(answer=True)).raw()
    assert parse(entry.raw()) == entry
    with pytest.raises(ValueError, match="no entry"):
        parse(b"[]")


def test_the_register_has_an_ear_for_every_event_it_may_read() -> None:
    kinds = {kind.__name__ for topic in CATALOGUE if "ops" in topic.readers for kind in topic.classes}

    assert kinds - _READ.keys() == {"AuditRoot", "ClientSigned"}
    assert _READ.keys() <= kinds
