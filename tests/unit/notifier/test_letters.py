import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from itertools import product
from typing import Any

import pytest
import yaml

from rules.clauses import Statement
from rules.disclosures import Category, Origin, Purpose, Recipient
from rules.statements import Written, demanded
from schemas.values import OPT_OUTS, Ending, Letter, Outcome, PointKind, Population, Reason, Right
from services.notifier.adapters.writer import LETTERS, Paper, Writer
from tests.support.policies import handbook
from tests.support.values import NOON, REQUEST

ON = date(2026, 11, 25)
LANGUAGES = ("en", "es", "fr")
BRANDS = ("firstmile", "desktopshipper", "parcelwise", "shipdesk")
LAST = frozenset({Letter.CLOSED, Letter.DENIED, Letter.UNVERIFIED, Letter.WITHDRAWN})
ENDINGS = {
    Letter.CLOSED: (Ending.FULFILLED, Ending.PARTIALLY_FULFILLED, Ending.EXPIRED, Ending.FAILED),
    Letter.DENIED: (Ending.DENIED,),
    Letter.UNVERIFIED: (Ending.UNVERIFIED,),
    Letter.WITHDRAWN: (Ending.WITHDRAWN,),
}
PARTS = {
    "own/system:billing": {
        "outcome": "retained",
        "counts": {"commercial": 2},
        "retained": [{"category": "commercial", "citation": "26 USC 6001", "count": 2, "until": "2030-01-01"}],
    },
    "answer": {"outcome": "answered", "counts": {}},
    "client:acorn/handover": {"outcome": "completed", "counts": {}},
}

S = Statement
APPEAL_STATES = (
    "US-AL-APDPA", "US-CO-CPA", "US-CT-CTDPA", "US-DE-DPDPA", "US-FL-FDBR", "US-IA-ICDPA",
    "US-IN-INCDPA", "US-KY-KCDPA", "US-LA-LDPA", "US-MD-MODPA", "US-MN-MCDPA", "US-MT-MTCDPA",
    "US-NE-NDPA", "US-NH-NHDPA", "US-NJ-NJDPA", "US-OK-OCDPA", "US-OR-OCPA", "US-RI-RIDTPPA",
    "US-TN-TIPA", "US-TX-TDPSA", "US-VA-VCDPA", "US-VT-VDPOSA",
)  # fmt: skip
ALL_US = (*APPEAL_STATES, "US-CA-CCPA", "US-NV-603A", "US-UT-UCPA")
EUROPE = ("EU-GDPR", "GB-UKGDPR")
CANADA = ("CA-PIPEDA", "CA-QC-LAW25")
REQUIRED: tuple[tuple[tuple[str, ...], Letter, Right, set[Statement]], ...] = (
    (("US-CA-CCPA",), Letter.ACKNOWLEDGEMENT, Right.DELETE,
     {S.HOW_IT_IS_HANDLED, S.HOW_IDENTITY_IS_VERIFIED, S.WHEN_TO_EXPECT_AN_ANSWER}),
    ((*ALL_US, *EUROPE), Letter.EXTENDED, Right.DELETE, {S.REASON, S.NEW_DATE}),
    (("CA-PIPEDA",), Letter.EXTENDED, Right.KNOW_SPECIFIC, {S.REASON, S.NEW_DATE, S.HOW_TO_COMPLAIN}),
    (("US-CA-CCPA",), Letter.UNVERIFIED, Right.KNOW_SPECIFIC, {S.NOT_VERIFIED, S.WHERE_THE_CATEGORIES_ARE}),
    (("US-CT-CTDPA", "US-OR-OCPA"), Letter.UNVERIFIED, Right.DELETE, {S.NOT_VERIFIED}),
    (APPEAL_STATES, Letter.DENIED, Right.DELETE, {S.REASON, S.HOW_TO_APPEAL}),
    (APPEAL_STATES, Letter.DENIED, Right.APPEAL, {S.REASON, S.HOW_TO_COMPLAIN}),
    (("US-CO-CPA",), Letter.DENIED, Right.CORRECT, {S.REASON, S.HOW_TO_APPEAL, S.HOW_TO_COMPLAIN}),
    (("US-CA-CCPA",), Letter.DENIED, Right.CORRECT, {S.REASON, S.LEGAL_PROVISION}),
    (("US-UT-UCPA",), Letter.DENIED, Right.DELETE, {S.REASON}),
    (EUROPE, Letter.DENIED, Right.DELETE, {S.REASON, S.HOW_TO_COMPLAIN, S.COURT_REMEDY}),
    (("CA-QC-LAW25",), Letter.DENIED, Right.KNOW_SPECIFIC,
     {S.REASON, S.LEGAL_PROVISION, S.HOW_TO_COMPLAIN, S.TIME_LIMIT_OF_REMEDY, S.HELP_TO_UNDERSTAND}),
    (("CA-PIPEDA",), Letter.DENIED, Right.KNOW_SPECIFIC, {S.REASON, S.HOW_TO_COMPLAIN, S.TIME_LIMIT_OF_REMEDY}),
    (CANADA, Letter.OVERDUE, Right.KNOW_SPECIFIC, {S.DEEMED_REFUSAL, S.HOW_TO_COMPLAIN}),
    (APPEAL_STATES, Letter.OVERDUE, Right.DELETE, {S.HOW_TO_APPEAL, S.HOW_TO_COMPLAIN}),
    (("US-CA-CCPA",), Letter.CLOSED, Right.DELETE, {S.WHETHER_IT_WAS_DONE, S.A_RECORD_IS_KEPT}),
    (("US-CA-CCPA",), Letter.CLOSED, Right.OPT_OUT_SALE_SHARE, {S.WHETHER_IT_WAS_DONE}),
)  # fmt: skip
"""Laws, letter, right: what that letter has to say by those laws."""


