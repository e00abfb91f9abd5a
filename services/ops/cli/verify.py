"""Commands about verification: the matching rules on files of one's own."""

import csv
import json
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from rules.evaluate import CLAIM, PERSON, TRUTH, Evaluation, TableProblem, Terms, evaluate
from rules.handbook import Handbook
from rules.points import PointPolicy, compile_points
from rules.table import COLUMNS, Row, unknown
from schemas.values import ANSWERED_BY_A_PERSON, OPT_OUTS, RIGHT_ALIASES, Right
from services.kernel.clock import Clock
from services.kernel.errors import Misconfigured
from services.kernel.policies import load_handbook
from services.ops.cli.common import AsJson, show
from services.ops.installation import POLICIES

STRICTEST = "US-CA-CCPA"
verify_app = typer.Typer(no_args_is_help=True, help="Try the rules of verification on your own data.")
Policies = Annotated[
    Path, typer.Option("--policies", help="folder of policy files", envvar="RIGHTSBUS_POLICIES_DIR", exists=True)
]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    verify_app.command("evaluate")(evaluate_files)
    verify_app.callback()(lambda: None)
    app.add_typer(verify_app, name="verify")


def evaluate_files(
    *,
    directory: Annotated[Path, typer.Option(help=f"CSV of people; {PERSON}, and any columns the claims have")],
    claims: Annotated[Path, typer.Option(help=f"CSV of what was offered; {CLAIM}, and {TRUTH} where it is known")],
    right: Annotated[str, typer.Option(help="the right asked for, such as delete; access is know_specific")],
    out: Annotated[Path, typer.Option(help="CSV to write: one row per claim")],
    rules: Annotated[Path | None, typer.Option(help="a points.yaml of your own; else that of the policies")] = None,
    law: Annotated[str, typer.Option(help="whose number of points is needed")] = STRICTEST,
    brand: Annotated[str | None, typer.Option(help="whose own number of points is needed too")] = None,
    points: Annotated[int | None, typer.Option(min=1, max=9, help="this number instead")] = None,
    country: Annotated[str, typer.Option(help="of rows that name none: how numbers and dates are written")] = "US",
    policies: Policies = POLICIES,
    as_json: AsJson = False,
) -> None:
    """Weigh every claim against a directory by the rules in force; says how many were accepted, rightly and wrongly.

    Columns: name or given_name and family_name, email, phone, address_line, city, region, postcode, country,
    date_of_birth, account_number, order_number, tracking_number, transaction_date, transaction_amount, national_id.
    Several values in a cell are separated by |. Nothing is stored, nothing leaves this machine.
    """
    handbook, asked, today = load_handbook(policies), _right(right), Clock()().date()
    needed = points or _needed(handbook, asked, (law, brand), today)
    terms = Terms(asked, needed, _policy(rules, handbook), today, country.upper())
    started = time.perf_counter()
    try:
        found = evaluate(_rows(directory, {PERSON}), _rows(claims, {CLAIM, TRUTH}), terms)
    except TableProblem as problem:
        raise Misconfigured(str(problem)) from None
    _write(out, found)
    told = _told(found, needed) | {"seconds": round(time.perf_counter() - started, 1)}
    if as_json:
        typer.echo(json.dumps(told))
        return
    show([{"what": name.replace("_", " "), "result": value} for name, value in told.items()], as_json=False)
    typer.echo(f"one row per claim is in {out}")


def _told(found: Evaluation, needed: int) -> dict[str, Any]:
    return {
        "points_needed": needed,
        "people": found.people,
        "claims": len(found.results),
        **found.tally(),
        "genuine_claims": found.genuine,
        "accepted_genuine": found.accepted,
        "acceptance": f"{found.acceptance:.2%}",
        "falsely_accepted": found.wrong,
        "false_acceptance": f"{found.false_acceptance:.4%}",
        "impostor_pairs": found.impostor_pairs,
    }


def _right(name: str) -> Right:
    unproven = OPT_OUTS | ANSWERED_BY_A_PERSON | {Right.UNCLASSIFIED}
    known = [right.value for right in Right if right not in unproven]
    found = str(RIGHT_ALIASES.get(name, name))
    if found not in known:
        raise typer.BadParameter(f"must be a right that needs proof: {', '.join(known)}", param_hint="--right")
    return Right(found)


def _needed(handbook: Handbook, right: Right, whose: tuple[str, str | None], day: date) -> int:
    """The most points that law and brand ask for; two where neither says (11 CCR § 7062(b))."""
    law, brand = whose
    if law not in handbook.laws:
        raise typer.BadParameter(f"must be one of {', '.join(sorted(handbook.laws))}", param_hint="--law")
    if brand is not None and brand not in handbook.brands:
        raise typer.BadParameter(f"must be one of {', '.join(sorted(handbook.brands))}", param_hint="--brand")
    rules = [handbook.laws[law].proof(right, day), handbook.brands[brand].proof(right, day) if brand else None]
    return max((rule.points for rule in rules if rule), default=2)


def _policy(file: Path | None, handbook: Handbook) -> PointPolicy:
    if file is None:
        return handbook.points
    return compile_points(_text(file), file=str(file))


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise Misconfigured(f"{file} is no text file that can be read") from None


def _rows(file: Path, ids: set[str]) -> Iterator[Row]:
    """The rows of a CSV file; columns nothing is done with are named once.

    Raises:
        Misconfigured: no such file, no UTF-8, or no CSV with the column every row needs.
    """
    if not file.is_file():
        raise Misconfigured(f"there is no file {file}")
    line = 1
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restval="")
            reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
            _check(file, reader.fieldnames, ids)
            for row in reader:
                line = reader.line_num
                if None in row:
                    raise Misconfigured(f"{file}: line {line} has more cells than the first line has columns")
                yield row
    except (UnicodeDecodeError, csv.Error):
        raise Misconfigured(f"{file}: line {line} or one after it is not UTF-8 text with columns") from None


def _check(file: Path, columns: list[str], ids: set[str]) -> None:
    if missing := sorted(ids - {TRUTH} - set(columns)):
        raise Misconfigured(f"{file} has no column {missing[0]}; the first line must name it")
    if left := unknown(columns, ids):
        typer.echo(f"{file}: not looked at: {', '.join(left)}; known are {', '.join(sorted(COLUMNS))}", err=True)


def _write(out: Path, found: Evaluation) -> None:
    try:
        with out.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, [CLAIM, "verdict", "matched_groups", "located_person"])
            writer.writeheader()
            writer.writerows(result.row() for result in found.results)
    except OSError as error:
        raise Misconfigured(f"{out} cannot be written ({type(error).__name__})") from None
