"""Sign what was chained since the last root: one tree per chain, one tree over the chains, one Ed25519 signature."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic_core import to_json

from schemas.audit import AuditRoot, ChainRoot
from services.kernel.errors import PermanentError
from services.kernel.keys import KeyStore
from services.ops.audit import hashes

Conn = psycopg.Connection[Any]
FIRST: Final = "0" * 64
"""What the first root says came before it."""
_ALONE: Final = 7_202_613
_GROWN: Final = "SELECT id, topic, partition, sealed, length, head FROM ops.chains WHERE length > sealed ORDER BY id"
_LINKS: Final = "SELECT n, leaf, link FROM ops.audit WHERE chain = %s AND n > %s AND n <= %s ORDER BY n"
_BEFORE: Final = "SELECT link FROM ops.audit WHERE chain = %s AND n = %s"


class HistoryBroken(PermanentError):
    """A chain does not hold together; nothing is signed until somebody has looked."""


def signing_key(keys: KeyStore) -> Ed25519PrivateKey:
    """The installation's key for roots; the same as long as its keys are."""
    return Ed25519PrivateKey.from_private_bytes(keys.derive("audit/ed25519"))


def public_pem(keys: KeyStore) -> str:
    """What an auditor needs to check roots and proofs."""
    return signing_key(keys).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signed_bytes(root: AuditRoot) -> bytes:
    """What the signature is over."""
    names = ("number", "day", "sealed_at", "previous", "root")
    told = root.model_dump(mode="json", include=set(names))
    return to_json({name: told[name] for name in names})


def digest(root: AuditRoot) -> str:
    """What the next root names as its previous one."""
    return hashes.leaf(b"", signed_bytes(root)).hex()


def chain_bytes(chain: ChainRoot) -> bytes:
    """What stands for one chain in the tree over the chains."""
    return to_json(chain.model_dump(mode="json"))


def top(chains: Sequence[ChainRoot]) -> str:
    """The root of the tree over the chains."""
    return hashes.root([hashes.leaf(b"", chain_bytes(chain)) for chain in chains]).hex()


def seal(db: Conn, keys: KeyStore, now: datetime) -> AuditRoot | None:
    """Sign everything chained and not signed yet; None when that is nothing. Commits; publishing comes after.

    Raises:
        HistoryBroken: a chain about to be signed was edited; says which and where.
    """
    with db.transaction():
        db.execute("SELECT pg_advisory_xact_lock(%s)", [_ALONE])
        grown = db.execute(_GROWN).fetchall()
        if not grown:
            return None
        chains = [_chain_root(db, row) for row in grown]
        root = _signed(db, keys, chains, now)
        document = root.model_dump_json().encode()
        db.execute("INSERT INTO ops.roots (number, document) VALUES (%s, %s)", [root.number, document])
        ends = [[row[0] for row in grown], [row[4] for row in grown]]
        db.execute(
            "UPDATE ops.chains c SET sealed = t.n FROM unnest(%s::int[], %s::bigint[]) AS t(id, n) WHERE c.id = t.id",
            ends,
        )
    return root


def _chain_root(db: Conn, row: tuple[Any, ...]) -> ChainRoot:
    chain, topic, partition, sealed, length, head = row
    before = db.execute(_BEFORE, [chain, sealed]).fetchone() if sealed else (hashes.start(topic, partition),)
    at, number, leaves = (bytes(before[0]) if before else b""), sealed, []
    for n, entry_leaf, link in db.execute(_LINKS, [chain, sealed, length]):
        at, number = hashes.link(at, bytes(entry_leaf)), number + 1
        if n != number or at != bytes(link):
            raise HistoryBroken(
                f"history of {topic}/{partition} was edited at entry {number}; `audit verify` says more"
            )
        leaves.append(bytes(entry_leaf))
    if number != length or at != bytes(head):
        raise HistoryBroken(
            f"history of {topic}/{partition} ends at entry {number}, not {length}; `audit verify` says more"
        )
    return ChainRoot(
        topic=topic, partition=partition, first=sealed + 1, last=length, root=hashes.root(leaves).hex(), head=head.hex()
    )


def _signed(db: Conn, keys: KeyStore, chains: list[ChainRoot], now: datetime) -> AuditRoot:
    last = db.execute("SELECT document FROM ops.roots ORDER BY number DESC LIMIT 1").fetchone()
    before = AuditRoot.model_validate_json(bytes(last[0])) if last else None
    number = before.number + 1 if before else 1
    unsigned = AuditRoot(
        event_id=uuid5(NAMESPACE_URL, f"audit-root/{number}/{now.isoformat()}"), occurred_at=now, number=number,
        request_id=None, case_id=None, day=now.date(), sealed_at=now, previous=digest(before) if before else FIRST,
        chains=chains, root=top(chains), signature="",
    )  # fmt: skip
    signature = base64.b64encode(signing_key(keys).sign(signed_bytes(unsigned))).decode()
    return unsigned.model_copy(update={"signature": signature})


def unpublished(db: Conn) -> list[AuditRoot]:
    """Roots signed but not known to be on their topic, oldest first."""
    rows = db.execute("SELECT document FROM ops.roots WHERE NOT published ORDER BY number")
    return [AuditRoot.model_validate_json(bytes(row[0])) for row in rows]


def published(db: Conn, roots: Sequence[AuditRoot]) -> None:
    """Note that roots lie on their topic."""
    db.execute("UPDATE ops.roots SET published = true WHERE number = ANY(%s)", [[root.number for root in roots]])
