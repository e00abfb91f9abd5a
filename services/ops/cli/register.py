"""Commands that ask the register: list, show, rebuild."""

import functools
import inspect
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Final

import typer

from schemas.values import Letter, Party, Waiting
from services.kernel.errors import Misconfigured
from services.ops import letters
from services.ops.cli.common import DEFAULT_DATA, AsJson, Commands, Data, bar, group, installation, show, span
from services.ops.register import queries, store
from services.ops.register.queries import Filter

_OPTIONS: Final[Mapping[str, tuple[Any, Any]]] = {
    "late": (Annotated[bool, typer.Option("--late", help="past the day to answer by")], False),
    "past": (Annotated[int | None, typer.Option(help="not answered after this percentage of their time")], None),
    "due_within": (Annotated[str | None, typer.Option(help="to be answered within a span such as 5d")], None),
    "overdue": (Annotated[str | None, typer.Option(help="waiting longer than it should, by a span such as 1h")], None),
    "waiting_for": (Annotated[str | None, typer.Option(help=f"for whom: {', '.join(Party)}, request")], None),
    "who": (Annotated[str | None, typer.Option(help="for which client or system")], None),
    "waiting": (Annotated[str | None, typer.Option(help=f"for what: {', '.join(Waiting)}")], None),
    "part_is": (Annotated[str | None, typer.Option(help="parts that begin so, such as own/system:billing")], None),
    "brand": (Annotated[str | None, typer.Option(help="of one brand")], None),
    "law": (Annotated[str | None, typer.Option(help="under one law")], None),
    "right": (Annotated[str | None, typer.Option(help="of one right")], None),
}
"""The options every command has that takes a filter."""


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the filter's options; what they say comes to it as one argument, `chosen`."""
    own = [one for one in inspect.signature(command).parameters.values() if one.name != "chosen"]
    keyword = inspect.Parameter.KEYWORD_ONLY
    options = [inspect.Parameter(n, keyword, default=v, annotation=a) for n, (a, v) in _OPTIONS.items()]

    @functools.wraps(command)
    def run(**given: Any) -> None:  # noqa: ANN401  whatever the options say
        told = {name: given.pop(name) for name in _OPTIONS}
        command(**given, chosen=_filter(**told))

    run.__signature__ = inspect.Signature([*own, *options])  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {one.name: one.annotation for one in [*own, *options]}
    return run


def _filter(*, part_is: str | None, waiting_for: str | None, **told: Any) -> Filter:  # noqa: ANN401  as above
    due_within, overdue_by = (span(text) if text else None for text in (told.pop("due_within"), told.pop("overdue")))
    return Filter(part=part_is, party=waiting_for, due_within=due_within, overdue_by=overdue_by, **told)


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    commands: Commands = {"list": filtered(list_waits), "show": show_one, "delivered": delivered, "rebuild": rebuild}
    group(app, "register", "Ask what is open, which part waits, for whom and until when.", commands)


def list_waits(*, chosen: Filter, data: Data = DEFAULT_DATA, as_json: AsJson = False) -> None:
    """List, for every open request, which part waits, for whom and until when; the most urgent first."""
    with installation(data).connect() as db:
        show_waits(queries.waits(db, chosen), as_json=as_json)


def show_waits(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print waiting parts."""
    if as_json:
        show(rows, as_json=True)
        return
    show(
        [
            {
                "request": row["request_id"],
                "right": row["right"],
                "law": row["law"],
                "answer by": f"{row['answer_by']}{' LATE' if row['late'] else ''}",
                "used": f"{row['used']} %",
                "part": row["part"],
                "waits for": _whom(row),
                "for": row["waiting"],
                "until": _minute(row["until"]),
            }
            for row in rows
        ],
        as_json=False,
    )


def _whom(row: dict[str, Any]) -> str:
    return row["party"] if row["who"] in {None, row["party"]} else f"{row['party']} {row['who']}"


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""


def show_one(
    request_id: Annotated[str, typer.Argument(metavar="ID")], data: Data = DEFAULT_DATA, *, as_json: AsJson = False
) -> None:
    """Show everything the register knows of one request. No values: those are in the vault."""
    with installation(data).connect() as db:
        found = queries.request(db, request_id)
    if found is None:
        raise Misconfigured(f"the register knows no request {request_id}")
    if as_json:
        typer.echo(json.dumps(found, default=str))
        return
    told = {name: value for name, value in found.items() if not isinstance(value, list) and value is not None}
    show([{"what": name, "is": value} for name, value in told.items()], as_json=False, title="request")
    for name, rows in found.items():
        if isinstance(rows, list) and rows:
            show(rows, as_json=False, title=name)


def delivered(
    request_id: Annotated[str, typer.Argument(metavar="ID")],
    letter: Annotated[Letter, typer.Argument(help="which letter, as `register show` names it")],
    reason: Annotated[str, typer.Option(help="a ticket or a code, without spaces")],
    *,
    way: Annotated[str, typer.Option(help="paper, telephone, app")] = "paper",
    by: Annotated[str, typer.Option(help="who did it, as a code")] = "operator",
    data: Data = DEFAULT_DATA,
) -> None:
    """Note that a letter reached the person another way than by mail: on paper, by telephone, through the app."""
    letters.delivered(installation(data), request_id, letter=letter, way=way, by=by, why=reason)
    typer.echo(f"{letter.value} of {request_id} is noted as delivered")


def rebuild(data: Data = DEFAULT_DATA) -> None:
    """Empty the register's tables and fill them again from history; what was read so far is seen until it is done."""
    found = installation(data)
    with store.connection(found.endpoints.database_url) as db, bar() as progress:
        total = db.execute("SELECT count(*) FROM ops.audit WHERE entry IS NOT NULL").fetchone()
        task = progress.add_task("rebuilding", total=total[0] if total else None)
        done = 0
        for done in store.rebuild(db):
            progress.update(task, completed=done)
    typer.echo(f"{done} entries projected")
