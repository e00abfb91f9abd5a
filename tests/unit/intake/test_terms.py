import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rules.clocks import instant_of_end
from rules.handbook import Handbook
from schemas.events import DeadlineExtended, DeadlineReached, RequestAccepted, RequestClosed
from schemas.values import RIGHT_ALIASES, AnswerKind, Ending, Located, Mode, PointKind, Population, Right, Verb
from tests.support.intake import Window, a_submission, an_answer_of, request
from tests.support.policies import handbook as shipped
from tests.support.values import DAYS, NOON, REQUEST, a_decision, a_record, of, told
from tests.support.world import handbook

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "rules" / "data" / "deadlines.json").read_text("utf-8")
)
DATES = ("receipt_date", "acknowledge_by", "respond_by", "extended_respond_by")
MANDATE, DETAIL = "own/hold:mandate", "own/hold:detail"
GOOD = {"kind": "signed_permission", "signed_at": "2026-02-01T00:00:00Z", "expires_at": "2027-02-01T00:00:00Z"}
CALIFORNIA = {"country": "US", "region": "CA"}
VIRGINIA = {"country": "US", "region": "VA"}
ONTARIO = {"country": "CA", "region": "ON"}


def by_an_agent(*rights: str, mandate: dict[str, Any] | None = None, **more: Any) -> Window:
    agent = {"name": "Brook Law LLP", "email": "office@brook.example", "mandate": mandate}
    return Window(a_submission(*rights, role="agent", agent=agent, **more))


def only(window: Window) -> RequestAccepted:
    [accepted] = window.all(RequestAccepted)
    return accepted


def vector_id(vector: dict[str, Any]) -> str:
    return f"{vector['id']} {vector['law']} {vector['right']}"


@pytest.mark.parametrize("vector", VECTORS, ids=vector_id)
def test_an_accepted_request_carries_the_dates_of_the_vector(vector) -> None:
    law = shipped().laws[vector["law"]]
    home = {"country": "FR" if law.country == "EU" else law.country, "region": law.region}
    if home == {"country": "CA", "region": None}:
        home["region"] = "ON"
    received_at = datetime.fromisoformat(vector["received_at"])
    right = RIGHT_ALIASES.get(vector["right"], vector["right"])
    submission = a_submission(right, at=received_at, residence=home, context="individual_household")
    window = Window()
    window.now = received_at
    clock = window.hear(submission).accepted(Right(right)).clock

    told_dates = {name: getattr(clock, name) for name in DATES}
    assert {n: day.isoformat() if day else None for n, day in told_dates.items()} == {n: vector[n] for n in DATES}
    assert clock.timezone == vector["timezone"]
    assert only(window).law == vector["law"]


def test_a_browsers_signal_is_both_opt_outs_at_once_whatever_else_it_says() -> None:
    window = Window(a_submission("delete", channel="gpc"))

    assert [one.right for one in window.all(RequestAccepted)] == [Right.OPT_OUT_SALE_SHARE, Right.OPT_OUT_TARGETED_ADS]
    assert not any(one.verify or one.parts for one in window.all(RequestAccepted))


def test_a_signal_needs_no_right_and_no_mandate() -> None:
    window = by_an_agent(channel="gpc")

    assert {one.right for one in window.all(RequestAccepted)} == {Right.OPT_OUT_SALE_SHARE, Right.OPT_OUT_TARGETED_ADS}
    assert all(one.parts == [] for one in window.all(RequestAccepted))


@pytest.mark.parametrize("mandate", [
    None, {**GOOD, "expires_at": "2026-02-02T00:00:00Z"}, {**GOOD, "scope": ["access"]},
], ids=["none", "expired", "out of scope"])  # fmt: skip
@pytest.mark.parametrize("home", [CALIFORNIA, VIRGINIA, ONTARIO], ids=["ccpa", "by promise", "pipeda"])
def test_an_agent_without_a_valid_mandate_is_waited_for(mandate, home) -> None:
    accepted = only(by_an_agent("delete", mandate=mandate, residence=home))

    assert accepted.parts == [MANDATE, "own/verification"]
    assert accepted.granted


@pytest.mark.parametrize("mandate", [GOOD, {"kind": "power_of_attorney"}, {"kind": "parental"}, {"kind": "estate"}])
def test_an_agent_with_a_mandate_is_not(mandate) -> None:
    assert only(by_an_agent("delete", mandate=mandate, residence=CALIFORNIA)).parts == ["own/verification"]


