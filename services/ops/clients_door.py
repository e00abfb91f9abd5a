"""The door for clients without Kafka: see a request and answer it, on a page or by a program of their own.

The address names the hand-over and opens nothing; the code from our mail does, and it travels in bodies only. It is the
reply token: whoever may answer may see what is asked, and nobody else.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from html import escape
from typing import Any, Final
from urllib.parse import parse_qs

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool
from pydantic_core import from_json

from schemas import wire
from schemas.events import ClientReplied
from schemas.wire import Unreadable
from services.clients.names import Handovers
from services.kernel.store import Conn
from services.kernel.tokens import case_key
from services.kernel.vault import Vault
from services.ops import clients
from services.ops.door import HEADERS, page
from services.ops.installation import Installation

log = structlog.get_logger()
PATH: Final = "/handovers/{client}/{handover_id}"
MOST_BYTES: Final = 4_096
"""A form and a reply are shorter."""
_KINDS: Final = {
    "completed": "It is done", "refused": "We refuse it", "not_ours": "This person is none of ours",
    "instruct": "Do it for us, with our records in your systems", "received": "We have it, and answer later",
}  # fmt: skip
_ASK: Final = page(
    "A privacy request for you",
    '<form method="post"><label for="code">The code from our mail</label>'
    '<input id="code" name="code" autocomplete="off" spellcheck="false" required>'
    '<button type="submit">Show the request</button></form>',
)
_NO: Final = page("This code opens nothing", "<p>It was mistyped, or it belongs to another request.</p>")
_DONE: Final = page("Thank you", "<p>We have your answer. You can send another one with the same code.</p>")
_EMPTY: Final = page("Nothing is here", "<p>This request is over, or it was handed over in another way.</p>")


class ClientsDoor:
    """Shows a hand-over to whoever has its code, and takes the answer."""

    def __init__(self, found: Installation) -> None:
        self._found, self._vault, self._names = found, Vault(found.keys), Handovers(found.keys)
        self._pool: AsyncConnectionPool[Conn] = AsyncConnectionPool(
            found.endpoints.database_url, connection_class=AsyncConnection, min_size=1, max_size=8, open=False,
            kwargs={"autocommit": True},
        )  # fmt: skip

    @asynccontextmanager
    async def open(self, _app: FastAPI) -> AsyncIterator[None]:
        """Be connected while the app runs."""
        async with self._pool:
            yield

    async def ask(self) -> Response:
        """Show the form for the code, whatever the address says."""
        return _html(_ASK)

    async def see(self, client: str, handover_id: str, request: Request) -> Response:
        """Show the request the code opens."""
        code = (await _form(request)).get("code", "")
        request_id = self._names.proven(client, handover_id, code)
        if request_id is None:
            return _html(_NO, 404)
        message = await self._message(client, request_id, handover_id)
        return _html(_request(message, code) if message else _EMPTY, 200 if message else 404)

    async def answer(self, client: str, handover_id: str, request: Request) -> Response:
        """Take an answer from the page."""
        given = await _form(request)
        said = {"type": given.get("kind"), "reason": given.get("reason"), "reply_token": given.get("code")}
        about = {"client": client, "handover_id": handover_id}
        problems = await self._take({**about, **{name: value for name, value in said.items() if value}}, "page")
        if problems:
            told = "".join(f"<p>{escape(p['field'])} {escape(p['rule'])}</p>" for p in problems)
            return _html(page("This answer cannot be used", told), 422)
        return _html(_DONE)

    async def reply(self, request: Request) -> Response:
        """Take an answer from a program: what it would write to `privacy.client-replies`."""
        try:
            data = from_json(await _body(request))
        except ValueError:
            data = None
        if not isinstance(data, dict):
            return JSONResponse({"problems": [{"field": "", "rule": "must be a JSON object"}]}, 422)
        problems = await self._take(data, "webhook")
        return JSONResponse({"problems": problems}, 422) if problems else Response(status_code=204)

    async def _take(self, data: Mapping[str, Any], by: str) -> list[dict[str, str]]:
        """Publish what was said; or give what is wrong with it. Without its token it is only that."""
        wrong_token = [{"field": "reply_token", "rule": "must be the one of the message it answers"}]
        request_id = self._names.proven(*(data.get(name) for name in ("client", "handover_id", "reply_token")))
        if request_id is None:
            log.info("client_refused", by=by)
            return wrong_token
        try:
            body = wire.read(ClientReplied, data)
        except Unreadable as error:
            return [{"field": problem.field, "rule": problem.rule} for problem in error.problems]
        said = {"said": body.type, "reason": body.reason, "action": body.action, "by": by}
        await asyncio.to_thread(clients.say, self._found, body.client, [request_id], **said)
        return []

    async def _message(self, client: str, request_id: str, handover_id: str) -> dict[str, Any] | None:
        """The newest request of this hand-over, as it was written for this client."""
        case = case_key(request_id)
        async with self._pool.connection() as conn:
            found = await self._vault.under(conn, [case], f"message:{client}:")
        told = [json.loads(raw) for raw in found.values()]
        mine = [m for m in told if m["type"] == "request" and m["handover_id"] == handover_id]
        return max(mine, key=lambda m: str(m["occurred_at"]), default=None)


async def _body(request: Request) -> bytes:
    """The beginning of a body; what is longer than any form or reply is cut off."""
    raw = b""
    async for some in request.stream():
        raw += some
        if len(raw) > MOST_BYTES:
            break
    return raw[:MOST_BYTES]


async def _form(request: Request) -> dict[str, str]:
    """A form's fields, each once."""
    try:
        return {name: values[0] for name, values in parse_qs((await _body(request)).decode()).items()}
    except ValueError:
        return {}


def _html(body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(body, status_code=status, headers=HEADERS)


def _request(message: Mapping[str, Any], code: str) -> str:
    """The request as a page, with the form that answers it."""
    rows = "".join(f"<p><b>{escape(name)}</b>: {escape(value)}</p>" for name, value in _lines(message))
    kinds = "".join(
        f'<p><input type="radio" name="kind" value="{kind}" id="{kind}" required>'
        f'<label for="{kind}">{words}</label></p>'
        for kind, words in _KINDS.items()
    )
    about = f"{escape(message['client'])}/{escape(message['handover_id'])}"
    return page(
        "A privacy request for you",
        f'{rows}<form method="post" action="/handovers/{about}/reply">{kinds}<label for="reason">Why, if you refuse: a '
        f'code such as not_a_customer</label><input id="reason" name="reason"><input type="hidden" name="code" '
        f'value="{escape(code)}"><button type="submit">Answer</button></form>',
    )


def _lines(message: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "What is asked", str(message["right"])
    for point in message["points"]:
        yield str(point["kind"]), json.dumps(point["value"], ensure_ascii=False).strip('"')
    for one in message["corrections"]:
        yield f"new {one['field']}", str(one["new"])
    yield "Identified by", f"{', '.join(message['identified_by'])}; not verified by us"
    yield "Law", f"{message['law']}, {message['residence'] or 'residence unknown'}"
    yield "Please answer by", str(message["complete_by"])[:10]


def door(found: Installation) -> FastAPI:
    """The door as an app for any ASGI server; nothing connects before it runs."""
    one = ClientsDoor(found)
    app = FastAPI(lifespan=one.open, openapi_url=None)
    app.add_api_route(PATH, one.ask, methods=["GET"])
    app.add_api_route(PATH, one.see, methods=["POST"])
    app.add_api_route(f"{PATH}/reply", one.answer, methods=["POST"])
    app.add_api_route("/replies", one.reply, methods=["POST"], status_code=204)
    return app
