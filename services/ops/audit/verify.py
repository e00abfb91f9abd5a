"""Find every edited, removed or reordered entry of history, and say where. Reads all of it, changes nothing."""

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from schemas.audit import AuditRoot, ChainRoot
from services.kernel.tokens import case_key
from services.ops.audit import hashes
from services.ops.audit.seal import FIRST, digest, signed_bytes, top
from services.ops.register.entry import Entry, parse

Conn = psycopg.Connection[Any]
KEEP: Final = timedelta(days=913)
"""How long entries are readable: 24 months (11 CCR § 7101) and the longest a request can take. Hashes stay."""
_CHAINS: Final = "SELECT id, topic, partition, length, head FROM ops.chains ORDER BY topic, partition"
_ROWS: Final = "SELECT n, case_key, salt, entry, leaf, link FROM ops.audit WHERE chain = %s ORDER BY n"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it was chained."""

    where: str
    what: str


@dataclass(slots=True)
class Walk:
    """One chain while it is walked: where we are, and what is wrong so far."""

    topic: str
    partition: int
    at: bytes
    n: int = 0
    offset: int = -1
    faults: list[Fault] = field(default_factory=list)

    def fault(self, n: int, what: str) -> None:
        """Note something about entry `n`."""
        self.faults.append(Fault(f"{self.topic}/{self.partition} entry {n}", what))


def verify(
    db: Conn,
    roots: Sequence[AuditRoot],
    key: Ed25519PublicKey,
    now: datetime,
    progress: Callable[[int], None] = lambda _: None,
) -> list[Fault]:
    """Check every chain against its hashes and against the signed roots, oldest root first.

    `roots` come from their topic, where nobody with only the database could edit them.
    """
    faults = list(_root_faults(roots, key))
    with db.transaction():
        db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        known = {row[0] for row in db.execute("SELECT number FROM ops.roots")}
        faults += [Fault(f"root {r.number}", "is not in the database") for r in roots if r.number not in known]
        chains = db.execute(_CHAINS).fetchall()
        for chain in chains:
            faults += _chain_faults(db, chain, roots, now, progress)
        there = {(topic, partition) for _, topic, partition, *_ in chains}
        for root in roots:
            gone = [c for c in root.chains if (c.topic, c.partition) not in there]
            faults += [Fault(f"{c.topic}/{c.partition}", f"is gone, but root {root.number} names it") for c in gone]
    return faults


def _root_faults(roots: Sequence[AuditRoot], key: Ed25519PublicKey) -> Iterator[Fault]:
    before: AuditRoot | None = None
    for root in roots:
        where = f"root {root.number}"
        try:
            key.verify(base64.b64decode(root.signature), signed_bytes(root))
        except (InvalidSignature, ValueError):
            yield Fault(where, "is not signed by this installation's key")
        if top(root.chains) != root.root:
            yield Fault(where, "names other chains than those it was signed over")
        if before is not None and root.number != before.number + 1:
            yield Fault(where, f"follows root {before.number}: those between are missing")
        elif root.previous != (digest(before) if before else FIRST) and (before or root.number == 1):
            yield Fault(where, "does not follow the root before it")
        before = root


def _chain_faults(
    db: Conn, chain: tuple[Any, ...], roots: Sequence[AuditRoot], now: datetime, progress: Callable[[int], None]
) -> list[Fault]:
    chain_id, topic, partition, length, head = chain
    walk = Walk(topic, partition, hashes.start(topic, partition))
    signed = [(root, c) for root in roots for c in root.chains if (c.topic, c.partition) == (topic, partition)]
    old = max((c.last for root, c in signed if root.sealed_at < now - KEEP), default=0)
    leaves: dict[int, bytes] = {}
    with db.cursor(name="chain") as cursor:
        cursor.itersize = 2_000
        for row in cursor.execute(_ROWS, [chain_id]):
            _step(walk, row, old)
            leaves[walk.n] = bytes(row[4])
            while signed and walk.n >= signed[0][1].last:
                _compare(walk, *signed.pop(0), leaves)
            if walk.n % 1_000 == 0:
                progress(1_000)
    if walk.n != length or walk.at != bytes(head):
        walk.fault(walk.n, f"is the last one there; there were {length}")
    for root, c in signed:
        walk.fault(c.last, f"is missing, but root {root.number} was signed over it")
    progress(walk.n % 1_000)
    return walk.faults


def _step(walk: Walk, row: tuple[Any, ...], old: int) -> None:
    """Check one row, and go on from what it says, so that one edit is one fault."""
    n, case, salt, raw, leaf, link = row
    if n != walk.n + 1:
        walk.fault(walk.n + 1, "is missing" if n == walk.n + 2 else f"to {n - 1} are missing")
    elif bytes(link) != hashes.link(walk.at, bytes(leaf)):
        walk.fault(n, "does not follow the entry before it: edited, or moved here from elsewhere")
    if raw is None:
        if n > old:
            walk.fault(n, "was emptied before its time")
    elif bytes(leaf) != hashes.leaf(bytes(salt or b""), bytes(raw)):
        walk.fault(n, "was edited")
    elif told := _misplaced(walk, bytes(raw), case):
        walk.fault(n, told)
    walk.n, walk.at = n, bytes(link)


def _misplaced(walk: Walk, raw: bytes, case: str | None) -> str:
    try:
        entry = parse(raw)
    except ValueError:
        return "cannot be read"
    if (entry.topic, entry.partition) != (walk.topic, walk.partition):
        return f"belongs to {entry.topic}/{entry.partition}"
    if entry.offset <= walk.offset:
        return f"is out of order: offset {entry.offset} after {walk.offset}"
    walk.offset = entry.offset
    return "" if case == filed_under(entry) else "is filed under another case"


def filed_under(entry: Entry) -> str | None:
    """The case an entry is found by; None when it is about none."""
    about = entry.body.get("request_id") or entry.body.get("case_id")
    try:
        return case_key(about) if about else None
    except (ValueError, AttributeError):
        return None


def _compare(walk: Walk, root: AuditRoot, signed: ChainRoot, leaves: dict[int, bytes]) -> None:
    """Compare a stretch of the chain with what was signed of it, and forget its leaves."""
    numbers = range(signed.first, signed.last + 1)
    there = [leaves[n] for n in numbers if n in leaves]
    if len(there) != len(numbers) or hashes.root(there).hex() != signed.root:
        what = f"to {signed.last} are not what root {root.number} of {root.day} was signed over"
        walk.fault(signed.first, what)
    for n in [n for n in leaves if n <= signed.last]:
        del leaves[n]
