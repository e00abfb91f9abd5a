import json
from datetime import date
from itertools import pairwise

import pytest
from typer.testing import CliRunner

from rules.clauses import Occasion, Statement
from rules.errors import PolicyProblem
from rules.handbook import Handbook, problems
from rules.law_table import table
from schemas.values import Context, Right
from services.kernel.errors import Misconfigured
from services.kernel.policies import load_handbook
from services.ops.cli import app
from tests.support.policies import POLICIES, changed, handbook, texts
from tests.support.source import ROOT

RUN = CliRunner()
LAWS = handbook().laws
CALIFORNIA = "laws/us-ca.yaml"
STATES = set("CA CO CT VA UT NV TX OR MT DE IA NE NH NJ TN MN MD IN KY RI FL OK LA AL VT".split())  # noqa: SIM905
ACCESS, OPT_OUT = Right.KNOW_SPECIFIC, Right.OPT_OUT_SALE_SHARE
DURING_2026 = date(2026, 11, 23)


def days(law: str, right: Right) -> tuple[int | None, int | None]:
    clock = LAWS[law].clock(right, date(2028, 6, 1))
    assert clock
    assert clock.respond
    return clock.respond.days, clock.extended.days if clock.extended else None


def test_every_law_there_should_be_is_there() -> None:
    regions = {law.region for law in LAWS.values() if law.country == "US"}

    assert regions == STATES
    assert {law for law in LAWS if not law.startswith("US-")} == {"CA-PIPEDA", "CA-QC-LAW25", "EU-GDPR", "GB-UKGDPR"}


@pytest.mark.parametrize(
    ("law", "respond", "extended"),
    [
        ("US-CA-CCPA", 45, 90), ("US-CO-CPA", 45, 90), ("US-CT-CTDPA", 45, 90), ("US-VA-VCDPA", 45, 90),
        ("US-UT-UCPA", 45, 90), ("US-TX-TDPSA", 45, 90), ("US-OR-OCPA", 45, 90), ("US-MT-MTCDPA", 45, 90),
        ("US-DE-DPDPA", 45, 90), ("US-IA-ICDPA", 90, 135), ("US-NE-NDPA", 45, 90), ("US-NH-NHDPA", 45, 90),
        ("US-NJ-NJDPA", 45, 90), ("US-TN-TIPA", 45, 90), ("US-MN-MCDPA", 45, 90), ("US-MD-MODPA", 45, 90),
        ("US-IN-INCDPA", 45, 90), ("US-KY-KCDPA", 45, 90), ("US-RI-RIDTPPA", 45, 90), ("US-FL-FDBR", 45, 60),
        ("US-OK-OCDPA", 45, 90), ("US-LA-LDPA", 45, 90), ("US-AL-APDPA", 45, 90), ("US-VT-VDPOSA", 45, 90),
        ("CA-PIPEDA", 30, 60), ("CA-QC-LAW25", 30, None),
    ],
)  # fmt: skip
def test_every_law_gives_an_access_its_own_time(law, respond, extended) -> None:
    assert days(law, ACCESS) == (respond, extended)


@pytest.mark.parametrize(
    ("law", "respond", "extended"),
    [
        ("US-CO-CPA", 45, 105), ("US-CT-CTDPA", 60, None), ("US-VA-VCDPA", 60, None), ("US-TX-TDPSA", 60, None),
        ("US-OR-OCPA", 45, None), ("US-MT-MTCDPA", 60, None), ("US-DE-DPDPA", 60, None), ("US-IA-ICDPA", 60, None),
        ("US-NE-NDPA", 60, None), ("US-NH-NHDPA", 60, None), ("US-NJ-NJDPA", 45, None), ("US-TN-TIPA", 60, None),
        ("US-MN-MCDPA", 45, 105), ("US-MD-MODPA", 60, None), ("US-IN-INCDPA", 60, None), ("US-KY-KCDPA", 60, None),
        ("US-RI-RIDTPPA", 60, None), ("US-FL-FDBR", 60, None),
    ],
)  # fmt: skip
def test_every_law_with_an_appeal_gives_its_answer_a_time(law, respond, extended) -> None:
    assert LAWS[law].appeal.offered
    assert days(law, Right.APPEAL) == (respond, extended)


