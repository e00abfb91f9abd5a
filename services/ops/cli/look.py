"""Commands that show what happened: trace, watch."""

import json
import time
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from schemas.topics import topic_of
from schemas.wire import Record
from services.kernel.tokens import case_key
from services.ops import provision
from services.ops.cli.common import DEFAULT_DATA, AsJson, Data, installation
from services.ops.installation import Installation
from services.ops.kafka import read_all


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(trace)
    app.command()(watch)


def all_topics(found: Installation) -> list[str]:
    """Every topic of the installation."""
    systems, sources, clients = found.systems().systems, found.names("sources"), found.names("clients")
    return sorted(provision.topic_names(systems, sources, clients))


def entry(record: Record) -> dict[str, Any]:
    """One record as `trace --json` shows it; what is personal or sealed is left out."""
    topic = topic_of(record.topic)
    body = {} if topic.personal != "no" else json.loads(record.value or b"{}")
    return {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "time": record.at_ms / 1000,
        "event_id": record.header("ce_id") or str(record.position_id),
        "type": (record.header("ce_type") or topic.classes[0].__name__).removeprefix("rightsbus.").removesuffix(".v1"),
        "request_id": record.header("ce_subject"),
        "data": {k: v for k, v in body.items() if not k.endswith("_token")} or None,
    }


def history(found: Installation, wanted: str, *, follow_s: float = 0.0) -> Iterator[dict[str, Any]]:
    """Every event of one request, of its case, or of a submission, as it is found."""
    keys = _keys(found, wanted)
    for record in read_all(found.access(), all_topics(found), follow_s=follow_s):
        key = (record.key or b"").decode(errors="replace")
        if key in keys or (len(key) == 36 and case_key_of(key) in keys):  # noqa: PLR2004  a UUID's length
            yield entry(record)


def case_key_of(text: str) -> str:
    """The case key behind an id, or nothing when it is none."""
    try:
        return case_key(text)
    except ValueError:
        return ""


def _keys(found: Installation, wanted: str) -> set[str]:
    with found.connect() as db:
        row = db.execute("SELECT id FROM intake.state WHERE body->>'submission_id' = %s", [wanted]).fetchone()
        case = db.execute("SELECT id FROM intake.state WHERE body->>'case_id' = %s", [wanted]).fetchone()
    if row or case:
        return {(row or case)[0]}  # type: ignore[index]
    return {wanted}


def trace(
    wanted: Annotated[str, typer.Argument(metavar="ID", help="a request, case or submission id")],
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
    wait: Annotated[str | None, typer.Option(help="wait for this topic, or this public status")] = None,
    timeout: Annotated[float, typer.Option(help="how long to wait, in seconds")] = 60.0,
) -> None:
    """Print every event of a request, oldest first."""
    found, deadline = installation(data), time.monotonic() + timeout
    while True:
        events = sorted(history(found, wanted), key=lambda e: (e["time"], e["topic"]))
        if wait is None or any(_is(event, wait) for event in events):
            break
        if time.monotonic() > deadline:
            typer.echo(f"{wait} did not come within {timeout:g} s", err=True)
            raise typer.Exit(1)
        time.sleep(0.2)
    if as_json:
        typer.echo(json.dumps(events))
        return
    for event in events:
        typer.echo(_line(event))


def _is(event: dict[str, Any], wanted: str) -> bool:
    return event["topic"] == wanted or (event["data"] or {}).get("status") == wanted


def _line(event: dict[str, Any]) -> str:
    data = event["data"] or {}
    facts = ("right", "law", "part", "waiting", "outcome", "ending", "status", "reason", "letter", "client", "system")
    told = "  ".join(f"{name}={data[name]}" for name in facts if data.get(name))
    clock = time.strftime("%H:%M:%S", time.localtime(event["time"]))
    return f"{clock}.{int(event['time'] * 1000) % 1000:03}  {event['topic']:34} {event['type']:22} {told}"


def watch(
    data: Data = DEFAULT_DATA,
    topic: Annotated[str | None, typer.Option(help="only this topic")] = None,
    source: Annotated[str | None, typer.Option(help="only the status topic of this app")] = None,
) -> None:
    """Print events as they pass, one line each, until interrupted."""
    found = installation(data)
    names = [topic] if topic else [f"privacy.status.{source}"] if source else all_topics(found)
    try:
        for record in read_all(found.access(), names, follow_s=86_400.0):
            typer.echo(_line(entry(record)))
    except KeyboardInterrupt:
        return
