"""Everything personal of a case, sealed under a random key of its own; destroying that key is the erasure."""

import os
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from services.kernel.errors import PermanentError
from services.kernel.keys import KeyGone, KeyStore

_NONCE: Final = 12
_CACHE: Final = 4_096
_READ_KEYS: Final = "SELECT case_key, epoch, wrapped FROM vault.keys WHERE case_key = ANY(%s)"
_NEW_KEYS: Final = """INSERT INTO vault.keys (case_key, epoch, wrapped)
SELECT * FROM unnest(%s::text[], %s::text[], %s::bytea[]) ORDER BY 1 ON CONFLICT (case_key) DO NOTHING"""
_PUT: Final = """INSERT INTO vault.items (case_key, name, sealed)
SELECT * FROM unnest(%s::text[], %s::text[], %s::bytea[]) ORDER BY 1, 2
ON CONFLICT (case_key, name) DO UPDATE SET sealed = excluded.sealed"""
_GET: Final = """SELECT i.case_key, i.name, i.sealed, k.epoch, k.wrapped FROM vault.items i
JOIN vault.keys k USING (case_key)
JOIN unnest(%s::text[], %s::text[]) AS w(case_key, name) USING (case_key, name)"""
_UNDER: Final = """SELECT i.case_key, i.name, i.sealed, k.epoch, k.wrapped FROM vault.items i
JOIN vault.keys k USING (case_key) WHERE i.case_key = ANY(%s) AND starts_with(i.name, %s)"""
_DESTROY: Final = "DELETE FROM vault.keys WHERE case_key = ANY(%s)"

type_conn = AsyncConnection[TupleRow]


class CannotOpen(PermanentError):
    """Sealed bytes do not open: another key, or they were changed."""


def seal(key: bytes, plain: bytes, about: bytes) -> bytes:
    """Encrypt with AES-256-GCM under a fresh nonce, bound to what it is about."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, about)


def unseal(key: bytes, sealed: bytes, about: bytes) -> bytes:
    """Decrypt what `seal` made.

    Raises:
        CannotOpen: wrong key, wrong subject, or changed bytes.
    """
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], about)
    except InvalidTag:
        message = "sealed bytes do not open with this key"
        raise CannotOpen(message) from None


class Sealer:
    """Seals bytes that belong to no case, or leave soon: outbox rows of personal topics, parked records."""

    def __init__(self, keys: KeyStore, label: str) -> None:
        self._keys, self._label = keys, label.encode()

    def seal(self, plain: bytes) -> bytes:
        """Encrypt under the current epoch, whose name goes in front."""
        epoch = self._keys.current_epoch()
        return epoch.encode() + b":" + seal(self._keys.wrapping_key(epoch), plain, self._label)

    def open(self, sealed: bytes) -> bytes:
        """Decrypt; raises CannotOpen, or KeyGone when the epoch was destroyed."""
        epoch, _, body = sealed.partition(b":")
        return unseal(self._keys.wrapping_key(epoch.decode()), body, self._label)


class Vault:
    """One random data key per case, wrapped by the current epoch's key; items sealed under it. Set-based."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self._cache: OrderedDict[str, tuple[bytes, bytes]] = OrderedDict()

    async def put(self, conn: type_conn, items: Mapping[tuple[str, str], bytes]) -> None:
        """Store items by (case key, name); the same name again overwrites. Three statements at the most."""
        cases = sorted({case for case, _ in items})
        keys = await self._data_keys(conn, cases)
        columns: tuple[list[str], list[str], list[bytes]] = ([], [], [])
        for (case, name), plain in items.items():
            columns[0].append(case)
            columns[1].append(name)
            columns[2].append(seal(keys[case], plain, f"{case}|{name}".encode()))
        await conn.execute(_PUT, columns)

    async def get(self, conn: type_conn, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
        """Read items; those that never were, or whose key is destroyed, are absent."""
        pairs = list(wanted)
        return await self._read(conn, _GET, [[case for case, _ in pairs], [name for _, name in pairs]])

    async def under(self, conn: type_conn, cases: Iterable[str], prefix: str) -> dict[tuple[str, str], bytes]:
        """Read all items of the cases whose name starts with `prefix`."""
        return await self._read(conn, _UNDER, [list(cases), prefix])

    async def destroy(self, conn: type_conn, cases: Iterable[str]) -> int:
        """Delete the cases' data keys, and with them (by cascade) their items; returns how many keys there were."""
        gone = list(cases)
        for case in gone:
            self._cache.pop(case, None)
        return (await conn.execute(_DESTROY, [gone])).rowcount

    async def _read(self, conn: type_conn, query: str, args: list[object]) -> dict[tuple[str, str], bytes]:
        found = {}
        async for case, name, sealed, epoch, wrapped in await conn.execute(query, args):  # type: ignore[arg-type]  # ours
            try:
                key = self._unwrap(case, epoch, bytes(wrapped))
            except KeyGone:
                continue
            found[case, name] = unseal(key, bytes(sealed), f"{case}|{name}".encode())
        return found

    async def _data_keys(self, conn: type_conn, cases: list[str]) -> dict[str, bytes]:
        """The cases' data keys, made where there is none; of two made at once the first one stored wins."""
        keys = await self._stored_keys(conn, cases)
        missing = [case for case in cases if case not in keys]
        if missing:
            epoch = self._keys.current_epoch()
            wrapping = self._keys.wrapping_key(epoch)
            wrapped = [seal(wrapping, AESGCM.generate_key(256), case.encode()) for case in missing]
            await conn.execute(_NEW_KEYS, [missing, [epoch] * len(missing), wrapped])
            keys |= await self._stored_keys(conn, missing)
        return keys

    async def _stored_keys(self, conn: type_conn, cases: list[str]) -> dict[str, bytes]:
        rows = await conn.execute(_READ_KEYS, [cases])
        return {case: self._unwrap(case, epoch, bytes(wrapped)) async for case, epoch, wrapped in rows}

    def _unwrap(self, case: str, epoch: str, wrapped: bytes) -> bytes:
        known = self._cache.get(case)
        if known and known[0] == wrapped:
            return known[1]
        key = unseal(self._keys.wrapping_key(epoch), wrapped, case.encode())
        self._cache[case] = wrapped, key
        while len(self._cache) > _CACHE:
            self._cache.popitem(last=False)
        return key
