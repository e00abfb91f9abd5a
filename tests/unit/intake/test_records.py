from datetime import date
from typing import Any

import pytest

from schemas.events import RequestAccepted
from schemas.values import Context, Right
from services.intake.decide import KEEP
from services.kernel.decision import Effect
from tests.support.intake import CASE_ID, Window, a_submission, an_answer_of
from tests.support.values import NOON, of

ACCESS = Right.KNOW_SPECIFIC
DECLARED = {"signed_name": "Ada Brook", "signed_at": NOON.isoformat(), "text_version": "1"}
MANDATE = {"kind": "signed_permission", "signed_at": "2026-02-01T00:00:00Z"}
AGENT = {"name": "Brook Law LLP", "email": "office@brook.example"}
CALIFORNIA = {"country": "US", "region": "CA"}


def kept(window: Window) -> list[Effect]:
    return [effect for effect in window.effects if effect.kind == KEEP]


def test_what_was_signed_is_kept_for_two_years_by_reference_alone() -> None:
    [effect] = kept(Window(a_submission("access", declaration=DECLARED)))

    assert effect.case_id == CASE_ID
    assert effect.body == {"kind": "declaration", "item": "submission", "until": "2028-03-02T00:00:00+00:00"}


def test_what_is_signed_later_is_kept_too() -> None:
    answer = an_answer_of("declaration", ACCESS, declaration=DECLARED)
    [effect] = kept(Window(a_submission("access"), answer))

    assert (effect.body["kind"], effect.body["item"]) == ("declaration", f"answer:{answer.event_id}")


def test_a_mandate_is_kept_however_it_came() -> None:
    at_once = Window(a_submission(role="agent", agent={**AGENT, "mandate": MANDATE}))
    later = Window(a_submission(role="agent", agent=AGENT), an_answer_of("mandate", mandate=MANDATE))

    assert [effect.body["kind"] for effect in kept(at_once)] == ["mandate"]
    assert [effect.body["kind"] for effect in kept(later)] == ["mandate"]


def test_nothing_is_kept_of_who_signed_nothing() -> None:
    assert kept(Window(a_submission("delete", "access"), an_answer_of("points", subject={"name": "Ada"}))) == []


def test_one_case_keeps_each_once_however_often_it_is_told() -> None:
    submission = a_submission("delete", "access", declaration=DECLARED)

    assert len(kept(Window(submission, submission))) == 1


# ---------------------------------------------------------------------------------------- how far an answer reaches


def covers(right: str, **more: Any) -> RequestAccepted:
    [accepted] = of(RequestAccepted, Window(a_submission(right, residence=CALIFORNIA, **more)).last)
    return accepted


@pytest.mark.parametrize(("right", "period", "since"), [
    ("know_categories", None, date(2025, 3, 2)),
    ("know_categories", {"since": "2022-01-01"}, date(2022, 1, 1)),
    ("know_categories", {"since": "2019-05-01"}, date(2022, 1, 1)),
    ("know_specific", None, None),
    ("know_specific", {"since": "2022-01-01"}, date(2022, 1, 1)),
])  # fmt: skip
def test_categories_cover_a_year_and_in_california_on_request_all_since_2022(right, period, since) -> None:
    assert covers(right, period=period).since == since


@pytest.mark.parametrize(("period", "since"), [
    (None, date(2025, 3, 2)), ({"since": "2022-01-01"}, date(2022, 1, 1)),
    ({"since": "2020-01-01"}, date(2022, 1, 1)),
])  # fmt: skip
def test_so_do_the_categories_that_specific_pieces_become(period, since) -> None:
    accepted = covers("know_specific", period=period)

    assert (accepted.fallback, accepted.fallback_since) == (Right.KNOW_CATEGORIES, since)


@pytest.mark.parametrize(("period", "until"), [
    ({"since": "2024-01-01", "until": "2024-06-30"}, date(2024, 6, 30)), ({"until": "2026-03-02"}, None), (None, None),
])  # fmt: skip
def test_a_span_that_ends_before_the_request_ends_the_answer(period, until) -> None:
    assert covers("know_specific", period=period).until == until


@pytest.mark.parametrize(("context", "fields"), [
    (Context.BUSINESS_CONTACT, ["name", "title", "phone", "address"]), (Context.INDIVIDUAL_HOUSEHOLD, []),
])  # fmt: skip
def test_in_canada_fields_about_somebodys_work_are_flagged_on_the_request(context, fields) -> None:
    home = {"country": "CA", "region": "ON"}
    [accepted] = of(RequestAccepted, Window(a_submission("access", residence=home, context=context)).last)

    assert set(accepted.work_fields) >= set(fields)
    assert bool(accepted.work_fields) is bool(fields)
