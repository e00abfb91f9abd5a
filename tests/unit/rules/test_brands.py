from datetime import date, timedelta

import pytest

from rules.disclosures import Category, Purpose, Recipient, rows_for, two_lists
from rules.errors import PolicyProblem
from rules.handbook import Handbook
from schemas.values import Letter, Population, Reason, Right
from tests.support.policies import changed, handbook, texts

BRANDS = handbook().brands
FIRSTMILE, DESKTOPSHIPPER = BRANDS["firstmile"], BRANDS["desktopshipper"]
REAL, SAMPLES = ("firstmile", "desktopshipper"), ("parcelwise", "shipdesk")
TODAY = date(2026, 11, 23)
OWN = (Population.VISITOR, Population.PROSPECT, Population.ACCOUNT_HOLDER, Population.CLIENT_STAFF)


def said(brand, letter: Letter, right: Right, locale: str = "en", *, outside_us: bool = False) -> str:
    return "\n".join(brand.says(letter, right, locale, outside_us=outside_us))


def test_two_real_brands_and_two_of_the_sample_company_are_there() -> None:
    assert set(BRANDS) == {*REAL, *SAMPLES}


@pytest.mark.parametrize(("brand", "version"), [("firstmile", "2020-01-01"), ("desktopshipper", "2022-10-10")])
def test_each_brand_has_its_own_version_date(brand, version) -> None:
    assert BRANDS[brand].version_on(TODAY) == version
    assert BRANDS[brand].version_on(date(2000, 1, 1)) == version


@pytest.mark.parametrize("brand", REAL)
def test_there_are_two_ways_to_ask_at_least(brand) -> None:
    assert len({channel.kind for channel in BRANDS[brand].channels}) >= 2


def test_firstmile_promises_account_holders_and_desktopshipper_everybody() -> None:
    for right in (Right.KNOW_SPECIFIC, Right.CORRECT, Right.DELETE):
        first, desk = FIRSTMILE.promise(right, TODAY), DESKTOPSHIPPER.promise(right, TODAY)

        assert first
        assert first.populations == (Population.ACCOUNT_HOLDER, Population.CLIENT_STAFF)
        assert desk
        assert desk.populations == ()
        assert desk.scope == "provided"


def test_every_opt_out_is_honoured_wherever_the_person_lives() -> None:
    for brand in BRANDS.values():
        for right in (Right.OPT_OUT_SALE_SHARE, Right.OPT_OUT_TARGETED_ADS, Right.OPT_OUT_MARKETING):
            promise = brand.promise(right, TODAY)

            assert promise
            assert promise.populations == ()


def test_firstmile_answers_twice_a_year_and_limits_nothing_but_knowing() -> None:
    [limit] = FIRSTMILE.frequency

    assert (limit.count, limit.window) == (2, "12_months")
    assert limit.rights == [Right.KNOW_CATEGORIES, Right.KNOW_SPECIFIC, Right.PORTABILITY]
    assert DESKTOPSHIPPER.frequency == []


def test_desktopshipper_deletes_whole_accounts_only_and_asks_twice() -> None:
    assert DESKTOPSHIPPER.whole_account_only
    assert DESKTOPSHIPPER.confirm_deletion
    assert not FIRSTMILE.whole_account_only
    assert "entire account" in said(DESKTOPSHIPPER, Letter.CONFIRMATION_ASKED, Right.DELETE)


def test_desktopshipper_keeps_data_thirty_days_and_cookies_two_years() -> None:
    kept = {rule.what: rule.keep for rule in DESKTOPSHIPPER.retention}

    assert kept["personal"]
    assert kept["personal"].days == 30
    assert kept["cookies"]
    assert kept["cookies"].months == 24
    assert [rule.keep for rule in FIRSTMILE.retention] == [None]


def test_grounds_to_keep_data_are_a_closed_list_with_citations() -> None:
    reasons = {ground.reason for ground in FIRSTMILE.kept_because}

    assert reasons == {
        Reason.EXCEPTION_LEGAL_OBLIGATION,
        Reason.EXCEPTION_TRANSACTION,
        Reason.EXCEPTION_LEGAL_CLAIMS,
        Reason.EXCEPTION_SECURITY_FRAUD,
        Reason.OTHER,
    }
    assert all(ground.ground and ground.source for brand in BRANDS.values() for ground in brand.kept_because)


def test_desktopshippers_appeal_opens_on_a_missed_deadline_too() -> None:
    assert DESKTOPSHIPPER.appeal.offered
    assert DESKTOPSHIPPER.appeal.on_missed_deadline
    assert DESKTOPSHIPPER.appeal.clock
    assert not FIRSTMILE.appeal.offered


