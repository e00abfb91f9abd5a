"""`rightsbus clients`: register merchants, give and take their access, speak for them where they cannot."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from schemas.scalars import Email
from schemas.values import Mode
from services.clients import jose, registry
from services.clients.registry import Client, Transport
from services.ops import clients
from services.ops.cli import handovers
from services.ops.cli.common import DEFAULT_DATA, AsJson, Data, installation, show
from services.ops.clients import Given
from services.ops.installation import Installation
from services.ops.provision import client_topic
from services.ops.seeds import account_number, read_keys, read_seed

Escalate = Annotated[bool, typer.Option(help="let its open hand-overs wait for an operator")]
group = typer.Typer(no_args_is_help=True, help="Manage clients: the merchants whose data the company holds for them.")


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    handovers.add_to(group)
    app.add_typer(group, name="clients")


@group.command()
def add(
    client: Annotated[str | None, typer.Argument(help="its name in topics: lower case, digits, hyphens")] = None,
    *,
    name: Annotated[str | None, typer.Option(help="the merchant's name, as letters may say it")] = None,
    contact: Annotated[str | None, typer.Option(help="its privacy contact's e-mail")] = None,
    mode: Annotated[Mode | None, typer.Option(help="what it told us to do; forward if not given")] = None,
    jwk: Annotated[Path | None, typer.Option(help="its public key, or keys: JWK or JWK set, P-256")] = None,
    transport: Annotated[Transport | None, typer.Option(help="how it is reached; by its topic if not given")] = None,
    url: Annotated[str | None, typer.Option(help="where a webhook is posted to")] = None,
    account: Annotated[str | None, typer.Option(help="the number of the account it holds with the company")] = None,
    seed: Annotated[Path | None, typer.Option(help="YAML file of clients to add that are not there yet")] = None,
    data: Data = DEFAULT_DATA,
    as_json: AsJson = False,
) -> None:
    """Register a client, or change what is registered; its password or secret is printed this once."""
    found = installation(data)
    if (client is None) == (seed is None):
        raise typer.BadParameter("give the name of one client, or --seed FILE")
    if seed:
        _tell(found, clients.add(found, _missing(found, read_seed(seed))), as_json=as_json)
        return
    given: dict[str, Any] = {"name": name, "contact": _mail(contact), "mode": mode, "transport": transport, "url": url}
    given["account"] = account_number(account)
    if jwk:
        given["keys"] = read_keys(jwk)
    wanted = _wanted(found, client or "", {field: value for field, value in given.items() if value is not None})
    _tell(found, clients.add(found, [wanted]), as_json=as_json)


def _wanted(found: Installation, client: str, given: dict[str, Any]) -> Client:
    """The client as it shall be: as it is, but for what was given; enabled."""
    with found.connect() as db:
        before = registry.some(db, [client]).get(client)
    if before is None and not {"name", "contact"} <= set(given):
        raise typer.BadParameter(f"{client} is new: give --name and --contact")
    wanted = replace(before, **given) if before else Client(client, **given)
    return replace(wanted, enabled=True, disabled_why=None, url=wanted.url if wanted.transport == "webhook" else None)


def _missing(found: Installation, seeded: list[Client]) -> list[Client]:
    with found.connect() as db:
        there = {client.id for client in registry.every(db)}
    return [client for client in seeded if client.id not in there]


def _mail(contact: str | None) -> str | None:
    try:
        return TypeAdapter(Email).validate_python(contact) if contact else None
    except ValidationError:
        raise typer.BadParameter("must be an e-mail address with a domain", param_hint="--contact") from None


def _tell(found: Installation, given: list[Given], *, as_json: bool) -> None:
    rows = [_row(found, one) for one in given]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    if not rows:
        typer.echo("all of them are registered")
    for row in rows:
        typer.echo(f"{row['id']}: {'registered' if row.pop('new') else 'as given now'}")
        secrets = {"password", "webhook_secret"} & {name for name, value in row.items() if value}
        for name, value in row.items():
            if value and name != "id":
                typer.echo(f"  {name:15}{value}{'   (shown this once)' if name in secrets else ''}")
        if not secrets:
            typer.echo(f"  its login is unchanged; `rightsbus clients rotate {row['id']}` gives a new one")


def _row(found: Installation, given: Given) -> dict[str, Any]:
    on_topic = clients.known(found, given.client).transport == "topic"
    topic = {"topic": client_topic(given.client), "group_prefix": f"{given.client}.", "username": given.client}
    return {
        "id": given.client,
        "new": given.new,
        **(topic if on_topic else {}),
        "password": given.password,
        "webhook_secret": given.webhook_secret,
    }


@group.command("list")
def list_(data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """List clients, how each is reached, and how many hand-overs to it are open."""
    found = installation(data)
    waiting = clients.open_handovers(found)
    with found.connect() as db:
        rows = [
            {"client": c.id, "name": c.name, "contact": c.contact, "mode": c.mode.value, "transport": c.transport,
             "keys": "+".join(jose.can(c.keys)) or None, "enabled": c.enabled, "disabled_why": c.disabled_why,
             "open": len(waiting.get(c.id, ()))}
            for c in registry.every(db)
        ]  # fmt: skip
    show(rows, as_json=as_json)


@group.command()
def rotate(client: str, data: Data = DEFAULT_DATA, *, as_json: AsJson = False) -> None:
    """Give a client a new password, or its webhook a new secret; the old one ends."""
    found = installation(data)
    _tell(found, [clients.rotate(found, client)], as_json=as_json)


@group.command()
def disable(client: str, data: Data = DEFAULT_DATA, *, escalate: Escalate = False) -> None:
    """Hand nothing over to a client any more and close its login; `add` enables it again."""
    escalated = clients.disable(installation(data), client, escalate=escalate)
    typer.echo(f"{client} is disabled" + (f"; {escalated} hand-overs wait for an operator" if escalate else ""))


@group.command()
def remove(client: str, data: Data = DEFAULT_DATA, *, escalate: Escalate = False) -> None:
    """Take a client out: its rights, its login, what its topic holds, its entry."""
    escalated = clients.remove(installation(data), client, escalate=escalate)
    typer.echo(f"{client} is removed" + (f"; {escalated} hand-overs wait for an operator" if escalate else ""))


@group.command()
def key(data: Data = DEFAULT_DATA) -> None:
    """Print our public key: what clients seal to us is sealed to it."""
    typer.echo(json.dumps(jose.Inbound(installation(data).keys).public(), indent=2))
