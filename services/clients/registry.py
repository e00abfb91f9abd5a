"""The register of clients. The database is the truth: a service that asks next knows a new one, without a restart."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, LiteralString, get_args

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from schemas.values import Mode

Transport = Literal["topic", "webhook", "mail"]
TRANSPORTS: Final[tuple[Transport, ...]] = get_args(Transport)

_COLUMNS: Final = "id, name, contact, mode, transport, url, jwk, enabled, secret_round, disabled_why, account"
_BY_ID: Final[LiteralString] = f"SELECT {_COLUMNS} FROM ops.clients WHERE id = ANY(%s)"  # noqa: S608  columns above
_ALL: Final[LiteralString] = f"SELECT {_COLUMNS} FROM ops.clients ORDER BY id"  # noqa: S608  as above
_SAVE: Final = """INSERT INTO ops.clients (id, name, contact, mode, transport, url, jwk, enabled, secret_round,
disabled_why, account, changed_at)
SELECT t.*, clock_timestamp() FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
%s::jsonb[], %s::bool[], %s::int[], %s::text[], %s::text[]) AS t
ON CONFLICT (id) DO UPDATE SET name = excluded.name, contact = excluded.contact, mode = excluded.mode,
transport = excluded.transport, url = excluded.url, jwk = excluded.jwk, enabled = excluded.enabled,
secret_round = excluded.secret_round, disabled_why = excluded.disabled_why,
account = excluded.account, changed_at = excluded.changed_at"""
_DISABLE: Final = """UPDATE ops.clients SET enabled = false, disabled_why = %s, changed_at = clock_timestamp()
WHERE id = %s AND enabled"""

_HOLDERS: Final = "SELECT account, id FROM ops.clients WHERE account = ANY(%s)"
_ANY_HOLDER: Final = "SELECT 1 FROM ops.clients WHERE account IS NOT NULL LIMIT 1"

type_db = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class Client:
    """One merchant: what it told us to do, and how it is reached.

    `keys` is its public JWK set, as `jose.public_keys` accepts it. `secret_round` counts how often the secret of its
    webhook was changed. `disabled_why` is a code: `operator`, or `unreachable`. `account` is the number of the account
    it holds with the company, in the form the directory compares.
    """

    id: str
    name: str
    contact: str
    mode: Mode = Mode.FORWARD
    transport: Transport = "topic"
    url: str | None = None
    keys: Mapping[str, Any] | None = None
    enabled: bool = True
    secret_round: int = 1
    disabled_why: str | None = None
    account: str | None = None


def _client(row: TupleRow) -> Client:
    client, name, contact, mode, *rest = row
    return Client(client, name, contact, Mode(mode), *rest)


async def known(conn: AsyncConnection[TupleRow], ids: Iterable[str]) -> dict[str, Client]:
    """Those of the ids that are registered."""
    return {row[0]: _client(row) async for row in await conn.execute(_BY_ID, [sorted(set(ids))])}


async def holders(conn: AsyncConnection[TupleRow], accounts: Iterable[str]) -> dict[str, str]:
    """The clients that hold these accounts, by account number."""
    return {row[0]: row[1] async for row in await conn.execute(_HOLDERS, [sorted(set(accounts))])}


async def any_holder(conn: AsyncConnection[TupleRow]) -> bool:
    """Whether the account of any client is known at all."""
    return await (await conn.execute(_ANY_HOLDER)).fetchone() is not None


def every(db: type_db) -> list[Client]:
    """All clients, by id."""
    return [_client(row) for row in db.execute(_ALL)]


def some(db: type_db, ids: Iterable[str]) -> dict[str, Client]:
    """Those of the ids that are registered, for a program that waits."""
    return {row[0]: _client(row) for row in db.execute(_BY_ID, [sorted(set(ids))])}


def save(db: type_db, clients: Iterable[Client]) -> None:
    """Write clients as they are given; those known before are overwritten."""
    rows = [
        (c.id, c.name, c.contact, c.mode.value, c.transport, c.url, json.dumps(c.keys) if c.keys else None,
         c.enabled, c.secret_round, c.disabled_why, c.account)
        for c in clients
    ]  # fmt: skip
    if rows:
        db.execute(_SAVE, [list(column) for column in zip(*rows, strict=True)])


async def disable(conn: AsyncConnection[TupleRow], client: str, why: str) -> bool:
    """Hand nothing over to a client any more; says whether it was enabled until now."""
    return bool((await conn.execute(_DISABLE, [why, client])).rowcount)


def forget(db: type_db, client: str) -> None:
    """Remove a client from the register."""
    db.execute("DELETE FROM ops.clients WHERE id = %s", [client])
