"""Everything personal of a case, sealed under a random key of its own; destroying that key is the erasure.

Set-based: a call costs the same number of statements whatever it carries. Nothing here decides how long to keep.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, LiteralString

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from services.kernel.keys import RECORDS, KeyGone, KeyStore
from services.kernel.sealing import CannotOpen, Sealer, seal, unseal

__all__ = ["CannotOpen", "Sealer", "Vault", "count_under", "seal", "unseal"]

_CACHE: Final = 4_096
_READ_KEYS: Final = "SELECT case_key, epoch, wrapped FROM vault.keys WHERE case_key = ANY(%s)"
_NEW_KEYS: Final = """INSERT INTO vault.keys (case_key, epoch, wrapped)
SELECT * FROM unnest(%s::text[], %s::text[], %s::bytea[]) ORDER BY 1
ON CONFLICT (case_key) DO NOTHING RETURNING case_key, epoch, wrapped"""
_PUT: Final = """INSERT INTO vault.items (case_key, name, sealed)
SELECT * FROM unnest(%s::text[], %s::text[], %s::bytea[]) ORDER BY 1, 2
ON CONFLICT (case_key, name) DO UPDATE SET sealed = excluded.sealed"""
_GET: Final = """SELECT i.case_key, i.name, i.sealed, k.epoch, k.wrapped FROM vault.items i
JOIN vault.keys k USING (case_key)
JOIN unnest(%s::text[], %s::text[]) AS w(case_key, name) USING (case_key, name)"""
_UNDER: Final = """SELECT i.case_key, i.name, i.sealed, k.epoch, k.wrapped FROM vault.items i
JOIN vault.keys k USING (case_key) WHERE i.case_key = ANY(%s) AND starts_with(i.name, %s)"""
_NAMES: Final = "SELECT name FROM vault.items WHERE case_key = %s ORDER BY name"
_DROP: Final = "DELETE FROM vault.items WHERE case_key = %s AND name = ANY(%s)"
_DESTROY: Final = """DELETE FROM vault.keys WHERE case_key IN
(SELECT case_key FROM vault.keys WHERE case_key = ANY(%s) ORDER BY case_key FOR UPDATE)"""
_PUT_RECORD: Final = """INSERT INTO vault.records (case_key, name, epoch, wrapped, sealed, expires_at)
VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (case_key, name) DO UPDATE SET epoch = excluded.epoch,
wrapped = excluded.wrapped, sealed = excluded.sealed, expires_at = excluded.expires_at"""
_GET_RECORD: Final = """SELECT epoch, wrapped, sealed FROM vault.records
WHERE case_key = %s AND name = %s AND expires_at > %s"""
_EXPIRE: Final = "DELETE FROM vault.records WHERE expires_at <= %s"
_COUNT_UNDER: Final = """SELECT (SELECT count(*) FROM vault.keys WHERE epoch = %(epoch)s)
+ (SELECT count(*) FROM vault.records WHERE epoch = %(epoch)s)"""

type_conn = AsyncConnection[TupleRow]


async def count_under(conn: type_conn, epoch: str) -> int:
    """How many data keys are wrapped under an epoch: while there are any, its key must live."""
    row = await (await conn.execute(_COUNT_UNDER, {"epoch": epoch})).fetchone()
    return int(row[0]) if row else 0


class Vault:
    """One random data key per case, wrapped by the current epoch's key; items sealed under it."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self._cache: OrderedDict[str, tuple[bytes, bytes]] = OrderedDict()

    async def put(self, conn: type_conn, items: Mapping[tuple[str, str], bytes]) -> None:
        """Store items by (case key, name); the same name again overwrites. Two statements, three for new cases."""
        if not items:
            return
        keys = await self._data_keys(conn, sorted({case for case, _ in items}))
        cases, names = [case for case, _ in items], [name for _, name in items]
        sealed = [seal(keys[case], plain, _about(case, name)) for (case, name), plain in items.items()]
        await conn.execute(_PUT, [cases, names, sealed])

    async def get(self, conn: type_conn, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
        """Read items; those that never were, or whose key is destroyed, are absent."""
        pairs = list(dict.fromkeys(wanted))
        return await self._read(conn, _GET, [[case for case, _ in pairs], [name for _, name in pairs]])

    async def under(self, conn: type_conn, cases: Iterable[str], prefix: str) -> dict[tuple[str, str], bytes]:
        """Read all items of the cases whose name starts with `prefix`."""
        return await self._read(conn, _UNDER, [list(cases), prefix])

    async def names(self, conn: type_conn, case: str) -> list[str]:
        """What is kept of a case, by name, sorted."""
        return [row[0] async for row in await conn.execute(_NAMES, [case])]

    async def drop(self, conn: type_conn, case: str, names: Iterable[str]) -> int:
        """Delete items of a case before its end, by name; returns how many there were."""
        return (await conn.execute(_DROP, [case, list(names)])).rowcount

    async def destroy(self, conn: type_conn, cases: Iterable[str]) -> int:
        """Delete the cases' data keys, and by cascade their items; returns how many keys there were."""
        gone = list(cases)
        for case in gone:
            self._cache.pop(case, None)
        return (await conn.execute(_DESTROY, [gone])).rowcount

    async def put_record(self, conn: type_conn, at: tuple[str, str], plain: bytes, until: datetime) -> None:
        """Keep a declaration or a mandate beyond its case, under a key of its own from the ring of records."""
        epoch, key = self._keys.current_epoch(RECORDS), AESGCM.generate_key(256)
        about = _about(*at)
        wrapped = seal(self._keys.wrapping_key(epoch), key, about)
        await conn.execute(_PUT_RECORD, [*at, epoch, wrapped, seal(key, plain, about), until])

    async def get_record(self, conn: type_conn, at: tuple[str, str], now: datetime) -> bytes | None:
        """Read such a record; None when it never was, has expired, or its key is destroyed."""
        row = await (await conn.execute(_GET_RECORD, [*at, now])).fetchone()
        if row is None:
            return None
        try:
            key = unseal(self._keys.wrapping_key(row[0]), row[1], _about(*at))
        except KeyGone:
            return None
        return unseal(key, row[2], _about(*at))

    @staticmethod
    async def expire_records(conn: type_conn, now: datetime) -> int:
        """Delete the records whose time is over; returns how many."""
        return (await conn.execute(_EXPIRE, [now])).rowcount

    async def _read(self, conn: type_conn, query: LiteralString, args: list[Any]) -> dict[tuple[str, str], bytes]:
        found = {}
        async for case, name, sealed, epoch, wrapped in await conn.execute(query, args):
            try:
                key = self._unwrap(case, epoch, wrapped)
            except KeyGone:
                continue
            found[case, name] = unseal(key, sealed, _about(case, name))
        return found

    async def _data_keys(self, conn: type_conn, cases: list[str]) -> dict[str, bytes]:
        """The cases' data keys, made where there is none; of two made at once the first one stored wins."""
        keys = await self._take(conn, _READ_KEYS, [cases])
        if missing := [case for case in cases if case not in keys]:
            epoch = self._keys.current_epoch()
            wrapping = self._keys.wrapping_key(epoch)
            wrapped = [seal(wrapping, AESGCM.generate_key(256), case.encode()) for case in missing]
            keys |= await self._take(conn, _NEW_KEYS, [missing, [epoch] * len(missing), wrapped])
        if lost := [case for case in missing if case not in keys]:
            keys |= await self._take(conn, _READ_KEYS, [lost])
        return keys

    async def _take(self, conn: type_conn, query: LiteralString, args: list[Any]) -> dict[str, bytes]:
        rows = await conn.execute(query, args)
        return {case: self._unwrap(case, epoch, wrapped) async for case, epoch, wrapped in rows}

    def _unwrap(self, case: str, epoch: str, wrapped: bytes) -> bytes:
        """Open a data key; the epoch's key must be there even when the data key is remembered."""
        wrapping, known = self._keys.wrapping_key(epoch), self._cache.get(case)
        if known and known[0] == wrapped:
            self._cache.move_to_end(case)
            return known[1]
        key = unseal(wrapping, wrapped, case.encode())
        self._cache[case] = wrapped, key
        while len(self._cache) > _CACHE:
            self._cache.popitem(last=False)
        return key


def _about(case: str, name: str) -> bytes:
    return f"{case}|{name}".encode()
