"""One request's history with its proof: every entry, the path from it to a signed root, and the roots.

`deploy/check-proof.py` checks it with nothing but the public key. A proof shows that each entry is genuine and old as
it says; that none is left out only `audit verify` can tell, which reads all of history.
"""

import base64
from collections.abc import Sequence
from typing import Any, Final

import psycopg

from schemas.audit import AuditRoot, ChainRoot
from services.kernel.tokens import case_key
from services.ops.audit import hashes
from services.ops.audit.seal import chain_bytes, signed_bytes

Conn = psycopg.Connection[Any]
FORMAT: Final = "rightsbus-proof-1"
_ENTRIES: Final = """SELECT c.id, c.topic, c.partition, a.n, a.salt, a.entry FROM ops.audit a
JOIN ops.chains c ON c.id = a.chain WHERE a.case_key = %s AND a.entry IS NOT NULL ORDER BY c.id, a.n"""
_LEAVES: Final = "SELECT leaf FROM ops.audit WHERE chain = %s AND n BETWEEN %s AND %s ORDER BY n"


def export(db: Conn, request_id: str, roots: Sequence[AuditRoot]) -> dict[str, Any]:
    """The proof of one request's history. Entries not under a signed root yet are counted as `unsigned`."""
    proofs: list[dict[str, Any]] = []
    used: dict[int, AuditRoot] = {}
    unsigned, cache = 0, dict[tuple[int, int], list[bytes]]()
    for chain, topic, partition, n, salt, raw in db.execute(_ENTRIES, [case_key(request_id)]).fetchall():
        if f'"{request_id}"'.encode() not in bytes(raw):
            continue
        found = _signed(roots, topic, partition, n)
        if found is None:
            unsigned += 1
            continue
        root, index = found
        signed = root.chains[index]
        leaves = cache.setdefault((root.number, index), _leaves(db, chain, signed))
        used[root.number] = root
        proofs.append(
            {
                "entry": bytes(raw).decode(),
                "salt": bytes(salt).hex(),
                "path": _steps(hashes.path(leaves, n - signed.first)),
                "chain": chain_bytes(signed).decode(),
                "chain_path": _steps(hashes.path([hashes.leaf(b"", chain_bytes(c)) for c in root.chains], index)),
                "root": root.number,
            }
        )
    told = [_told(used[number]) for number in sorted(used)]
    return {"format": FORMAT, "request_id": request_id, "unsigned": unsigned, "roots": told, "entries": proofs}


def _signed(roots: Sequence[AuditRoot], topic: str, partition: int, n: int) -> tuple[AuditRoot, int] | None:
    for root in roots:
        for index, chain in enumerate(root.chains):
            if (chain.topic, chain.partition) == (topic, partition) and chain.first <= n <= chain.last:
                return root, index
    return None


def _leaves(db: Conn, chain: int, signed: ChainRoot) -> list[bytes]:
    return [bytes(row[0]) for row in db.execute(_LEAVES, [chain, signed.first, signed.last])]


def _steps(path: Sequence[tuple[str, bytes]]) -> list[list[str]]:
    return [[side, other.hex()] for side, other in path]


def _told(root: AuditRoot) -> dict[str, Any]:
    return {
        "number": root.number,
        "signed": base64.b64encode(signed_bytes(root)).decode(),
        "signature": root.signature,
    }