def test_anybody_may_complain_for_somebody_else() -> None:
    assert only(by_an_agent("complaint")).parts == ["answer"]


def test_a_mandate_sent_later_lets_the_request_go_on() -> None:
    window = by_an_agent("delete", residence=CALIFORNIA)
    window.hear(an_answer_of("mandate", mandate=GOOD))

    [recorded] = window.recorded()
    assert (recorded.kind, recorded.accepted, recorded.request_id) == (AnswerKind.MANDATE, True, request())
    assert not window.state.asked[request()].held


@pytest.mark.parametrize(("mandate", "rule"), [
    ({**GOOD, "expires_at": "2026-02-02T00:00:00Z"}, "must not have expired"),
    ({**GOOD, "scope": ["access"]}, "must cover the right asked for"),
])  # fmt: skip
def test_a_mandate_sent_later_that_does_not_do_is_sent_back_for_what_it_lacks(mandate, rule) -> None:
    window = by_an_agent("delete", residence=CALIFORNIA)
    window.hear(an_answer_of("mandate", mandate=mandate))

    assert window.problems() == [("mandate", rule)]
    assert window.recorded() == []
    assert window.state.asked[request()].held


def test_one_mandate_frees_those_requests_of_a_case_that_it_covers() -> None:
    window = by_an_agent("delete", "access", residence=CALIFORNIA)
    window.hear(an_answer_of("mandate", mandate={**GOOD, "scope": ["access"]}, case_id=window.state.case_id))

    assert [one.request_id for one in window.recorded()] == [request(Right.KNOW_SPECIFIC)]
    assert window.state.asked[request()].held


def test_where_nobody_may_act_for_the_person_the_request_is_not_granted(monkeypatch) -> None:
    book = handbook()
    closed = {
        name: brand.model_copy(update={"agents": brand.agents.model_copy(update={"rights": [], "guardians": False})})
        for name, brand in book.brands.items()
    }
    monkeypatch.setattr("tests.support.intake.handbook", lambda: Handbook(book.laws, closed, book.points))
    accepted = only(by_an_agent("delete", mandate=GOOD, residence=VIRGINIA))

    assert (accepted.granted, accepted.verify, accepted.points_needed) == (False, False, 0)
    assert (accepted.parts, accepted.clients, accepted.subjects) == ([], [], [])


def test_an_agent_cannot_sign_the_persons_declaration() -> None:
    declared = {"signed_at": "2026-03-01T00:00:00Z", "text_version": "1"}
    agents = {"declaration": {**declared, "signed_name": "Brook Law LLP"}}
    persons = {"declaration": {**declared, "signed_name": "Ada Brook"}}

    assert not only(by_an_agent("access", mandate=GOOD, **agents)).declared
    assert only(by_an_agent("access", mandate=GOOD, **persons)).declared


@pytest.mark.parametrize(("channel", "held"), [("phone", [DETAIL]), ("web", [])])
def test_a_canadian_access_that_was_only_spoken_is_held_until_it_comes_in_writing(channel, held) -> None:
    accepted = only(Window(a_submission("access", channel=channel, residence=ONTARIO)))

    assert accepted.parts == [*held, "own/hold:declaration", "own/verification"]


def test_a_spoken_access_is_held_only_where_the_law_wants_writing() -> None:
    assert DETAIL not in only(Window(a_submission("access", channel="phone", residence=CALIFORNIA))).parts


def test_an_appeal_names_the_request_it_is_about_and_waits_for_an_operator_by_its_own_clock() -> None:
    appeal = only(Window(a_submission("appeal", refers_to=REQUEST, residence={"country": "US", "region": "CO"})))

    assert (appeal.refers_to, appeal.parts, appeal.verify) == (REQUEST, ["answer"], False)
    assert appeal.clock.respond_by == date(2026, 3, 2) + 45 * DAYS


@pytest.mark.parametrize("right", ["appeal", "complaint", "inquiry", "minor_report"])
def test_what_a_person_must_answer_waits_for_one_and_has_a_clock(right) -> None:
    accepted = only(Window(a_submission(right)))

    assert accepted.parts == ["answer"]
    assert accepted.clock.respond_by > NOON.date()


def test_a_report_about_a_minor_is_passed_on_and_a_complaint_is_not() -> None:
    owned = a_record(PointKind.NAME, PointKind.EMAIL, client="acorn", population=Population.RECIPIENT)
    found: dict[str, list[Located]] = {}
    for right in ("minor_report", "complaint"):
        submission = a_submission(right)
        found[right] = only(Window(submission, found={submission.event_id: (owned,)})).clients

    assert [one.client for one in found["minor_report"]] == ["acorn"]
    assert found["complaint"] == []
    assert Window().modes["acorn"] is Mode.FORWARD


