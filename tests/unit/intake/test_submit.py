from datetime import timedelta
from typing import Any

import pytest

from rules.matching import Candidate, Matched
from schemas.events import RequestAccepted
from schemas.public import RequestStatusChanged
from schemas.values import Context, Mode, PointKind, Population, Problem, Right, Status
from services.intake.decide.reading import Submission
from services.intake.decide.submit import UnknownSource
from tests.support.intake import CASE_ID, Window, a_submission, request
from tests.support.values import DAYS, NOON, SUBJECT, a_record, an_id

NAME, EMAIL, PHONE = PointKind.NAME, PointKind.EMAIL, PointKind.PHONE
PARCEL = PointKind.TRACKING_NUMBER


def recipient(*kinds: PointKind, client: str = "acorn", subject: str = SUBJECT) -> Candidate:
    return a_record(*kinds, client=client, population=Population.RECIPIENT, subject=subject)


def submitted(submission: Submission, *found: Candidate) -> Window:
    return Window(submission, found={submission.event_id: found})


def test_a_submission_becomes_one_request_with_law_clock_and_parts() -> None:
    accepted = Window(a_submission()).accepted()

    assert (accepted.request_id, accepted.case_id, accepted.submission_id) == (request(), CASE_ID, "s")
    assert (accepted.verify, accepted.points_needed, accepted.parts) == (True, 2, ["own/verification"])
    assert (accepted.clock.receipt_date, accepted.clock.respond_by) == (NOON.date(), NOON.date() + 45 * DAYS)
    assert accepted.policy_version == "2020-01-01"
    assert accepted.unverified_at == NOON + 14 * DAYS


def test_three_rights_become_three_requests_of_one_case_opt_out_first_and_deletion_last() -> None:
    window = Window(a_submission("delete", "access", "opt_out_sale_share"))

    rights = [event.right for event in window.all(RequestAccepted)]
    assert rights == [Right.OPT_OUT_SALE_SHARE, Right.KNOW_SPECIFIC, Right.DELETE]
    assert {event.case_id for event in window.all(RequestAccepted)} == {CASE_ID}
    assert len({event.request_id for event in window.all(RequestAccepted)}) == 3


def test_a_deletion_waits_for_the_accesses_asked_with_it() -> None:
    window = Window(a_submission("delete", "access", "know_categories"))

    accesses = [request(Right.KNOW_CATEGORIES), request(Right.KNOW_SPECIFIC)]
    assert window.accepted().parts == ["own/verification", *(f"after:{one}" for one in accesses)]
    assert window.accepted(Right.KNOW_SPECIFIC).releases == [request()]
    assert window.accepted(Right.KNOW_CATEGORIES).releases == [request()]


def test_a_right_named_twice_is_one_request() -> None:
    assert len(Window(a_submission("access", "know_specific")).all(RequestAccepted)) == 1


def test_a_text_without_a_right_is_held_for_detail_with_the_clock_running() -> None:
    accepted = Window(a_submission(rights=[], message="Please stop.")).accepted(Right.UNCLASSIFIED)

    assert (accepted.parts, accepted.verify, accepted.clients) == (["own/hold:detail"], False, [])
    assert accepted.clock.receipt_date == NOON.date()


def test_what_the_person_said_goes_into_the_vault_and_only_kinds_into_the_event() -> None:
    window = Window(a_submission())

    assert window.vault.keys() == {"submission", "subject:0"}
    assert window.accepted().given == [EMAIL, NAME, PHONE]


@pytest.mark.parametrize(("received_at", "receipt"), [
    (None, NOON), (NOON - 3 * DAYS, NOON - 3 * DAYS), (NOON + timedelta(minutes=4), NOON)])  # fmt: skip
def test_receipt_is_the_earliest_moment_known(received_at: Any, receipt: Any) -> None:
    accepted = Window(a_submission(received_at=received_at)).accepted()

    assert accepted.received_at == receipt
    assert accepted.clock.receipt_date == receipt.date()


def test_receipt_is_never_the_time_of_reading() -> None:
    assert Window(a_submission(at=NOON - 2 * DAYS)).accepted().received_at == NOON - 2 * DAYS


def test_an_apps_fast_clock_makes_nobody_wait_longer() -> None:
    assert Window(a_submission(at=NOON + 9 * DAYS)).accepted().received_at == NOON


@pytest.mark.parametrize(("received_at", "rule"), [
    (NOON + timedelta(minutes=6), "must not lie in the future"),
    (NOON - 367 * DAYS, "must not be older than 366 days"),
])  # fmt: skip
def test_a_time_of_receipt_that_cannot_be_is_refused(received_at: Any, rule: str) -> None:
    window = Window(a_submission(received_at=received_at))

    assert window.problems() == [("received_at", rule)]
    assert not window.state.opened


@pytest.mark.parametrize(("more", "field"), [
    ({"brand": "nobody"}, "brand"), ({"subject": {}}, "subject"),
    ({"subject": {"phones": ["+1 555"]}}, "subject.phones.0"),
])  # fmt: skip
def test_what_cannot_be_used_is_refused_by_field_and_rule_and_no_value_is_echoed(
    more: dict[str, Any], field: str
) -> None:
    window = Window(a_submission(**more))

    [(named, rule)] = window.problems()
    assert named == field
    assert "nobody" not in rule
    assert "555" not in rule


def test_every_reason_is_told_at_once() -> None:
    window = Window(a_submission(brand="nobody", subject={}, received_at=NOON + DAYS))

    assert {field for field, _ in window.problems()} == {"brand", "subject", "received_at"}


def test_a_rejection_names_the_submission_and_no_request() -> None:
    [status] = Window(a_submission(brand="nobody")).last

    assert isinstance(status, RequestStatusChanged)
    assert (status.status, status.submission_id, status.source) == (Status.REJECTED, "s", "webform")
    assert status.request_id is status.case_id is None


