"""A merchant in the tests: registered, with its login, its keys, its recipients; and the people who ask about them."""

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from joserfc import jwe, jws
from joserfc.jwk import ECKey
from kafka import KafkaProducer
from psycopg.rows import dict_row

from bench.system import System
from schemas import wire
from schemas.values import Mode
from services.clients import jose
from services.clients.names import Handovers
from services.clients.registry import Client
from services.clients.unsealing import Unsealing
from services.directory.load import load
from services.directory.rows import person_of
from services.kernel import tokens
from services.ops import clients
from services.ops.kafka import Access, Follower
from services.ops.provision import client_topic
from stack.merchant import read

BRAND, SOURCE = "parcelwise", "webform"


@dataclass
class Recipient:
    """Somebody who got a parcel of one client."""

    name: str
    email: str
    order_number: str
    tracking_number: str
    key: str


@dataclass
class Shop:
    """One client and what it holds in its hands."""

    system: System
    id: str
    password: str
    encryption: ECKey | None = None
    signature: ECKey | None = None
    secret: str | None = None

    @property
    def access(self) -> Access:
        return Access(self.system.found.endpoints.bootstrap, self.id, self.password)

    def ships_to(self, name: str) -> Recipient:
        """Ship a parcel: one row in the shipments system, one record in the directory."""
        mark = secrets.token_hex(4)
        one = Recipient(name, f"{mark}@example.org", f"OR-{mark}", f"1Z{mark}{self.id[:6]}".upper(), f"k{mark}")
        row = {
            "brand": BRAND, "population": "recipient", "client": self.id, "link": f"{self.id}/{mark}",
            "system": "shipments", "record_keys": f"recipient_id={one.key}", "name": name, "email": one.email,
            "order_number": one.order_number, "tracking_number": one.tracking_number, "held_since": "2025-01-01",
        }  # fmt: skip
        with self.system.found.connect() as db:
            load(db, [person_of(1, row)], self.system.found.keys)
            db.execute(
                "INSERT INTO shipments.recipient (id, client, name, email, order_number, tracking_number) "
                "VALUES (%s, %s, %s, %s, %s, %s)",
                [one.key, self.id, name, one.email, one.order_number, one.tracking_number],
            )
        return one

    def holds(self, one: Recipient) -> dict[str, Any] | None:
        """The recipient's row in the shipments system."""
        with self.system.found.connect() as db, db.cursor(row_factory=dict_row) as cursor:
            return cursor.execute("SELECT * FROM shipments.recipient WHERE id = %s", [one.key]).fetchone()

    def calls(self, request: str) -> str:
        """What a request is called towards this client."""
        return Handovers(self.system.found.keys).name(self.id, request)

    def means(self, handover: str) -> str:
        """The request behind what this client calls it."""
        return Handovers(self.system.found.keys).request(self.id, handover)

    def messages(self) -> "Inbox":
        return Inbox(self)

    def write(self, value: Mapping[str, Any] | bytes) -> None:
        """Write one record to the replies, as this client's own program does."""
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        producer = KafkaProducer(**self.access.settings())
        producer.send("privacy.client-replies", value=raw).get(timeout=20)
        producer.close()

    def signs(self, said: Mapping[str, Any], *, sealed: bool = True, by: ECKey | None = None) -> dict[str, Any]:
        """The record of something said unasked."""
        body = {"client": self.id, "issued_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **said}
        key = by or self.signature
        assert key is not None
        token = jws.serialize_compact({"alg": "ES256"}, json.dumps(body), key)
        if sealed:
            ours = ECKey.import_key(jose.Inbound(self.system.found.keys).public())
            token = jwe.encrypt_compact({"alg": "ECDH-ES+A256KW", "enc": "A256GCM"}, token, ours)
        return {"type": "signed", "client": self.id, "jose": token}


def open_shop(
    system: System, tree: str, *, mode: Mode = Mode.FORWARD, keys: bool = False, url: str | None = None
) -> Shop:
    """Register a client of a name nobody else has."""
    name = f"{tree}-{secrets.token_hex(3)}"
    pair = {use: ECKey.generate_key("P-256", {"use": use, "kid": f"{name}-{use}"}) for use in ("enc", "sig")}
    public = json.dumps({"keys": [key.as_dict(private=False) for key in pair.values()]})
    client = Client(
        name, f"{tree.capitalize()} & Co", f"privacy@{name}.example", mode, "webhook" if url else "topic", url,
        keys=jose.public_keys(public) if keys else None,
    )  # fmt: skip
    [given] = clients.add(system.found, [client])
    encryption, signature = (pair["enc"], pair["sig"]) if keys else (None, None)
    return Shop(system, name, given.password or "", encryption, signature, given.webhook_secret)


class Inbox:
    """What comes on a client's own topic, read with its own login."""

    def __init__(self, shop: Shop) -> None:
        self._follower = Follower(shop.access, [client_topic(shop.id)])
        self._key, self.raw, self.all = shop.encryption, list[bytes](), list[dict[str, Any]]()

    def until(self, kind: str, *, within_s: float = 30, count: int = 1) -> dict[str, Any]:
        """Wait for a message of a type; returns the last of so many."""
        return self._last(lambda m: m["type"] == kind, f"no {kind}", within_s, count)

    def about(self, handover: str, *, within_s: float = 30) -> dict[str, Any]:
        """Wait for the request of one hand-over."""
        return self._last(lambda m: (m["type"], m["handover_id"]) == ("request", handover), "not asked", within_s, 1)

    def _last(self, fits: Callable[[dict[str, Any]], bool], what: str, within_s: float, count: int) -> dict[str, Any]:
        deadline = time.monotonic() + within_s
        while len(found := [m for m in self.all if fits(m)]) < count:
            if time.monotonic() > deadline:
                message = f"{what} within {within_s} s; came: {[m['type'] for m in self.all]}"
                raise TimeoutError(message)
            for record in self._follower.poll(100):
                self.raw.append(record.value or b"")
                self.all.append(read(record.value or b"", self._key))
        return found[-1]

    def close(self) -> None:
        self._follower.close()


@dataclass
class Desk:
    """Who asks, and who watches what becomes of it."""

    system: System
    follower: Follower
    producer: KafkaProducer
    closed: dict[str, dict[str, str]] = field(default_factory=dict)
    waiting: list[dict[str, Any]] = field(default_factory=list)
    parked: list[dict[str, Any]] = field(default_factory=list)

    def asks(
        self, one: Recipient, right: str = "delete", *, parcel: bool = True, sealed: bool = False, **more: Any
    ) -> str:
        """Submit a request by a recipient, in the open or sealed to our key; returns its id."""
        name = f"shop-{secrets.token_hex(5)}"
        numbers = {"tracking_numbers": [one.tracking_number]} if parcel else {}
        body = {
            "submission_id": name, "source": SOURCE, "brand": BRAND, "rights": [right],
            "subject": {"name": one.name, "emails": [one.email], **numbers},
            "residence": {"country": "US", "region": "UT"}, "locale": "en-US", **more,
        }  # fmt: skip
        value, headers = json.dumps(body).encode(), list[tuple[str, bytes]]()
        if sealed:
            ours = ECKey.import_key(Unsealing(self.system.found.keys).public())
            how = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM"}
            value, headers = jwe.encrypt_compact(how, value, ours).encode(), [("content-type", b"application/jose")]
        self.producer.send("privacy.requests", value=value, headers=headers).get(timeout=20)
        key = self.system.found.keys.derive("ids")
        meant = "know_specific" if right == "access" else right
        return str(tokens.request_id(key, UUID(str(tokens.case_id(key, SOURCE, name))), meant))

    def until(self, true: Callable[["Desk"], Any], *, within_s: float = 40) -> Any:
        """Watch until it is so; returns what it is."""
        deadline = time.monotonic() + within_s
        while not (found := true(self)):
            if time.monotonic() > deadline:
                message = f"not within {within_s} s; closed: {len(self.closed)}, waiting: {self.waiting[-3:]}"
                raise TimeoutError(message)
            self._look()
        return found

    def end(self, request: str, **more: Any) -> dict[str, str]:
        """Wait for a request's close; how each part ended."""
        return dict(self.until(lambda desk: desk.closed.get(request), **more))

    def _look(self) -> None:
        for record in self.follower.poll(100):
            body = json.loads(record.value or b"{}")
            if record.topic == "privacy.waiting":
                self.waiting.append(body)
            elif record.topic == "privacy.parked.fulfiller":
                self.parked.append(body)
            elif body.get("type") == "RequestClosed":
                self.closed[body["request_id"]] = {name: end["outcome"] for name, end in body["parts"].items()}


def at_desk(system: System) -> Iterator[Desk]:
    """Watch from now on."""
    topics = ["privacy.closed", "privacy.waiting", "privacy.parked.fulfiller"]
    follower = Follower(system.found.access("ops"), topics, at_end=True)
    producer = KafkaProducer(**system.found.access(SOURCE).settings())
    yield Desk(system, follower, producer)
    producer.close()
    follower.close()


__all__ = ["Desk", "Inbox", "Recipient", "Shop", "at_desk", "open_shop", "wire"]
