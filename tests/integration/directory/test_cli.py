import csv
import json
from pathlib import Path

import psycopg
import pytest
import typer
from typer.testing import CliRunner

from connectors.datamap import compile_map
from schemas.directory import PersonGone, PersonSeen
from services.kernel.errors import Misconfigured
from services.kernel.policies import read_policies
from services.ops.cli import directory as commands
from services.ops.installation import POLICIES
from tests.support.directory import ADA, BEN, PARCEL

pytestmark = pytest.mark.integration
APP = typer.Typer()
commands.add_to(APP)


class Here:
    """An installation made of one database and its keys."""

    def __init__(self, directory) -> None:
        self.keys, self.policies, self._url = directory.keys, POLICIES, directory.url
        self.endpoints = type("Endpoints", (), {"database_url": directory.url})

    def connect(self):
        return psycopg.connect(self._url, autocommit=True)

    def systems(self):
        return compile_map(read_policies(self.policies)["systems.yaml"])


@pytest.fixture
def run(directory, monkeypatch):
    monkeypatch.setattr(commands, "installation", lambda _: Here(directory))
    return lambda *args, **more: CliRunner().invoke(APP, ["directory", *map(str, args)], **more)


def written(path: Path, *rows) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(dict.fromkeys(name for row in rows for name in row)), restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_file_is_loaded_once_however_often(run, tmp_path) -> None:
    file = written(tmp_path / "people.csv", ADA, BEN, PARCEL)

    first, again = (json.loads(run("load", file, "--json").stdout) for _ in range(2))

    assert first == {"rows": 3, "new": 3, "changed": 0, "left_out_deleted": 0, "left_out_wrong": 0}
    assert again == first | {"new": 0}
    assert "3 rows, 0 new" in run("load", file).stdout


def test_json_lines_and_standard_input_are_read_too(run, directory, tmp_path) -> None:
    lines = "\n".join(json.dumps(row) for row in (ADA | {"email": ["a@example.org", "b@example.org"]}, BEN))
    (tmp_path / "people.jsonl").write_text(lines)

    assert json.loads(run("load", tmp_path / "people.jsonl", "--json").stdout)["new"] == 2
    assert json.loads(run("load", "-", "--json", input=lines).stdout)["rows"] == 2
    assert directory.count("person") == 2


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (BEN | {"phone": "call me"}, r"line 3, column phone: must be a value that can exist \(phone\)"),
        (BEN | {"brand": "parcelwize"}, "line 3, column brand: must be one of .*parcelwise"),
        (BEN | {"system": "acounts"}, "line 3, column system: must be one of accounts"),
        (BEN | {"population": "recipient"}, "line 3, column client: is given for recipients"),
        (BEN | {"held_since": "yesterday"}, "line 3, column held_since: must be a date"),
        (BEN | {"record_keys": "7"}, "line 3, column record_keys: must look like"),
        (BEN | {"link": ""}, "line 3, column link: must not be empty"),
        (BEN | {"reliable": "perhaps"}, "line 3, column reliable: must be true or false"),
    ],
)
def test_a_wrong_row_is_told_by_line_column_and_rule_and_never_by_its_value(
    run, directory, tmp_path, row, said
) -> None:
    file = written(tmp_path / "people.csv", ADA, row)

    done = run("load", file)
    with pytest.raises(Misconfigured, match=said) as problem:
        raise done.exception

    assert not any(
        value in str(problem.value) for value in ("call me", "parcelwize", "acounts", "yesterday", "perhaps")
    )
    assert directory.count("person") == 0
    left_out = run("load", file, "--skip-wrong", "--json")
    assert json.loads(left_out.stdout)["left_out_wrong"] == 1
    assert directory.count("person") == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("brand,population,system\n", "column link: is missing"),
        ("brand,population,system,link,e-mail\n", "column e-mail: is not known; columns are account_number"),
        ('{"brand": "x"\n', "line 1, column -: must be one JSON object"),
        ("brand,population,system,link\na,b,c,d,e\n", "line 2, column -: has more cells"),
    ],
)
def test_a_file_of_another_shape_is_told_so(run, tmp_path, text, said) -> None:
    (tmp_path / "people").write_text(text)

    done = run("load", tmp_path / "people")

    assert said in str(done.exception)
    assert isinstance(run("load", tmp_path / "nothing").exception, Misconfigured)


def test_digests_are_made_with_nothing_but_the_keys(directory, tmp_path) -> None:
    file = written(tmp_path / "people.csv", ADA, PARCEL)
    keys = tmp_path / "keys"

    def told(*more):
        return CliRunner().invoke(APP, ["directory", "digest", str(file), "--keys", str(keys), *more]).stdout

    seen = [PersonSeen.model_validate_json(line) for line in told().splitlines()]
    gone = [PersonGone.model_validate_json(line) for line in told("--gone").splitlines()]

    assert [(e.subject, e.record) for e in seen] == [(e.subject, e.record) for e in gone]
    assert len({e.event_id for e in (*seen, *gone)}) == 4
    assert "lovelace" not in told().lower()


def test_people_are_counted_and_forgotten(run, directory, tmp_path) -> None:
    run("load", written(tmp_path / "people.csv", ADA, BEN, PARCEL))
    subject = str(directory.rows("person")[0][0])

    found = json.loads(run("stats", "--json").stdout)
    assert {(row["population"], row["people"]) for row in found["people"]} == {("account_holder", 2), ("recipient", 1)}
    assert [(row["key"], row["people"]) for row in found["versions"]] == [(1, 3)]
    assert "digests" in run("stats").stdout

    assert "1 of 1 people forgotten" in run("forget", subject).stdout
    assert run("forget", subject).exit_code == 1
    assert run("forget", "somebody").exit_code == 2
    assert directory.count("person") == 2


def test_keys_are_rotated_and_older_ones_destroyed(run, directory, tmp_path) -> None:
    run("load", written(tmp_path / "people.csv", ADA, BEN))

    assert "2 people changed over; all are found under key 2, rules 1" in run("rotate-keys").stdout
    assert "destroyed: d1, d2" in run("rotate-keys", "--destroy").stdout
    assert [name for name in directory.keys.epochs() if name.startswith("d")] == ["d3"]
