"""The hashes that chains, roots and proofs are made of. Pure.

Leaves are salted, so that who sees one request's proof cannot guess its neighbours. The tree is RFC 6962's: leaves and
inner nodes are hashed under different prefixes, and a tree of n leaves splits at the largest power of two below n.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

SALT_BYTES: Final = 16
_LEAF, _NODE, _LINK, _START = b"\x00", b"\x01", b"\x02", b"\x03"


def _sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def leaf(salt: bytes, entry: bytes) -> bytes:
    """What stands for an entry."""
    return _sha(_LEAF, salt, entry)


def start(topic: str, partition: int) -> bytes:
    """The head of an empty chain: another one for each topic-partition."""
    return _sha(_START, f"{topic}/{partition}".encode())


def link(before: bytes, entry_leaf: bytes) -> bytes:
    """The head of a chain after one more leaf."""
    return _sha(_LINK, before, entry_leaf)


def root(leaves: Sequence[bytes]) -> bytes:
    """The root of the tree over leaves in order; of none, the hash of nothing."""
    if not leaves:
        return _sha()
    level = list(leaves)
    while len(level) > 1:
        level = _up(level)
    return level[0]


def _up(level: Sequence[bytes]) -> list[bytes]:
    """One level up: pairs joined, a single last one carried as it is."""
    pairs = [_sha(_NODE, level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return pairs + [level[-1]] * (len(level) % 2)


def path(leaves: Sequence[bytes], index: int) -> list[tuple[str, bytes]]:
    """The neighbours that lead from one leaf to the root, each with the side it stands on: `left` or `right`."""
    steps: list[tuple[str, bytes]] = []
    level = list(leaves)
    while len(level) > 1:
        other = index ^ 1
        if other < len(level):
            steps.append(("left" if other < index else "right", level[other]))
        level, index = _up(level), index // 2
    return steps


def climb(from_leaf: bytes, steps: Sequence[tuple[str, bytes]]) -> bytes:
    """The root a path leads to."""
    at = from_leaf
    for side, other in steps:
        at = _sha(_NODE, other, at) if side == "left" else _sha(_NODE, at, other)
    return at
