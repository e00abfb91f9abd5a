from datetime import date
from pathlib import Path

import pytest

from rules.evaluate import TableProblem, Terms, evaluate
from rules.matching import Verdict
from rules.points import compile_points
from rules.table import unknown
from schemas.values import Right

POLICY = compile_points((Path(__file__).parents[3] / "policies" / "points.yaml").read_text(encoding="utf-8"))
ADA = {
    "person_id": "ada",
    "name": "Ada Lovelace",
    "email": "ada@example.org",
    "phone": "(801) 555-0142",
    "address_line": "842 E 1700 S",
    "postcode": "84105",
    "account_number": "AC-0042",
    "transaction_date": "2026-02-10",
    "transaction_amount": "45.90",
}
BEN = {"person_id": "ben", "name": "Ben Nakamura", "email": "ben@example.org", "phone": "801 555 0143"}


def judged(claim, *directory, right=Right.DELETE, needed=2, policy=POLICY, country="US"):
    terms = Terms(right, needed, policy, date(2026, 3, 1), country)
    [result] = evaluate(directory or (ADA, BEN), [{"claim_id": "c", "true_person_id": "ada", **claim}], terms).results
    return result


@pytest.mark.parametrize(
    "claim",
    [
        {"name": "ada  LOVELACE", "email": "ADA@example.org"},
        {"given_name": "Ada", "family_name": "Lovelace", "phone": "001 801 555 0142"},
        {"family_name": "Lovelace", "given_name": "Ada", "account_number": "ac0042"},
        {"email": "ada@example.org", "phone": "8015550142"},
        {"address_line": "842 East 1700 South", "postcode": "84105-1234", "transaction_amount": "$45.90"},
        {"name": "Ada Lovelace", "transaction_date": "2026-02-11"},
        {"name": "Ada Byron|Ada Lovelace", "email": "old@example.org|ada@example.org"},
    ],
    ids=str,
)
def test_two_points_of_one_person_verify(claim) -> None:
    result = judged(claim)

    assert (result.verdict, result.person, result.wrong) == (Verdict.VERIFIED, "ada", False)


@pytest.mark.parametrize(
    ("claim", "verdict", "person"),
    [
        ({"name": "Ada Lovelace", "address_line": "842 E 1700 S", "postcode": "84105"}, Verdict.NOT_ENOUGH, "ada"),
        ({"name": "Ada Lovelace"}, Verdict.NOT_ENOUGH, ""),
        ({"email": "ada@example.org"}, Verdict.NOT_ENOUGH, ""),
        ({"name": "Ida Lovelace", "email": "ada@example.org"}, Verdict.NO_RECORD, ""),
        ({"name": "Ada Lovelase", "email": "ada@example.org"}, Verdict.NOT_ENOUGH, "ada"),
        ({"transaction_date": "2026-02-10", "transaction_amount": "45.90"}, Verdict.NOT_ENOUGH, ""),
        ({"email": "ada@example.org", "phone": "801 555 0143"}, Verdict.NOT_ENOUGH, ""),
        ({"name": "Cleo Nobody", "email": "cleo@example.org"}, Verdict.NO_RECORD, ""),
        ({"postcode": "84105"}, Verdict.NO_RECORD, ""),
        ({}, Verdict.NO_RECORD, ""),
    ],
    ids=str,
)
def test_less_verifies_nobody(claim, verdict, person) -> None:
    result = judged(claim)

    assert (result.verdict, result.person) == (verdict, person)


def test_two_people_with_the_same_points_are_ambiguous() -> None:
    result = judged({"email": "ada@example.org", "phone": "801 555 0142"}, ADA, ADA | {"person_id": "twin"})

    assert (result.verdict, result.person, result.groups) == (Verdict.AMBIGUOUS, "", ())


def test_a_provider_specific_address_locates_and_never_counts() -> None:
    held = {"person_id": "ada", "name": "Ada Lovelace", "email": "ada.lovelace@gmail.com", "account_number": "42"}
    claim = {"email": "adalovelace+shop@googlemail.com", "account_number": "42"}

    assert judged(claim, held).verdict is Verdict.NOT_ENOUGH
    assert judged(claim, held).person == "ada"


def test_three_points_are_asked_where_three_are_needed() -> None:
    two = {"name": "Ada Lovelace", "email": "ada@example.org"}

    assert judged(two, right=Right.KNOW_SPECIFIC, needed=3).verdict is Verdict.NOT_ENOUGH
    three = judged(two | {"phone": "801-555-0142"}, right=Right.KNOW_SPECIFIC, needed=3)
    assert (three.verdict, three.groups) == (Verdict.VERIFIED, ("email", "name", "phone"))


def test_values_of_one_cell_are_separate_and_columns_of_an_address_belong_together() -> None:
    held = {
        "person_id": "ada",
        "email": "ada@example.org",
        "address_line": "1 Oak St|2 Elm St",
        "postcode": "84101|84102",
        "region": "UT",
    }

    here = {"address_line": "2 Elm St", "postcode": "84102", "email": "ada@example.org"}
    assert judged(here, held).verdict is Verdict.VERIFIED
    assert judged(here | {"postcode": "84101"}, held).verdict is Verdict.NOT_ENOUGH


def test_the_rates_count_whom_a_claim_was_verified_as() -> None:
    claims = [
        {"claim_id": "1", "true_person_id": "ada", "email": "ada@example.org", "name": "Ada Lovelace"},
        {"claim_id": "2", "true_person_id": "ben", "email": "ada@example.org", "phone": "801 555 0142"},
        {"claim_id": "3", "true_person_id": "", "email": "ben@example.org", "phone": "801 555 0143"},
        {"claim_id": "4", "true_person_id": "ben", "email": "ben@example.org"},
    ]

    found = evaluate([ADA, BEN], claims, Terms(Right.DELETE, 2, POLICY, date(2026, 3, 1)))

    assert (found.genuine, found.accepted, found.wrong) == (3, 1, 2)
    assert (found.acceptance, found.false_acceptance, found.impostor_pairs) == (1 / 3, 0.5, 5)
    assert found.tally() == {"verified": 3, "not_enough": 1, "ambiguous": 0, "no_record": 0}
    assert found.results[0].row() == {
        "claim_id": "1",
        "verdict": "verified",
        "matched_groups": "email|name",
        "located_person": "ada",
    }


@pytest.mark.parametrize(
    ("directory", "claims", "said"),
    [
        ([{"name": "Ada"}], [], "directory: row 2: person_id is missing"),
        ([ADA, ADA], [], "directory: row 3: person_id is used twice"),
        ([ADA], [{"name": "Ada"}], "claims: row 2: claim_id is missing"),
        ([ADA], [{"claim_id": "1"}, {"claim_id": "1"}], "claims: row 3: claim_id is used twice"),
    ],
)
def test_a_row_without_an_id_of_its_own_is_told_without_a_value(directory, claims, said) -> None:
    with pytest.raises(TableProblem, match=said) as problem:
        evaluate(directory, claims, Terms(Right.DELETE, 2, POLICY, date(2026, 3, 1)))

    assert "Ada" not in str(problem.value)


def test_a_misspelt_column_is_noticed() -> None:
    assert unknown(["claim_id", "e-mail", "name", "zip"], ["claim_id"]) == ["e-mail", "zip"]
