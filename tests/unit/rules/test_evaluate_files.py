import csv
import json

import pytest
import typer
from typer.testing import CliRunner

from bench.matching import POLICY, febrl
from services.kernel.errors import Misconfigured
from services.ops.cli import verify

APP = typer.Typer()
verify.add_to(APP)
PEOPLE = """person_id,name,email,phone,note
p1,Ada Lovelace,ada@example.org|ada.l@example.com,(801) 555-0142,a
p2,Ben Nakamura,ben@example.org,801-555-0143,b
"""
CLAIMS = """claim_id,true_person_id,name,email,phone
c1,p1,ada lovelace,ADA.L@example.com,
c2,p2,Ben Nakamura,ben@example.org,
c3,p2,Ada Lovelace,ada@example.org,
c4,,Cleo Nobody,cleo@example.org,
"""


@pytest.fixture
def call(tmp_path):
    def run(*more, people=PEOPLE, claims=CLAIMS, right="delete"):
        (tmp_path / "a.csv").write_text(people, encoding="utf-8-sig")
        (tmp_path / "b.csv").write_text(claims, encoding="utf-8")
        args = ["--directory", tmp_path / "a.csv", "--claims", tmp_path / "b.csv", "--right", right]
        args += ["--out", tmp_path / "out.csv", *more]
        return CliRunner().invoke(APP, ["verify", "evaluate", *map(str, args)])

    return run


def rows(tmp_path):
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as stream:
        return [list(row.values()) for row in csv.DictReader(stream)]


def test_one_row_per_claim_says_verdict_groups_and_person(call, tmp_path) -> None:
    done = call("--json")

    assert done.exit_code == 0
    assert rows(tmp_path) == [
        ["c1", "verified", "email|name", "p1"],
        ["c2", "verified", "email|name", "p2"],
        ["c3", "verified", "email|name", "p1"],
        ["c4", "no_record", "", ""],
    ]
    told = json.loads(done.stdout)
    assert (told["points_needed"], told["genuine_claims"], told["accepted_genuine"]) == (2, 3, 2)
    assert (told["acceptance"], told["falsely_accepted"], told["false_acceptance"]) == ("66.67%", 1, "25.0000%")


def test_the_right_says_how_many_points_are_needed(call, tmp_path) -> None:
    assert call(right="access").exit_code == 0
    assert [row[1] for row in rows(tmp_path)] == ["not_enough"] * 3 + ["no_record"]

    assert call("--points", 1, right="access").exit_code == 0
    assert [row[1] for row in rows(tmp_path)] == ["verified"] * 3 + ["no_record"]


def test_people_read_both_rates(call) -> None:
    said = call().output

    assert "acceptance" in said
    assert "25.0000%" in said
    assert "not looked at: note" in said


def test_rules_of_ones_own_are_used(call, tmp_path) -> None:
    text = POLICY.read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text.replace("group: email\n", "group: email\n    counts: false\n"))

    assert call("--rules", tmp_path / "mine.yaml").exit_code == 0
    assert {row[1] for row in rows(tmp_path)} == {"not_enough", "no_record"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"people": "id,name\n1,Ada\n"}, "has no column person_id"),
        ({"claims": "name\nAda\n"}, "has no column claim_id"),
        ({"claims": ""}, "has no column claim_id"),
        ({"people": PEOPLE + "p1,Ada,,,\n"}, "directory: row 4: person_id is used twice"),
        ({"people": PEOPLE + "p3,a,b,c,d,e\n"}, "line 4 has more cells"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_where_and_why(call, given, said) -> None:
    done = call(**given)

    assert isinstance(done.exception, Misconfigured)
    assert said in str(done.exception)
    assert "Ada" not in str(done.exception)


def test_a_right_that_needs_no_proof_is_a_wrong_call(call) -> None:
    done = call(right="opt_out_marketing")

    assert done.exit_code == 2
    assert "must be a right that needs proof" in done.output


def test_published_test_data_take_seconds_not_minutes(call, tmp_path) -> None:
    tables = []
    for table, ids in zip(febrl(1_000), (("person_id",), ("claim_id", "true_person_id")), strict=True):
        found = [
            dict.fromkeys(ids, row["person_id"]) | {k: v for k, v in row.items() if k != "person_id"} for row in table
        ]
        with (tmp_path / "table.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, found[0])
            writer.writeheader()
            writer.writerows(found)
        tables.append((tmp_path / "table.csv").read_text())

    told = json.loads(call("--json", "--country", "au", people=tables[0], claims=tables[1]).stdout)

    assert (told["claims"], told["falsely_accepted"], told["impostor_pairs"]) == (1_000, 0, 999_000)
    assert float(told["acceptance"].rstrip("%")) > 80
    assert told["seconds"] < 20
