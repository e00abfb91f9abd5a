"""The door for callbacks of OpenDSR processors: what is proven theirs makes us look at their status at once.

A callback is never taken at its word: unknown, late and repeated ones change nothing but the moment of the next look.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from connectors.datamap import DataMap
from connectors.opendsr import OpenDsrSystem, open_opendsr
from connectors.opendsr.callbacks import MOST_BYTES, Ear, Heard, Refused
from connectors.registry import Environment
from services.kernel.clock import Clock
from services.kernel.errors import Misconfigured
from services.kernel.store import Conn

log = structlog.get_logger()
_AT_ONCE: Final = """UPDATE tasks.effects SET not_before = least(not_before, %s)
WHERE kind = 'task' AND lane = %s AND body->>'task_id' = %s"""


class CallbacksDoor:
    """Hears processors."""

    def __init__(self, database_url: str, systems: Mapping[str, OpenDsrSystem]) -> None:
        self._pool: AsyncConnectionPool[Conn] = AsyncConnectionPool(
            database_url, connection_class=AsyncConnection, min_size=1, max_size=4, open=False,
            kwargs={"autocommit": True},
        )  # fmt: skip
        self._systems, self._ear, self._clock = systems, Ear(systems), Clock()

    @asynccontextmanager
    async def open(self, _app: FastAPI) -> AsyncIterator[None]:
        """Be connected while the app runs."""
        async with self._pool:
            yield
        for system in self._systems.values():
            await system.close()

    async def hear(self, request: Request) -> Response:
        """Take one callback: 202 when it is proven, else why not, with nothing of what it said."""
        raw = b""
        async for some in request.stream():
            raw += some
            if len(raw) > MOST_BYTES:
                return _refusal(Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large"))
        try:
            heard = await self._ear.hear(request.headers, raw)
        except Refused as refused:
            log.warning("callback_refused", cause=refused.code)
            return _refusal(refused)
        woken = await self._look_at_once(heard)
        log.info("callback_heard", system=heard.system, status=heard.status, woken=woken)
        return Response(status_code=HTTPStatus.ACCEPTED)

    async def _look_at_once(self, heard: Heard) -> int:
        async with self._pool.connection() as conn:
            await self._clock.refresh(conn)
            return (await conn.execute(_AT_ONCE, [self._clock(), heard.system, str(heard.task_id)])).rowcount


def _refusal(refused: Refused) -> Response:
    content = {"error": {"code": int(refused.status), "message": refused.code}}
    return JSONResponse(content, status_code=refused.status)


def door(database_url: str, systems: DataMap, environment: Environment) -> FastAPI:
    """The door as an app for any ASGI server, at the paths the data map tells processors; nothing connects yet.

    Raises:
        Misconfigured: no system of the data map is to call back.
        NoSuchConnector: one of them cannot be opened.
    """
    theirs = {n: open_opendsr(n, s, environment) for n, s in systems.systems.items() if s.connector == "opendsr"}
    paths = {urlsplit(system.options.callback_url).path for system in theirs.values() if system.options.callback_url}
    if not paths:
        raise Misconfigured("no system with `connector: opendsr` has a `callback_url` among its options")
    one = CallbacksDoor(database_url, theirs)
    app = FastAPI(lifespan=one.open, openapi_url=None)
    for path in sorted(paths):
        app.add_api_route(path, one.hear, methods=["POST"])
    return app
