"""Commands that publish: submit, answer, decide."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from schemas import wire
from schemas.events import OperatorDecided
from schemas.public import RequesterAnswered, RequestSubmitted
from schemas.values import Reason, Right, Verb
from services.kernel.clock import Clock, new_id
from services.kernel.errors import PermanentError
from services.kernel.tokens import case_id, case_key, request_id
from services.ops.cli.common import DEFAULT_DATA, AsJson, Data, installation, show
from services.ops.installation import Installation
from services.ops.kafka import Publisher, read_all

decide_app = typer.Typer(no_args_is_help=True, help="Decide about a request; each answers with what became of it.")


class WrongInput(PermanentError):
    """What was to be submitted breaks a rule: which line, which field, which rule."""


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(submit)
    app.command()(answer)
    for verb in Verb:
        decide_app.command(verb.value)(_decision(verb))
    app.add_typer(decide_app, name="decide")


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


def _decision(verb: Verb) -> Any:  # noqa: ANN401  typer reads the function's own signature
    def command(
        ids: Annotated[list[str], typer.Argument(help="request ids")],
        part: Annotated[str | None, typer.Option(help="the part meant, such as own/system:billing")] = None,
        reason: Annotated[Reason | None, typer.Option(help="for a denial")] = None,
        basis: Annotated[str | None, typer.Option(help="citation or code; no free text about people")] = None,
        by: Annotated[str, typer.Option(help="who decides")] = "operator",
        *,
        data: Data = DEFAULT_DATA,
        as_json: AsJson = False,
    ) -> None:
        decided = [decide(installation(data), verb, one, part=part, reason=reason, basis=basis, by=by) for one in ids]
        show(decided, as_json=as_json)
        if not all(one["applied"] for one in decided):
            raise typer.Exit(1)

    command.__doc__ = f"{verb.value.capitalize()} a request, or one part of it."
    return command


def decide(found: Installation, verb: Verb, request: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """Publish one decision and wait for what became of it.

    Raises:
        WrongInput: that is no request id.
    """
    try:
        case_key(UUID(request))
    except ValueError:
        raise WrongInput(f"{request} is no request id") from None
    event = OperatorDecided(
        event_id=new_id(), occurred_at=Clock()(), request_id=request, case_id=request, verb=verb, **fields
    )
    topic, key, value, headers = wire.encode(event, source="rightsbus/ops")
    publisher = Publisher(found.access("ops"))
    publisher.send(topic, value, key=key, headers=headers)
    publisher.close()
    for record in read_all(found.access("ops"), ["privacy.decided"], follow_s=10.0):
        told = wire.decode(record)
        if getattr(told, "decision_id", "") == str(event.event_id):
            return {"request_id": request, "verb": verb.value, "applied": told.applied, "reason": told.reason}  # type: ignore[attr-defined]
    return {"request_id": request, "verb": verb.value, "applied": False, "reason": "no service answered within 10 s"}
