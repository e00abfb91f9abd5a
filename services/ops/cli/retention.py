"""`rightsbus retention`: what is over and why something stays, letting it go, and holds on what must stay."""

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import typer

from services.kernel.errors import Misconfigured
from services.ops.cli.common import DEFAULT_DATA, AsJson, Data, installation, show
from services.ops.cli.systems import environment
from services.ops.installation import Installation
from services.ops.keys_over import destroy, keys_over
from services.ops.register import keeping
from services.upkeep import holding
from services.upkeep.holding import Ground, Hold
from services.upkeep.purge import Line

group = typer.Typer(no_args_is_help=True, help="Let go of data whose time is over, and keep what must stay.")
By = Annotated[str, typer.Option(help="who does it")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="retention")


@group.command()
def report(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Show per system and table the rule, why something is kept longer, and how much is over. Changes nothing."""
    from services.ops.sweeping import let_go

    _show(asyncio.run(let_go(installation(data), environment(data))), as_json=as_json)


@group.command()
def purge(
    names: Annotated[list[str] | None, typer.Argument(help="only these systems", show_default=False)] = None,
    data: Data = DEFAULT_DATA,
    *,
    apply: Annotated[bool, typer.Option("--apply", help="do it; without this only what would go is told")] = False,
    as_json: AsJson = False,
) -> None:
    """Let go of the company's own rows whose time is over; those of people with an open request or a hold stay."""
    from services.ops.sweeping import let_go

    found = installation(data)
    known = found.systems().systems
    if unknown := sorted(set(names or ()) - set(known)):
        raise Misconfigured(f"no system {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    chosen = set(names or known)
    lines = asyncio.run(let_go(found, environment(data), chosen if apply else ()))
    _show([line for line in lines if line.kept.system in chosen], as_json=as_json)


@group.command()
def keys(
    data: Data = DEFAULT_DATA,
    *,
    apply: Annotated[bool, typer.Option("--apply", help="destroy them; without this they are only listed")] = False,
    as_json: AsJson = False,
) -> None:
    """List the cases whose data key outlived its time. Intake destroys them by itself; `--apply` does it where not."""
    found = installation(data)
    rows = keys_over(found)
    if apply:
        asyncio.run(destroy(found, [row["case_key"] for row in rows]))
    show(rows, as_json=as_json, title="destroyed" if apply else "data keys over their time")


@group.command("hold")
def hold_(
    request: Annotated[str, typer.Argument(help="a request about the people whose records must stay")],
    ground: Annotated[Ground, typer.Option(help="law, court_order or business_critical")],
    basis: Annotated[str, typer.Option(help="what it rests on: a citation, a file number")],
    *,
    until: Annotated[datetime | None, typer.Option(help="until when; until it is released if not given")] = None,
    by: By = "operator",
    data: Data = DEFAULT_DATA,
) -> None:
    """Let nobody's records that a request is about go by their age. A deletion asked for is not held by this."""
    end = until.astimezone() if until else None
    typer.echo(f"{keep(installation(data), [request], Hold(ground, basis, end, by))} people are held")


def keep(found: Installation, requests: Iterable[str], hold: Hold) -> int:
    """Place a hold on the records of everybody these requests are about; returns on how many people's.

    Raises:
        NothingToHold: one of them is about nobody the directory knows; then nothing is held for any.
    """
    from services.kernel.clock import new_id

    ids = (new_id() for _ in iter(int, 1))
    with found.connect() as db, db.transaction():
        return sum(len(holding.place(db, request, hold, ids, keeping.now(db))) for request in requests)


@group.command()
def release(
    hold_id: Annotated[str, typer.Argument(help="the hold, as `holds` lists it")], *, by: By = "operator",
    data: Data = DEFAULT_DATA,
) -> None:  # fmt: skip
    """End a hold."""
    with installation(data).connect() as db:
        holding.release(db, hold_id, by, keeping.now(db))
    typer.echo("released")


@group.command()
def holds(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List the holds that stand: whose, why, until when, by whom."""
    with installation(data).connect() as db:
        show(holding.standing(db), as_json=as_json, title="holds")


def _show(lines: list[Line], *, as_json: bool) -> None:
    show(
        [
            {"system": line.kept.system, "table": line.kept.table, "rule": line.kept.rule,
             "kept longer": line.kept.why or None, "first kept": line.kept.first_kept, "over": line.rows,
             "oldest": line.oldest, "gone": line.gone, "note": line.state or None}
            for line in lines
        ],
        as_json=as_json, title="retention",
    )  # fmt: skip
