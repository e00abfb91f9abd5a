"""Commands that keep an installation: topics, sources, keys, clock."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import typer

from services.clients.unsealing import Unsealing
from services.directory.rotate import under
from services.kernel.clock import Clock
from services.kernel.keys import DIRECTORY, SUPPRESSED
from services.kernel.vault import count_under
from services.ops import provision
from services.ops.cli.common import DEFAULT_DATA, AsJson, Data, group, installation, show, span
from services.ops.kafka import admin


def add_to(app: typer.Typer) -> None:
    """Add these commands, grouped."""
    groups: dict[str, tuple[Callable[..., None], ...]] = {
        "topics": (topics_create, topics_check),
        "sources": (sources_add, sources_list, sources_key),
        "keys": (keys_create, keys_backup, keys_rotate, keys_list, keys_destroy),
        "clock": (clock_advance,),
    }
    for name, commands in groups.items():
        group(app, name, f"Manage {name}.", {one.__name__.removeprefix(f"{name}_"): one for one in commands})


def topics_create(data: Data = DEFAULT_DATA) -> None:
    """Create every topic of the catalogue that is missing, with its rights."""
    installation(data).set_up()
    typer.echo("all topics are there")


def topics_check(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Compare the broker's topics with the catalogue: missing ones, other partition counts."""
    found = installation(data)
    names = provision.topic_names(found.systems().systems, found.names("sources"), found.names("clients"))
    with admin(found.access()) as client:
        there = {topic["name"]: len(topic["partitions"]) for topic in client.describe_topics(sorted(names))
                 if topic.get("partitions")}  # fmt: skip
    rows = [
        {"topic": n, "partitions": t.partitions, "on the broker": there.get(n, 0), "ok": there.get(n) == t.partitions}
        for n, t in sorted(names.items())
    ]
    show(rows, as_json=as_json)
    if not all(row["ok"] for row in rows):
        typer.echo("some topics are missing or have another partition count; `rightsbus topics create` makes them")
        raise typer.Exit(1)


def sources_add(name: str, data: Data = DEFAULT_DATA) -> None:
    """Register an upstream app; prints its password."""
    typer.echo(installation(data).add_source(name))


def sources_list(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List upstream apps."""
    show([{"source": name} for name in installation(data).names("sources")], as_json=as_json)


def sources_key(data: Data = DEFAULT_DATA) -> None:
    """Print our public key, to which an upstream app may seal what it submits, as a JWK."""
    typer.echo(json.dumps(Unsealing(installation(data).keys).public(), indent=2))


def keys_create(data: Data = DEFAULT_DATA) -> None:
    """Create the keys; does nothing when there are some."""
    typer.echo(f"current epoch: {installation(data).keys.create()}")


def keys_backup(to: Path, data: Data = DEFAULT_DATA) -> None:
    """Copy the keys to a folder; keep it apart from the database's backups."""
    typer.echo(f"written: {installation(data).keys.backup(to)}")


def keys_rotate(data: Data = DEFAULT_DATA) -> None:
    """Start a new epoch; what older ones wrapped can still be read."""
    typer.echo(f"current epoch: {installation(data).keys.rotate()}")


def keys_list(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List the epochs that exist, and how many cases depend on each."""
    found = installation(data)
    with found.connect() as db:
        used = dict(db.execute("SELECT epoch, count(*) FROM vault.keys GROUP BY epoch").fetchall())
    show([{"epoch": epoch, "cases": used.get(epoch, 0)} for epoch in found.keys.epochs()], as_json=as_json)


def keys_destroy(epoch: str, data: Data = DEFAULT_DATA) -> None:
    """Destroy an old epoch's key, once nothing depends on it: what it wrapped is gone, from every backup too.

    Copies made by `keys backup` must go with it.
    """
    found = installation(data)

    async def cases(name: str) -> int:
        async with await psycopg.AsyncConnection.connect(found.endpoints.database_url, autocommit=True) as conn:
            return await count_under(conn, name)

    def people(name: str) -> int:
        with found.connect() as db:
            return under(db, name)

    theirs = epoch.startswith((DIRECTORY, SUPPRESSED))
    found.keys.destroy(epoch, in_use=people if theirs else lambda name: asyncio.run(cases(name)))
    typer.echo(f"{epoch} is destroyed; left are: {', '.join(found.keys.epochs())}")


def clock_advance(by: str, data: Data = DEFAULT_DATA) -> None:
    """Shift the embedded installation's time forward, by a span such as 40d."""
    found = installation(data)

    async def shift() -> str:
        async with await psycopg.AsyncConnection.connect(found.endpoints.database_url, autocommit=True) as conn:
            return str(await Clock.advance(conn, span(by)))

    typer.echo(f"the clock is ahead by {asyncio.run(shift())}")
