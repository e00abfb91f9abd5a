import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rules.choice import Question, choose
from rules.clocks import deadlines
from schemas.values import RIGHT_ALIASES, Context, Right
from services.ops.cli import app
from tests.support.policies import handbook

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "deadlines.json").read_text("utf-8"))
DATES = ("receipt_date", "acknowledge_by", "respond_by", "extended_respond_by")
READINGS = (
    "respond_by_if_receipt_day_counts",
    "respond_by_rolled_past_weekend",
    "extended_respond_by_rolled_past_weekend",
)
RUN = CliRunner()


def names(vector: dict[str, Any]) -> str:
    return f"{vector['id']} {vector['law']} {vector['right']}"


def right_of(vector: dict[str, Any]) -> Right:
    return Right(RIGHT_ALIASES.get(vector["right"], vector["right"]))


@pytest.mark.parametrize("vector", VECTORS, ids=names)
def test_the_rules_count_every_vector_exactly(vector) -> None:
    law = handbook().laws[vector["law"]]

    dates = deadlines(law, right_of(vector), datetime.fromisoformat(vector["received_at"]))

    told = {name: getattr(dates, name) for name in DATES}
    assert {name: day.isoformat() if day else None for name, day in told.items()} == {n: vector[n] for n in DATES}
    assert dates.timezone == vector["timezone"]
    assert dates.source


@pytest.mark.parametrize("vector", VECTORS, ids=names)
def test_the_command_counts_every_vector_exactly(vector) -> None:
    asked = ["--law", vector["law"], "--right", vector["right"], "--received-at", vector["received_at"]]
    done = RUN.invoke(app, ["deadlines", "compute", *asked, "--json"])

    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    readings = [name for name in READINGS if name in vector]
    assert {name: told[name] for name in (*DATES, *readings)} == {name: vector[name] for name in (*DATES, *readings)}
    assert told["rule"]
    assert told["source"]


@pytest.mark.parametrize("vector", VECTORS, ids=names)
@pytest.mark.parametrize("brand", ["firstmile", "desktopshipper", "parcelwise", "shipdesk"])
def test_a_resident_who_asks_gets_the_dates_of_the_vector(vector, brand) -> None:
    law = handbook().laws[vector["law"]]
    country = "FR" if law.country == "EU" else law.country
    region = law.region or ("ON" if country == "CA" else None)
    asked = Question(brand, right_of(vector), country, region, Context.INDIVIDUAL_HOUSEHOLD)

    choice = choose(handbook(), asked, datetime.fromisoformat(vector["received_at"]))

    told = {name: getattr(choice, name) for name in DATES}
    assert choice.law == vector["law"]
    assert choice.granted_by == "law"
    assert {name: day.isoformat() if day else None for name, day in told.items()} == {n: vector[n] for n in DATES}
