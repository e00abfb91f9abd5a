"""Commands for work on the outside that failed: list it, try it again now."""

from typing import Annotated

import typer

from services.ops import effects
from services.ops.cli.common import DEFAULT_DATA, AsJson, Commands, Data, group, installation, show

Stage = Annotated[str | None, typer.Option(help="only what this service or stage does, such as notifier")]
Kind = Annotated[str | None, typer.Option(help="only this kind, as `list` names it: letter, task, client_post, …")]
Lane = Annotated[str | None, typer.Option(help="only this lane, as `list` names it, such as client/acorn-supply")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    commands: Commands = {"list": list_failing, "retry": retry}
    group(app, "effects", "Letters, tasks and posts that failed and wait to be tried again.", commands)


def list_failing(
    stage: Stage = None, kind: Kind = None, lane: Lane = None, data: Data = DEFAULT_DATA, *, as_json: AsJson = False
) -> None:
    """List what failed, by lane: how often it was tried, and when it is next. Each lane waits for itself alone."""
    with installation(data).connect() as db:
        show(effects.failing(db, effects.Which(stage, kind, lane)), as_json=as_json)


def retry(stage: Stage = None, kind: Kind = None, lane: Lane = None, data: Data = DEFAULT_DATA) -> None:
    """Try what failed now instead of at its next turn, once the other side answers again. Nothing happens twice."""
    with installation(data).connect() as db:
        typer.echo(f"{effects.retry(db, effects.Which(stage, kind, lane))} are tried now")