def test_a_fee_is_told_before_and_asked_only_on_legal_grounds() -> None:
    assert DESKTOPSHIPPER.fees
    assert DESKTOPSHIPPER.fees.when == ["unfounded_or_excessive"]
    assert FIRSTMILE.fees is None


def test_who_counts_as_a_child_is_each_brands_own() -> None:
    assert (DESKTOPSHIPPER.minors.under, DESKTOPSHIPPER.minors.delete_when_known) == (18, True)
    assert FIRSTMILE.minors.under == 16


def test_service_providers_are_barred_from_selling_and_telling() -> None:
    assert DESKTOPSHIPPER.providers
    assert set(DESKTOPSHIPPER.providers.terms) == {"no_sale", "no_disclosure", "confidentiality", "security"}
    assert DESKTOPSHIPPER.providers.current
    assert DESKTOPSHIPPER.promise(Right.SERVICE_PROVIDER_LIST, TODAY)


def test_firstmiles_table_of_categories_is_the_policys() -> None:
    own, recipients = (rows_for(FIRSTMILE.categories, who) for who in (OWN, [Population.RECIPIENT]))

    assert [row.category for row in own] == [
        Category.IDENTIFIERS,
        Category.INTERNET_ACTIVITY,
        Category.CUSTOMER_RECORDS,
        Category.COMMERCIAL,
    ]
    assert [row.category for row in recipients] == [Category.IDENTIFIERS, Category.COMMERCIAL]
    assert own[2].disclosed_to == [Recipient.SUBSIDIARY_AFFILIATE]
    assert Purpose.CLIENT_INSTRUCTED in recipients[0].purposes
    assert not any(row.sold_to for row in FIRSTMILE.categories)


def test_the_two_lists_are_separate_and_say_what_each_kind_of_recipient_got() -> None:
    sold, disclosed = two_lists(rows_for(DESKTOPSHIPPER.categories, OWN))

    assert sold == {
        Recipient.ADVERTISING_PARTNER: [Category.INTERNET_ACTIVITY],
        Recipient.SUBSIDIARY_AFFILIATE: [Category.INTERNET_ACTIVITY],
    }
    assert disclosed[Recipient.SERVICE_PROVIDER] == [
        Category.COMMERCIAL,
        Category.IDENTIFIERS,
        Category.INTERNET_ACTIVITY,
    ]


def test_who_shares_for_advertising_never_says_that_nothing_is_shared() -> None:
    for brand in BRANDS.values():
        shares = brand.practices.sharing_for_advertising.done
        told = said(brand, Letter.CLOSED, Right.OPT_OUT_TARGETED_ADS)

        assert shares == any(row.shared_with for row in brand.categories)
        assert ("advertising" in told) == shares
        assert "not share" not in told


@pytest.mark.parametrize(
    ("brand", "letter", "right", "words"),
    [
        ("firstmile", Letter.PASSED_ON, Right.DELETE, "privacy statement governs"),
        ("desktopshipper", Letter.PASSED_ON, Right.DELETE, "no control"),
        ("desktopshipper", Letter.CONFIRMATION_ASKED, Right.DELETE, "cached and archived pages"),
        ("firstmile", Letter.CLOSED, Right.OPT_OUT_SALE_SHARE, "do not sell"),
        ("desktopshipper", Letter.CLOSED, Right.OPT_OUT_SALE_SHARE, "do not sell"),
        ("desktopshipper", Letter.CLOSED, Right.LIMIT_SENSITIVE, "do not seek sensitive"),
        ("desktopshipper", Letter.CLOSED, Right.OPT_OUT_PROFILING, "no automated profiling"),
        ("firstmile", Letter.CLOSED, Right.SHINE_THE_LIGHT, "do not share your information with third parties"),
        ("desktopshipper", Letter.CLOSED, Right.SHINE_THE_LIGHT, "affiliates"),
        ("firstmile", Letter.CLOSED, Right.OPT_OUT_MARKETING, "still write to you"),
        ("desktopshipper", Letter.CLOSED, Right.OPT_OUT_MARKETING, "STOP"),
        ("firstmile", Letter.CLOSED, Right.OPT_OUT_TARGETED_ADS, "Do Not Track"),
        ("firstmile", Letter.CLOSED, Right.DELETE, "cached or archived copies"),
        ("desktopshipper", Letter.CLOSED, Right.KNOW_SPECIFIC, "retaliate"),
        ("firstmile", Letter.DENIED, Right.DELETE, "do not deny you goods or services"),
    ],
)
def test_letters_make_the_statements_the_policy_makes(brand, letter, right, words) -> None:
    assert words in said(BRANDS[brand], letter, right)


