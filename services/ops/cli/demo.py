"""`rightsbus demo`: a whole system, the sample company, and every sample request travelling to its end."""

import contextlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.live import Live

from schemas import wire
from schemas.events import RequestClosed
from schemas.values import Reason, Verb
from services.ops.cli.common import console
from services.ops.cli.run import begin, description, prepare
from services.ops.decisions import decide
from services.ops.installation import Installation
from services.ops.kafka import Follower
from stack import supervise
from stack.demo import show
from stack.demo.play import Play
from stack.processes import clean_up_when_told_to_end, python_environment
from stack.sample.requests import scripts

FOLDER: Final = Path(".rightsbus/demo")
WITHIN_S: Final = 60.0


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    app.command()(demo)


def demo(
    data: Annotated[Path, typer.Option("--data", help="the demo's own folder, made anew")] = FOLDER,
    within: Annotated[float, typer.Option(help="seconds the requests may take")] = WITHIN_S,
) -> None:
    """Start everything, send the sample requests, show what becomes of each, stop everything."""
    clean_up_when_told_to_end()
    supervise.shut_down(data.resolve(), echo=lambda _: None)
    shutil.rmtree(data, ignore_errors=True)
    try:
        mismatches = _play(data, within)
    finally:
        supervise.shut_down(data.resolve(), typer.echo)
    raise typer.Exit(1 if mismatches else 0)


def _play(data: Path, within_s: float) -> int:
    found = prepare(data, sample=True)
    typer.echo("starting the services")
    begin(found)
    described = description(found)
    with merchants(described), closings(found) as closed:
        play = Play(described, scripts(), closed, lambda request: deny(found, request))
        typer.echo(f"sending {len(play.scripts)} submissions")
        started = time.monotonic()
        with Live(console=console, refresh_per_second=4, transient=True) as screen:
            in_time = play.run(lambda: screen.update(show.live(play.board, time.monotonic() - started)), within_s)
        took = time.monotonic() - started
    console.print(show.ends(play.board))
    summary = data / "summary.json"
    mismatches = show.summarise(play.board, summary)
    typer.echo(f"letters by mail: {described['mail_dir']}; on paper: {found.endpoints.print_dir}; summary: {summary}")
    if not in_time:
        typer.echo(f"not everything ended within {within_s:g} s: {', '.join(s.name for s in play.board.missing())}")
    typer.echo(f"{len(play.board.rows)} requests in {took:.1f} s, {mismatches} not as expected")
    return mismatches or int(not in_time)


@contextlib.contextmanager
def merchants(described: Mapping[str, Any]) -> Iterator[None]:
    """The sample's merchants, in a process of their own, with nothing but their logins."""
    argv = [sys.executable, "-m", "stack.demo.merchants"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, text=True, env=python_environment()) as merchants:  # noqa: S603  ours
        if merchants.stdin:
            merchants.stdin.write(json.dumps({"kafka": described["kafka"], "clients": described["clients"]}) + "\n")
            merchants.stdin.flush()
        yield


@contextlib.contextmanager
def closings(found: Installation) -> Iterator[Any]:
    """Follow `privacy.closed` as an operator does."""
    follower = Follower(found.access("ops"), ["privacy.closed"])

    def closed() -> Iterable[tuple[str, Mapping[str, str]]]:
        for record in follower.poll():
            event = wire.decode(record)
            if isinstance(event, RequestClosed):
                yield event.request_id, {part: end.outcome.value for part, end in event.parts.items()}

    try:
        yield closed
    finally:
        follower.close()


def deny(found: Installation, request_id: str) -> None:
    """Deny a request, as an operator does who takes it for fraud."""
    decide(found, Verb.DENY, request_id, reason=Reason.SUSPECTED_FRAUD, by="demo-operator")
