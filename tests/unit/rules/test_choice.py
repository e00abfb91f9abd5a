from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.choice import BRAND, Choice, Question, choose
from rules.clocks import deadlines
from rules.errors import NoClock
from rules.handbook import Handbook
from schemas.values import OPT_OUTS, Assurance, Context, Population, Right
from tests.support.policies import changed, handbook

NOON = datetime(2026, 11, 23, 20, tzinfo=UTC)
HOME = Context.INDIVIDUAL_HOUSEHOLD
FIRSTMILE, DESKTOPSHIPPER = "firstmile", "desktopshipper"
LAWS = handbook().laws
PLACES = [(law.country, law.region) for law in LAWS.values()] + [(None, None), ("US", None), ("US", "NY"), ("BR", None)]
questions = st.builds(
    lambda brand, right, place, context: Question(brand, right, place[0], place[1], context),
    st.sampled_from(sorted(handbook().brands)),
    st.sampled_from(Right),
    st.sampled_from(PLACES),
    st.sampled_from(Context),
)
moments = st.datetimes(datetime(2024, 1, 1), datetime(2030, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001


def asked(place: str | None, right: Right = Right.DELETE, *, brand: str = DESKTOPSHIPPER, context: Context = HOME,
          at: datetime = NOON, using: Handbook | None = None) -> Choice:  # fmt: skip
    country, _, region = (place or "").partition("-")
    return choose(using or handbook(), Question(brand, right, country or None, region or None, context), at)


@pytest.mark.parametrize(
    ("place", "law"),
    [(f"{law.country}-{law.region}" if law.region else law.country, law.id) for law in LAWS.values()]
    + [("FR", "EU-GDPR"), ("NO", "EU-GDPR"), ("UK", "GB-UKGDPR"), ("EL", "EU-GDPR"), ("CA-ON", "CA-PIPEDA")],
)
def test_a_persons_residence_chooses_one_law(place, law) -> None:
    later = datetime(2028, 6, 1, 20, tzinfo=UTC)
    place = "CA-ON" if place == "CA" else place

    choice = asked(place, Right.OPT_OUT_SALE_SHARE if law == "US-NV-603A" else Right.KNOW_SPECIFIC, at=later)

    assert (choice.law, choice.why, choice.provisional) == (law, "law_grants", False)


@pytest.mark.parametrize("province", ["CA-AB", "CA-BC"])
def test_alberta_and_british_columbia_go_by_the_federal_law_until_their_own_are_confirmed(province) -> None:
    choice = asked(province, Right.KNOW_SPECIFIC)

    assert choice.law == "CA-PIPEDA"
    assert (choice.respond_by - choice.receipt_date).days == 30
    stands_in = LAWS["CA-PIPEDA"].stands_in_for
    assert stands_in
    assert province.removeprefix("CA-") in stands_in.regions


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("US-NY", "no_law_applies"),
        ("BR", "no_law_applies"),
        ("US-OK", "not_yet_in_force"),
        ("US-VT", "not_yet_in_force"),
    ],
)
def test_no_law_is_an_outcome_that_is_explained_and_never_refuses_a_promise(place, why) -> None:
    kept, refused = asked(place, Right.DELETE), asked(place, Right.THIRD_PARTY_LIST)

    assert (kept.law, kept.why, kept.granted, kept.granted_by) == (BRAND, why, True, "brand")
    assert (refused.law, refused.why, refused.granted, refused.granted_by) == (BRAND, why, False, "none")
    assert kept.respond_by == kept.receipt_date + timedelta(days=45)


def test_a_law_begins_on_its_own_local_day() -> None:
    last_evening = datetime(2027, 1, 1, 5, 59, tzinfo=UTC)

    assert asked("US-OK", at=last_evening).law == BRAND
    assert asked("US-OK", at=last_evening + timedelta(minutes=1)).law == "US-OK-OCDPA"


@pytest.mark.parametrize("context", [Context.BUSINESS_CONTACT, Context.EMPLOYEE])
def test_outside_california_canada_and_europe_people_at_work_have_only_the_promise(context) -> None:
    assert asked("US-VA", context=context).why == "context_not_covered"
    assert asked("US-VA", context=context).granted_by == "brand"
    assert asked("US-CA", context=context).law == "US-CA-CCPA"
    assert asked("FR", context=context).law == "EU-GDPR"
    assert asked("CA-QC", context=context).law == "CA-QC-LAW25"


