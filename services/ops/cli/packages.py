"""`rightsbus packages`: what waits to be fetched, taking one out for print, further links, the door people use."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from services.kernel.keys import FileKeyStore
from services.ops import packages
from services.ops.cli.common import DEFAULT_DATA, AsJson, Data, installation, show, span
from services.ops.packages import Hand
from services.ops.register import keeping
from services.packages import expiry
from services.packages.stored import OWN
from stack.endpoints import FILE_NAME

Request = Annotated[str, typer.Argument(help="the request's id")]
Reason = Annotated[str, typer.Option(help="why it is taken out; kept sealed with the case")]
By = Annotated[str, typer.Option(help="who does it")]
group = typer.Typer(no_args_is_help=True, help="Manage access packages.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.add_typer(group, name="packages")


@group.command("list")
def list_(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List the packages there are: until when a link opens each, and when it was fetched."""
    with installation(data).connect() as db:
        show(packages.waiting(db), as_json=as_json, title="packages")


@group.command()
def fetch(
    request: Request,
    out: Annotated[Path, typer.Option(help="file to write, readable by its owner only")],
    reason: Reason,
    *,
    by: By = "operator",
    client: Annotated[str, typer.Option(help="the client whose instruction it answers; else the person's own")] = OWN,
    data: Data = DEFAULT_DATA,
) -> None:
    """Take one package out, for print or to hand over."""
    what = asyncio.run(packages.fetch(installation(data), request, out, Hand(by, reason), client))
    typer.echo(f"{out}: {what.size} bytes, SHA-256 {what.sha256}")


@group.command()
def link(
    request: Request,
    reason: Reason,
    *,
    by: By = "operator",
    keep: Annotated[str, typer.Option(help="how long it opens, such as 14d")] = "14d",
    door: Annotated[str, typer.Option(help="where the door is reached", envvar="RIGHTSBUS_PACKAGE_DOOR_URL")] = "",
    data: Data = DEFAULT_DATA,
) -> None:
    """Make a further link, once; those before it open nothing any more. Send it to the contact on file only."""
    made = asyncio.run(packages.link(installation(data), request, span(keep), Hand(by, reason)))
    typer.echo(f"{made.url(door)}\nopens once, until {made.until:%Y-%m-%d %H:%M %Z}")


@group.command()
def password(request: Request, reason: Reason, *, by: By = "operator", data: Data = DEFAULT_DATA) -> None:
    """Show the password of an attached package, once: tell it to the person, but never by mail."""
    typer.echo(asyncio.run(packages.password(installation(data), request, Hand(by, reason))))


@group.command()
def history(request: Request, data: Data = DEFAULT_DATA, *, client: str = OWN, as_json: AsJson = False) -> None:
    """Show every time a package was handed out, by whom and why."""
    show(asyncio.run(packages.history(installation(data), request, client)), as_json=as_json)


@group.command()
def expire(data: Data = DEFAULT_DATA, *, dry_run: Annotated[bool, typer.Option(help="only count")] = False) -> None:
    """Remove packages whose last link has ended, and the rows they were made of; the register does it by itself."""
    with installation(data).connect() as db:
        gone = expiry.expire(db, keeping.now(db), dry_run=dry_run)
    typer.echo(f"{gone} packages {'would be' if dry_run else 'were'} removed")


@group.command()
def door(
    host: Annotated[str, typer.Option(help="address to answer on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to answer on")] = 8087,
    data: Data = DEFAULT_DATA,
) -> None:
    """Run the door where people fetch their package; put TLS before it.

    Where nothing was set up in the data folder, `DATABASE_URL` and `RIGHTSBUS_KEYS_DIR` say what it needs to know.
    """
    import uvicorn

    from services.ops.door import door as app

    url, keys = _stands_on(data)
    uvicorn.run(app(url, keys), host=host, port=port, access_log=False, server_header=False)


def _stands_on(data: Path) -> tuple[str, FileKeyStore]:
    url, keys = os.environ.get("DATABASE_URL"), os.environ.get("RIGHTSBUS_KEYS_DIR")
    if url and keys and not (data.expanduser() / FILE_NAME).exists():
        return url, FileKeyStore(Path(keys))
    found = installation(data)
    return found.endpoints.database_url, found.keys
