"""What goes with a letter that tells of a package: a link that opens it once, or the package itself, locked.

Both go to the contact on file alone. The password of what is attached goes on paper to the address on file; who has
none there asks for it, and hears it once (`rightsbus packages password`).
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from rules.brands import Brand
from rules.handbook import Handbook
from services.kernel import tokens
from services.kernel.house import House
from services.kernel.leases import Leased
from services.kernel.store import Conn
from services.packages import links, locked, stored
from services.packages.links import Link
from services.packages.stored import About


@dataclass(frozen=True, slots=True)
class Enclosed:
    """How the package of one letter travels: by a link, or attached."""

    link: Link | None = None
    attached: About | None = None


type_enclosed = Mapping[UUID, Enclosed]


class Enclosing:
    """Says how packages travel, and prepares what travels."""

    def __init__(self, house: House, handbook: Handbook, door_url: str) -> None:
        self._house, self._handbook, self._door = house, handbook, door_url
        self._key = house.keys.derive("tokens")

    async def of(self, effects: Iterable[Leased], by_mail: frozenset[UUID], now: datetime) -> type_enclosed:
        """How the packages of these letters travel; absent where there is none. Only what goes by mail is attached."""
        telling = [e for e in effects if e.body.get("package") and e.body["to"] == "on_file"]
        if not telling:
            return {}
        async with self._house.pool.connection() as conn:
            found = await self._attached(conn, [e for e in telling if e.id in by_mail])
            left = {e.request_id: self._keep(e) for e in telling if e.id not in found} if self._door else {}
            opening = await links.issue(conn, self._key, left, now) if left else {}
        return found | {e.id: Enclosed(opening[e.request_id]) for e in telling if e.request_id in opening}

    async def _attached(self, conn: Conn, effects: Iterable[Leased]) -> dict[UUID, Enclosed]:
        wanted = {e.id: e.request_id for e in effects if self._brand(e).delivery == "attachment"}
        found = {i: await stored.about(self._house.vault, conn, request) for i, request in wanted.items()}
        return {i: Enclosed(attached=what) for i, what in found.items() if what and locked.fits(what)}

    def _brand(self, effect: Leased) -> Brand:
        return self._handbook.brands[effect.body["brand"]]

    def _keep(self, effect: Leased) -> timedelta:
        return self._brand(effect).windows.package

    def words(self, enclosed: Enclosed | None, zone: ZoneInfo, *, on_paper: bool) -> dict[str, Any]:
        """What a letter is told of its package; `on_paper`: whether the password can go there."""
        if enclosed is None:
            return {}
        if enclosed.link is None:
            return {"package": {"attached": True, "by_post": on_paper}}
        link, until = enclosed.link, enclosed.link.until.astimezone(zone).date().isoformat()
        return {"package": {"attached": False, "url": link.url(self._door), "code": link.code, "until": until}}

    def password(self, request: str) -> str:
        """What opens a request's attached package."""
        return tokens.package_password(self._key, request)

    async def content(self, what: About) -> bytes:
        """The package, locked."""
        async with self._house.pool.connection() as conn:
            blocks = [block async for block in stored.read(self._house.vault, conn, what)]
        day = datetime.fromisoformat(what.made_at).date()
        return await asyncio.to_thread(locked.lock, blocks, what.size, self.password(what.request), day)
