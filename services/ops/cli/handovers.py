"""`rightsbus clients`, what is done about hand-overs: enter a reply, open the door, cut topics, act as a merchant."""

import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from schemas.values import Action
from services.clients.names import Handovers
from services.kernel.clock import Clock
from services.kernel.errors import Misconfigured
from services.ops import clients
from services.ops.cli.common import DEFAULT_DATA, AsJson, Data, installation, show, span
from services.ops.installation import Installation

REPLIES: Final = ("received", "instruct", "completed", "refused", "not_ours")


def add_to(group: typer.Typer) -> None:
    """Add these commands to the group of clients' commands."""
    for command in (reply, door, trim, simulate):
        group.command()(command)


def reply(
    client: str,
    kind: Annotated[str, typer.Argument(help=", ".join(REPLIES))],
    handovers: Annotated[list[str], typer.Argument(help="which hand-overs: their ids, or those of the requests")],
    reason: Annotated[str | None, typer.Option(help="a code; needed for refused")] = None,
    action: Annotated[Action | None, typer.Option(help="for instruct: what to do instead of what was asked")] = None,
    *,
    data: Data = DEFAULT_DATA,
) -> None:
    """Enter what a client told us by telephone or mail, as if it had replied itself."""
    found = installation(data)
    clients.known(found, client)
    if kind not in REPLIES:
        raise typer.BadParameter(f"must be one of {', '.join(REPLIES)}")
    if (kind == "refused") != (reason is not None):
        raise typer.BadParameter("--reason goes with refused, and only with it")
    names = Handovers(found.keys)
    known = {names.name(client, request): request for request in clients.open_handovers(found, client).get(client, ())}
    strangers = sorted(set(handovers) - known.keys() - set(known.values()))
    if strangers:
        raise Misconfigured(f"no open hand-over to {client}: {', '.join(strangers)}")
    requests = [known.get(one, one) for one in handovers]
    clients.say(found, client, requests, said=kind, reason=reason, action=action)
    typer.echo(f"{len(handovers)} entered")


def door(
    host: Annotated[str, typer.Option(help="address to answer on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to answer on")] = 8088,
    data: Data = DEFAULT_DATA,
) -> None:
    """Run the door where clients without Kafka see requests and answer them; put TLS before it."""
    import uvicorn

    from services.ops.clients_door import door as app

    uvicorn.run(app(installation(data)), host=host, port=port, access_log=False, server_header=False)


def trim(
    keep: Annotated[str, typer.Option(help="what is younger stays, such as 1d")] = "1d",
    data: Data = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
) -> None:
    """Delete from clients' topics what they have read and what has ended; run it daily."""
    from services.ops.trim import trim as cut

    kept: timedelta = span(keep)
    gone = cut(installation(data), Clock.real(), kept)
    show([{"client": client, "records": count} for client, count in sorted(gone.items())], as_json=as_json)


def simulate(
    client: str,
    answer: Annotated[str, typer.Option("--reply", help=f"{', '.join(REPLIES)}, or nothing")] = "completed",
    reason: Annotated[str | None, typer.Option(help="a code, for refused")] = None,
    jwk: Annotated[Path | None, typer.Option(help="its private key, if it gave us the public one")] = None,
    data: Data = DEFAULT_DATA,
) -> None:
    """Act as a merchant for trials: read its topic, say that each request came, then how it ends. Ctrl-C ends it.

    The password is the embedded installation's own, or RIGHTSBUS_CLIENT_PASSWORD.
    """
    if answer not in {*REPLIES, "nothing"} or (answer == "refused") != (reason is not None):
        raise typer.BadParameter(f"--reply must be one of {', '.join(REPLIES)}, nothing; --reason goes with refused")
    found = installation(data)
    clients.known(found, client)
    password = os.environ.get("RIGHTSBUS_CLIENT_PASSWORD") or found.outside_logins().get(client)
    if not password:
        raise Misconfigured(f"the password of {client} is not kept here: set RIGHTSBUS_CLIENT_PASSWORD")
    _simulate(found, client, password, (answer, reason), jwk)


def _simulate(found: Installation, client: str, password: str, says: tuple[str, str | None], jwk: Path | None) -> None:
    from joserfc.jwk import ECKey

    from stack.merchant import Merchant, Message, reply_to

    kind, reason = says

    def answer(message: Message) -> list[dict[str, Any]]:
        told = {name: message[name] for name in ("right", "reason", "parts", "field", "rule") if name in message}
        typer.echo(f"{message['handover_id']}  {message['type']:12} " + "  ".join(f"{n}={v}" for n, v in told.items()))
        if message["type"] != "request" or kind == "nothing":
            return []
        replies = [reply_to(message, "received")]
        if kind != "received":
            replies.append(reply_to(message, kind, **({"reason": reason} if reason else {})))
        typer.echo(f"{message['handover_id']}  replied      {', '.join(r['type'] for r in replies)}")
        return replies

    login = replace(found.access(), username=client, password=password)
    key = ECKey.import_key(json.loads(jwk.read_text("utf-8"))) if jwk else None
    merchant = Merchant(login.settings(), client, answer, key=key)
    typer.echo(f"reading privacy.clients.{client}.requests; Ctrl-C ends")
    try:
        merchant.run()
    except KeyboardInterrupt:
        merchant.stop()
