"""Links to packages. A code opens one package once, until a moment; what is stored is its hash."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.kernel.store import Conn
from services.kernel.tokens import case_key, package_code

PATH: Final = "/package"
_ISSUE: Final = """INSERT INTO vault.links (hash, case_key, request_id, round, expires_at)
SELECT w.hash, w.case_key, w.request, w.round, w.until FROM unnest(%s::bytea[], %s::text[], %s::text[], %s::int[],
  %s::timestamptz[]) AS w(hash, case_key, request, round, until) JOIN vault.keys USING (case_key) ORDER BY 1
ON CONFLICT (hash) DO NOTHING"""
_UNTIL: Final = "SELECT hash, expires_at FROM vault.links WHERE hash = ANY(%s)"
_REDEEM: Final = """UPDATE vault.links SET used_at = %(now)s
WHERE hash = %(hash)s AND used_at IS NULL AND expires_at > %(now)s RETURNING request_id"""
_ROUND: Final = "SELECT coalesce(max(round), 0) FROM vault.links WHERE request_id = %s"
_REVOKE: Final = "UPDATE vault.links SET expires_at = least(expires_at, %s) WHERE request_id = %s AND used_at IS NULL"


@dataclass(frozen=True, slots=True)
class Link:
    """What a letter says of a package: the code, and until when it opens it."""

    code: str
    until: datetime

    def url(self, door: str) -> str:
        """The address to open. The code stands behind the `#`, so that it is sent to no server and in no log."""
        return f"{door.rstrip('/')}{PATH}#{self.code}"


async def issue(conn: Conn, key: bytes, keep: Mapping[str, timedelta], now: datetime) -> dict[str, Link]:
    """The link of each request's first letter; the same for every attempt. `keep` says how long each opens.

    A request whose case is gone has none.
    """
    return await _issue(conn, {request: (package_code(key, request, 1), 1, now + keep[request]) for request in keep})


async def renew(conn: Conn, key: bytes, request: str, until: datetime, now: datetime) -> Link | None:
    """A further link to one package, in the place of those before; None when its case is gone."""
    row = await (await conn.execute(_ROUND, [request])).fetchone()
    turn = int(row[0]) + 1 if row else 1
    await conn.execute(_REVOKE, [now, request])
    return (await _issue(conn, {request: (package_code(key, request, turn), turn, until)})).get(request)


async def redeem(conn: Conn, code: str, now: datetime) -> str | None:
    """Use a code up; returns its request. None when there is no such code, it was used, or its time is over."""
    row = await (await conn.execute(_REDEEM, {"hash": _hash(code), "now": now})).fetchone()
    return str(row[0]) if row else None


async def _issue(conn: Conn, wanted: Mapping[str, tuple[str, int, datetime]]) -> dict[str, Link]:
    rows = sorted((_hash(code), case_key(r), r, turn, until) for r, (code, turn, until) in wanted.items())
    await conn.execute(_ISSUE, [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], [], [], []])
    there = await _until(conn, (row[0] for row in rows))
    return {r: Link(code, there[_hash(code)]) for r, (code, _, _) in wanted.items() if _hash(code) in there}


async def _until(conn: Conn, hashes: Iterable[bytes]) -> dict[bytes, datetime]:
    rows = await conn.execute(_UNTIL, [list(hashes)])
    return {bytes(row[0]): row[1] async for row in rows}


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.strip().lower().encode()).digest()
