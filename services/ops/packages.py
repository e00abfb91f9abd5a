"""What operators do with packages: see what waits, take one out, send a link, tell a password, remove what is over."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO, Final

import psycopg
from psycopg import AsyncConnection

from services.kernel.clock import Clock
from services.kernel.errors import PermanentError
from services.kernel.store import Conn
from services.kernel.tokens import package_password
from services.kernel.vault import Vault
from services.ops.installation import Installation
from services.packages import links, stored, taken
from services.packages.links import Link
from services.packages.stored import OWN, About

_LIST: Final = """SELECT n.request, n.scope, l.until, l.used FROM (
  SELECT split_part(name, ':', 2) AS request, split_part(name, ':', 3) AS scope FROM vault.items
  WHERE starts_with(name, 'package-note:')) n
LEFT JOIN (SELECT request_id, max(expires_at) AS until, max(used_at) AS used FROM vault.links GROUP BY 1) l
  ON l.request_id = n.request AND n.scope = 'own' ORDER BY 1, 2"""
_ALONE: Final = "SELECT pg_advisory_xact_lock(hashtextextended('package-password:' || %s, 0))"
_PRIVATE: Final = 0o600


class NoPackage(PermanentError):
    """There is no such package: none was made, or its time is over."""


class ToldBefore(PermanentError):
    """A password is told once."""


@dataclass(frozen=True, slots=True)
class Hand:
    """Who takes a package out, and why."""

    by: str
    reason: str


@asynccontextmanager
async def _opened(found: Installation) -> AsyncIterator[tuple[Conn, Vault, Clock]]:
    clock = Clock()
    async with await AsyncConnection.connect(found.endpoints.database_url, autocommit=True) as conn:
        await clock.refresh(conn)
        yield conn, Vault(found.keys), clock


def waiting(db: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """Every package there is: whose, until when its link opens it, when it was fetched."""
    return [
        {"request": request, "scope": scope, "link until": until, "fetched": used}
        for request, scope, until, used in db.execute(_LIST)
    ]


async def fetch(found: Installation, request: str, out: Path, hand: Hand, scope: str = OWN) -> About:
    """Write one package to a file only its owner can read; who took it and why is kept with the case.

    Raises:
        NoPackage: there is none.
    """
    async with _opened(found) as (conn, vault, clock):
        what = await _known(vault, conn, request, scope)
        async with conn.transaction():
            await taken.note(vault, conn, what, clock(), way="operator", by=hand.by, reason=hand.reason)
        with _private(out) as file:
            async for block in stored.read(vault, conn, what):
                file.write(block)
    return what


def _private(out: Path) -> BinaryIO:
    """Open a file for writing that nobody but its owner can read."""
    out.touch(mode=_PRIVATE)
    out.chmod(_PRIVATE)
    return out.open("wb")


async def link(found: Installation, request: str, keep: timedelta, hand: Hand) -> Link:
    """Make a further link to one package; those before it open nothing any more.

    Raises:
        NoPackage: there is none.
    """
    async with _opened(found) as (conn, vault, clock):
        what, now = await _known(vault, conn, request, OWN), clock()
        async with conn.transaction():
            made = await links.renew(conn, found.keys.derive("tokens"), request, now + keep, now)
            if made is None:
                raise NoPackage(f"the case of {request} is gone")
            await taken.note(vault, conn, what, now, way="link", by=hand.by, reason=hand.reason)
    return made


async def password(found: Installation, request: str, hand: Hand) -> str:
    """The password of a package that left as an attachment, told once; who heard it and why is kept with the case.

    Raises:
        NoPackage: there is none.
        ToldBefore: somebody heard it; a link is the way then.
    """
    async with _opened(found) as (conn, vault, clock), conn.transaction():
        await conn.execute(_ALONE, [request])
        what = await _known(vault, conn, request, OWN)
        if told := [one for one in await taken.notes(vault, conn, request, OWN) if one["way"] == "password"]:
            raise ToldBefore(f"the password of {request} was told before, on {told[0]['at']}; make a link instead")
        await taken.note(vault, conn, what, clock(), way="password", by=hand.by, reason=hand.reason)
        return package_password(found.keys.derive("tokens"), request)


async def history(found: Installation, request: str, scope: str = OWN) -> list[dict[str, Any]]:
    """Every time a package was handed out, oldest first."""
    async with _opened(found) as (conn, vault, _):
        return await taken.notes(vault, conn, request, scope)


async def _known(vault: Vault, conn: Conn, request: str, scope: str) -> About:
    try:
        what = await stored.about(vault, conn, request, scope)
    except ValueError:
        what = None
    if what is None:
        raise NoPackage(f"no package of {request} for {scope}: none was made, or its time is over")
    return what
