from datetime import date

import pytest

from rules.clauses import Statement
from rules.periods import covered
from rules.recourse import appeal_open, deemed_refusal, fallback, kept_until, reopened, too_soon
from rules.refusals import CLOSING, OWN, CitationNeeded, Refused, refuse, told_publicly
from schemas.public import Period
from schemas.values import DRP_REASONS, Ending, Reason, Right
from tests.support.policies import handbook

LAWS, BRANDS = handbook().laws, handbook().brands
CALIFORNIA, VIRGINIA, CANADA = LAWS["US-CA-CCPA"], LAWS["US-VA-VCDPA"], LAWS["CA-PIPEDA"]
FIRSTMILE, DESKTOPSHIPPER = BRANDS["firstmile"], BRANDS["desktopshipper"]
TODAY = date(2026, 11, 23)


@pytest.mark.parametrize("reason", sorted(CLOSING))
@pytest.mark.parametrize("law", [None, "US-CA-CCPA", "US-VA-VCDPA", "CA-PIPEDA", "EU-GDPR"])
def test_every_refusal_cites_something_or_is_sent_back_for_it(reason, law) -> None:
    found = LAWS[law] if law else None

    if reason in OWN:
        assert refuse(found, DESKTOPSHIPPER, Refused(Right.DELETE, reason, TODAY)).citation
    else:
        with pytest.raises(CitationNeeded, match=f"a refusal for {reason} must cite"):
            refuse(found, DESKTOPSHIPPER, Refused(Right.DELETE, reason, TODAY, basis=" "))
        cited = refuse(found, DESKTOPSHIPPER, Refused(Right.DELETE, reason, TODAY, basis="26 U.S.C. 6001"))
        assert cited.citation == "26 U.S.C. 6001"


def test_a_refusal_says_why_how_to_appeal_and_whom_to_turn_to() -> None:
    what = Refused(Right.KNOW_SPECIFIC, Reason.THIRD_PARTY_RIGHTS, TODAY, basis="PIPEDA s. 9(1)")

    virginia, canada, nowhere = (refuse(law, DESKTOPSHIPPER, what) for law in (VIRGINIA, CANADA, None))

    assert {Statement.REASON, Statement.LEGAL_PROVISION, Statement.HOW_TO_APPEAL} <= virginia.says
    assert (virginia.appeal_to, virginia.regulator) == ("the Support page", "Attorney General of Virginia")
    assert Statement.TIME_LIMIT_OF_REMEDY in canada.says
    assert canada.complain_until == date(2027, 5, 23)
    assert canada.regulator_contact == "https://www.priv.gc.ca/en/report-a-concern"
    assert (nowhere.appeal_to, nowhere.regulator) == ("the Support page", None)


def test_the_brands_appeal_stands_under_every_law_and_a_laws_own_under_every_brand() -> None:
    what = Refused(Right.DELETE, Reason.INSUF_VERIFICATION, TODAY)

    assert all(refuse(law, DESKTOPSHIPPER, what).appeal_to for law in LAWS.values())
    assert {law.id for law in LAWS.values() if refuse(law, FIRSTMILE, what).appeal_to} == {
        law.id for law in LAWS.values() if law.appeal.offered
    }


@pytest.mark.parametrize(
    ("reason", "law", "words"),
    [
        (Reason.TOO_MANY_REQUESTS, CALIFORNIA, "1798.130"),
        (Reason.TOO_MANY_REQUESTS, None, "section 7(C)"),
        (Reason.CLAIM_NOT_COVERED, VIRGINIA, "59.1-575"),
        (Reason.WHOLE_ACCOUNT_DECLINED, CALIFORNIA, "FirstMile Privacy Policy"),
        (Reason.OUTSIDE_JURISDICTION, None, "FirstMile Privacy Policy"),
        (Reason.INSUF_VERIFICATION, CALIFORNIA, "7062"),
        (Reason.FEE_DECLINED, CANADA, "8(6)"),
    ],
)
def test_the_files_know_the_ground_of_what_happens_by_itself(reason, law, words) -> None:
    assert words in refuse(law, FIRSTMILE, Refused(Right.KNOW_SPECIFIC, reason, TODAY)).citation


def test_upstream_apps_are_told_the_standards_reasons_and_never_that_nothing_fits() -> None:
    assert {told_publicly(reason) for reason in CLOSING} <= DRP_REASONS - {Reason.NO_MATCH}
    assert told_publicly(Reason.NO_MATCH) is told_publicly(Reason.INSUF_VERIFICATION) is Reason.INSUF_VERIFICATION
    assert told_publicly(Reason.EXCEPTION_LEGAL_OBLIGATION) is Reason.OTHER


