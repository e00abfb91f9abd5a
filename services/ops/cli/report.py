"""Commands that report: yearly figures, figures per law, the log of requests."""

import csv
import json
import sys
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

import typer

from services.ops import reports
from services.ops.cli.common import DEFAULT_DATA, AsJson, Data, installation, show


class Format(StrEnum):
    """How the log is written."""

    CSV = "csv"
    JSON = "json"


From = Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="first day of receipt")]
To = Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="last day of receipt")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(no_args_is_help=True, help="Figures and the log of requests, for the regulator.")
    group.command("ccpa")(ccpa)
    group.command("laws")(laws)
    group.command("register")(register)
    app.add_typer(group, name="report")


def ccpa(
    year: Annotated[int, typer.Option(help="calendar year of receipt")],
    brand: Annotated[str | None, typer.Option(help="of one brand")] = None,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Count California's requests of a year by kind and answer, with median and mean days (11 CCR § 7102)."""
    with installation(data).connect() as db:
        kinds = reports.ccpa(db, year, brand=brand)
    if as_json:
        typer.echo(json.dumps({"year": year, "law": reports.CALIFORNIA, "brand": brand, "requests": kinds}))
        return
    names = next(iter(kinds.values()))
    show([{str(year): name.replace("_", " ")} | {kind: told[name] for kind, told in kinds.items()} for name in names],
         as_json=False, title=f"{reports.CALIFORNIA} {brand or ''}")  # fmt: skip


def laws(since: From, until: To, data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Count requests received on those days, per brand and law, with median and mean days."""
    with installation(data).connect() as db:
        show(reports.by_law(db, since.date(), until.date()), as_json=as_json)


def register(
    since: From,
    until: To,
    form: Annotated[Format, typer.Option("--format", help="csv, or JSON")] = Format.CSV,
    data: Data = DEFAULT_DATA,
) -> None:
    """Write the log of requests received on those days to standard output (11 CCR § 7101)."""
    with installation(data).connect() as db:
        rows = reports.log(db, since.date(), until.date())
    if form is Format.JSON:
        typer.echo(json.dumps(rows, default=date.isoformat))
        return
    writer = csv.DictWriter(sys.stdout, reports.LOG_COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