def test_in_canada_fields_about_somebodys_work_are_flagged() -> None:
    at_work = asked("CA-ON", Right.KNOW_SPECIFIC, context=Context.BUSINESS_CONTACT)

    assert at_work.work_fields == ("name", "title", "phone", "address")
    assert asked("CA-ON", Right.KNOW_SPECIFIC).work_fields == ()
    assert asked("US-CA", Right.KNOW_SPECIFIC, context=Context.BUSINESS_CONTACT).work_fields == ()


def test_nevada_gives_the_opt_out_and_the_brand_gives_the_rest() -> None:
    opt_out, deletion = asked("US-NV", Right.OPT_OUT_SALE_SHARE), asked("US-NV", Right.DELETE)

    assert (opt_out.granted_by, (opt_out.respond_by - opt_out.receipt_date).days) == ("law", 60)
    assert (deletion.law, deletion.granted_by, deletion.why) == ("US-NV-603A", "brand", "law_does_not_grant")
    assert (deletion.respond_by - deletion.receipt_date).days == 45
    assert asked("US-NV", Right.THIRD_PARTY_LIST).granted is False


def test_what_a_law_does_not_give_is_answered_by_whoever_asks_for_it_sooner() -> None:
    canada, iowa = asked("CA-ON", Right.DELETE), asked("US-IA", Right.CORRECT)

    assert (canada.granted_by, (canada.respond_by - canada.receipt_date).days) == ("brand", 30)
    assert (iowa.granted_by, (iowa.respond_by - iowa.receipt_date).days) == ("brand", 45)


@pytest.mark.parametrize("right", [Right.KNOW_SPECIFIC, Right.DELETE, Right.CORRECT, Right.OPT_OUT_SALE_SHARE])
def test_an_unknown_residence_takes_the_strictest_steps_and_the_earliest_dates(right) -> None:
    choice = asked(None, right)

    assert (choice.law, choice.provisional) == ("US-CA-CCPA", True)
    for law in LAWS.values():
        if law.holds(NOON.date()) and law.grant(right, NOON.date()):
            dates = deadlines(law, right, NOON)
            assert choice.respond_by <= dates.respond_by
            assert dates.acknowledge_by is None or (choice.acknowledge_by or date.max) <= dates.acknowledge_by
    assert choice.extended_respond_by is None


@pytest.mark.parametrize(
    ("place", "law", "days"), [("US", "US-CA-CCPA", 45), ("US-XX", "US-CA-CCPA", 45), ("CA", "CA-PIPEDA", 30)]
)
def test_a_country_without_its_region_is_not_enough(place, law, days) -> None:
    choice = asked(place, Right.KNOW_SPECIFIC)

    assert (choice.law, choice.provisional) == (law, True)
    assert (choice.respond_by - choice.receipt_date).days == days


def test_promises_to_account_holders_say_whom_they_reach() -> None:
    holders = (Population.ACCOUNT_HOLDER, Population.CLIENT_STAFF)

    assert asked("US-NY", Right.DELETE, brand=FIRSTMILE).only_for == holders
    assert asked("US-CA", Right.DELETE, brand=FIRSTMILE).only_for == ()
    assert asked("US-NY", Right.DELETE).only_for == ()


def test_specific_pieces_need_three_points_and_a_declaration_and_an_opt_out_nothing() -> None:
    access, deletion, opt_out = (asked("US-CA", right) for right in
                                 (Right.KNOW_SPECIFIC, Right.DELETE, Right.OPT_OUT_SALE_SHARE))  # fmt: skip

    assert (access.points_needed, access.declaration_needed, access.assurance) == (3, True, Assurance.REASONABLY_HIGH)
    assert (deletion.points_needed, deletion.declaration_needed) == (2, False)
    assert (opt_out.verify, opt_out.points_needed, opt_out.assurance) == (False, 0, Assurance.NONE)


def test_an_access_in_canada_needs_proof_of_who_asks() -> None:
    choice = asked("CA-ON", Right.KNOW_SPECIFIC)

    assert choice.verify
    assert choice.points_needed == 3


def test_an_appeal_stands_where_the_law_or_the_brand_gives_one() -> None:
    assert asked("US-CA", brand=FIRSTMILE).appeal is False
    assert asked("US-VA", brand=FIRSTMILE).appeal is True
    assert asked("US-CA").appeal is True
    assert asked("US-NY").appeal is True


def test_an_appeal_takes_the_laws_time_else_the_brands() -> None:
    virginia, california = asked("US-VA", Right.APPEAL), asked("US-CA", Right.APPEAL)

    assert (virginia.granted_by, (virginia.respond_by - virginia.receipt_date).days) == ("law", 60)
    assert (california.granted_by, (california.respond_by - california.receipt_date).days) == ("brand", 45)


