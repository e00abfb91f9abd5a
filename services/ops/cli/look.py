"""Commands that show what happens: status, trace, watch."""

import json
import time
from contextlib import closing
from typing import Annotated, Any, Final

import psycopg
import typer
from kafka.errors import KafkaError

from schemas.topics import SERVICES, STAGES
from services.ops.cli.common import DEFAULT_DATA, AsJson, Data, installation, show
from services.ops.cli.register import show_waits
from services.ops.installation import Installation
from services.ops.kafka import Follower
from services.ops.lag import Behind, Lag, oldest
from services.ops.register import queries
from services.ops.register.settings import GROUP
from services.ops.traces import Trace, all_topics, told
from stack import supervise

_FACTS: Final = (
    "right",
    "law",
    "part",
    "waiting",
    "outcome",
    "ending",
    "status",
    "reason",
    "letter",
    "client",
    "system",
)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (status, trace, watch):
        app.command()(command)


# ---------------------------------------------------------------------------------------------------------- status


def status(
    data: Data = DEFAULT_DATA,
    *,
    open_: Annotated[
        bool, typer.Option("--open", help="every open request: which part waits, for whom, until")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show each process: how far behind it is, what waits in it, what lies parked; and how much is open and late."""
    found = installation(data)
    if open_:
        with found.connect() as db:
            show_waits(queries.waits(db, queries.Filter()), as_json=as_json)
        return
    state = supervise.report(found.endpoints.data_dir) or {"workers": {}, "servers": {}}
    behind = _behind(found)
    with found.connect() as db:
        rows = [_process(db, name, state["workers"].get(name, {}), behind) for name in SERVICES]
        counts = queries.counts(db)
    show(rows, as_json=as_json)
    if not as_json:
        silent = [name for name, server in state["servers"].items() if not server["answers"]]
        typer.echo("requests: " + ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in counts.items()))
        typer.echo(f"not answering: {', '.join(silent)}" if silent else "Kafka, PostgreSQL and mail answer")


def _behind(found: Installation) -> dict[str, Behind]:
    """Where each group is furthest behind; nothing while the broker is away."""
    try:
        with closing(Lag(found.access())) as lag:
            return oldest(lag.behind(int(time.time() * 1000)))  # noqa: TID251  compared with records' own timestamps
    except KafkaError:
        return {}


def _process(
    db: psycopg.Connection[Any], name: str, worker: dict[str, Any], behind: dict[str, Behind]
) -> dict[str, Any]:
    worst = behind.get(GROUP if name == "ops" else name)
    row = {
        "process": name,
        "state": worker.get("state", "not running"),
        "restarts": worker.get("restarts", 0),
        "lag_s": round(worst.age_s, 1) if worst else None,
        "lag_messages": worst.messages if worst else None,
        "lag_topic": worst.topic if worst and worst.messages else None,
    }
    stages = [name, *(stage for stage, service in STAGES.items() if service == name)] if name != "ops" else []
    waiting = [_backlog(db, stage) for stage in stages]
    row |= {what: sum(one[what] for one in waiting) for what in ("outbox", "effects")}
    [(parked,)] = db.execute("SELECT count(*) FROM ops.parked WHERE lies AND service = %s", [name]).fetchall()
    return row | {"parked": parked}


def _backlog(db: psycopg.Connection[Any], stage: str) -> dict[str, int]:
    query = f"SELECT (SELECT count(*) FROM {stage}.outbox), (SELECT count(*) FROM {stage}.effects)"  # noqa: S608  ours
    [(outbox, effects)] = db.execute(query).fetchall()
    return {"outbox": outbox, "effects": effects}


# ------------------------------------------------------------------------------------------------- trace and watch


def trace(
    wanted: Annotated[str, typer.Argument(metavar="ID", help="a request, case or submission id")],
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
    wait: Annotated[str | None, typer.Option(help="wait for this topic, or this public status")] = None,
    timeout: Annotated[float, typer.Option(help="how long to wait, in seconds")] = 60.0,
) -> None:
    """Print every event of a request, oldest first."""
    deadline = time.monotonic() + timeout
    with closing(Trace(installation(data), wanted)) as found:
        while wait and not any(_is(event, wait) for event in found.events()):
            if time.monotonic() > deadline:
                typer.echo(f"{wait} did not come within {timeout:g} s", err=True)
                raise typer.Exit(1)
            found.hear(200)
        events = found.events()
    if as_json:
        typer.echo(json.dumps(events))
        return
    for event in events:
        typer.echo(_line(event))
    if not events:
        typer.echo(f"nothing is known of {wanted}; `rightsbus register list` shows open requests", err=True)


def _is(event: dict[str, Any], wanted: str) -> bool:
    return event["topic"] == wanted or (event["data"] or {}).get("status") == wanted


def _line(event: dict[str, Any]) -> str:
    data = event["data"] or {}
    facts = "  ".join(f"{name}={data[name]}" for name in _FACTS if data.get(name))
    clock = time.strftime("%H:%M:%S", time.localtime(event["time"]))
    return f"{clock}.{int(event['time'] * 1000) % 1000:03}  {event['topic']:34} {event['type']:22} {facts}"


def watch(
    data: Data = DEFAULT_DATA,
    topic: Annotated[str | None, typer.Option(help="only this topic")] = None,
    source: Annotated[str | None, typer.Option(help="only the status topic of this app")] = None,
) -> None:
    """Print events as they pass, one line each, until interrupted."""
    found = installation(data)
    names = [topic] if topic else [f"privacy.status.{source}"] if source else all_topics(found)
    with closing(Follower(found.access(), names, at_end=True)) as follower:
        try:
            while True:
                for record in follower.poll(1_000):
                    typer.echo(_line(told(record)))
        except KeyboardInterrupt:
            return
