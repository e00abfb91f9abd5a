"""What alarms ask for rises when something is wrong, and falls when it was mended."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from kafka.errors import KafkaConnectionError

from schemas.audit import RecordDiscarded
from schemas.events import (
    DeadlineExtended,
    DeadlineReached,
    HandedOver,
    NoticeFailed,
    NoticeSent,
    Parked,
    PartWaiting,
    RequestClosed,
    RequestSettled,
)
from services.kernel.tokens import case_key
from services.ops.lag import Lag
from services.ops.register import queries
from services.ops.register.gauges import FACTS, UP, Gauges
from services.ops.register.keeping import now
from tests.support.ledger import Ledger
from tests.support.story import NOON, accepted, an_id, told

pytestmark = pytest.mark.integration
REQUEST = an_id("gauges")
CLIENT = {"client": "acorn-supply", "mode": "forward", "groups": ["email"]}


def away() -> Lag:
    raise KafkaConnectionError


@pytest.fixture
def at_s(ledger: Ledger) -> float:
    """How many seconds after the story's noon it is now."""
    return (now(ledger.db) - NOON).total_seconds()


def value(ledger: Ledger, name: str, **labels: str) -> float:
    """A gauge, summed over the labels not named."""
    with closing(Gauges(ledger.db.info.dsn, away, {"parcelwise": timedelta(days=30)})) as gauges:
        families = {family.name: family for family in gauges.collect()}
    return sum(one.value for one in families[name].samples if labels.items() <= one.labels.items())


def test_an_empty_register_raises_nothing(ledger: Ledger) -> None:
    with closing(Gauges(ledger.db.info.dsn, away, {})) as gauges:
        found = {sample.name: sample.value for family in gauges.collect() for sample in family.samples}

    assert found == {UP[0]: 1, "rightsbus_audit_entries": 0, "rightsbus_audit_unsigned_entries": 0}


def test_a_late_request_is_counted_until_it_is_extended_or_closed(ledger: Ledger, at_s: float) -> None:
    old = at_s - 47 * 86_400
    ledger.take(accepted(REQUEST, at_s=old), accepted(an_id("other"), at_s=old), accepted(an_id("young"), at_s=at_s))

    assert value(ledger, "rightsbus_requests_open") == 3
    assert value(ledger, "rightsbus_requests_late") == 2
    later = now(ledger.db).date() + timedelta(days=44)
    ledger.take(told(DeadlineExtended, REQUEST, at_s=at_s, respond_by=later, reason="complex"))
    assert value(ledger, "rightsbus_requests_late") == 1
    ledger.take(told(RequestClosed, an_id("other"), at_s=at_s, ending="denied", parts={}))
    assert value(ledger, "rightsbus_requests_late") == 0


def test_a_request_due_soon_is_counted_and_so_is_the_time_left(ledger: Ledger, at_s: float) -> None:
    ledger.take(accepted(REQUEST, at_s=at_s - 42 * 86_400))

    assert value(ledger, "rightsbus_requests_due_soon") == 1
    assert 2 * 86_400 < value(ledger, "rightsbus_request_deadline_seconds") < 5 * 86_400


def test_a_request_is_counted_under_the_last_share_of_its_time_that_has_passed(ledger: Ledger, at_s: float) -> None:
    ledger.take(accepted(REQUEST, at_s=at_s), accepted(an_id("young"), at_s=at_s))
    assert value(ledger, "rightsbus_requests_past_share") == 0
    for percent in (50, 80):
        ledger.take(told(DeadlineReached, REQUEST, at_s=at_s, percent=percent, respond_by=now(ledger.db).date()))

    assert value(ledger, "rightsbus_requests_past_share", percent="80") == 1
    assert value(ledger, "rightsbus_requests_past_share", percent="50") == 0
    assert queries.counts(ledger.db).items() >= {"open": 2, "past_50_%": 1, "past_80_%": 1, "past_95_%": 0}.items()
    ledger.take(told(RequestSettled, REQUEST, at_s=at_s, ending="fulfilled", parts={}))
    assert value(ledger, "rightsbus_requests_past_share") == 0


def test_the_share_is_that_of_the_days_too_and_counts_anew_after_an_extension(ledger: Ledger, at_s: float) -> None:
    ledger.take(accepted(REQUEST, at_s=at_s - 44 * 86_400))
    [row] = queries.waits(ledger.db, queries.Filter(past=95))

    assert value(ledger, "rightsbus_requests_past_share", percent="95") == 1
    assert 95 <= row["used"] < 100
    later = now(ledger.db).date() + timedelta(days=44)
    ledger.take(told(DeadlineReached, REQUEST, at_s=at_s, percent=95, respond_by=now(ledger.db).date()))
    ledger.take(told(DeadlineExtended, REQUEST, at_s=at_s, respond_by=later, reason="complexity"))
    assert value(ledger, "rightsbus_requests_past_share") == 0
    assert [row["used"] for row in queries.waits(ledger.db, queries.Filter())] == [49]
    assert queries.waits(ledger.db, queries.Filter(past=50)) == []


def test_a_missing_acknowledgement_is_counted_until_the_letter_left(ledger: Ledger, at_s: float) -> None:
    ledger.take(accepted(REQUEST, at_s=at_s - 17 * 86_400))

    assert value(ledger, "rightsbus_acknowledgements_late") == 1
    ledger.take(told(NoticeSent, REQUEST, at_s=at_s, letter="acknowledgement", way="mail", to="given"))
    assert value(ledger, "rightsbus_acknowledgements_late") == 0