@pytest.mark.parametrize(
    ("law", "brand", "ending", "missed", "opened"),
    [
        (VIRGINIA, FIRSTMILE, Ending.DENIED, False, "refused"),
        (VIRGINIA, FIRSTMILE, Ending.UNVERIFIED, False, "refused"),
        (VIRGINIA, FIRSTMILE, Ending.PARTIALLY_FULFILLED, False, "partly_refused"),
        (VIRGINIA, FIRSTMILE, Ending.FULFILLED, False, "not_open"),
        (VIRGINIA, FIRSTMILE, None, True, "not_open"),
        (CALIFORNIA, FIRSTMILE, Ending.DENIED, False, "not_open"),
        (CALIFORNIA, DESKTOPSHIPPER, Ending.DENIED, False, "refused"),
        (CALIFORNIA, DESKTOPSHIPPER, None, True, "missed"),
        (None, DESKTOPSHIPPER, None, True, "missed"),
        (None, DESKTOPSHIPPER, None, False, "not_open"),
    ],
)  # fmt: skip
def test_an_appeal_opens_on_a_refusal_and_with_some_on_a_missed_day(law, brand, ending, missed, opened) -> None:
    assert appeal_open(law, brand, ending, missed=missed) == opened


def test_silence_is_a_refusal_only_where_the_law_says_so() -> None:
    assert {law.id for law in LAWS.values() if deemed_refusal(law)} == {"CA-PIPEDA", "CA-QC-LAW25"}
    assert not deemed_refusal(None)


def test_data_is_kept_for_six_months_under_pipeda_and_thirty_days_in_quebec() -> None:
    assert kept_until(CANADA, date(2026, 8, 31)) == date(2027, 2, 28)
    assert kept_until(LAWS["CA-QC-LAW25"], date(2026, 8, 31)) == date(2026, 9, 30)
    assert kept_until(VIRGINIA, TODAY) is None
    assert kept_until(None, TODAY) is None


def test_an_upheld_appeal_opens_a_new_request_for_the_same_right() -> None:
    assert reopened(Right.DELETE, upheld=True) is Right.DELETE
    assert reopened(Right.DELETE, upheld=False) is None
    assert reopened(Right.APPEAL, upheld=True) is None


def test_unverified_specific_pieces_become_a_request_for_categories_in_california_by_two_points() -> None:
    for right in (Right.KNOW_SPECIFIC, Right.PORTABILITY):
        found = fallback(CALIFORNIA, right, TODAY)

        assert found
        assert (found.right, found.points) == (Right.KNOW_CATEGORIES, 2)
    assert fallback(CALIFORNIA, Right.DELETE, TODAY) is None
    assert fallback(VIRGINIA, Right.KNOW_SPECIFIC, TODAY) is None
    assert fallback(None, Right.KNOW_SPECIFIC, TODAY) is None


def test_the_same_correction_may_be_refused_for_six_months_and_an_opt_in_is_not_offered_for_twelve() -> None:
    last = date(2026, 5, 23)

    assert too_soon(CALIFORNIA, Right.CORRECT, last, date(2026, 11, 22))
    assert not too_soon(CALIFORNIA, Right.CORRECT, last, date(2026, 11, 23))
    assert too_soon(CALIFORNIA, Right.OPT_IN_SALE, last, date(2027, 5, 22))
    assert not too_soon(CALIFORNIA, Right.OPT_IN_SALE, None, TODAY)
    assert not too_soon(VIRGINIA, Right.CORRECT, last, last)


@pytest.mark.parametrize(
    ("law", "right", "asked", "span"),
    [
        (CALIFORNIA, Right.KNOW_CATEGORIES, None, (date(2025, 11, 23), TODAY)),
        (CALIFORNIA, Right.KNOW_SPECIFIC, None, (None, TODAY)),
        (CALIFORNIA, Right.KNOW_CATEGORIES, Period(since=date(2022, 1, 1)), (date(2022, 1, 1), TODAY)),
        (CALIFORNIA, Right.KNOW_SPECIFIC, Period(since=date(2020, 6, 1)), (date(2022, 1, 1), TODAY)),
        (CALIFORNIA, Right.KNOW_CATEGORIES, Period(until=date(2026, 6, 30)), (date(2025, 11, 23), date(2026, 6, 30))),
        (CALIFORNIA, Right.KNOW_CATEGORIES, Period(until=date(2030, 1, 1)), (date(2025, 11, 23), TODAY)),
        (VIRGINIA, Right.KNOW_CATEGORIES, None, (date(2025, 11, 23), TODAY)),
        (VIRGINIA, Right.KNOW_SPECIFIC, Period(since=date(2019, 1, 1)), (date(2019, 1, 1), TODAY)),
        (None, Right.KNOW_CATEGORIES, None, (date(2025, 11, 23), TODAY)),
    ],
)
def test_an_answer_covers_twelve_months_or_the_span_asked_for(law, right, asked, span) -> None:
    assert covered(law, right, TODAY, asked) == span


def test_before_2026_nobody_could_ask_california_for_more_than_twelve_months_by_law() -> None:
    asked = Period(since=date(2021, 1, 1))

    assert covered(CALIFORNIA, Right.KNOW_CATEGORIES, date(2025, 12, 31), asked)[0] == date(2021, 1, 1)
    assert covered(CALIFORNIA, Right.KNOW_CATEGORIES, date(2026, 1, 1), asked)[0] == date(2022, 1, 1)
