"""Commands that start and stop a system: up, down, restart, provision."""

import json
import os
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from services.directory.load import load
from services.directory.rows import person_of
from services.kernel.errors import Misconfigured
from services.ops.cli.common import DEFAULT_DATA, AsJson, Data, installation
from services.ops.installation import SYSTEMS_FILE, Installation
from services.ops.ready import wait_until_reading
from stack import ports, processes, supervise
from stack.embedded import Embedded
from stack.files import read_json, write_json
from stack.sample import company
from stack.sample.people import CLIENTS, Human, people

SOURCES = ("webform", "support")
RESTARTED_WITHIN_S: Final = 30.0


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (up, down, restart, provision):
        app.command()(command)


def up(
    data: Data = DEFAULT_DATA,
    *,
    sample: Annotated[bool, typer.Option(help="with the sample company: systems, clients, people")] = False,
    detach: Annotated[bool, typer.Option(help="return when every service reads")] = False,
    as_json: AsJson = False,
) -> None:
    """Start the embedded servers and all services; they keep running until `down`."""
    echo = (lambda _: None) if as_json else typer.echo
    found = prepare(data, echo=echo, sample=sample)
    if detach or as_json:
        silent = begin(found)
        said = f"started, but not reading yet: {', '.join(silent)}" if silent else "running"
        typer.echo(json.dumps(description(found)) if as_json else f"{said}; `rightsbus status` shows it")
        return
    os.execv(*_supervisor(found))  # noqa: S606  our own program takes our place


def begin(found: Installation) -> list[str]:
    """Start all services beside us and wait until they read; returns those that do not yet."""
    supervise.detach(found.endpoints.data_dir)
    return wait_until_reading(found.access())


def _supervisor(found: Installation) -> tuple[str, list[str]]:
    import sys

    return sys.executable, [sys.executable, "-m", "stack.supervise", "--data", str(found.endpoints.data_dir)]


def prepare(data: Path, *, echo: Any = typer.echo, sample: bool = False) -> Installation:  # noqa: ANN401
    """Start servers and bring everything to where it must be; with the sample company if asked."""
    endpoints = Embedded(data, echo=echo).start()
    found = Installation(endpoints)
    found.set_up()
    if sample and not (endpoints.data_dir / SYSTEMS_FILE).exists():
        fill_sample(found, echo)
    tell_systems(found)
    return found


def tell_systems(found: Installation) -> None:
    """Let the services started from here know where the sample's systems are."""
    os.environ.update(read_json(found.endpoints.data_dir / SYSTEMS_FILE) or {})


def fill_sample(found: Installation, echo: Any = typer.echo, humans: list[Human] | None = None) -> None:  # noqa: ANN401
    """Make the sample company: its systems, upstream apps, clients, and its people (2,000 invented ones)."""
    url = found.endpoints.database_url
    for source in SOURCES:
        found.add_source(source)
    for client, mode in CLIENTS.items():
        found.add_client(client, name=client, contact=f"privacy@{client}.example", mode=mode)
    humans = humans or people()
    rows = company.create(url, humans)
    with found.connect() as db:
        loaded = load(db, (person_of(n, row) for n, row in enumerate(company.directory_rows(humans), 1)), found.keys)
    write_json(found.endpoints.data_dir / SYSTEMS_FILE, {"SAMPLE_DATABASE_URL": url})
    tell_systems(found)
    echo(f"sample company: {rows} rows in 4 systems, {loaded.people} records in the directory")


def description(found: Installation) -> dict[str, Any]:
    """Everything another program needs to work with this installation."""
    e, logins = found.endpoints, found.outside_logins()
    state = supervise.report(e.data_dir) or {"workers": {}}
    sources, clients = found.names("sources"), found.names("clients")
    first = sources[0] if sources else ""
    return {
        "data_dir": str(e.data_dir),
        "kafka": {
            "bootstrap": e.bootstrap,
            "upstream": {"username": first, "password": logins.get(first, ""), "source": first},
        },
        "database_url": e.database_url,
        "mail_dir": str(e.mail_dir),
        "console_url": None,
        "api_url": None,
        "metrics": {name: _metrics_url(one) for name, one in state["workers"].items() if one.get("metrics_port")},
        "clients": [
            {
                "id": client,
                "username": client,
                "password": logins.get(client, ""),
                "topic": f"privacy.clients.{client}.requests",
                "group_prefix": f"{client}.",
            }
            for client in clients
        ],
    }


def _metrics_url(worker: dict[str, Any]) -> str | None:
    port = worker.get("metrics_port")
    return f"http://127.0.0.1:{port}/metrics" if port else None


def down(data: Data = DEFAULT_DATA) -> None:
    """Stop all services and the embedded servers; the data stay."""
    supervise.shut_down(data.expanduser().resolve(), typer.echo)
    typer.echo("stopped")


def restart(
    name: Annotated[str, typer.Argument(help="a process as `status` names it, such as verifier")],
    data: Data = DEFAULT_DATA,
    *,
    within: Annotated[float, typer.Option(help="seconds it has to end by itself before it is killed")] = 10.0,
) -> None:
    """End one process that hangs or holds on to a dead connection; it is started again and goes on where it was."""
    folder = installation(data).endpoints.data_dir
    if not (pid := _running(folder).get(name)):
        known = ", ".join(sorted(_running(folder)))
        raise Misconfigured(
            f"no process {name} runs; {f'there are: {known}' if known else '`rightsbus up` starts them'}"
        )
    by_itself = processes.end(pid, within_s=within)
    if not ports.wait_for(lambda: _running(folder).get(name, pid) != pid, within_s=RESTARTED_WITHIN_S):
        raise Misconfigured(f"{name} has ended and is not started again; `rightsbus status` says more")
    typer.echo(f"{name} {'ended' if by_itself else 'did not end by itself and was killed'}, and was started again")


def _running(folder: Path) -> dict[str, int]:
    """The process of each service that runs."""
    state = supervise.report(folder) or {"workers": {}}
    return {name: worker["pid"] for name, worker in state["workers"].items() if worker["pid"]}


def provision(data: Data = DEFAULT_DATA) -> None:
    """Bring keys, database, topics, users and rights to where they must be; safe to repeat."""
    Embedded(data, echo=typer.echo).start()
    installation(data).set_up()
    typer.echo("provisioned")
