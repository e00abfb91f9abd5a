"""Clients made, changed and taken out: register first, then topic, rights and user, so that a second run mends a first.

The database is the truth. Every step is idempotent; a password is made here, shown once, and kept nowhere but in the
broker, except by an embedded installation for its own trials.
"""

import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from kafka import KafkaAdminClient

from rules.parts import handover
from schemas import wire
from schemas.clients import ClientHeard
from schemas.topics import SERVICES
from services.clients import hooks, registry
from services.clients.registry import Client
from services.kernel.clock import Clock, new_id
from services.kernel.errors import Misconfigured
from services.ops import provision
from services.ops.kafka import Publisher, admin

if TYPE_CHECKING:
    from services.ops.installation import Installation

RESERVED: Final = frozenset({*SERVICES, "admin", "broker", "anonymous"})
"""Names of users that are never an outsider's."""
_SLUG: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_OPEN: Final = """SELECT p.key, array_agg(s.id ORDER BY s.id) FROM fulfiller.state s, jsonb_each(s.body->'parts') p
WHERE s.due_at IS NOT NULL AND p.key LIKE 'client:%%/handover' AND p.value->'end' = 'null'
AND (%(part)s::text IS NULL OR p.key = %(part)s) GROUP BY p.key"""


class NameTaken(Misconfigured):
    """That name is another party's, or cannot be a client's."""


class StillOpen(Misconfigured):
    """Hand-overs to that client have not ended."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a client must be told, once: None where nothing changed."""

    client: str
    new: bool
    password: str | None = field(default=None, repr=False)
    webhook_secret: str | None = field(default=None, repr=False)


def add(found: "Installation", clients: Sequence[Client]) -> list[Given]:
    """Register clients and give each what its transport needs; those there already are brought to what is given.

    One call costs the same few round trips whatever the number. Running services know the new ones at once.

    Raises:
        NameTaken: a name is no slug, or is a service's or an upstream app's.
        Misconfigured: a webhook without a URL that is safe to post to.
        RefusedByBroker: the broker did not take a user or a right.
    """
    _check(found, clients)
    with found.connect() as db:
        before = registry.some(db, [client.id for client in clients])
        registry.save(db, clients)
    on_topics = [client.id for client in clients if client.transport == "topic"]
    fresh = _provision(found, on_topics) if on_topics else {}
    given = []
    for client in clients:
        known = before.get(client.id)
        hook = client.transport == "webhook" and (known is None or known.transport != "webhook")
        secret = hooks.secret(found.keys, client.id, client.secret_round) if hook else None
        given.append(Given(client.id, known is None, fresh.get(client.id), secret))
    return given


def _provision(found: "Installation", ids: Sequence[str]) -> dict[str, str]:
    """Topics, rights and users; returns the passwords of users that were not there."""
    with admin(found.access()) as broker:
        names = {provision.client_topic(client): provision.CLIENT_TOPIC for client in ids}
        provision.create_topics(broker, names, found.prefix)
        provision.apply(broker, [acl for client in ids for acl in provision.client_acls(client, found.prefix)])
        missing = [client for client in ids if client not in provision.users(broker, ids)]
        return _new_passwords(found, broker, missing)


def _new_passwords(found: "Installation", broker: KafkaAdminClient, ids: Iterable[str]) -> dict[str, str]:
    fresh = {client: secrets.token_urlsafe(18) for client in ids}
    provision.set_passwords(broker, fresh)
    found.remember(fresh)
    return fresh


def _check(found: "Installation", clients: Sequence[Client]) -> None:
    participants = {name for name, system in found.systems().systems.items() if system.participant}
    taken = {*RESERVED, *participants, *found.names("sources")}
    for client in clients:
        if not _SLUG.fullmatch(client.id):
            raise NameTaken(f"{client.id!r} must be lower-case letters, digits and hyphens, 40 at most, without dots")
        if client.id in taken:
            raise NameTaken(f"{client.id} is the name of a service, a system or an upstream app; choose another")
        if client.transport == "webhook":
            _check_url(client)