@cache
def writer() -> Writer:
    return Writer()


def a_paper(
    letter: Letter, right: Right, brand: str = "firstmile", law: str | None = "US-CA-CCPA", **more: Any
) -> Paper:
    body = {
        "letter": letter, "right": right, "request_id": REQUEST, "received_on": "2026-11-02",
        "respond_by": "2026-12-17", "choice": right in OPT_OUTS, "verify": right not in OPT_OUTS,
        "round": 1, "kinds": list(PointKind), "declaration": True, "until": NOON.isoformat(),
        "confirmation": "c-token", "code": "k-token", "password": "p-word",
        "withdrawal": None if letter in LAST else "w-token", "not_me": "n-token",
        "parts": {}, "reason": None, "ending": next(iter(ENDINGS.get(letter, (None,)))), "package": False,
    }  # fmt: skip
    known = {key: more.pop(key) for key in ("outside_us", "on") if key in more}
    found = handbook()
    return Paper(
        {**body, **more}, found.brands[brand], found.laws[law] if law else None, "Ada Brook", **{"on": ON, **known}
    )


def text_of(language: str, paper: Paper) -> str:
    subject, text = writer().write(language, paper)
    assert subject
    return text


@cache
def words_of(language: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((LETTERS / language / "words.yaml").read_text("utf-8"))
    return found


def sentences(language: str, statement: Statement) -> list[str]:
    """What a statement may read, without the facts filled in: one text for each way it can turn out."""
    runs = re.split(r"{{.*?}}|{%.*?%}", words_of(language)["statements"][statement])
    return [run.strip() for run in runs if len(run.strip()) > 2]


def says(language: str, statement: Statement, text: str) -> bool:
    return any(run in text for run in sentences(language, statement))


def table() -> Iterator[tuple[str, Letter, Right, Statement]]:
    for laws, letter, right, required in REQUIRED:
        for law, statement in product(laws, sorted(required)):
            yield law, letter, right, statement


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_request_that_fails_when_its_day_is_over_counts_as_refused_by_law_and_can_be_appealed(language: str) -> None:
    failed = text_of(
        language, a_paper(Letter.CLOSED, Right.DELETE, "desktopshipper", "CA-PIPEDA", ending=Ending.FAILED)
    )

    assert says(language, Statement.DEEMED_REFUSAL, failed)
    assert "PIPEDA s. 8" in failed
    assert says(language, Statement.HOW_TO_APPEAL, failed)


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_a_sender_who_never_answered_one_is_told_to_ask_there(language: str) -> None:
    failed = {"outcome": "failed", "counts": {}, "reason": "no_answer_in_time"}
    told = text_of(
        language,
        a_paper(
            Letter.CLOSED, Right.DELETE, parts={"client:acorn/handover": failed}, ending=Ending.PARTIALLY_FULFILLED
        ),
    )

    assert f"{words_of(language)['sender']}: {words_of(language)['silent']}." in told
    assert words_of(language)["outcomes"]["failed"] not in told


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_upheld_appeal_says_that_the_request_is_taken_up_again(language: str) -> None:
    upheld = text_of(language, a_paper(Letter.CLOSED, Right.APPEAL, reopens=True))

    assert upheld != text_of(language, a_paper(Letter.CLOSED, Right.APPEAL))
    assert re.search("again|reprenons|retomamos", upheld)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_refusal_cites_what_whoever_decided_rests_it_on(language: str) -> None:
    part = {"outcome": "denied", "counts": {}, "reason": "exception_legal_claims", "basis": "Civ. Code 1798.145(a)(5)"}
    whole = a_paper(Letter.DENIED, Right.DELETE, reason="exception_legal_claims", basis="Civ. Code 1798.145(a)(5)")
    partly = a_paper(Letter.CLOSED, Right.DELETE, parts={**PARTS, "own/system:web": part},
                     ending=Ending.PARTIALLY_FULFILLED)  # fmt: skip

    assert "Civ. Code 1798.145(a)(5)" in text_of(language, whole)
    assert "Civ. Code 1798.145(a)(5)" in text_of(language, partly)


def test_every_language_has_every_letter() -> None:
    assert writer().languages() == sorted(LANGUAGES)
    for language in LANGUAGES:
        there = {path.stem for path in (LETTERS / language).glob("*.txt") if not path.stem.startswith("_")}
        assert there == set(Letter)


def test_every_language_has_every_word() -> None:
    wanted = {
        "rights": set(Right), "outcomes": set(Outcome), "reasons": set(Reason), "kinds": set(PointKind),
        "statements": set(Statement), "categories": {*Category, "preferences"}, "origins": set(Origin),
        "purposes": set(Purpose), "recipients": set(Recipient), "populations": set(Population),
    }  # fmt: skip
    shapes = []
    for language in LANGUAGES:
        words = words_of(language)
        assert {name: set(words[name]) for name in wanted} == wanted, language
        shapes.append({name: set(value) if isinstance(value, dict) else None for name, value in words.items()})
    assert shapes[0] == shapes[1] == shapes[2]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_letter_can_be_written_about_every_right_for_every_brand(language) -> None:
    ways = (("firstmile", "US-CA-CCPA"), ("desktopshipper", "CA-QC-LAW25"), ("shipdesk", None), ("parcelwise", None))
    for letter, right in product(Letter, Right):
        for ending in ENDINGS.get(letter, (None,)):
            for brand, law in ways:
                text = text_of(language, a_paper(letter, right, brand, law, ending=ending, parts=PARTS, package=True))
                assert REQUEST in text
                assert handbook().brands[brand].operator_on(ON).name in text
                assert "None" not in text
                assert "{" not in text


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("law", ["US-CA-CCPA", "US-VA-VCDPA", "CA-PIPEDA", "EU-GDPR", None])
def test_every_refusal_tells_its_reason_and_its_ground(reason, law) -> None:
    for language, brand in product(LANGUAGES, BRANDS[:2]):
        words = words_of(language)
        text = text_of(language, a_paper(Letter.DENIED, Right.DELETE, brand, law, reason=reason))
        cited = text_of(language, a_paper(Letter.DENIED, Right.DELETE, brand, law, reason=reason, basis="Act 1 s. 2"))

        assert words["reasons"][reason] in text
        assert says(language, Statement.LEGAL_PROVISION, text)
        assert "Act 1 s. 2" in cited


@pytest.mark.parametrize("law", sorted(handbook().laws))
def test_letters_say_what_the_law_has_them_say(law) -> None:
    mine = [row for row in table() if row[0] == law]
    assert mine or law == "US-NV-603A"
    for language, (_, letter, right, statement) in product(LANGUAGES, mine):
        paper = a_paper(letter, right, "desktopshipper", law, reason=Reason.EXCEPTION_LEGAL_OBLIGATION)

        assert says(language, statement, text_of(language, paper))


@pytest.mark.parametrize("law", sorted(handbook().laws))
def test_the_table_of_this_page_leaves_out_nothing_a_law_demands(law) -> None:
    listed = {(name, letter) for laws, letter, *_ in REQUIRED for name in laws}
    for letter, right in product((Letter.EXTENDED, Letter.DENIED), (Right.DELETE, Right.APPEAL)):
        demand = handbook().laws[law].must_say
        occasions = {"extension": Letter.EXTENDED, "refusal": Letter.DENIED}
        said = {occasions[one.occasion] for one in demand if one.occasion in occasions and one.holds(ON)}
        assert letter not in said or (law, letter) in listed, (law, letter, right)


def test_an_appeal_is_offered_only_where_the_law_or_the_brand_offers_one() -> None:
    how = sentences("en", Statement.HOW_TO_APPEAL)[0]

    for letter, law in product((Letter.DENIED, Letter.UNVERIFIED), ("US-CA-CCPA", "CA-PIPEDA", None)):
        assert how not in text_of("en", a_paper(letter, Right.DELETE, "firstmile", law))
        assert how in text_of("en", a_paper(letter, Right.DELETE, "desktopshipper", law))
        assert how in text_of("en", a_paper(letter, Right.DELETE, "firstmile", "US-VA-VCDPA"))
        assert how not in text_of("en", a_paper(letter, Right.APPEAL, "desktopshipper", "US-VA-VCDPA"))


@pytest.mark.parametrize("law", sorted(handbook().laws))
def test_a_refusal_names_the_laws_regulator_and_how_to_reach_it(law) -> None:
    recourse = handbook().laws[law].recourse

    for language, letter in product(LANGUAGES, (Letter.DENIED, Letter.UNVERIFIED)):
        text = text_of(language, a_paper(letter, Right.DELETE, law=law, reason=Reason.INSUF_VERIFICATION))
        assert f"{recourse.to}" in text
        assert recourse.contact in text


@pytest.mark.parametrize(("brand", "letter", "right", "statement"), [
    ("firstmile", Letter.PASSED_ON, Right.DELETE, "clients_statement_governs"),
    ("desktopshipper", Letter.CONFIRMATION_ASKED, Right.DELETE, "whole_account"),
    ("desktopshipper", Letter.CLOSED, Right.DELETE, "contributions_survive"),
    ("firstmile", Letter.CLOSED, Right.OPT_OUT_SALE_SHARE, "not_sold"),
    ("desktopshipper", Letter.CLOSED, Right.OPT_OUT_SALE_SHARE, "advertising_shared"),
    ("desktopshipper", Letter.CLOSED, Right.LIMIT_SENSITIVE, "sensitive_not_sought"),
    ("desktopshipper", Letter.CLOSED, Right.OPT_OUT_PROFILING, "no_profiling"),
    ("firstmile", Letter.CLOSED, Right.SHINE_THE_LIGHT, "no_marketing_by_others"),
    ("desktopshipper", Letter.CLOSED, Right.SHINE_THE_LIGHT, "marketing_sharing"),
    ("firstmile", Letter.CLOSED, Right.OPT_OUT_MARKETING, "service_letters_go_on"),
    ("firstmile", Letter.CLOSED, Right.OPT_OUT_TARGETED_ADS, "do_not_track"),
    ("desktopshipper", Letter.DENIED, Right.CORRECT, "nobody_is_treated_worse"),
    ("firstmile", Letter.CLOSED, Right.DELETE, "some_data_stays"),
    ("desktopshipper", Letter.ACKNOWLEDGEMENT, Right.DELETE, "processed_in_the_us"),
])  # fmt: skip
def test_letters_say_what_the_brands_policy_says(brand, letter, right, statement) -> None:
    for language in LANGUAGES:
        said = handbook().brands[brand].statements[statement].words(language)
        assert said in text_of(language, a_paper(letter, right, brand, outside_us=True))


def test_people_in_the_united_states_are_not_told_where_it_is_done() -> None:
    said = handbook().brands["firstmile"].statements["processed_in_the_us"].words("en")

    assert said not in text_of("en", a_paper(Letter.ACKNOWLEDGEMENT, Right.DELETE))


def test_who_shares_for_advertising_writes_to_nobody_that_nothing_is_shared() -> None:
    for language, brand in product(LANGUAGES, ("firstmile", "desktopshipper")):
        text = text_of(language, a_paper(Letter.CLOSED, Right.OPT_OUT_SALE_SHARE, brand))
        assert handbook().brands[brand].practices.sharing_for_advertising.done
        assert not re.search(r"do not share|ne communiquons pas|no compartimos", text)


def test_the_company_that_is_behind_the_brand_on_the_day_signs() -> None:
    brand = handbook().brands["firstmile"]
    buyer = brand.operators[0].model_copy(update={"name": "Larger Parcels Inc", "effective_from": date(2027, 1, 1)})
    sold = brand.model_copy(update={"operators": [buyer, *brand.operators]})
    before = a_paper(Letter.CLOSED, Right.DELETE)

    assert brand.operators[0].name in text_of("en", Paper(before.body, sold, before.law, None, date(2026, 12, 31)))
    assert buyer.name in text_of("en", Paper(before.body, sold, before.law, None, date(2027, 1, 1)))


def test_who_cannot_be_verified_gets_the_general_account_of_categories_and_nothing_else() -> None:
    rows = len(handbook().brands["firstmile"].categories)
    for language in LANGUAGES:
        labels = words_of(language)["labels"]
        asked = text_of(language, a_paper(Letter.UNVERIFIED, Right.KNOW_SPECIFIC))
        deleting = text_of(language, a_paper(Letter.UNVERIFIED, Right.DELETE))
        assert asked.count(labels["origins"]) == rows
        assert labels["origins"] not in deleting


def test_no_record_and_no_match_read_the_same() -> None:
    for language in LANGUAGES:
        for letter in (Letter.DENIED, Letter.UNVERIFIED):
            texts = {
                text_of(language, a_paper(letter, Right.KNOW_SPECIFIC, reason=reason))
                for reason in (Reason.NO_MATCH, Reason.INSUF_VERIFICATION)
            }
            assert len(texts) == 1


def test_a_brand_that_does_not_write_a_language_writes_english() -> None:
    brand = handbook().brands["firstmile"].model_copy(update={"locales": ["en"]})
    paper = a_paper(Letter.CLOSED, Right.DELETE)

    english = Paper(paper.body, brand, paper.law, paper.name, ON)
    assert writer().write("fr-CA", english) == writer().write("en-US", english)
    assert writer().write("de-AT", paper) == writer().write("en", paper)


def test_what_is_demanded_comes_in_one_order_and_once() -> None:
    for law, letter, right in product(handbook().laws.values(), Letter, Right):
        said = demanded(law, handbook().brands["desktopshipper"], Written(letter, right, ON))
        assert said == [one for one in Statement if one in said]


def test_who_gets_categories_instead_of_the_pieces_is_told_why() -> None:
    parts = {"own/pieces": {"outcome": "denied", "counts": {}, "reason": "insuf_verification"}}
    for language in LANGUAGES:
        words = words_of(language)
        paper = a_paper(Letter.CLOSED, Right.KNOW_SPECIFIC, ending=Ending.PARTIALLY_FULFILLED, parts=parts)
        line = f"{words['pieces']}: {words['outcomes']['denied']}; {words['reasons']['insuf_verification']}."
        assert line in text_of(language, paper)


@pytest.mark.parametrize("why", ["complexity", "number_of_requests", "consultation", "conversion", "other", "unheard"])
def test_a_longer_time_says_why_and_until_when(why) -> None:
    for language in LANGUAGES:
        text = text_of(language, a_paper(Letter.EXTENDED, Right.DELETE, reason=why, respond_by="2027-01-31"))
        assert words_of(language)["delays"].get(why, words_of(language)["delays"]["other"]) in text
        assert "2027-01-31" in text


# ------------------------------------------------------------------------------------ what waits for the person


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("brand", BRANDS)
def test_what_is_signed_under_penalty_of_perjury_is_written_out_with_its_version(language: str, brand: str) -> None:
    oath = handbook().brands[brand].declaration
    letter = text_of(language, a_paper(Letter.DECLARATION_NEEDED, Right.KNOW_SPECIFIC, brand))

    assert oath.text[language] in letter
    assert f"ersi{'ó' if language == 'es' else 'o'}n {oath.version}" in letter
    assert oath.text[language] in text_of(language, a_paper(Letter.PROOF_NEEDED, Right.KNOW_SPECIFIC, brand))
    assert len(set(oath.text.values())) == len(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("why", "law"), [("too_many_requests", "US-VA-VCDPA"), ("excessive", "CA-PIPEDA")])
def test_a_fee_is_told_with_reason_and_estimate_and_can_be_declined(language: str, why: str, law: str) -> None:
    paper = a_paper(Letter.FEE_ASKED, Right.KNOW_SPECIFIC, "parcelwise", law, why=why)
    letter = text_of(language, paper)

    assert "20 US dollars" in letter
    assert words_of(language)["reasons"][why] in letter
    fees = handbook().laws[law].fees
    assert fees
    assert fees.source in letter
    assert "c-token" in letter


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("letter", [
    Letter.DETAIL_NEEDED, Letter.MANDATE_NEEDED, Letter.DECLARATION_NEEDED, Letter.FEE_ASKED, Letter.CONFIRMATION_ASKED,
])  # fmt: skip
def test_a_reminder_says_that_it_is_one(language: str, letter: Letter) -> None:
    reminder = words_of(language)["reminder"]

    assert reminder not in text_of(language, a_paper(letter, Right.DELETE, "parcelwise"))
    assert reminder in text_of(language, a_paper(letter, Right.DELETE, "parcelwise", round=2))


def test_who_is_asked_for_detail_is_told_for_which_of_three_reasons() -> None:
    texts = {
        text_of("en", a_paper(Letter.DETAIL_NEEDED, right, "parcelwise", why=why))
        for right, why in ((Right.UNCLASSIFIED, None), (Right.KNOW_SPECIFIC, None), (Right.KNOW_SPECIFIC, "other"))
    }

    assert len(texts) == 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_is_asked_for_is_told_that_somebody_else_asks(language: str) -> None:
    own, anothers = (
        text_of(language, a_paper(Letter.CONFIRMATION_ASKED, Right.DELETE, by_agent=by)) for by in (False, True)
    )

    assert own != anothers
    assert re.search("in your name|en votre nom|en su nombre", anothers)


@pytest.mark.parametrize(("language", "field", "texts"), [
    ("en", "which field", "by text message"), ("fr", "quel champ", "par message texte"),
    ("es", "qué campo", "por mensaje de texto"),
])  # fmt: skip
def test_a_correction_is_asked_what_is_wrong_and_an_opt_out_names_what_stops(language, field, texts) -> None:
    asked = text_of(language, a_paper(Letter.DETAIL_NEEDED, Right.CORRECT, why="unsaid"))
    stopped = text_of(language, a_paper(Letter.CLOSED, Right.OPT_OUT_MARKETING, media=["sms"]))
    all_of_it = text_of(language, a_paper(Letter.CLOSED, Right.OPT_OUT_MARKETING, media=[]))

    assert field in asked
    assert texts in stopped
    assert texts not in all_of_it


@pytest.mark.parametrize("ending", ENDINGS[Letter.CLOSED])
def test_a_letter_says_the_same_when_what_it_is_about_has_lain_in_the_database(ending: Ending) -> None:
    fresh = a_paper(Letter.CLOSED, Right.DELETE, law="CA-PIPEDA", ending=ending, parts=PARTS)
    stored = replace(fresh, body=json.loads(json.dumps(fresh.body)))

    assert text_of("en", stored) == text_of("en", fresh)
    assert ("By law this counts as a refusal" in text_of("en", stored)) is (ending is Ending.FAILED)