@pytest.mark.parametrize("brand", sorted(BRANDS))
def test_people_outside_the_united_states_are_told_where_their_data_is(brand) -> None:
    abroad = said(BRANDS[brand], Letter.ACKNOWLEDGEMENT, Right.DELETE, outside_us=True)

    assert "United States" in abroad
    assert "United States" not in said(BRANDS[brand], Letter.ACKNOWLEDGEMENT, Right.DELETE)


@pytest.mark.parametrize("brand", sorted(BRANDS))
def test_every_statement_is_there_in_every_language_of_the_brand(brand) -> None:
    languages = [set(statement.text) for statement in BRANDS[brand].statements.values()]

    assert languages == [set(BRANDS[brand].locales)] * len(languages)
    assert said(BRANDS[brand], Letter.CLOSED, Right.OPT_OUT_SALE_SHARE, "fr-CA").startswith("Nous")
    assert said(BRANDS[brand], Letter.CLOSED, Right.OPT_OUT_SALE_SHARE, "de-DE") == said(
        BRANDS[brand], Letter.CLOSED, Right.OPT_OUT_SALE_SHARE, "en-US"
    )


def test_real_brands_wait_days_and_sample_brands_seconds() -> None:
    assert all(BRANDS[name].windows.proof >= timedelta(days=7) for name in REAL)
    assert all(BRANDS[name].windows.proof < timedelta(minutes=1) for name in SAMPLES)
    for name in REAL:
        windows = BRANDS[name].windows
        assert windows.proof * windows.proof_rounds <= windows.unverified_end < timedelta(days=28)


def test_a_new_owner_answers_from_its_day_on() -> None:
    files = changed("brands/firstmile.yaml", "versions:\n", "versions:\n")
    files["brands/firstmile.yaml"] = files["brands/firstmile.yaml"].replace(
        "operators:\n", "operators:\n  - {name: A Buyer Inc., effective_from: 2027-01-01}\n"
    )
    brand = Handbook.compile(files).brands["firstmile"]

    assert brand.operator_on(date(2026, 12, 31)).name.startswith("International Fulfillment")
    assert brand.operator_on(date(2027, 1, 1)).name == "A Buyer Inc."


def test_a_version_nobody_was_told_of_is_announced_once_with_what_it_asks() -> None:
    fresh_one = '{version: "next", effective_from: 2026-12-01, material: true, reconsent: true}'
    files = changed("brands/firstmile.yaml", "versions:\n", f"versions:\n  - {fresh_one}\n")
    brand = Handbook.compile(files).brands["firstmile"]

    [fresh] = brand.unannounced({"2020-01-01"}, date(2026, 12, 1))

    assert (fresh.version, fresh.material, fresh.reconsent) == ("next", True, True)
    assert brand.unannounced({"2020-01-01"}, date(2026, 11, 30)) == []
    assert brand.unannounced({"2020-01-01", "next"}, date(2027, 1, 1)) == []


def test_a_brand_has_a_time_for_every_right() -> None:
    for brand in BRANDS.values():
        for right in Right:
            clock = brand.clock(right, TODAY)
            assert clock.respond


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("proof: 12d", "proof: two weeks", "must be a span such as 14d, 36h or 20s"),
        ("reply_to: support@firstmile.com", "reply_to: support", "e-mail"),
        ("to: account_holders", "to: account_owners", "promises.0.to"),
        ("  - rights: all\n", "  - rights: [delete]\n", "the last clock must be for all rights"),
        ("appeal: {offered: false", "appeal: {offered: true", "needs a time to answer"),
        ('      en: "We do not sell', '      de: "We do not sell', "English"),
        ("category: commercial", "category: trade", "category"),
        ("minors: {", "miners: {", "miners: there is no such key here"),
    ],
)  # fmt: skip
def test_a_wrong_brand_says_file_line_and_reason(old, new, reason) -> None:
    with pytest.raises(PolicyProblem, match=r"^policies/brands/firstmile\.yaml:\d+: ") as problem:
        Handbook.compile(changed("brands/firstmile.yaml", old, new))

    assert reason in problem.value.reason


def test_a_brand_not_bound_by_a_law_nobody_knows_is_wrong() -> None:
    exempt = "not_bound_by:\n  - {law: US-XX-NONE, why: none, source: nobody, confidence: verified}\nsource:"

    with pytest.raises(PolicyProblem, match="there is no law US-XX-NONE"):
        Handbook.compile(changed("brands/firstmile.yaml", "\nsource:", f"\n{exempt}"))


def test_the_sample_brands_still_compile_alone() -> None:
    files = {path: text for path, text in texts().items() if path not in {f"brands/{name}.yaml" for name in REAL}}

    assert set(Handbook.compile(files).brands) == set(SAMPLES)
