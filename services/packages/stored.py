"""A package as it lies in the vault: sealed blocks of one archive under its case's data key, and a note about it."""

import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from json import dumps, loads
from typing import Any, Final

from services.kernel.store import Conn
from services.kernel.tokens import case_key
from services.kernel.vault import Vault

_INVENTORY: Final = "SELECT case_key, name, octet_length(sealed) FROM vault.items WHERE case_key = ANY(%s)"
BLOCK: Final = 1 << 20
"""Bytes per sealed block: large enough to be few, small enough to hold several at once."""
OWN: Final = "own"


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a package: its size in bytes, its SHA-256, its blocks, when it was made (ISO 8601)."""

    request: str
    scope: str
    size: int
    sha256: str
    blocks: int
    made_at: str


@dataclass(slots=True)
class Outgoing:
    """What the archive is written to: a file that cannot be read or rewound, handed on in blocks."""

    size: int = 0
    _buffer: bytearray = field(default_factory=bytearray)
    _digest: Any = field(default_factory=hashlib.sha256)

    def write(self, data: bytes) -> int:
        """Take bytes."""
        self._buffer += data
        self._digest.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Do nothing: blocks leave when they are asked for."""

    def close(self) -> None:
        """Do nothing: the last block leaves when it is asked for."""

    def blocks(self, *, last: bool = False) -> Iterator[bytes]:
        """The blocks that are full; with `last` what is left, too."""
        while len(self._buffer) >= BLOCK or (last and self._buffer):
            yield bytes(self._buffer[:BLOCK])
            del self._buffer[:BLOCK]

    @property
    def sha256(self) -> str:
        """The digest of everything written so far."""
        return str(self._digest.hexdigest())


class Shelf:
    """Puts one package's blocks into the vault, within the caller's transaction, once an earlier one was removed."""

    def __init__(self, vault: Vault, conn: Conn, request: str, scope: str) -> None:
        self._vault, self._conn, self._request, self._scope = vault, conn, request, scope
        self._case, self._count = case_key(request), 0

    async def take(self, outgoing: Outgoing, *, last: bool = False) -> None:
        """Seal and store what is ready."""
        for block in outgoing.blocks(last=last):
            await self._vault.put(self._conn, {(self._case, _block(self._request, self._scope, self._count)): block})
            self._count += 1

    async def close(self, outgoing: Outgoing, now: datetime) -> About:
        """Store the rest, and the note that makes the package complete."""
        await self.take(outgoing, last=True)
        about = About(
            self._request, self._scope, outgoing.size, outgoing.sha256, self._count, now.isoformat(timespec="seconds")
        )
        noted = dumps(asdict(about)).encode()
        await self._vault.put(self._conn, {(self._case, _note(self._request, self._scope)): noted})
        return about


async def inventory(conn: Conn, cases: Iterable[str]) -> dict[str, dict[str, int]]:
    """What lies in the vault of these cases, by name, with the bytes each item takes; in one query."""
    found: dict[str, dict[str, int]] = {}
    async for case, name, size in await conn.execute(_INVENTORY, [sorted(set(cases))]):
        found.setdefault(case, {})[name] = size
    return found


def items_of(outgoing: Outgoing, request: str, scope: str, now: datetime) -> dict[tuple[str, str], bytes]:
    """A small package as items for the vault: its blocks, and the note that makes it complete."""
    case, blocks = case_key(request), list(outgoing.blocks(last=True))
    made = About(request, scope, outgoing.size, outgoing.sha256, len(blocks), now.isoformat(timespec="seconds"))
    items = {(case, _block(request, scope, number)): block for number, block in enumerate(blocks)}
    return items | {(case, _note(request, scope)): dumps(asdict(made)).encode()}


async def about(vault: Vault, conn: Conn, request: str, scope: str = OWN) -> About | None:
    """What is known of a package; None when there is none, or no longer."""
    item = case_key(request), _note(request, scope)
    raw = (await vault.get(conn, [item])).get(item)
    return About(**loads(raw)) if raw else None


async def read(vault: Vault, conn: Conn, what: About) -> AsyncIterator[bytes]:
    """The archive, block by block; only one is held at a time."""
    case = case_key(what.request)
    for number in range(what.blocks):
        item = case, _block(what.request, what.scope, number)
        yield (await vault.get(conn, [item]))[item]


def _block(request: str, scope: str, number: int) -> str:
    """The first block bears the package's bare name: a package of one block is one item."""
    return f"package:{request}:{scope}:{number:06}" if number else f"package:{request}:{scope}"


def _note(request: str, scope: str) -> str:
    return f"package-note:{request}:{scope}"


def belongs(name: str, request: str, scope: str) -> bool:
    """Whether an item of the vault is part of a package."""
    whole = f"package:{request}:{scope}"
    return name in {whole, _note(request, scope)} or name.startswith(f"{whole}:")