def test_some_laws_know_no_appeal() -> None:
    without = {law.id for law in LAWS.values() if not law.appeal.offered}

    assert without == {"US-CA-CCPA", "US-UT-UCPA", "US-NV-603A", "CA-PIPEDA", "CA-QC-LAW25", "EU-GDPR", "GB-UKGDPR"}


@pytest.mark.parametrize(
    ("law", "count"),
    [
        ("US-VA-VCDPA", 2), ("US-TX-TDPSA", 2), ("US-IA-ICDPA", 2), ("US-NE-NDPA", 2), ("US-TN-TIPA", 2),
        ("US-MN-MCDPA", 2), ("US-KY-KCDPA", 2), ("US-FL-FDBR", 2), ("US-CA-CCPA", 2), ("US-CO-CPA", 1),
        ("US-CT-CTDPA", 1), ("US-UT-UCPA", 1), ("US-OR-OCPA", 1), ("US-MT-MTCDPA", 1), ("US-DE-DPDPA", 1),
        ("US-NH-NHDPA", 1), ("US-NJ-NJDPA", 1), ("US-MD-MODPA", 1), ("US-IN-INCDPA", 1), ("US-RI-RIDTPPA", 1),
    ],
)  # fmt: skip
def test_every_law_says_how_often_an_access_is_free_and_limits_nothing_else(law, count) -> None:
    limit = LAWS[law].limit(ACCESS, DURING_2026)

    assert limit
    assert limit.count == count
    assert limit.beyond == ("refuse" if law == "US-CA-CCPA" else "fee")
    assert [LAWS[law].limit(right, DURING_2026) for right in (Right.DELETE, Right.CORRECT, OPT_OUT)] == [None] * 3


def test_a_portable_copy_is_given_twice_a_calendar_year_in_colorado() -> None:
    limit = LAWS["US-CO-CPA"].limit(Right.PORTABILITY, DURING_2026)

    assert limit
    assert (limit.count, limit.window, limit.beyond) == (2, "calendar_year", "refuse")


@pytest.mark.parametrize(
    ("law", "right", "before", "since"),
    [
        ("US-UT-UCPA", Right.CORRECT, date(2026, 6, 30), date(2026, 7, 1)),
        ("US-CT-CTDPA", Right.THIRD_PARTY_LIST, date(2026, 6, 30), date(2026, 7, 1)),
        ("US-CA-CCPA", Right.CORRECT, date(2022, 12, 31), date(2023, 1, 1)),
        ("US-CA-CCPA", Right.LIMIT_SENSITIVE, date(2022, 12, 31), date(2023, 1, 1)),
        ("US-CA-CCPA", Right.OPT_OUT_PROFILING, date(2026, 12, 31), date(2027, 1, 1)),
    ],
)
def test_a_right_begins_on_its_own_day(law, right, before, since) -> None:
    assert LAWS[law].grant(right, before) is None
    assert LAWS[law].grant(right, since)


@pytest.mark.parametrize(
    ("law", "since"),
    [
        ("US-OK-OCDPA", date(2027, 1, 1)),
        ("US-LA-LDPA", date(2027, 1, 1)),
        ("US-AL-APDPA", date(2027, 5, 1)),
        ("US-VT-VDPOSA", date(2028, 1, 1)),
    ],
)
def test_laws_to_come_have_their_day_and_their_times_are_marked_unconfirmed(law, since) -> None:
    found = LAWS[law]
    clock = found.clock(ACCESS, since)

    assert found.effective_from == since
    assert not found.holds(DURING_2026)
    assert clock
    assert {span.confidence for span in (clock.respond, clock.extended) if span} == {"unconfirmed"}