def test_what_could_not_be_read_is_answered_with_what_was_wrong() -> None:
    problem = Problem(field="rights.1", rule="must be one of …")
    unreadable = Submission(an_id("bad"), NOON, "webform", None, CASE_ID, "", None, (problem,))

    assert Window(unreadable).problems() == [("rights.1", "must be one of …")]


def test_a_source_that_differs_between_header_and_body_is_refused() -> None:
    assert Window(a_submission(source="other-app")).problems() == [("source", "must be the same in header and body")]


def test_an_app_nobody_registered_cannot_be_answered() -> None:
    with pytest.raises(UnknownSource):
        Window(a_submission(source="stranger"))


def test_the_same_again_is_the_same_request() -> None:
    window = Window(a_submission(), a_submission(copy=2))

    assert window.last == ()
    assert len(window.all(RequestAccepted)) == 1


def test_other_content_under_the_same_id_is_a_conflict_and_changes_nothing() -> None:
    window = Window(a_submission())
    before = window.state
    window.hear(a_submission("access"))

    assert window.problems() == [("submission_id", "was used before with different content")]
    assert window.state.but(version=0) == before.but(version=0)


def test_what_was_refused_may_be_sent_again_corrected() -> None:
    assert Window(a_submission(brand="nobody"), a_submission()).accepted().right is Right.DELETE


def test_a_client_whose_record_is_located_is_named_with_what_located_it() -> None:
    [one] = submitted(a_submission(), recipient(EMAIL, PHONE)).accepted().clients

    assert (one.client, one.mode, one.subjects, one.parcel_named) == ("acorn", Mode.FORWARD, [SUBJECT], False)
    assert one.groups == ["email", "phone"]


def test_a_parcel_that_fits_together_with_the_name_is_named() -> None:
    [one] = submitted(a_submission(), recipient(NAME, PARCEL)).accepted().clients

    assert one.parcel_named


def test_one_point_locates_nobody() -> None:
    assert submitted(a_submission(), recipient(EMAIL)).accepted().clients == []


def test_two_records_of_one_client_are_one_hand_over_and_two_clients_are_two() -> None:
    other = f"{SUBJECT[:-1]}b"
    found = [
        recipient(EMAIL, PHONE),
        recipient(NAME, PARCEL, subject=other),
        recipient(EMAIL, PHONE, client="birch-co"),
    ]
    first, second = submitted(a_submission(), *found).accepted().clients

    assert (first.client, first.subjects, first.parcel_named) == ("acorn", [SUBJECT, other], True)
    assert (second.client, second.parcel_named) == ("birch-co", False)


@pytest.mark.parametrize(("right", "unnamed", "named"), [
    ("delete", 1, 1), ("access", 1, 1), ("know_categories", 1, 1), ("portability", 1, 1), ("correct", 1, 1),
    ("third_party_list", 1, 1), ("minor_report", 1, 1), ("opt_out_sale_share", 0, 1), ("opt_out_marketing", 0, 1),
    ("limit_sensitive", 0, 1), ("withdraw_consent", 0, 1), ("appeal", 0, 0), ("complaint", 0, 0), ("inquiry", 0, 0),
    ("shine_the_light", 0, 0),
])  # fmt: skip
def test_which_rights_are_passed_on_to_clients(right: str, unnamed: int, named: int) -> None:
    meant = Right("know_specific" if right == "access" else right)
    without = submitted(a_submission(right), recipient(EMAIL, PHONE)).accepted(meant)
    with_parcel = submitted(a_submission(right), recipient(NAME, PARCEL)).accepted(meant)

    assert (len(without.clients), len(with_parcel.clients)) == (unnamed, named)


def test_a_preference_names_the_records_it_applies_to_and_a_request_to_be_proven_none() -> None:
    mine = a_record(EMAIL)
    window = submitted(
        a_submission("delete", "opt_out_sale_share"), mine, recipient(EMAIL, PHONE, subject=f"{SUBJECT[:-1]}c")
    )

    assert window.accepted(Right.OPT_OUT_SALE_SHARE).subjects == [SUBJECT]
    assert window.accepted().subjects == []


def test_a_postcode_alone_points_at_no_record_a_preference_could_apply_to() -> None:
    nearby = Candidate(SUBJECT, Population.PROSPECT, None, (Matched(PointKind.POSTCODE, "web", None),))

    assert submitted(a_submission("opt_out_sale_share"), nearby).accepted(Right.OPT_OUT_SALE_SHARE).subjects == []


def test_what_a_correction_is_about_is_contested() -> None:
    corrections = [{"field": "phone", "new": "+18015550199"}, {"field": "nickname", "new": "Addie"}]

    assert Window(a_submission("correct", corrections=corrections)).accepted(Right.CORRECT).contested == [PHONE]
    assert Window(a_submission("delete", corrections=corrections)).accepted().contested == []


def test_a_declaration_signed_with_the_submission_is_noted() -> None:
    signed = {"signed_name": "Ada Quill", "signed_at": NOON - DAYS, "text_version": "2026-01"}
    window = Window(a_submission("access", declaration=signed))

    assert window.accepted(Right.KNOW_SPECIFIC).declared
    assert window.accepted(Right.KNOW_SPECIFIC).declaration_needed


def test_what_the_person_said_of_their_place_and_capacity_decides_the_law() -> None:
    window = Window(a_submission(residence={"country": "US", "region": "CA"}, context=Context.INDIVIDUAL_HOUSEHOLD))

    assert window.accepted().law == "US-CA-CCPA"
    assert Window(a_submission()).accepted().law == "BRAND"
