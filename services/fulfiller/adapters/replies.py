"""Read what clients write. Who shows neither a part's token nor a client's signature is nobody: parked, and counted.

Everything is proven here, before anything is decided, so that a flood of forgeries costs no transaction.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

import psycopg
import structlog
from pydantic_core import from_json

from schemas import wire
from schemas.clients import ClientInstructed, ClientSigned, ProvidersAsked
from schemas.events import ClientReplied
from schemas.values import Problem
from schemas.wire import Record, Unreadable
from services.clients import jose, registry
from services.clients.names import Handovers
from services.clients.registry import Client
from services.fulfiller.decide import Instruction, Reply
from services.kernel import tokens
from services.kernel.clock import monotonic
from services.kernel.house import House

log = structlog.get_logger()
FRESH_S: Final = 1.0
"""How long the register is believed before it is read again: a key registered now serves from then on."""
_SIGNED: Final[Mapping[str, type[ClientInstructed | ProvidersAsked]]] = {
    "instruction": ClientInstructed,
    "service-providers": ProvidersAsked,
}
_JWE_PARTS: Final = 5
_NAMES: Final = ("handover_id", "request_id")
"""Fields that name a hand-over; a token is believed by either: its client may be told what the other should be."""
_OPAQUE: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Register:
    """The clients, read at most once a second, and only when a client's word must be checked."""

    def __init__(self, database_url: str) -> None:
        self._url, self._at, self._clients = database_url, float("-inf"), dict[str, Client]()

    def get(self, client: object) -> Client | None:
        """A client as registered; the last known register while the database is away."""
        if monotonic() - self._at > FRESH_S:
            try:
                with psycopg.connect(self._url, autocommit=True, connect_timeout=2) as db:
                    self._clients = {one.id: one for one in registry.every(db)}
            except psycopg.OperationalError as error:
                log.warning("waiting", stage="client-replies", cause=type(error).__name__)
            self._at = monotonic()
        return self._clients.get(client) if isinstance(client, str) else None


class Replies:
    """Turns a record of `privacy.client-replies` into something to decide on."""

    def __init__(self, house: House) -> None:
        self._names, self._ids = Handovers(house.keys), house.keys.derive("ids")
        self._inbound = jose.Inbound(house.keys)
        self._register = Register(house.settings.database_url.get_secret_value())
        self._refused = house.metrics.refused

    def __call__(self, record: Record) -> Reply | Instruction:
        """Read one record.

        Raises:
            Unreadable: it is nothing a client could be answered about, or its proof does not hold.
        """
        data = wire.unwrap(record)
        return self._signed(record, data) if data.get("type") == "signed" else self._reply(record, data)

    def _reply(self, record: Record, data: Mapping[str, Any]) -> Reply:
        client = data.get("client")
        named = [self._names.proven(client, data.get(name), data.get("reply_token")) for name in _NAMES]
        request_id = next((found for found in named if found), None)
        try:
            body = wire.read(ClientReplied, data)
        except Unreadable as error:
            if request_id is None:
                raise
            return Reply(record.position_id, record.at, request_id, None, tuple(error.problems), str(client))
        if request_id is None:
            self._refuse(client, "token")
            raise Unreadable.at("reply_token", "must be the one of the message it answers")
        problems = _other_handover(body)
        return Reply(record.position_id, record.at, request_id, None if problems else body, problems, body.client)

    def _signed(self, record: Record, data: Mapping[str, Any]) -> Instruction:
        outer = wire.read(ClientSigned, data)
        sealed = outer.jose.count(".") == _JWE_PARTS - 1
        try:
            token = self._inbound.open(outer.jose) if sealed else outer.jose
        except jose.CannotRead:
            self._refuse(outer.client, "seal")
            raise Unreadable.at("jose", "must be sealed to our key") from None
        known = self._register.get(outer.client)
        try:
            said = jose.signed_by(known.keys if known else None, token)
        except jose.CannotRead:
            self._refuse(outer.client, "signature")
            raise Unreadable.at("jose", "must be signed with the key that client registered") from None
        return self._instruction(record, outer.client, said, sealed=sealed)

    def _instruction(self, record: Record, client: str, said: bytes, *, sealed: bool) -> Instruction:
        """What was signed, checked field by field. Another's name in it, or none that can be read, is an error too."""
        problems: list[Problem] = []
        body: ClientInstructed | ProvidersAsked | None = None
        data = _object(said)
        try:
            body = _read(data, client)
        except Unreadable as error:
            problems = error.problems
        name = _instruction_id(data) or str(record.position_id)
        case = tokens.case_id(self._ids, f"client/{client}", name)
        return Instruction(
            record.position_id, record.at, str(tokens.request_id(self._ids, case, "instruction")), str(case), client,
            name, body, tuple(problems), sealed, hmac.new(self._ids, said, hashlib.sha256).hexdigest(),
        )  # fmt: skip

    def _refuse(self, client: object, why: str) -> None:
        known = self._register.get(client)
        self._refused.labels("fulfiller", known.id if known else "unknown", why).inc()


def _other_handover(body: ClientReplied) -> tuple[Problem, ...]:
    if body.request_id in {None, body.handover_id}:
        return ()
    return (Problem(field="handover_id", rule="must be that of the message it answers"),)


def _object(said: bytes) -> dict[str, Any]:
    """What was signed, as an object; an empty one when it is none."""
    try:
        found = from_json(said)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _read(data: Mapping[str, Any], client: str) -> ClientInstructed | ProvidersAsked:
    """Check what was signed.

    Raises:
        Unreadable: lists every field that breaks a rule; another's name is one.
    """
    kind = _SIGNED.get(str(data.get("type")))
    if kind is None:
        raise Unreadable.at("type", f"must be {' or '.join(_SIGNED)}")
    body = wire.read(kind, data)
    if body.client != client:
        raise Unreadable.at("client", "must be who signs")
    return body


def _instruction_id(data: Mapping[str, Any]) -> str | None:
    """The client's own id, if it can be read at all."""
    found = data.get("instruction_id")
    return found if isinstance(found, str) and _OPAQUE.fullmatch(found) else None
