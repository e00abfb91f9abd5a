"""`rightsbus systems`: hold the data map against the live systems, draft one, do again what a restore undid."""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from services.kernel.errors import Misconfigured
from services.ops.cli.common import DEFAULT_DATA, AsJson, Data, installation, show
from services.ops.installation import POLICIES, SYSTEMS_FILE

MAP: Final = POLICIES / "systems.yaml"
systems_app = typer.Typer(no_args_is_help=True, help="Keep the data map of the company's systems true.")
MapFile = Annotated[Path, typer.Option("--map", help="the data map to look at")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (check, draft, sweep, add, door):
        systems_app.command()(command)
    app.add_typer(systems_app, name="systems")


def environment(data: Path) -> Mapping[str, str]:
    """Where systems are: the environment, and what an embedded installation keeps for its sample."""
    kept = data.expanduser() / SYSTEMS_FILE
    return {**(json.loads(kept.read_text("utf-8")) if kept.is_file() else {}), **os.environ}


def check(
    names: Annotated[list[str] | None, typer.Argument(help="only these systems", show_default=False)] = None,
    map_file: MapFile = MAP,
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Compare the data map with the live systems; ends with 1 when something must be mended before use."""
    from connectors.datamap import compile_map
    from services.ops import coverage

    if not map_file.is_file():
        raise Misconfigured(f"there is no file {map_file}")
    systems = compile_map(map_file.read_text("utf-8"), str(map_file))
    if unknown := sorted(set(names or ()) - set(systems.systems)):
        raise Misconfigured(f"no system {', '.join(unknown)}; known are {', '.join(sorted(systems.systems))}")
    found = asyncio.run(coverage.check(systems, environment(data), names or ()))
    if as_json:
        told = {"systems": list(found.coverage), "findings": [asdict(finding) for finding in found.findings]}
        typer.echo(json.dumps(told))
    else:
        show(found.coverage, as_json=False)
        for one in sorted(found.findings, key=lambda finding: (not finding.serious, finding.system, finding.where)):
            typer.echo(f"{'wrong' if one.serious else 'look '}  {one.system}: {one.where} {one.what}")
    if found.serious:
        raise typer.Exit(1)


def draft(
    url: Annotated[str, typer.Option(help="the database, as any SQLAlchemy URL", envvar="RIGHTSBUS_DRAFT_URL")],
    system: Annotated[str, typer.Option(help="what the system shall be called")] = "drafted",
    schema: Annotated[str | None, typer.Option(help="only this schema of the database")] = None,
) -> None:
    """Write the draft of a data map for a live database to standard output; a person must go through it."""
    import sqlalchemy as sa
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    from connectors.datamap import compile_map
    from connectors.sql.draft import draft as look
    from connectors.sql.drafting import write_down
    from connectors.sql.engine import engine_of

    try:
        engine = engine_of(url, 30.0, 1)
        found = look(engine, schema)
    except (ArgumentError, sa.exc.NoSuchModuleError):
        raise Misconfigured("--url is no SQLAlchemy URL, such as postgresql://user@host/database") from None
    except SQLAlchemyError as error:
        raise Misconfigured(f"the database cannot be read: {type(error).__name__}") from None
    variable = f"{system.upper().replace('-', '_')}_DATABASE_URL"
    text = write_down(found, system=system, url_env=variable, schema=schema, dialect=engine.dialect.name)
    compile_map(text, "the draft")
    sys.stdout.write(text)


def sweep(
    data: Data = DEFAULT_DATA,
    *,
    apply: Annotated[bool, typer.Option("--apply", help="do it; without this only what would be done is told")] = False,
    as_json: AsJson = False,
) -> None:
    """Find rows of deleted people that came back, and opt-outs a restore forgot; with --apply, do them again."""
    from services.ops.sweeping import run

    swept = asyncio.run(run(installation(data), environment(data), apply=apply))
    show(
        [
            {"system": one.system, "came back": one.deleted, "opt-outs": one.preferences, "newer, kept": one.newer,
             "ended": ", ".join(f"{end} {count}" for end, count in sorted(one.ends.items()))}
            for one in swept
        ],
        as_json=as_json,
    )  # fmt: skip


def add(
    name: Annotated[str, typer.Argument(help="a system with `connector: participant`")], data: Data = DEFAULT_DATA
) -> None:
    """Give a system that reads its tasks itself a user and its rights; prints its password."""
    typer.echo(installation(data).add_system(name))


def door(
    host: Annotated[str, typer.Option(help="address to answer on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to answer on")] = 8089,
    data: Data = DEFAULT_DATA,
) -> None:
    """Run the door for callbacks of OpenDSR processors; put TLS before it."""
    import uvicorn

    from services.ops.callbacks import door as app

    found = installation(data)
    made = app(found.endpoints.database_url, found.systems(), environment(data))
    uvicorn.run(made, host=host, port=port, access_log=False, server_header=False)