def _check_url(client: Client) -> None:
    url = urlsplit(client.url or "")
    near = url.scheme == "http" and url.hostname in _LOOPBACK
    if not url.hostname or url.username or url.fragment or not (near or url.scheme == "https"):
        message = f"{client.id}: a webhook needs an https URL without a login (http only for this very machine)"
        raise Misconfigured(message)


def known(found: "Installation", client: str) -> Client:
    """A registered client.

    Raises:
        Misconfigured: there is none of that name; says which there are.
    """
    with found.connect() as db:
        one = registry.some(db, [client]).get(client)
        if one is None:
            names = ", ".join(c.id for c in registry.every(db)) or "none"
            raise Misconfigured(f"there is no client {client}; registered are: {names}")
    return one


def rotate(found: "Installation", client: str) -> Given:
    """Give a client a new password, or its webhook a new secret; the old one ends now."""
    one = known(found, client)
    if not one.enabled:
        raise Misconfigured(f"{client} is disabled; `rightsbus clients add {client}` enables it with a new password")
    if one.transport == "webhook":
        later = replace(one, secret_round=one.secret_round + 1)
        with found.connect() as db:
            registry.save(db, [later])
        return Given(client, new=False, webhook_secret=hooks.secret(found.keys, client, later.secret_round))
    if one.transport == "mail":
        raise Misconfigured(f"{client} is reached by mail and has no password")
    with admin(found.access()) as broker:
        return Given(client, new=False, password=_new_passwords(found, broker, [client])[client])


def disable(found: "Installation", client: str, *, escalate: bool = False) -> int:
    """Hand nothing over to a client any more and close its login; returns how many open hand-overs were escalated."""
    one = known(found, client)
    with found.connect() as db:
        registry.save(db, [replace(one, enabled=False, disabled_why=one.disabled_why or "operator")])
    with admin(found.access()) as broker:
        provision.shut_out(broker, client)
    found.forget(client)
    return _escalate(found, client) if escalate else 0


def remove(found: "Installation", client: str, *, escalate: bool = False) -> int:
    """Take a client out: rights first, then its login, then what its topic holds, at last its entry.

    Returns how many open hand-overs now wait for an operator.

    Raises:
        StillOpen: there are some, and they were not to be escalated.
    """
    known(found, client)
    waiting = open_handovers(found, client).get(client, [])
    if waiting and not escalate:
        message = f"{len(waiting)} hand-overs to {client} are open; with --escalate they wait for an operator"
        raise StillOpen(message)
    escalated = disable(found, client, escalate=escalate)
    with admin(found.access()) as broker:
        topic = found.prefix + provision.client_topic(client)
        if topic in broker.list_topics():
            provision.empty(broker, topic)
    with found.connect() as db:
        registry.forget(db, client)
    return escalated


def open_handovers(found: "Installation", client: str | None = None) -> dict[str, list[str]]:
    """The requests whose hand-over has not ended, per client: of all clients, or of one."""
    with found.connect() as db:
        rows = db.execute(_OPEN, {"part": handover(client) if client else None}).fetchall()
    return {part.removeprefix("client:").partition("/")[0]: ids for part, ids in rows}


def _escalate(found: "Installation", client: str) -> int:
    """Say of each open hand-over that its client cannot be reached: it then waits for an operator."""
    requests = open_handovers(found, client).get(client, [])
    say(found, client, requests, said="unreachable")
    return len(requests)


def say(found: "Installation", client: str, requests: Iterable[str], **said: Any) -> None:  # noqa: ANN401  a word's fields
    """Publish what a client said by another way than its own program: to a person unless `by` names another."""
    now = Clock()()
    about = {"by": "operator", **said, "occurred_at": now, "client": client}
    told = [ClientHeard(event_id=new_id(), request_id=one, case_id=one, **about) for one in requests]
    encoded = [wire.encode(event, source="rightsbus/ops") for event in told]
    if encoded:
        publisher = Publisher(found.access("ops"))
        publisher.send_all([(topic, key, value, headers) for topic, key, value, headers in encoded])
        publisher.close()