@pytest.mark.parametrize(
    ("right", "laws"),
    [
        (Right.KNOW_CATEGORIES, {"US-CA-CCPA", "US-OR-OCPA", "US-MN-MCDPA", "CA-PIPEDA", "CA-QC-LAW25", "EU-GDPR",
                                 "GB-UKGDPR"}),
        (Right.THIRD_PARTY_LIST, {"US-CT-CTDPA", "US-OR-OCPA", "US-DE-DPDPA", "US-MN-MCDPA", "US-MD-MODPA",
                                  "CA-PIPEDA", "CA-QC-LAW25", "EU-GDPR", "GB-UKGDPR"}),
        (Right.LIMIT_SENSITIVE, {"US-CA-CCPA", "US-UT-UCPA", "US-IA-ICDPA", "EU-GDPR", "GB-UKGDPR"}),
        (Right.SHINE_THE_LIGHT, {"US-CA-CCPA"}),
        (Right.OPT_IN_SALE, {"US-CA-CCPA"}),
    ],
)  # fmt: skip
def test_rare_rights_are_given_only_where_they_are_known(right, laws) -> None:
    assert {law.id for law in LAWS.values() if law.grant(right, DURING_2026)} == laws


def test_what_laws_leave_out_is_left_out() -> None:
    assert [r for r in Right if LAWS["US-NV-603A"].grant(r, DURING_2026)] == [OPT_OUT]
    assert LAWS["US-IA-ICDPA"].grant(Right.CORRECT, DURING_2026) is None
    assert LAWS["US-IA-ICDPA"].grant(Right.OPT_OUT_PROFILING, DURING_2026) is None
    assert LAWS["US-UT-UCPA"].grant(Right.OPT_OUT_PROFILING, DURING_2026) is None
    assert LAWS["CA-PIPEDA"].grant(Right.DELETE, DURING_2026) is None


def test_only_california_canada_and_europe_protect_people_at_work() -> None:
    at_work = {law.id for law in LAWS.values() if law.protects_in(Context.BUSINESS_CONTACT, DURING_2026)}

    assert at_work == {"US-CA-CCPA", "CA-PIPEDA", "CA-QC-LAW25", "EU-GDPR", "GB-UKGDPR"}


def test_an_opt_out_signal_binds_in_twelve_states_in_2026() -> None:
    bound = {
        law.region for law in LAWS.values() if law.holds(DURING_2026) and law.signal and law.signal.holds(DURING_2026)
    }

    assert bound == {"CA", "CO", "CT", "DE", "MD", "MN", "MT", "NE", "NH", "NJ", "OR", "TX"}


def test_an_agent_may_act_for_what_the_law_says() -> None:
    for_all = {law.id for law in LAWS.values() if law.agents.rights == "all"}

    assert for_all == {"US-CA-CCPA", "CA-PIPEDA", "CA-QC-LAW25", "EU-GDPR", "GB-UKGDPR"}
    assert LAWS["US-TX-TDPSA"].agents.rights == [OPT_OUT, Right.OPT_OUT_TARGETED_ADS]
    assert LAWS["US-VA-VCDPA"].agents.rights == []


def test_silence_is_a_refusal_in_canada_and_the_data_is_kept_for_the_recourse() -> None:
    pipeda, quebec = LAWS["CA-PIPEDA"], LAWS["CA-QC-LAW25"]

    assert pipeda.deemed_refusal
    assert quebec.deemed_refusal
    assert pipeda.recourse.keep_data
    assert pipeda.recourse.within
    assert pipeda.recourse.within.months == 6


def test_an_access_in_canada_is_asked_in_writing() -> None:
    pipeda = LAWS["CA-PIPEDA"]

    assert pipeda.wants_writing(ACCESS, "phone")
    assert not pipeda.wants_writing(ACCESS, "web")
    assert not pipeda.wants_writing(Right.WITHDRAW_CONSENT, "phone")
    assert {law.id for law in LAWS.values() if law.wants_writing(ACCESS, "phone")} == {"CA-PIPEDA", "CA-QC-LAW25"}


def test_only_the_united_kingdom_stops_the_clock() -> None:
    assert {law.id for law in LAWS.values() if law.pauses} == {"GB-UKGDPR"}


@pytest.mark.parametrize("law", sorted(set(LAWS) - {"US-NV-603A"}))
def test_a_refusal_says_why_and_what_can_be_done(law) -> None:
    said = LAWS[law].says(Occasion.REFUSAL, DURING_2026)

    assert Statement.REASON in said
    if LAWS[law].appeal.offered:
        assert Statement.HOW_TO_APPEAL in said
        assert Statement.HOW_TO_COMPLAIN in said | LAWS[law].says(Occasion.APPEAL_REFUSED, DURING_2026)
    assert LAWS[law].recourse.contact.startswith("https://")


