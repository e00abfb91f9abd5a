"""Commands for parked records: list, show, replay, discard."""

import base64
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from services.kernel.errors import Misconfigured
from services.ops import parked
from services.ops.cli.common import DEFAULT_DATA, AsJson, Commands, Data, group, installation, show

By = Annotated[str, typer.Option(help="who does it, as a code")]
Reason = Annotated[str, typer.Option("--reason", help="why: a ticket or a code, without spaces; nothing about people")]
Ids = Annotated[list[str], typer.Argument(metavar="ID", help="ids of parked records, or how they begin")]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    commands: Commands = {"list": list_parked, "show": show_one, "replay": replay, "discard": discard}
    group(app, "parked", "Records nobody could work on: look at them, put them back, give up.", commands)


def list_parked(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List parked records, oldest first: where each lay, who parked it and why. Nothing of what it holds."""
    with installation(data).connect() as db:
        rows = [_line(row) for row in parked.lying(db)]
    show(rows, as_json=as_json)


def _line(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["event_id"],
        "request": row["request_id"],
        "service": row["service"],
        "record": f"{row['topic']}/{row['partition']}@{row['offset']}",
        "stage": row["stage"],
        "error": row["error"],
        "problems": "; ".join(row["problems"] or ()),
        "parked at": row["parked_at"],
    }


def show_one(
    wanted: Annotated[str, typer.Argument(metavar="ID")],
    reason: Reason,
    by: By = "operator",
    data: Data = DEFAULT_DATA,
    out: Annotated[Path | None, typer.Option(help="write the value to this file, to edit it")] = None,
) -> None:
    """Print a parked record in clear. That you looked, and why, is put on record first."""
    record = parked.show(installation(data), wanted, parked.Hand(by, reason))
    if out:
        out.write_bytes(record.value or b"")
        out.chmod(0o600)
        typer.echo(f"value written to {out}; put it back with `rightsbus parked replay {wanted} --value {out}`")
        return
    typer.echo(
        json.dumps(
            {
                "record": f"{record.topic}/{record.partition}@{record.offset}",
                "key": _text(record.key),
                "headers": [[name, _text(value)] for name, value in record.headers],
                "value": _text(record.value),
            },
            indent=2,
        )
    )


def _text(raw: bytes | None) -> str | None:
    """Bytes as text; in base64 where they are none."""
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(raw).decode()}"


def replay(
    ids: Ids,
    reason: Reason,
    by: By = "operator",
    value: Annotated[
        Path | None, typer.Option(help="put this value back instead; its topic's rules are checked")
    ] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Put parked records back on their topics. Each keeps its identity: who handled it before drops it."""
    if value is not None and (len(ids) != 1 or not value.is_file()):
        raise Misconfigured(
            "`--value` takes one file for one record" if value.is_file() else f"there is no file {value}"
        )
    edited = value.read_bytes() if value else None
    for wanted in ids:
        done = parked.replay(installation(data), wanted, parked.Hand(by, reason), edited)
        typer.echo(f"{done['event_id']} is back on {done['topic']}")


def discard(ids: Ids, reason: Reason, by: By = "operator", data: Data = DEFAULT_DATA) -> None:
    """Give parked records up: nothing waits for them any more. What they held is kept sealed for another week."""
    for wanted in ids:
        done = parked.discard(installation(data), wanted, parked.Hand(by, reason))
        typer.echo(f"{done['event_id']} is discarded")
