"""The door for clients without Kafka, on the running system: who has the code sees and answers, nobody else does."""

import asyncio
import re
from typing import Any

import httpx
import pytest

from bench.system import System
from services.clients.registry import Client
from services.ops import clients
from services.ops.clients_door import door
from tests.support.shop import Desk, Shop

pytestmark = pytest.mark.integration


class Visitor:
    """Somebody at the door; every visit finds it newly opened."""

    def __init__(self, system: System) -> None:
        self._system = system

    def ask(self, method: str, path: str, **body: Any) -> httpx.Response:
        async def visit() -> httpx.Response:
            app = door(self._system.found)
            transport = httpx.ASGITransport(app)
            async with (
                app.router.lifespan_context(app),
                httpx.AsyncClient(transport=transport, base_url="https://door.example") as client,
            ):
                return await client.request(method, path, **body)

        return asyncio.run(visit())

    def get(self, path: str) -> httpx.Response:
        return self.ask("GET", path)

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.ask("POST", path, **body)


@pytest.fixture(scope="module")
def visitor(system: System) -> Visitor:
    return Visitor(system)


@pytest.fixture(scope="module")
def quince(system: System, desk: Desk) -> Shop:
    """A client that is reached by mail."""
    clients.add(system.found, [Client("quince", "Quince & Co", "privacy@quince.example", transport="mail")])
    return Shop(system, "quince", "")


@pytest.fixture(scope="module")
def handed(system: System, desk: Desk, quince: Shop) -> tuple[str, str, str]:
    """A request that was mailed: the hand-over's id, the code in the mail, the name of who asks."""
    one = quince.ships_to("Quentin <b>Quill</b>")
    handover = quince.calls(desk.asks(one, "opt_out_sale_share"))
    box, seen = system.found.endpoints.mail_dir, set[str]()

    def code(_: Desk) -> str | None:
        for file in sorted(box.glob("*.eml")):
            if file.name not in seen:
                seen.add(file.name)
                text = file.read_text("utf-8", "replace")
                if handover in text and "Your code" in text:
                    return str(re.findall(r"Your code: ([0-9a-f]{32})", text)[0])
        return None

    return handover, str(desk.until(code)), one.name


def form(visitor: Visitor, path: str, **fields: str) -> httpx.Response:
    return visitor.post(path, data=fields)


def test_looking_at_the_address_shows_a_form_and_nothing_else(visitor: Visitor, handed: tuple[str, str, str]) -> None:
    known, unknown = visitor.get(f"/handovers/quince/{handed[0]}"), visitor.get("/handovers/nobody/nothing")

    assert (known.status_code, known.text) == (200, unknown.text)
    assert known.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("code", ["", "0" * 32, "é" * 8, "x" * 9_000])
def test_a_wrong_code_opens_nothing(visitor: Visitor, handed: tuple[str, str, str], code: str) -> None:
    answer = form(visitor, f"/handovers/quince/{handed[0]}", code=code)

    assert answer.status_code == 404
    assert "Quentin" not in answer.text


def test_the_code_opens_its_own_request_and_no_other(visitor: Visitor, handed: tuple[str, str, str]) -> None:
    handover, code, _ = handed
    opened = form(visitor, f"/handovers/quince/{handover}", code=code)

    assert opened.status_code == 200
    assert "Quentin &lt;b&gt;Quill&lt;/b&gt;" in opened.text
    assert form(visitor, f"/handovers/acorn-supply/{handover}", code=code).status_code == 404
    assert form(visitor, "/handovers/quince/5b3f2a10-9c7e-8d21-a4b0-000000000002", code=code).status_code == 404


def test_a_programs_reply_without_its_token_or_against_a_rule_is_told_what_is_wrong(
    visitor: Visitor, handed: tuple[str, str, str]
) -> None:
    handover, code, _ = handed
    said = {"client": "quince", "handover_id": handover, "reply_token": code, "type": "refused"}

    assert visitor.post("/replies", json=said).json()["problems"][0]["field"] == "reason"
    assert (
        visitor.post("/replies", json=said | {"reply_token": "0" * 32}).json()["problems"][0]["field"] == "reply_token"
    )
    assert visitor.post("/replies", content=b"{]").status_code == 422
    assert visitor.post("/replies", content=b"[]").status_code == 422


def test_an_answer_on_the_page_ends_the_hand_over(
    visitor: Visitor, desk: Desk, quince: Shop, handed: tuple[str, str, str]
) -> None:
    handover, code, _ = handed
    path = f"/handovers/quince/{handover}/reply"

    assert form(visitor, path, code=code, kind="refused").status_code == 422
    assert form(visitor, path, code="0" * 32, kind="completed").status_code == 422
    assert form(visitor, path, code=code, kind="completed").status_code == 200
    assert desk.end(quince.means(handover))["client:quince/handover"] == "completed"
    said = {"client": "quince", "handover_id": handover, "reply_token": code}
    assert visitor.post("/replies", json=said | {"type": "completed"}).status_code == 204
