"""What is counted as entries pass: alarms see the first of a kind, and nobody outside can make series."""

from typing import Any

import pytest

from schemas.topics import read_by
from services.ops.register.entry import UNREADABLE, Entry
from services.ops.register.meters import UNKNOWN, Meters
from services.ops.register.store import Taken

REPLIES, RESULTS = "privacy.client-replies", "privacy.task-results"


@pytest.fixture
def meters() -> Meters:
    return Meters()


def a_reply(*, genuine: bool, client: str = "acorn-supply") -> Entry:
    body = {"event_id": "e", "occurred_at": "2026-03-02T12:00:00Z", "client": client, "type": "completed"}
    return Entry(REPLIES, 0, 1, 0, "ClientReplied", body, genuine)


def told(meters: Meters, name: str, **labels: Any) -> float | None:
    return meters.registry.get_sample_value(name, labels)


def test_before_anything_came_the_counters_of_alarms_stand_at_zero(meters: Meters) -> None:
    for topic in read_by("ops"):
        assert told(meters, "rightsbus_register_misfits_total", topic=topic.name) == 0
    assert [told(meters, "rightsbus_replies_forged_total", topic=topic) for topic in (REPLIES, RESULTS)] == [0, 0]


def test_a_reply_without_its_token_is_counted_under_no_name_of_its_own(meters: Meters) -> None:
    meters.took(Taken([a_reply(genuine=False, client=f"made-up-{n}") for n in range(50)], []), 0.1)

    assert told(meters, "rightsbus_replies_forged_total", topic=REPLIES) == 50
    about = {"client": UNKNOWN, "type": "completed", "genuine": "false"}
    assert told(meters, "rightsbus_handover_replies_total", **about) == 50
    samples = [s for family in meters.registry.collect() for s in family.samples if s.labels.get("client")]
    assert {sample.labels["client"] for sample in samples} == {UNKNOWN}


def test_what_is_genuine_unreadable_or_signed_is_not_forged(meters: Meters) -> None:
    signed = Entry(REPLIES, 0, 2, 0, "ClientSigned", {}, genuine=False)
    rubbish = Entry(REPLIES, 0, 3, 0, UNREADABLE, {}, genuine=False)
    meters.took(Taken([a_reply(genuine=True), signed, rubbish], []), 0.1)

    assert told(meters, "rightsbus_replies_forged_total", topic=REPLIES) == 0


def test_a_misfit_of_one_clients_or_apps_topic_is_counted_for_all_of_them(meters: Meters) -> None:
    stray = Entry("privacy.status.webform", 0, 1, 0, "RequestStatusChanged", {})
    meters.took(Taken([stray], [stray]), 0.1)

    assert told(meters, "rightsbus_register_misfits_total", topic="privacy.status.<source>") == 1
