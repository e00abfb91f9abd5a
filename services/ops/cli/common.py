"""What commands share: the data folder, output as a table or as JSON, spans of time."""

import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from services.ops.installation import Installation

WIDE: Final = 180
"""Columns where nobody looks on: a file or a pipe has no width of its own."""
console = Console(width=None if sys.stdout.isatty() else WIDE)
told_aside = Console(stderr=True)
"""How far something is: beside the answer, so that a pipe gets the answer alone."""
Data = Annotated[Path, typer.Option("--data", help="data folder of the installation", envvar="RIGHTSBUS_DATA")]
AsJson = Annotated[bool, typer.Option("--json", help="answer in JSON")]
Commands = Mapping[str, Callable[..., None]]
DEFAULT_DATA = Path(".rightsbus")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def installation(data: Path) -> Installation:
    """The installation a command works on."""
    return Installation.find(data)


def group(app: typer.Typer, name: str, about: str, commands: Commands) -> None:
    """Add commands under one word."""
    found = typer.Typer(no_args_is_help=True, help=about)
    for word, command in commands.items():
        found.command(word)(command)
    app.add_typer(found, name=name)


def bar(*, hidden: bool = False) -> Progress:
    """A progress bar for people: only on a terminal, gone when it is done."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=told_aside, transient=True, disable=hidden or not told_aside.is_terminal)


def show(rows: Sequence[Mapping[str, Any]], *, as_json: bool, title: str = "") -> None:
    """Print rows as JSON, or as a table whose columns are the first row's keys."""
    if as_json:
        typer.echo(json.dumps([dict(row) for row in rows], default=str))
        return
    if not rows:
        typer.echo("nothing to show")
        return
    table = Table(title=title or None, title_justify="left")
    for name in rows[0]:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    console.print(table)


def span(text: str) -> timedelta:
    """Read a span such as 40d, 36h, 10m or 20s."""
    found = re.fullmatch(r"(\d+)([smhd])", text)
    if not found:
        message = "must be a span such as 40d, 36h, 10m or 20s"
        raise typer.BadParameter(message)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})
