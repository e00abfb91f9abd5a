"""Commands that decide about requests: one, several, or all that a filter finds; each answered by a service."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from rules import parts
from rules.refusals import CLOSING, flaw_of_denial
from schemas.values import Reason, Verb
from services.kernel.errors import Misconfigured
from services.ops.cli import register, retention
from services.ops.cli.common import DEFAULT_DATA, AsJson, Data, bar, group, installation, show, span
from services.ops.decisions import PER_PARTS, Wish, decide_all, write_receipts
from services.ops.installation import Installation
from services.ops.register import queries
from services.ops.register.keeping import now
from services.ops.register.queries import Filter
from services.upkeep.holding import Ground, Hold

_SAYS = {
    Verb.APPROVE: "Vouch for who asks, where the records leave no doubt.",
    Verb.DENY: "Deny a request, or one part of it, with a reason and its basis.",
    Verb.EXTEND: "Lengthen the time to answer, once, with a reason.",
    Verb.RETRY: "Ask a system again.",
    Verb.SKIP: "Go on without a part.",
    Verb.DONE: "Note that a part was done by hand.",
    Verb.HOLD: "Hold a request until its maker says more or agrees to a fee; or, with a ground, people's records.",
    Verb.RELEASE: "Let a request go on that was held: every held part of it, or the one named.",
    Verb.WITHDRAW: "End a request because the person withdrew it.",
}


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    commands = {verb.value: _decision(verb) for verb in Verb}
    group(app, "decide", "Decide about requests; each answers with what became of it.", commands)


def _decision(verb: Verb) -> Any:  # noqa: ANN401  typer reads the function's own signature
    def command(
        ids: Annotated[list[str] | None, typer.Argument(help="request ids; or none, and a filter")] = None,
        *,
        chosen: Filter,
        part: Annotated[str | None, typer.Option(help="the part meant, such as own/system:billing")] = None,
        reason: Annotated[Reason | None, typer.Option(help="for a denial, or for a fee")] = None,
        basis: Annotated[
            str | None, typer.Option(help="the provision a denial rests on, told to the person; else a code")
        ] = None,
        until: Annotated[str | None, typer.Option(help="to extend or hold: a day, or a span such as 45d")] = None,
        by: Annotated[str, typer.Option(help="who decides")] = "operator",
        ground: Annotated[Ground | None, typer.Option(help="to hold people's records: why they must stay")] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would be decided")] = False,
        receipt: Annotated[Path | None, typer.Option(help="add receipts to this file, as JSON lines")] = None,
        data: Data = DEFAULT_DATA,
        as_json: AsJson = False,
    ) -> None:
        if verb is Verb.DENY and (flaw := flaw_of_denial(part, reason, basis)):
            raise typer.BadParameter(flaw, param_hint="--basis" if reason in CLOSING else "--reason")
        found = installation(data)
        targets = _targets(found, verb, ids or [], part, chosen)
        if dry_run:
            show([{"verb": verb.value, "request_id": r, "part": p} for r, p in targets], as_json=as_json)
            return
        if ground:
            _hold_records(found, verb, targets, _on_ground(ground, basis, _moment(found, until), by))
            return
        wish = Wish(verb, by, reason, basis, _moment(found, until))
        _carry_out(found, wish, targets, receipt=receipt, bulk=chosen.narrows, as_json=as_json)

    command.__doc__ = _SAYS[verb]
    return register.filtered(command)


def _targets(
    found: Installation, verb: Verb, ids: list[str], part: str | None, chosen: Filter
) -> list[tuple[str, str | None]]:
    """The (request, part) pairs meant: those named, or those a filter finds; never everything by silence.

    Who releases a request and names no part means what is held in it.
    """
    if bool(ids) == chosen.narrows:
        raise typer.BadParameter("give request ids, or a filter such as --waiting-for operator; not both, not neither")
    if ids and (part or verb is not Verb.RELEASE):
        return [(request, part) for request in dict.fromkeys(ids)]
    with found.connect() as db:
        rows = queries.waits(db, chosen)
    if verb is Verb.RELEASE:
        rows = [row for row in rows if parts.is_hold(row["part"])]
    if ids:
        held = [(row["request_id"], row["part"]) for row in rows if row["request_id"] in ids]
        return held + [(request, None) for request in dict.fromkeys(ids) if request not in dict(held)]
    if verb in PER_PARTS:
        return [(row["request_id"], row["part"]) for row in rows if part in {None, row["part"]}]
    return [(request, part) for request in dict.fromkeys(row["request_id"] for row in rows)]


def _on_ground(ground: Ground, basis: str | None, until: datetime | None, by: str) -> Hold:
    if basis is None:
        raise typer.BadParameter("say what the ground rests on: a citation, a file number", param_hint="--basis")
    return Hold(ground, basis, until, by)


def _hold_records(found: Installation, verb: Verb, targets: list[tuple[str, str | None]], hold: Hold) -> None:
    """Let nobody's records that these requests are about go by their age; `rightsbus retention` lists holds."""
    if verb is not Verb.HOLD or any(part for _, part in targets):
        raise typer.BadParameter("only `hold` takes it, and without a part", param_hint="--ground")
    held = retention.keep(found, [request for request, _ in targets], hold)
    typer.echo(f"{held} people's records are held; `rightsbus retention holds` lists them")


def _moment(found: Installation, until: str | None) -> datetime | None:
    if until is None:
        return None
    try:
        return datetime.fromisoformat(until).replace(tzinfo=UTC) + timedelta(days=1)
    except ValueError:
        with found.connect() as db:
            return now(db) + span(until)


def _carry_out(
    found: Installation,
    wish: Wish,
    targets: list[tuple[str, str | None]],
    *,
    receipt: Path | None,
    bulk: bool,
    as_json: bool,
) -> None:
    if not targets:
        raise Misconfigured("the filter finds no waiting part; `rightsbus register list` with it shows what there is")
    with bar(hidden=as_json or not bulk) as progress:
        task = progress.add_task("deciding", total=len(targets))
        told = decide_all(found, wish, targets, progress=lambda: progress.advance(task))
    file = receipt or (found.endpoints.data_dir / "receipts" / f"{wish.verb}.jsonl" if bulk else None)
    if file:
        write_receipts(file, told)
    show(told, as_json=as_json)
    if file and not as_json:
        typer.echo(f"receipts: {file}")
    if not all(one["applied"] for one in told):
        raise typer.Exit(1)