@pytest.mark.parametrize("right", [Right.COMPLAINT, Right.INQUIRY, Right.MINOR_REPORT])
@pytest.mark.parametrize("place", [None, "US-CA", "US-NY", "CA-QC", "BR"])
def test_anybody_may_complain_ask_and_report_without_proof(place, right) -> None:
    choice = asked(place, right)

    assert choice.granted
    assert not choice.verify
    assert choice.respond_by == choice.receipt_date + timedelta(days=30)


def test_a_message_without_a_right_runs_on_the_clock_of_an_access() -> None:
    unsaid, access = asked("US-CA", Right.UNCLASSIFIED), asked("US-CA", Right.KNOW_SPECIFIC)

    assert (unsaid.acknowledge_by, unsaid.respond_by) == (access.acknowledge_by, access.respond_by)
    assert unsaid.granted
    assert not unsaid.verify


def test_a_request_is_pinned_to_the_version_in_force_on_receipt() -> None:
    files = changed("brands/firstmile.yaml", "versions:\n",
                    'versions:\n  - {version: "next", effective_from: 2026-12-01}\n')  # fmt: skip
    newer = Handbook.compile(files)

    assert asked("US-NY", brand=FIRSTMILE, using=newer).policy_version == "2020-01-01"
    assert asked("US-NY", brand=FIRSTMILE, using=newer, at=NOON + timedelta(days=8)).policy_version == "next"


def test_a_company_not_bound_by_a_law_says_so_and_keeps_its_promise() -> None:
    exempt = "not_bound_by:\n  - {law: US-FL-FDBR, why: revenue, source: our accounts, confidence: verified}\nsource:"
    files = changed("brands/desktopshipper.yaml", "\nsource:", f"\n{exempt}")

    choice = asked("US-FL", using=Handbook.compile(files))

    assert (choice.law, choice.why, choice.granted_by) == (BRAND, "not_bound", "brand")
    assert asked("US-FL").law == "US-FL-FDBR"


@given(question=questions, received=moments)
def test_choosing_is_repeatable_and_always_in_order(question, received) -> None:
    choice = choose(handbook(), question, received)

    assert choice == choose(handbook(), question, received)
    assert choice.receipt_date < choice.target_by <= choice.respond_by
    assert choice.extended_respond_by is None or choice.extended_respond_by >= choice.respond_by
    assert choice.granted == (choice.granted_by != "none")
    assert choice.verify == (choice.assurance is not Assurance.NONE) == (choice.points_needed > 0)
    assert not (choice.verify and question.right in OPT_OUTS)
    assert choice.provisional == ((question.country, question.region) in {(None, None), ("US", None), ("CA", None)})


@given(question=questions, received=moments)
def test_a_promise_is_never_refused(question, received) -> None:
    promise = handbook().brands[question.brand].promise(question.right, received.date())

    if promise:
        assert choose(handbook(), question, received).granted


@given(question=questions, received=moments)
def test_an_unknown_residence_is_never_answered_later_than_any_known_one(question, received) -> None:
    unknown = choose(handbook(), Question(question.brand, question.right, None, None, question.context), received)
    known = choose(handbook(), question, received)

    if known.granted_by == "law":
        assert unknown.respond_by <= known.respond_by
        assert unknown.points_needed >= known.points_needed
        assert unknown.granted_by == "law"


@given(question=questions, received=moments, later=st.timedeltas(timedelta(0), timedelta(days=60)))
def test_asking_later_under_the_same_law_is_never_due_earlier(question, received, later) -> None:
    first, second = (choose(handbook(), question, moment) for moment in (received, received + later))

    if (first.law, first.granted_by, first.timezone) == (second.law, second.granted_by, second.timezone):
        assert first.receipt_date <= second.receipt_date


@given(question=questions, received=moments)
def test_the_chosen_dates_are_the_laws_own(question, received) -> None:
    choice = choose(handbook(), question, received)

    if choice.granted_by == "law" and not choice.provisional and question.right is not Right.UNCLASSIFIED:
        try:
            dates = deadlines(LAWS[choice.law], question.right, received)
        except NoClock:
            return
        assert (choice.receipt_date, choice.respond_by) == (dates.receipt_date, dates.respond_by)
        assert (choice.acknowledge_by, choice.extended_respond_by) == (dates.acknowledge_by, dates.extended_respond_by)
