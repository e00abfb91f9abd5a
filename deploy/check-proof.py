#!/usr/bin/env python3
"""Check one request's exported history: `check-proof.py PROOF.json PUBLIC-KEY.pem`.

Needs nothing but Python and `cryptography`. Each entry is hashed with its salt, its path is climbed to the root of its
topic-partition, that one's to the signed root, and the signature is checked. Exit 0 when every entry is proven.
"""

import base64
import hashlib
import json
import pathlib
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key


def climb(path: list[list[str]], *leaf: bytes) -> str:
    """Leaves are hashed under a zero byte, inner nodes under a one (RFC 6962)."""
    at = hashlib.sha256(b"\x00" + b"".join(leaf)).digest()
    for side, other in path:
        pair = bytes.fromhex(other) + at if side == "left" else at + bytes.fromhex(other)
        at = hashlib.sha256(b"\x01" + pair).digest()
    return at.hex()


def check(one: dict, roots: dict) -> str | None:
    """What is wrong with one entry; None when it is proven."""
    raw, chain = one["entry"].encode(), json.loads(one["chain"])
    entry = json.loads(raw)
    if climb(one["path"], bytes.fromhex(one["salt"]), raw) != chain["root"]:
        return "is not an entry of the chain it names"
    if (entry["topic"], entry["partition"]) != (chain["topic"], chain["partition"]):
        return "belongs to another chain"
    if one["root"] not in roots or climb(one["chain_path"], one["chain"].encode()) != roots[one["root"]]["root"]:
        return "is not under a signed root"
    return None


proof = json.loads(pathlib.Path(sys.argv[1]).read_text("utf-8"))
key = load_pem_public_key(pathlib.Path(sys.argv[2]).read_bytes())
roots, bad = {}, 0
for root in proof["roots"]:
    signed = base64.b64decode(root["signed"])
    try:
        key.verify(base64.b64decode(root["signature"]), signed)
    except InvalidSignature:
        sys.exit("a root is not signed by this key: nothing is proven")
    roots[root["number"]] = json.loads(signed)
for one in sorted(proof["entries"], key=lambda one: json.loads(one["entry"])["at"]):
    entry, problem = json.loads(one["entry"]), check(one, roots)
    told = problem or f"proven, signed {roots[one['root']]['day']}"
    sys.stdout.write(f"{told}: {entry['kind']} {entry['topic']}/{entry['partition']}@{entry['offset']}\n")
    bad += problem is not None
sys.stdout.write(f"{len(proof['entries'])} entries, {bad} not proven, {proof['unsigned']} too young to be signed\n")
sys.exit(1 if bad or not proof["entries"] else 0)
