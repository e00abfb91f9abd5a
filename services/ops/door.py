"""The door where people fetch their package: one address, one code, one package, once.

Looking at the address uses nothing up: a mail scanner that follows links opens no package. The code travels in the body
of a request, never in an address, so that no log of any server on the way holds it.
"""

import hashlib
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import parse_qs

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, StreamingResponse
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from services.kernel.clock import Clock
from services.kernel.keys import KeyStore
from services.kernel.store import Conn
from services.kernel.vault import Vault
from services.packages import links, stored, taken
from services.packages.stored import About

log = structlog.get_logger()
MOST_BYTES: Final = 1_024
"""A form with a code is shorter."""
_SCRIPT: Final = "document.getElementById('code').value=location.hash.slice(1);history.replaceState(null,'','/package')"
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1.5rem;color:#1c2733}"
    "label{display:block;margin:.8rem 0 .2rem}input{font:inherit;width:100%;padding:.5rem;box-sizing:border-box}"
    "button{font:inherit;margin-top:1rem;padding:.6rem 1.2rem;background:#14557b;color:#fff;border:0;border-radius:4px}"
)


def page(title: str, body: str) -> str:
    """One page of the doors, whole."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><h1>{title}</h1>{body}</body></html>"
    )


ASK: Final = page(
    "Your data package",
    f'<form method="post" action="{links.PATH}"><label for="code">The code from our letter</label>'
    '<input id="code" name="code" autocomplete="off" spellcheck="false" required>'
    "<p>The download starts when you confirm. It works once: keep the file in a safe place.</p>"
    f'<button type="submit">Download my data</button></form><script>{_SCRIPT}</script>',
)
NO: Final = page(
    "This code opens nothing",
    "<p>It was mistyped, was used before, or its time is over. Answer our letter, and we send you another one.</p>",
)


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


HEADERS: Final = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": (
        f"default-src 'none'; script-src {_digest(_SCRIPT)}; style-src {_digest(_STYLE)}; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
}


class Door:
    """Hands packages out."""

    def __init__(self, database_url: str, keys: KeyStore) -> None:
        self._pool: AsyncConnectionPool[Conn] = AsyncConnectionPool(
            database_url, connection_class=AsyncConnection, min_size=1, max_size=8, open=False,
            kwargs={"autocommit": True},
        )  # fmt: skip
        self._vault, self._clock = Vault(keys), Clock()

    @asynccontextmanager
    async def open(self, _app: FastAPI) -> AsyncIterator[None]:
        """Be connected while the app runs."""
        async with self._pool:
            yield

    async def look(self) -> Response:
        """Show the form."""
        return HTMLResponse(ASK, headers=HEADERS)

    async def fetch(self, request: Request) -> Response:
        """Use a code up and hand its package out, block by block."""
        code = await _code(request)
        async with self._pool.connection() as conn, conn.transaction():
            await self._clock.refresh(conn)
            now = self._clock()
            found = await links.redeem(conn, code, now) if code else None
            what = await stored.about(self._vault, conn, found) if found else None
            if found and what:
                await taken.note(self._vault, conn, what, now, way="door")
        if what is None:
            log.info("package_refused", request_id=found)
            return HTMLResponse(NO, status_code=404, headers=HEADERS)
        log.info("package_handed_out", request_id=what.request, bytes=what.size, way="door")
        headers = {**HEADERS, "Content-Length": str(what.size)}
        headers["Content-Disposition"] = 'attachment; filename="your-data.zip"'
        return StreamingResponse(self._blocks(what), media_type="application/zip", headers=headers)

    async def _blocks(self, what: About) -> AsyncIterator[bytes]:
        async with self._pool.connection() as conn:
            async for block in stored.read(self._vault, conn, what):
                yield block


async def _code(request: Request) -> str | None:
    """The code in a form; None when there is none, or the form is no form of ours."""
    raw = b""
    async for some in request.stream():
        raw += some
        if len(raw) > MOST_BYTES:
            return None
    try:
        return next(iter(parse_qs(raw.decode("ascii")).get("code", [])), None)
    except UnicodeDecodeError:
        return None


def door(database_url: str, keys: KeyStore) -> FastAPI:
    """The door as an app for any ASGI server; nothing connects before it runs."""
    one = Door(database_url, keys)
    app = FastAPI(lifespan=one.open, openapi_url=None)
    app.add_api_route(links.PATH, one.look, methods=["GET"])
    app.add_api_route(links.PATH, one.fetch, methods=["POST"])
    return app