def test_a_report_about_a_minor_reaches_the_one_person_its_points_single_out_or_nobody() -> None:
    right, shared = "minor_report", a_record(PointKind.PHONE, subject="b" * 36)
    meant = a_record(PointKind.EMAIL, PointKind.PHONE)
    twin = a_record(PointKind.EMAIL, PointKind.PHONE, subject="c" * 36)

    for found, reached in (((meant, shared), [meant.subject]), ((shared,), []), ((meant, twin), [])):
        submission = a_submission(right)
        assert only(Window(submission, found={submission.event_id: found})).subjects == reached


def test_time_is_told_by_our_own_day_and_missed_by_the_laws() -> None:
    window = Window(a_submission(residence=CALIFORNIA))
    clock = window.accepted().clock
    shares = [of(DeadlineReached, window.wake().last)[0].percent for _ in range(3)]

    assert clock.target_by == clock.respond_by - DAYS
    assert shares == [50, 80, 95]
    half = NOON + (instant_of_end(clock.target_by, clock.timezone) - NOON) / 2
    assert Window(a_submission(residence=CALIFORNIA)).state.due_at == half


def test_what_a_request_was_about_is_kept_until_the_regulator_can_no_longer_be_asked() -> None:
    ontario = Window(a_submission("delete", residence=ONTARIO))
    california = Window(a_submission("delete", residence=CALIFORNIA))
    for window in (ontario, california):
        window.hear(told(RequestClosed, ending=Ending.DENIED, parts={}).model_copy(update={"request_id": request()}))

    assert california.state.destroy_at == NOON + 30 * DAYS
    assert ontario.state.destroy_at is not None
    assert ontario.state.destroy_at.date() - NOON.date() >= timedelta(days=184)


@pytest.mark.parametrize(("right", "home", "becomes"), [
    ("access", CALIFORNIA, (Right.KNOW_CATEGORIES, 2)),
    ("portability", CALIFORNIA, (Right.KNOW_CATEGORIES, 2)),
    ("delete", CALIFORNIA, (None, 0)),
    ("access", VIRGINIA, (None, 0)),
])  # fmt: skip
def test_specific_pieces_that_cannot_be_proven_become_categories_in_california(right, home, becomes) -> None:
    accepted = only(Window(a_submission(right, residence=home)))

    assert (accepted.fallback, accepted.fallback_points) == becomes


@pytest.mark.parametrize(("basis", "told_why"), [("consultation", "consultation"), ("we are slow", "other")])
def test_why_it_takes_longer_is_told_in_a_code_that_letters_have_words_for(basis, told_why) -> None:
    decided = a_decision(Verb.EXTEND, basis=basis).model_copy(update={"request_id": request()})
    window = Window(a_submission(residence=CALIFORNIA), decided)

    [extended] = window.all(DeadlineExtended)
    assert extended.reason == told_why


@pytest.mark.parametrize(("mandate", "right", "confirms"), [
    (GOOD, "delete", True), ({"kind": "power_of_attorney"}, "delete", False), ({"kind": "parental"}, "delete", False),
    (GOOD, "opt_out_sale_share", False), (None, "delete", False),
])  # fmt: skip
def test_the_person_confirms_an_agent_who_shows_a_signed_permission_alone(mandate, right, confirms) -> None:
    assert only(by_an_agent(right, mandate=mandate, residence=CALIFORNIA)).person_confirms is confirms


@pytest.mark.parametrize(("mandate", "confirms"), [(GOOD, True), ({"kind": "power_of_attorney"}, False)])
def test_so_it_is_with_a_mandate_sent_later(mandate, confirms) -> None:
    window = by_an_agent("delete", residence=CALIFORNIA).hear(an_answer_of("mandate", mandate=mandate))

    assert [answer.person_confirms for answer in window.recorded()] == [confirms]


def test_nobody_who_asks_for_themselves_confirms_anything() -> None:
    assert not only(Window(a_submission("delete", residence=CALIFORNIA))).person_confirms


@pytest.mark.parametrize(("role", "granted"), [("client_staff", True), ("subject", False)])
def test_the_list_of_service_providers_is_a_clients_to_ask_for(role, granted) -> None:
    assert only(Window(a_submission("service_provider_list", role=role))).granted is granted