def test_a_part_that_should_have_gone_on_is_counted_until_it_waits_anew(ledger: Ledger, at_s: float) -> None:
    hold = {"part": "own/hold:detail", "party": "person", "waiting": "detail"}
    past, future = (now(ledger.db) + timedelta(minutes=shift) for shift in (-10, 10))
    ledger.take(accepted(REQUEST, at_s=at_s, parts=["own/hold:detail"]))
    ledger.take(told(PartWaiting, REQUEST, at_s=at_s, seq=1, until=past, **hold))

    assert value(ledger, "rightsbus_parts_overdue") == 1
    ledger.take(told(PartWaiting, REQUEST, at_s=at_s, seq=2, until=future, **hold))
    assert (value(ledger, "rightsbus_parts_overdue"), value(ledger, "rightsbus_parts_waiting")) == (0, 1)


def test_a_parked_record_is_counted_until_it_is_discarded(ledger: Ledger, at_s: float) -> None:
    parked = told(Parked, REQUEST, at_s=at_s - 90, service="intake", topic="privacy.requests", partition=0, offset=1,
                  stage="decode", error="unreadable", sealed="c2VhbGVk")  # fmt: skip
    ledger.take(parked)

    assert value(ledger, "rightsbus_parked_records") == 1
    assert value(ledger, "rightsbus_parked_oldest_seconds") == pytest.approx(90, abs=30)
    ledger.take(told(RecordDiscarded, REQUEST, at_s=at_s, parked_id=parked.event_id, by="avery", why="INC-1"))
    assert value(ledger, "rightsbus_parked_records") == 0


@pytest.mark.parametrize(("reason", "counted"), [("mailbox_unknown", 1), ("no_contact", 0)])
def test_a_letter_that_failed_is_counted_until_it_left_but_not_one_without_a_contact(
    ledger: Ledger, at_s: float, reason: str, counted: int
) -> None:
    ledger.take(told(NoticeFailed, REQUEST, at_s=at_s - 60, letter="closed", reason=reason))

    assert value(ledger, "rightsbus_letters_undelivered") == counted
    ledger.take(told(NoticeSent, REQUEST, at_s=at_s, letter="closed", way="print", to="on_file"))
    assert value(ledger, "rightsbus_letters_undelivered") == 0


def test_a_hand_over_nobody_received_grows_old_until_the_request_is_closed(ledger: Ledger, at_s: float) -> None:
    ledger.take(accepted(REQUEST, at_s=at_s, parts=[], clients=[CLIENT]))
    ledger.take(told(HandedOver, REQUEST, at_s=at_s - 8 * 86_400, part="client:acorn-supply/handover",
                     client="acorn-supply", handover_id=REQUEST, parcel_named=False))  # fmt: skip

    assert value(ledger, "rightsbus_handovers_open") == 1
    assert value(ledger, "rightsbus_handover_oldest_seconds") == pytest.approx(8 * 86_400, abs=60)
    ledger.take(told(RequestClosed, REQUEST, at_s=at_s, ending="fulfilled", parts={}))
    assert value(ledger, "rightsbus_handover_oldest_seconds") == 0


def test_a_data_key_that_outlives_its_time_is_counted_until_it_is_destroyed(ledger: Ledger, at_s: float) -> None:
    old = at_s - 31 * 86_400
    ledger.take(accepted(REQUEST, at_s=old))
    add = "INSERT INTO vault.keys (case_key, epoch, wrapped) VALUES (%s, 'e1', '') ON CONFLICT DO NOTHING"
    ledger.db.execute(add, [case_key(an_id("case"))])

    assert value(ledger, "rightsbus_vault_keys_overdue") == 0
    ledger.take(told(RequestClosed, REQUEST, at_s=old, ending="fulfilled", parts={}))
    assert value(ledger, "rightsbus_vault_keys_overdue") == 1
    ledger.db.execute("DELETE FROM vault.keys")
    assert value(ledger, "rightsbus_vault_keys_overdue") == 0


def test_history_not_signed_is_counted_until_it_is_signed(ledger: Ledger) -> None:
    ledger.take(accepted(REQUEST), accepted(an_id("other")))

    assert value(ledger, "rightsbus_audit_unsigned_entries") == 2
    ledger.sign(now(ledger.db))
    assert value(ledger, "rightsbus_audit_unsigned_entries") == 0
    assert value(ledger, "rightsbus_audit_entries") == 2
    assert value(ledger, "rightsbus_audit_last_root_timestamp_seconds") == pytest.approx(
        now(ledger.db).timestamp(), abs=60
    )


def test_answers_of_the_last_month_are_counted_with_their_mean_time(ledger: Ledger, at_s: float) -> None:
    ledger.take(accepted(REQUEST, at_s=at_s - 86_400), accepted(an_id("old"), at_s=at_s - 50 * 86_400))
    ledger.take(told(RequestSettled, REQUEST, at_s=at_s, ending="fulfilled", parts={}))
    ledger.take(told(RequestSettled, an_id("old"), at_s=at_s - 40 * 86_400, ending="denied", parts={}))

    assert value(ledger, "rightsbus_requests_answered") == 1
    assert value(ledger, "rightsbus_answer_seconds") == pytest.approx(86_400, abs=1)


def test_every_gauge_of_the_list_is_tried_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")

    assert [fact.name for fact in FACTS if f'"{fact.name}"' not in text] == []


def test_a_database_that_is_away_is_said_and_nothing_is_raised() -> None:
    with closing(Gauges("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1", away, {})) as gauges:
        found = {sample.name: sample.value for family in gauges.collect() for sample in family.samples}

    assert found == {UP[0]: 0}
