"""`python -m schemas generate|check`: write down what the code says of the language, or find where both differ."""

from pathlib import Path
from typing import Annotated

import typer

from schemas.published import ROOT, broken, stale, write
from schemas.shapes import travelling

_RULE = """\
A published field stays as it is: add an optional one beside it, or a new class with a topic of its own.
What was never released may be written over: python -m schemas generate --unreleased"""

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
Root = Annotated[Path, typer.Option(help="where the files lie", show_default=False)]
Unreleased = Annotated[bool, typer.Option("--unreleased", help="write also what breaks: it was never released")]


@app.command()
def generate(root: Root = ROOT, *, unreleased: Unreleased = False) -> None:
    """Write JSON Schemas, AsyncAPI document and page of topics; nothing at all if that would break what is there."""
    found = broken(root)
    if found and not unreleased:
        _fail(list(map(str, found)), _RULE)
    for name in write(root):
        typer.echo(f"schemas: wrote {name}")
    typer.echo("schemas: everything is what the code says")


@app.command()
def check(root: Root = ROOT) -> None:
    """Compare the code with what is there: fail on what breaks, naming class and field, and on what is stale."""
    if found := broken(root):
        _fail(list(map(str, found)), _RULE)
    if names := stale(root):
        _fail([f"{name} is not what the code says" for name in names], "Run: python -m schemas generate")
    typer.echo(f"schemas: {len(list(travelling()))} classes, all as committed")


def _fail(lines: list[str], advice: str) -> None:
    for line in lines:
        typer.echo(f"schemas: {line}", err=True)
    typer.echo(advice, err=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    app()
