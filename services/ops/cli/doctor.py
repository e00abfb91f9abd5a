"""Commands that look an installation over: doctor, diagnostics."""

from pathlib import Path
from typing import Annotated

import typer

from services.ops import diagnostics as bundle
from services.ops import doctor as doctor_
from services.ops.cli.common import DEFAULT_DATA, AsJson, Data, installation, show, told_aside


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command()(doctor)
    app.command()(diagnostics)


def doctor(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Look everything over and say what is wrong and how to mend it; exit 1 if something is."""
    found = installation(data)
    with told_aside.status("looking") as status:
        findings = doctor_.examine(found, lambda part: status.update(f"looking at {part}"))
    show([{"": "ok" if f.ok else "WRONG", "what": f.what, "found": f.found, "mend": f.mend} for f in findings]
         if not as_json else [{"what": f.what, "ok": f.ok, "found": f.found, "mend": f.mend} for f in findings],
         as_json=as_json)  # fmt: skip
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


def diagnostics(
    out: Annotated[Path, typer.Option(help="file to write, a ZIP archive")], data: Data = DEFAULT_DATA
) -> None:
    """Write a bundle for whoever helps: versions, findings, lag, counts, log lines. No personal data, no secrets."""
    names = bundle.write(installation(data), out)
    typer.echo(f"{out}: {', '.join(names)}")
