"""Commands about history: verify it, sign it, export one request's with its proof."""

import json
from pathlib import Path
from typing import Annotated

import typer

from services.kernel.errors import Misconfigured
from services.ops.audit.proof import export
from services.ops.audit.restore import restore
from services.ops.audit.roots import roots
from services.ops.audit.seal import public_pem, seal, signing_key
from services.ops.audit.verify import verify
from services.ops.cli.common import DEFAULT_DATA, AsJson, Commands, Data, bar, group, installation, show
from services.ops.installation import Installation
from services.ops.register import store
from services.ops.register.keeping import empty_old, now
from services.ops.register.process import publish_roots


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    commands: Commands = {
        "verify": verify_history, "export": export_request, "seal": seal_now, "restore": restore_history, "key": key,
    }  # fmt: skip
    group(app, "audit", "Prove what happened: history is chained, signed daily, and checked.", commands)


def verify_history(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Find every edited, removed or reordered entry, and say where; exit 1 if there is one."""
    found = installation(data)
    with store.connection(found.endpoints.database_url) as db, bar(hidden=as_json) as progress:
        signed = roots(db, found.access("ops"))
        [(total,)] = db.execute("SELECT count(*) FROM ops.audit").fetchall()
        task = progress.add_task("verifying", total=total)
        key_ = signing_key(found.keys).public_key()
        faults = verify(db, signed, key_, now(db), lambda count: progress.advance(task, count))
    rows = [{"where": fault.where, "what": fault.what} for fault in faults]
    if as_json:
        typer.echo(json.dumps({"entries": total, "roots": len(signed), "faults": rows}))
    elif rows:
        show(rows, as_json=False, title="not as it was chained")
    else:
        typer.echo(f"{total} entries and {len(signed)} signed roots hold together")
    if rows:
        raise typer.Exit(1)


def export_request(
    request_id: Annotated[str, typer.Argument(metavar="REQUEST")],
    out: Annotated[Path, typer.Option(help="file to write")],
    data: Data = DEFAULT_DATA,
) -> None:
    """Write one request's history with its proof; `deploy/check-proof.py` checks it with the public key alone."""
    found = installation(data)
    with store.connection(found.endpoints.database_url) as db:
        proof = export(db, request_id, roots(db, found.access("ops")))
        if proof["unsigned"]:
            _seal(found, db)
            proof = export(db, request_id, roots(db, found.access("ops")))
    if not proof["entries"]:
        raise Misconfigured(f"history knows no request {request_id}")
    out.write_text(json.dumps(proof, indent=1) + "\n", "utf-8")
    key_file = out.with_suffix(".pem")
    key_file.write_text(public_pem(found.keys), "utf-8")
    typer.echo(f"{len(proof['entries'])} entries: {out}; check with deploy/check-proof.py {out} {key_file}")


def seal_now(data: Data = DEFAULT_DATA) -> None:
    """Sign what is not signed yet now, instead of at the end of the day."""
    found = installation(data)
    with store.connection(found.endpoints.database_url) as db:
        typer.echo(_seal(found, db))


def _seal(found: Installation, db: store.Conn) -> str:
    root = seal(db, found.keys, now(db))
    publish_roots(db, found.access("ops"))
    if root is None:
        return "everything was signed before"
    entries = sum(chain.last - chain.first + 1 for chain in root.chains)
    return f"root {root.number} signs {entries} entries of {len(root.chains)} topic-partitions"


def restore_history(
    source: Annotated[
        str, typer.Option("--from", envvar="RIGHTSBUS_BACKUP_URL", help="URL of a database a backup was restored into")
    ],
    data: Data = DEFAULT_DATA,
    *,
    apply: Annotated[bool, typer.Option("--apply", help="do it; without this only what would be is told")] = False,
    as_json: AsJson = False,
) -> None:
    """Put back entries of history that were edited or removed, from a backup that holds together itself."""
    found = installation(data)
    with store.connection(found.endpoints.database_url) as db, store.connection(source) as backup:
        trust = roots(db, found.access("ops")), signing_key(found.keys).public_key()
        with db.transaction(force_rollback=not apply):
            rows = [{"where": one.where, "entry": one.n} for one in restore(db, backup, trust, now(db))]
            empty_old(db, now(db))
    show(rows, as_json=as_json, title="put back" if apply else "not as in the backup; --apply puts it back")


def key(data: Data = DEFAULT_DATA) -> None:
    """Print the public key that roots and proofs are checked with."""
    typer.echo(public_pem(installation(data).keys), nl=False)
