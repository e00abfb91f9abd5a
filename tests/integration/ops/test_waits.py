"""For every open request: which part waits, for whom, until when. One of every kind of waiting, and of every end."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.audit import RecordReplayed
from schemas.base import Event
from schemas.events import (
    AnswerRecorded,
    DeadlineExtended,
    DecisionApplied,
    HandedOver,
    NoticeSent,
    OperatorDecided,
    Parked,
    PartWaiting,
    RequestAmended,
    RequestClosed,
    RequestReleased,
    RequestSettled,
    RequestVerified,
    TaskAssigned,
    VerificationFailed,
)
from schemas.values import Waiting
from services.clients.names import Handovers
from services.kernel.tokens import reply_token
from services.ops.register import queries, store
from services.ops.register.queries import Filter
from tests.support.ledger import Ledger, shuffled
from tests.support.story import NOON, accepted, an_id, told

pytestmark = pytest.mark.integration

REQUEST = an_id("waits")
LAST_MOMENT = datetime(2026, 7, 17, 7, tzinfo=UTC)
"""The end of 16 July in Los Angeles: 45 days after 1 June."""
LATER = NOON + timedelta(days=9)


def waits(ledger: Ledger, request: str = REQUEST) -> dict[str, tuple[Any, ...]]:
    rows = queries.waits(ledger.db, Filter())
    return {r["part"]: (r["party"], r["who"], r["waiting"], r["until"]) for r in rows if r["request_id"] == request}


def waiting(part: str, party: str, kind: str, *, at_s: float = 5, until: datetime = LATER, **more: Any) -> Event:
    return told(PartWaiting, REQUEST, at_s=at_s, part=part, party=party, waiting=kind, until=until, **more)


def task(system: str = "billing", *, at_s: float = 10, attempt: int = 1) -> Event:
    return told(TaskAssigned, REQUEST, at_s=at_s, task_id=an_id("task"), system=system, part=f"own/system:{system}",
                action="erase", right="delete", brand="parcelwise", attempt=attempt, deadline=LAST_MOMENT,
                reply_token="f" * 32)  # fmt: skip


def result(ledger: Ledger, outcome: str, *, token: str | None = None, system: str = "billing") -> None:
    part = f"own/system:{system}"
    good = reply_token(ledger.keys.derive("tokens"), part, REQUEST, system)
    value = {"type": "TaskFinished", "request_id": REQUEST, "task_id": an_id("task"), "system": system, "part": part,
             "outcome": outcome, "reply_token": token or good}  # fmt: skip
    ledger.take_records([ledger.topics.raw("privacy.task-results", json.dumps(value).encode(), at_ms=1_000)])


def reply(ledger: Ledger, said: str, client: str = "acorn-supply", **more: str) -> None:
    names = Handovers(ledger.keys)
    about = {"client": client, "handover_id": names.name(client, REQUEST)}
    value = {**about, "reply_token": names.token(client, REQUEST), "type": said}
    record = ledger.topics.raw("privacy.client-replies", json.dumps(value | more).encode(), at_ms=1_000)
    ledger.take_records([record])


ONE_OF_EACH = [
    ("own/verification", "person", "proof", None),
    ("own/verification", "person", "declaration", None),
    ("own/verification", "person", "mandate", None),
    ("own/hold:confirmation", "person", "confirmation", None),
    ("own/hold:fee", "person", "fee", None),
    ("own/hold:detail", "person", "detail", None),
    ("own/hold:notice", "person", "notice", None),
    ("own/wait", "person", "period", None),
    ("own/system:billing", "system", "task", "billing"),
    ("client:acorn-supply/handover", "client", "reply", "acorn-supply"),
    ("client:acorn-supply/handover", "operator", "reply", "acorn-supply"),
    ("own/review", "operator", "review", None),
    ("own/system:billing", "operator", "review", "billing"),
    ("answer", "operator", "answer", None),
    ("own/system:billing", "operator", "parked", "fulfiller"),
    (f"after:{an_id('first')}", "person", "request", None),
]


@pytest.mark.parametrize(("part", "party", "kind", "who"), ONE_OF_EACH)
def test_a_wait_shows_for_whom_and_until_when(
    ledger: Ledger, part: str, party: str, kind: str, who: str | None
) -> None:
    until = LATER if part != "own/verification" else NOON + timedelta(days=30)
    ledger.take(accepted(REQUEST, parts=[part]), waiting(part, party, kind, who=who, until=until))

    assert waits(ledger) == {part: (party, who or party, kind, until)}


def test_every_kind_of_waiting_is_among_those_shown() -> None:
    assert {kind for _, _, kind, _ in ONE_OF_EACH} == set(Waiting)


def test_parts_wait_from_the_start_before_anybody_spoke_of_them(ledger: Ledger) -> None:
    first = an_id("first")
    parts = ["answer", "own/verification", "own/hold:detail", f"after:{first}"]
    located = {"client": "acorn-supply", "mode": "forward", "groups": ["email"], "parcel_named": True}
    ledger.take(accepted(REQUEST, parts=parts, clients=[located]))

    assert waits(ledger) == {
        "answer": ("operator", "operator", "answer", LAST_MOMENT),
        "own/verification": ("person", "person", "proof", NOON + timedelta(days=20)),
        "own/hold:detail": ("person", "person", "detail", LAST_MOMENT),
        f"after:{first}": ("request", first, "request", LAST_MOMENT),
        "client:acorn-supply/handover": ("client", "acorn-supply", "reply", LAST_MOMENT),
    }


def test_an_open_request_of_which_no_part_is_known_waits_for_us(ledger: Ledger) -> None:
    ledger.take(accepted(REQUEST), told(RequestVerified, REQUEST, subject=an_id("s"), groups=[], assurance="none"))

    assert waits(ledger) == {"own": ("system", "rightsbus", "task", LAST_MOMENT)}


def test_a_parked_record_makes_its_request_wait_for_an_operator_until_it_is_put_back(ledger: Ledger) -> None:
    parked = told(Parked, REQUEST, at_s=3, service="fulfiller", topic="privacy.accepted", partition=0, offset=9,
                  stage="decide", error="forgedtoken", sealed="c2VhbGVk")  # fmt: skip
    ledger.take(accepted(REQUEST, parts=[]), parked)

    assert waits(ledger) == {"parked:fulfiller": ("operator", "fulfiller", "parked", LAST_MOMENT)}
    ledger.take(told(RecordReplayed, REQUEST, at_s=4, parked_id=parked.event_id, by="avery", why="INC-1"))
    assert waits(ledger) == {"own": ("system", "rightsbus", "task", LAST_MOMENT)}
    ledger.take(parked.model_copy(update={"occurred_at": NOON + timedelta(seconds=5)}))
    assert waits(ledger).keys() == {"parked:fulfiller"}


def test_a_deadline_that_was_extended_is_the_one_that_counts(ledger: Ledger) -> None:
    ledger.take(accepted(REQUEST, parts=["answer"]))
    ledger.take(told(DeadlineExtended, REQUEST, at_s=1, respond_by=NOON.date() + timedelta(days=90), reason="complex"))

    [row] = queries.waits(ledger.db, Filter())
    assert row["answer_by"] == NOON.date() + timedelta(days=90)
    assert row["until"] == LAST_MOMENT + timedelta(days=45)


@pytest.mark.parametrize("outcome", ["erased", "retained", "not_found"])
def test_a_system_that_answered_is_not_waited_for(ledger: Ledger, outcome: str) -> None:
    ledger.take(accepted(REQUEST, parts=[]), task())
    result(ledger, outcome)

    assert waits(ledger).keys() == {"own"}


def test_a_system_that_failed_or_an_impostor_changes_nothing(ledger: Ledger) -> None:
    ledger.take(accepted(REQUEST, parts=[]), task())
    result(ledger, "failed")
    result(ledger, "erased", token="0" * 32)

    assert waits(ledger)["own/system:billing"][:3] == ("system", "billing", "task")


def test_a_system_asked_again_is_waited_for_again(ledger: Ledger) -> None:
    review = waiting("own/system:billing", "operator", "review", at_s=20, who="billing")
    ledger.take(*shuffled([accepted(REQUEST, parts=[]), task(), review, task(at_s=30, attempt=2)], 5))

    assert waits(ledger)["own/system:billing"][:3] == ("system", "billing", "task")
    assert ledger.rows("SELECT attempt FROM ops.parts") == [(2,)]


@pytest.mark.parametrize(("said", "left"), [("received", True), ("instruct", True), ("completed", False),
                                            ("not_ours", False)])  # fmt: skip
def test_a_client_is_waited_for_until_it_gave_an_end(ledger: Ledger, said: str, left: bool) -> None:
    located = {"client": "acorn-supply", "mode": "forward", "groups": ["email"]}
    handed = told(HandedOver, REQUEST, at_s=2, part="client:acorn-supply/handover", client="acorn-supply",
                  handover_id=REQUEST, parcel_named=True)  # fmt: skip
    ledger.take(accepted(REQUEST, parts=[], clients=[located]), handed)
    reply(ledger, said)

    assert ("client:acorn-supply/handover" in waits(ledger)) is left
    assert ledger.rows("SELECT mode, parcel_named, handed_at, answer FROM ops.handovers") == [
        ("forward", True, NOON + timedelta(seconds=2), said)
    ]


def test_a_client_that_only_wants_referrals_is_not_waited_for(ledger: Ledger) -> None:
    ledger.take(accepted(REQUEST, parts=[], clients=[{"client": "birch", "mode": "refer_only", "groups": ["email"]}]))

    assert waits(ledger).keys() == {"own"}


def test_a_person_who_answered_is_not_waited_for(ledger: Ledger) -> None:
    parts = ["own/hold:confirmation", "own/hold:detail"]
    ledger.take(accepted(REQUEST, parts=parts))
    for kind in ("confirmation", "detail"):
        ledger.take(told(AnswerRecorded, REQUEST, at_s=7, kind=kind, accepted=True))

    assert waits(ledger).keys() == {"own"}


def test_a_request_that_was_waited_for_is_not_any_more_once_it_released(ledger: Ledger) -> None:
    first = an_id("first")
    ledger.take(accepted(REQUEST, parts=[f"after:{first}"]), told(RequestReleased, REQUEST, at_s=4, by=first))

    assert waits(ledger).keys() == {"own"}


@pytest.mark.parametrize(("verb", "outcome"), [("skip", "skipped"), ("done", "completed"), ("deny", "denied")])
def test_a_part_an_operator_decided_is_not_waited_for(ledger: Ledger, verb: str, outcome: str) -> None:
    decided = told(OperatorDecided, REQUEST, at_s=11, verb=verb, part="own/system:billing", by="avery")
    applied = told(DecisionApplied, REQUEST, at_s=12, decision_id=str(decided.event_id), verb=verb, applied=True)
    ledger.take(*shuffled([accepted(REQUEST, parts=[]), task(), decided, applied], 3), batches=4)

    assert waits(ledger).keys() == {"own"}
    assert ledger.rows("SELECT outcome FROM ops.parts") == [(outcome,)]


def test_a_refused_decision_changes_nothing_and_says_why(ledger: Ledger) -> None:
    decided = told(OperatorDecided, REQUEST, at_s=11, verb="skip", part="own/system:billing", by="avery")
    refused = told(DecisionApplied, REQUEST, at_s=12, decision_id=str(decided.event_id), verb="skip", applied=False,
                   reason="no such part is pending")  # fmt: skip
    ledger.take(accepted(REQUEST, parts=[]), task(), decided, refused)

    assert waits(ledger).keys() == {"own/system:billing"}
    assert ledger.rows("SELECT verb, by, applied, refusal FROM ops.decisions") == [
        ("skip", "avery", False, "no such part is pending")
    ]


def life(request: str) -> list[Event]:
    """A request from its beginning to after its end."""
    end = {"outcome": "erased", "retained": [{"category": "invoices", "code": "exception_legal_obligation",
           "citation": "26 CFR 1.6001-1", "count": 1}]}  # fmt: skip
    parts = {"own/system:billing": end, "own/verification": {"outcome": "verified"}}
    return [
        accepted(request),
        told(PartWaiting, request, at_s=1, part="own/verification", party="person", waiting="proof", until=LATER),
        told(VerificationFailed, request, at_s=2, detail="not_enough"),
        told(RequestVerified, request, at_s=3, subject=an_id("s"), groups=["email"], assurance="reasonable"),
        told(NoticeSent, request, at_s=1, letter="acknowledgement", way="mail", to="given"),
        told(TaskAssigned, request, at_s=4, task_id=an_id("task"), system="billing", part="own/system:billing",
             action="erase", right="delete", brand="parcelwise", deadline=LATER, reply_token="f" * 32),
        told(RequestSettled, request, at_s=5, ending="partially_fulfilled", parts=parts),
        told(RequestClosed, request, at_s=6, ending="fulfilled", parts=parts),
        told(RequestAmended, request, at_s=7, part="own/system:billing", end={"outcome": "masked"},
             told_otherwise=True),
    ]  # fmt: skip


def test_every_order_and_every_cut_into_batches_ends_in_the_same_tables(ledger: Ledger) -> None:
    events = [event for name in "abc" for event in life(an_id(name))]
    ledger.take(*events)
    expected = ledger.tables()

    for seed in range(6):
        ledger.db.execute(store._empty())
        ledger.take(*shuffled([*events, *events[:5]], seed), batches=seed + 1)
        assert ledger.tables() == expected, seed


def test_a_closed_request_waits_for_nobody_and_says_how_it_ended(ledger: Ledger) -> None:
    ledger.take(*life(REQUEST))

    assert waits(ledger) == {}
    assert ledger.rows("SELECT part, outcome, basis FROM ops.parts ORDER BY part") == [
        ("own/system:billing", "masked", None),
        ("own/verification", "verified", None),
    ]
    found = queries.request(ledger.db, REQUEST)
    assert found
    assert (found["settled_ending"], found["ending"], found["verdict"]) == (
        "partially_fulfilled",
        "fulfilled",
        "verified",
    )
    assert found["acknowledged_at"] == NOON + timedelta(seconds=1)


def test_an_entry_that_fits_no_table_is_chained_and_does_not_stop_the_others(ledger: Ledger) -> None:
    good, bad = ledger.topics.lay(accepted(REQUEST, parts=["answer"]), accepted(an_id("bad")))
    broken = bad.value.replace(b'"received_at":"2026', b'"received_at":"the year')  # type: ignore[union-attr]
    lost = ledger.topics.raw("privacy.closed", b'{"type":"RequestClosed"}')

    taken = ledger.take_records([replace(bad, value=broken), good, lost])

    assert len(taken.entries) == 3
    assert {entry.kind for entry in taken.misfits} == {"RequestAccepted", "RequestClosed"}
    assert waits(ledger).keys() == {"answer"}
    assert ledger.rows("SELECT sum(length) FROM ops.chains") == [(3,)]


def test_a_rebuild_fills_the_same_tables(ledger: Ledger) -> None:
    ledger.take(*[event for name in "abcdef" for event in life(an_id(name))])
    expected = ledger.tables()
    ledger.db.execute("UPDATE ops.requests SET ending = 'edited'")

    [*_, done] = store.rebuild(ledger.db, page=7)

    assert done == 54
    assert ledger.tables() == expected


def test_filters_narrow_by_party_date_and_kind(ledger: Ledger) -> None:
    ledger.take(accepted(REQUEST, parts=["answer"]), accepted(an_id("other"), brand="shipdesk"))

    def found(**chosen: Any) -> set[str]:
        return {row["request_id"] for row in queries.waits(ledger.db, Filter(**chosen))}

    assert found(party="operator") == {REQUEST}
    assert found(brand="shipdesk") == {an_id("other")}
    assert found(part="own/") == {an_id("other")}
    assert found(waiting="proof", party="operator") == set()
    assert found(late=True) == found(due_within=timedelta(days=1))
