"""Who took a package, when and why: noted with its case, sealed like it, and gone with it."""

from datetime import datetime
from json import dumps, loads
from typing import Any

from services.kernel.store import Conn
from services.kernel.tokens import case_key
from services.kernel.vault import Vault
from services.packages.stored import About


async def note(vault: Vault, conn: Conn, what: About, now: datetime, *, way: str, **more: str) -> None:
    """Note that a package left: `way` is the door or an operator's command; `by` and `reason` are an operator's."""
    said = dumps({"at": now.isoformat(timespec="seconds"), "way": way, "sha256": what.sha256, **more})
    name = f"{_prefix(what.request, what.scope)}{now.isoformat()}"
    await vault.put(conn, {(case_key(what.request), name): said.encode()})


async def notes(vault: Vault, conn: Conn, request: str, scope: str) -> list[dict[str, Any]]:
    """Every time a package left, oldest first."""
    found = await vault.under(conn, [case_key(request)], _prefix(request, scope))
    return [loads(raw) for _, raw in sorted(found.items())]


def _prefix(request: str, scope: str) -> str:
    return f"package-taken:{request}:{scope}:"