@pytest.mark.parametrize("law", sorted(LAWS))
def test_an_extension_says_why_where_there_is_one(law) -> None:
    extended = any(rule.extended for rule in LAWS[law].clocks)

    assert bool(LAWS[law].says(Occasion.EXTENSION, DURING_2026)) == extended


@pytest.mark.parametrize("law", sorted(LAWS))
def test_every_number_says_where_it_comes_from(law) -> None:
    def facts(value):
        if isinstance(value, dict):
            if {"days", "business_days", "months", "count", "points"} & {k for k, v in value.items() if v is not None}:
                yield value
            for one in value.values():
                yield from facts(one)
        elif isinstance(value, list):
            for one in value:
                yield from facts(one)

    numbers = list(facts(LAWS[law].model_dump()))
    assert numbers
    assert all(number["source"] and number["confidence"] for number in numbers)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("confidence: verified", "confidence: certain", "confidence"),
        ("timezone: America/Los_Angeles", "timezone: America/Hollywood", "must be an IANA time zone"),
        ("business_days: 15", "business_days: 15, days: 15", "exactly one of days, business_days, months"),
        ("extended: {days: 90", "extended: {days: 40", "longer than respond"),
        ("extended: {days: 90", "extended: {months: 3", "unit of respond"),
        ("rights: [shine_the_light]", "rights: [shine_a_light]", "must be one of know_categories"),
        ("effective_from: 2020-01-01", "effective_from: 2020-13-01", "valid date"),
        ("effective_to: 2025-12-31", "effective_from: 2026-01-01, effective_to: 2025-12-31", "must not lie before"),
        ("rights: [delete], scope", "rights: [delete, know_specific], scope", "granted twice"),
        ("recourse:", "recurse:", "recurse: there is no such key here"),
        ("appeal: {offered: false, source", "appeal: {source", "appeal.offered: this key is missing"),
        ("occasion: refusal", "occasion: rejection", "must_say"),
    ],
)
def test_a_wrong_law_says_file_line_and_reason(old, new, reason) -> None:
    files = changed(CALIFORNIA, old, new)
    before = texts()[CALIFORNIA].splitlines()
    line = next(n for n, text in enumerate(files[CALIFORNIA].splitlines(), 1) if text != before[n - 1])

    with pytest.raises(PolicyProblem, match=r"^policies/laws/us-ca\.yaml:\d+: ") as problem:
        Handbook.compile(files)

    assert reason in problem.value.reason
    assert 0 <= line - problem.value.line <= 2


def test_a_wrong_law_stops_a_service_at_start_with_file_line_and_reason(tmp_path) -> None:
    for path, text in changed(CALIFORNIA, "confidence: verified", "confidence: certain").items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")

    with pytest.raises(Misconfigured, match=r"^policies/laws/us-ca\.yaml:\d+: grants\.1\.confidence: "):
        load_handbook(tmp_path)


def test_a_law_written_twice_is_wrong() -> None:
    with pytest.raises(PolicyProblem, match="US-CA-CCPA is defined in another file too"):
        Handbook.compile({**texts(), "laws/us-ca-again.yaml": texts()[CALIFORNIA]})


def test_every_wrong_file_is_named_at_once() -> None:
    files = changed(CALIFORNIA, "confidence: verified", "confidence: certain")
    files["laws/us-va.yaml"] = "id: [US-VA"
    files["brands/parcelwise.yaml"] = files["brands/parcelwise.yaml"].replace("name: Parcelwise", "nome: Parcelwise", 1)

    assert [problem.file.rpartition("/")[2] for problem in problems(files)] == [
        "parcelwise.yaml",
        "us-ca.yaml",
        "us-va.yaml",
    ]
    assert list(problems(texts())) == []


def test_a_date_is_read_as_a_date_and_norway_as_norway() -> None:
    assert "NO" in LAWS["EU-GDPR"].countries
    assert LAWS["EU-GDPR"].effective_from == date(2018, 5, 25)


