"""`rightsbus systems check` and `draft`: one answer per question, and an end that says whether all is well."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
import typer
from joserfc.jwk import ECKey
from typer.testing import CliRunner, Result

from connectors.datamap import compile_map
from services.kernel.errors import Misconfigured
from services.ops.cli import systems
from tests.contract.company import MAP
from tests.contract.reached import PUBLIC
from tests.contract.worlds import SqlWorld

APP = typer.Typer()
systems.add_to(APP)
type_run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type_run:
    world = SqlWorld(f"sqlite:///{tmp_path / 'shop.db'}")
    world.engine.dispose()
    world.runner.close()
    monkeypatch.setenv("SHOP", f"sqlite:///{tmp_path / 'shop.db'}")
    monkeypatch.setenv("COLUMNS", "200")

    def ran(command: str, *args: object) -> Result:
        return CliRunner().invoke(APP, ["systems", command, *map(str, args)])

    return ran


@pytest.fixture
def map_file(tmp_path: Path) -> Path:
    file = tmp_path / "systems.yaml"
    file.write_text(
        MAP.format(connector="sql").replace("brands:", "populations: [account_holder]\n    brands:"), "utf-8"
    )
    return file


def changed(map_file: Path, before: str, after: str) -> Path:
    text = map_file.read_text("utf-8")
    assert before in text
    map_file.write_text(text.replace(before, after), "utf-8")
    return map_file


def test_a_map_that_fits_is_shown_with_what_it_covers(run: type_run, map_file: Path) -> None:
    shown, told = run("check", "--map", map_file), run("check", "--map", map_file, "--json")

    assert shown.exit_code == told.exit_code == 0, shown.output
    assert "shop" in shown.stdout
    [row] = json.loads(told.stdout)["systems"]
    assert (row["held"], row["fields"], row["uncovered"], row["wrong"]) == (7, 17, 0, 0)
    assert row["erased by"] == "aggregate, delete, keep, mask"
    assert row["does"] == "apply, correct, erase, export"
    assert row["for clients"] == "correct, erase, export"
    assert "customer_records" in row["categories"]


def test_what_must_be_mended_ends_with_an_error_and_says_where(run: type_run, map_file: Path) -> None:
    shown = run("check", "--map", changed(map_file, "browser:", "browsers:"))

    assert shown.exit_code == 1
    assert "wrong  shop: visit.browsers the column does not exist" in shown.stdout


def test_what_nobody_mapped_is_only_pointed_at(run: type_run, map_file: Path) -> None:
    shown = run("check", "--map", changed(map_file, "email: {category: identifiers, correctable: email}", ""))

    assert shown.exit_code == 0
    assert "look   shop: person.email looks personal and is not mapped" in shown.stdout


def test_a_system_nobody_can_open_is_a_finding_and_not_a_crash(run: type_run, map_file: Path) -> None:
    odd = """
  fax: {connector: telefax, url_env: FAX, brands: [parcelwise]}
  crm: {connector: http, url_env: CRM, brands: [parcelwise], options: {record_key: id}}
  points: {connector: participant, brands: [parcelwise], options: {jwk: {kty: RSA}}}
"""
    map_file.write_text(map_file.read_text("utf-8") + odd, "utf-8")

    told = json.loads(run("check", "--map", map_file, "--json").stdout)

    wrong = {(one["system"], one["what"].partition(";")[0]) for one in told["findings"] if one["serious"]}
    assert wrong == {
        ("fax", "no connector 'telefax' is installed"),
        ("crm", "set CRM, which the data map names for this system"),
        ("points", "options.jwk: must be of `kty: EC` and `crv: P-256`"),
    }
    assert json.loads(run("check", "shop", "--map", map_file, "--json").stdout)["systems"][0]["system"] == "shop"


def test_a_participant_with_its_key_is_fine(run: type_run, map_file: Path) -> None:
    key = ECKey.generate_key("P-256").as_dict(private=False)
    jwk = json.dumps({name: key[name] for name in PUBLIC})
    more = f"\n  points: {{connector: participant, brands: [parcelwise], options: {{jwk: {jwk}}}}}\n"
    map_file.write_text(map_file.read_text("utf-8") + more, "utf-8")

    assert run("check", "points", "--map", map_file).exit_code == 0


def test_a_question_about_nothing_is_refused(run: type_run, map_file: Path, tmp_path: Path) -> None:
    for args, said in (
        (["--map", tmp_path / "none.yaml"], "there is no file"),
        (["shops", "--map", map_file], "no system shops; known are shop"),
    ):
        refused = run("check", *args)

        assert isinstance(refused.exception, Misconfigured)
        assert said in str(refused.exception)


def test_a_draft_is_written_to_standard_output_and_compiles(run: type_run, tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'odd.db'}")
    key = "id INTEGER PRIMARY KEY"
    with engine.begin() as db:
        for table, columns in (
            ('"user account"', '"e-mail" TEXT NOT NULL, full_name TEXT, born DATE, ssn TEXT'),
            ("login", 'user_id INTEGER REFERENCES "user account" (id), ip TEXT, at DATETIME'),
            ("colour", "name TEXT"),
        ):
            db.execute(sa.text(f"CREATE TABLE {table} ({key}, {columns})"))
    engine.dispose()

    drafted = run("draft", "--url", f"sqlite:///{tmp_path / 'odd.db'}", "--system", "crm")

    assert drafted.exit_code == 0, drafted.output
    crm = compile_map(drafted.stdout).systems["crm"]
    assert crm.url_env == "CRM_DATABASE_URL"
    assert [(table.name, table.record_key, table.key_column, table.erase) for table in crm.tables] == [
        ("login", "user_account_id", "user_id", "delete"),
        ("user account", "user_account_id", "id", "delete"),
    ]
    login, user = crm.tables
    assert (login.date_column, login.fields["ip"].category) == ("at", "internet_activity")
    assert (user.fields["ssn"].disclose, user.fields["e-mail"].correctable) == ("held", "email")
    assert "# colour (name)" in drafted.stdout


@pytest.mark.parametrize("url", ["nonsense", "fox://localhost/db"])
def test_a_url_that_is_none_is_refused_without_being_repeated(run: type_run, url: str) -> None:
    refused = run("draft", "--url", url)

    assert isinstance(refused.exception, Misconfigured)
    assert url not in str(refused.exception)


def test_an_empty_database_gives_a_draft_that_says_so(run: type_run, tmp_path: Path) -> None:
    drafted = run("draft", "--url", f"sqlite:///{tmp_path / 'empty.db'}")

    assert compile_map(drafted.stdout).systems["drafted"].tables == []
    assert "no table looks like one of people" in drafted.stdout
