"""Commands that publish what an upstream app would: submit, answer."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas import wire
from schemas.public import RequesterAnswered, RequestSubmitted
from schemas.values import Right
from services.kernel.errors import PermanentError
from services.kernel.tokens import case_id, request_id
from services.ops.cli.common import DEFAULT_DATA, AsJson, Data, installation, show
from services.ops.installation import Installation
from services.ops.kafka import Publisher


class WrongInput(PermanentError):
    """What was to be submitted breaks a rule: which line, which field, which rule."""


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(submit)
    app.command()(answer)


def submit(file: Annotated[str, typer.Argument(help="JSON, or JSON lines; - reads standard input")],
           data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:  # fmt: skip
    """Publish privacy requests; prints their case and request ids."""
    found = installation(data)
    rows = _read(file, RequestSubmitted)
    _publish(found, "privacy.requests", rows)
    key = found.keys.derive("ids")
    told = []
    for row in rows:
        case = case_id(key, row["source"], row["submission_id"])
        rights = RequestSubmitted.model_validate(row).rights or [Right.UNCLASSIFIED]
        ids = {right: str(request_id(key, case, right)) for right in rights}
        told.append({"submission_id": row["submission_id"], "case_id": str(case), "requests": ids})
    show(told, as_json=as_json)


def answer(file: Annotated[str, typer.Argument(help="JSON, or JSON lines; - reads standard input")],
           data: Data = DEFAULT_DATA) -> None:  # fmt: skip
    """Publish what a person answered."""
    rows = _read(file, RequesterAnswered)
    _publish(installation(data), "privacy.answers", rows)
    typer.echo(f"{len(rows)} published")


def _read(file: str, model: type[RequestSubmitted | RequesterAnswered]) -> list[dict[str, Any]]:
    if file != "-" and not Path(file).is_file():
        raise WrongInput(f"there is no file {file}")
    text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    rows = []
    for number, row in _rows(text):
        try:
            wire.read(model, row)
        except wire.Unreadable as error:
            lines = [f"  {p.field or 'the whole'}: {p.rule}" for p in error.problems]
            raise WrongInput("\n".join([f"record {number} breaks these rules:", *lines])) from None
        rows.append(row)
    return rows


def _rows(text: str) -> list[tuple[int, dict[str, Any]]]:
    try:
        whole = json.loads(text)
        rows = whole if isinstance(whole, list) else [whole]
    except ValueError:
        try:
            rows = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError as error:
            raise WrongInput(f"must be JSON or JSON lines: {error}") from None
    if not all(isinstance(row, dict) for row in rows):
        raise WrongInput("every record must be a JSON object")
    return list(enumerate(rows, 1))


def _publish(found: Installation, topic: str, rows: list[dict[str, Any]]) -> None:
    for source in dict.fromkeys(row["source"] for row in rows):
        publisher = Publisher(found.access(source))
        mine = [row for row in rows if row["source"] == source]
        publisher.send_all([(topic, None, json.dumps(row).encode(), []) for row in mine])
        publisher.close()