def test_look_back_reaches_further_since_2026() -> None:
    old, new = LAWS["US-CA-CCPA"].look_back

    assert (old.on_request_since, new.on_request_since) == (None, date(2022, 1, 1))
    assert [rule.holds(date(2025, 12, 31)) for rule in (old, new)] == [True, False]
    assert [rule.holds(date(2026, 1, 1)) for rule in (old, new)] == [False, True]


def test_the_page_of_laws_is_what_the_files_say() -> None:
    page = (ROOT / "docs" / "laws.md").read_text(encoding="utf-8")

    assert page == table(handbook()), "docs/laws.md is out of date: rightsbus laws table > docs/laws.md"


def test_the_page_tells_of_every_law_and_every_right() -> None:
    page = table(handbook()).splitlines()
    sections = [n for n, line in enumerate(page) if line.startswith("## ")] + [len(page)]

    assert [page[n].removeprefix("## ") for n in sections[:-1]] == sorted(LAWS)
    for start, end in pairwise(sections):
        rows = {line.split("|")[1].strip() for line in page[start:end] if line.startswith("| ")}
        assert set(Right) - {Right.UNCLASSIFIED} <= rows


def test_the_command_lists_the_laws_with_what_is_in_force() -> None:
    done = RUN.invoke(app, ["laws", "list", "--on", "2026-11-23", "--json"])

    rows = {row["id"]: row for row in json.loads(done.output)}
    assert set(rows) == set(LAWS)
    assert [rows[law]["in_force"] for law in ("US-CA-CCPA", "US-OK-OCDPA")] == [True, False]
    assert rows["US-OK-OCDPA"]["unconfirmed"] > 0


def test_the_command_shows_one_law_with_its_sources() -> None:
    done = RUN.invoke(app, ["laws", "show", "US-VA-VCDPA", "--json"])
    plain = RUN.invoke(app, ["laws", "show", "US-VA-VCDPA"])

    assert json.loads(done.output)["appeal"]["respond"]["days"] == 60
    assert "59.1-577" in plain.output
    assert RUN.invoke(app, ["laws", "show", "US-XX"]).exit_code == 2


def test_the_command_checks_a_folder_and_names_what_is_wrong(tmp_path) -> None:
    for path, text in changed(CALIFORNIA, "confidence: verified", "confidence: certain").items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")

    done = RUN.invoke(app, ["laws", "check", "--policies", str(tmp_path)])

    assert done.exit_code == 1
    assert "policies/laws/us-ca.yaml:" in done.output
    assert RUN.invoke(app, ["laws", "check", "--policies", str(POLICIES)]).exit_code == 0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (["--law", "US-XX", "--right", "delete", "--received-at", "2026-03-01T09:30:00Z"], "there is no US-XX"),
        (["--law", "US-CA-CCPA", "--right", "erase", "--received-at", "2026-03-01T09:30:00Z"], "there is no erase"),
        (["--law", "US-CA-CCPA", "--right", "delete", "--received-at", "2026-03-01"], "with its zone"),
        (["--law", "US-CA-CCPA", "--right", "delete", "--received-at", "soon"], "with its zone"),
        (["--law", "US-CA-CCPA", "--right", "appeal", "--received-at", "2026-03-01T09:30:00Z"], "--brand"),
        (["--law", "US-CA-CCPA", "--right", "delete", "--received-at", "2026-03-01T09:30:00Z", "--paused-days", "3"],
         "nothing stops the clock"),
    ],
)  # fmt: skip
def test_a_wrong_call_is_told_what_would_be_right(wrong, told) -> None:
    done = RUN.invoke(app, ["deadlines", "compute", *wrong], env={"COLUMNS": "400"})

    assert done.exit_code == 2
    assert told in done.output


def test_the_command_counts_by_the_brand_where_the_law_is_silent() -> None:
    asked = ["--law", "US-CA-CCPA", "--right", "appeal", "--received-at", "2026-03-02T18:00:00Z"]
    done = RUN.invoke(app, ["deadlines", "compute", *asked, "--brand", "desktopshipper", "--json"])

    assert json.loads(done.output)["respond_by"] == "2026-04-16"
