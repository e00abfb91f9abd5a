"""Commands about the law: which laws there are, what one says, whether the files are right, when an answer is due."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer

from rules import clocks
from rules.errors import NoClock
from rules.facts import Sourced
from rules.handbook import Handbook, problems
from rules.law_table import table as law_table
from rules.laws import Law
from schemas.values import RIGHT_ALIASES, Right
from services.kernel.clock import Clock
from services.kernel.policies import load_handbook, read_policies
from services.ops.cli.common import AsJson, show
from services.ops.installation import POLICIES

laws_app = typer.Typer(no_args_is_help=True, help="The laws the product knows: each number with source and dates.")
deadlines_app = typer.Typer(no_args_is_help=True, help="When an answer is due.")
Policies = Annotated[
    Path, typer.Option("--policies", help="folder of policy files", envvar="RIGHTSBUS_POLICIES_DIR", exists=True)
]
LawId = Annotated[str, typer.Argument(metavar="LAW", help="a law's id, such as US-CA-CCPA")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    laws_app.command("list")(list_laws)
    laws_app.command("show")(show_law)
    laws_app.command("check")(check)
    laws_app.command("table")(table)
    deadlines_app.command()(compute)
    deadlines_app.callback()(lambda: None)
    app.add_typer(laws_app, name="laws")
    app.add_typer(deadlines_app, name="deadlines")


def list_laws(
    on: Annotated[datetime | None, typer.Option(help="the day asked about; today if left out")] = None,
    policies: Policies = POLICIES,
    *,
    as_json: AsJson = False,
) -> None:
    """List every law: where, since when, and whether it is in force."""
    day = on.date() if on else Clock()().date()
    found = sorted(_handbook(policies).laws.values(), key=lambda law: law.id)
    show([_line(law, day) for law in found], as_json=as_json)


def _line(law: Law, day: date) -> dict[str, Any]:
    return {
        "id": law.id,
        "name": law.name,
        "place": f"{law.country}-{law.region}" if law.region else law.country,
        "effective_from": law.effective_from,
        "effective_to": law.effective_to,
        "in_force": law.holds(day),
        "unconfirmed": sum(fact["confidence"] == "unconfirmed" for fact in _facts(law)),
    }


def show_law(law: LawId, policies: Policies = POLICIES, *, as_json: AsJson = False) -> None:
    """Show everything one law says, each fact with its source and how sure it is."""
    found = _law(_handbook(policies), law)
    if as_json:
        typer.echo(found.model_dump_json(exclude_none=True))
        return
    typer.echo(
        f"{found.id}  {found.name}\n{found.citation}\nin force from {found.effective_from}, days in {found.timezone}"
    )
    show(list(_facts(found)), as_json=False)


def _facts(law: Law) -> Iterator[dict[str, Any]]:
    """Every sourced fact of a law with the keys it lies under."""
    todo: list[tuple[str, Any]] = [(name, getattr(law, name)) for name in type(law).model_fields]
    while todo:
        path, value = todo.pop(0)
        if isinstance(value, list):
            todo[:0] = [(f"{path}.{index}", one) for index, one in enumerate(value)]
        elif hasattr(type(value), "model_fields"):
            fields = {name: getattr(value, name) for name in type(value).model_fields}
            if isinstance(value, Sourced):
                yield {"fact": path, "says": _says(fields), "source": value.source, "confidence": value.confidence}
            nested = [(f"{path}.{name}", one) for name, one in fields.items() if hasattr(type(one), "model_fields")]
            todo[:0] = nested


def _says(fields: dict[str, Any]) -> str:
    plain = {k: v for k, v in fields.items() if k not in {"source", "confidence"} and v not in (None, [], "")}
    return "; ".join(f"{k}: {_text(v)}" for k, v in plain.items() if not hasattr(type(v), "model_fields"))


def _text(value: Any) -> str:  # noqa: ANN401  whatever a fact holds
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)


def check(policies: Policies = POLICIES) -> None:
    """Say everything that is wrong with the laws and brands of a folder: file, line and reason."""
    files = read_policies(policies)
    wrong = list(problems(files))
    for problem in wrong:
        typer.echo(str(problem), err=True)
    if wrong:
        raise typer.Exit(1)
    handbook = load_handbook(policies)
    typer.echo(f"{len(handbook.laws)} laws and {len(handbook.brands)} brands are right")


def table(policies: Policies = POLICIES) -> None:
    """Print the table of laws and rights as Markdown: what `docs/laws.md` holds."""
    typer.echo(law_table(_handbook(policies)), nl=False)


def compute(
    law: Annotated[str, typer.Option(help="a law's id, such as US-CA-CCPA")],
    right: Annotated[str, typer.Option(help="a right, such as delete; access is know_specific")],
    received_at: Annotated[str, typer.Option(help="when it was received, such as 2026-03-01T09:30:00-08:00")],
    *,
    brand: Annotated[str | None, typer.Option(help="whose clock runs where the law sets none")] = None,
    paused_days: Annotated[int, typer.Option(min=0, help="days the clock stood still, where the law lets it")] = 0,
    policies: Policies = POLICIES,
    as_json: AsJson = False,
) -> None:
    """Count the dates of one request: acknowledge by, answer by, and by when at the latest; with rule and source."""
    handbook = _handbook(policies)
    found, asked, instant = _law(handbook, law), _right(right), _instant(received_at)
    house = handbook.brands[_known(brand, handbook.brands, "--brand")] if brand else None
    receipt = clocks.receipt_date(instant, found.zone)
    try:
        dates = clocks.deadlines(found, asked, instant, otherwise=house.clock(asked, receipt) if house else None)
    except NoClock as problem:
        raise typer.BadParameter(f"{problem}; name it with --brand", param_hint="--right") from None
    if paused_days:
        if not found.pauses:
            raise typer.BadParameter(f"under {found.id} nothing stops the clock", param_hint="--paused-days")
        dates = clocks.paused(dates, paused_days)
    told = _told(found, asked, dates)
    if as_json:
        typer.echo(json.dumps(told, default=str))
        return
    for name, value in told.items():
        typer.echo(f"{name + ':':<24}{'-' if value is None else value}")


def _told(law: Law, right: Right, dates: clocks.Deadlines) -> dict[str, Any]:
    told: dict[str, Any] = {
        "law": law.id,
        "right": right.value,
        "granted": law.appeal.offered if right is Right.APPEAL else law.grant(right, dates.receipt_date) is not None,
        "in_force": law.holds(dates.receipt_date),
        "timezone": dates.timezone,
        "receipt_date": dates.receipt_date,
        "acknowledge_by": dates.acknowledge_by,
        "respond_by": dates.respond_by,
        "extended_respond_by": dates.extended_respond_by,
    }
    if dates.target_by != dates.respond_by:
        told["respond_by_if_receipt_day_counts"] = dates.target_by
    if law.reading and law.reading.rolls_past_weekend:
        told["respond_by_rolled_past_weekend"] = clocks.past_weekend(dates.respond_by)
        late = dates.extended_respond_by
        told["extended_respond_by_rolled_past_weekend"] = clocks.past_weekend(late) if late else None
    return told | {"rule": dates.rule, "source": dates.source}


@cache
def _handbook(policies: Path) -> Handbook:
    """The files as they were when the command first asked."""
    return load_handbook(policies)


def _law(handbook: Handbook, name: str) -> Law:
    return handbook.laws[_known(name, handbook.laws, "LAW")]


def _known(name: str, names: Any, hint: str) -> str:  # noqa: ANN401  anything that holds names
    if name not in names:
        raise typer.BadParameter(f"there is no {name}; known are {', '.join(sorted(names))}", param_hint=hint)
    return name


def _right(name: str) -> Right:
    return Right(_known(str(RIGHT_ALIASES.get(name, name)), [right.value for right in Right], "--right"))


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        message = "must be a date and time with its zone, such as 2026-03-01T09:30:00-08:00"
        raise typer.BadParameter(message, param_hint="--received-at")
    return found.astimezone(UTC)
