"""Posts to webhooks and mails to contacts, performed on a real database against a made-up world outside."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import uuid4

import httpx
import psycopg
import pytest
from joserfc import jwe
from joserfc.jwk import ECKey

from schemas.base import Event
from schemas.events import ClientReminder, ClientRequest
from services.clients import hooks, registry
from services.clients.registry import Client
from services.fulfiller.adapters.delivery import Dispatch
from services.fulfiller.adapters.mails import ClientMails
from services.fulfiller.adapters.webhooks import Webhooks
from services.fulfiller.decide import Fulfilment
from services.fulfiller.settings import Settings
from services.kernel.decision import Decision, Effect
from services.kernel.effects import Again, Done
from services.kernel.house import House, open_house
from services.kernel.keys import FileKeyStore
from services.kernel.leases import Leased
from services.kernel.migrate import upgrade
from services.kernel.policies import load_handbook
from services.kernel.tokens import case_key
from services.mail import Away, Mail, Refused
from tests.support.source import ROOT
from tests.support.values import REQUEST, an_accepted, located, told

pytestmark = pytest.mark.integration
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATE = NOW + timedelta(days=4)
KEY = ECKey.generate_key("P-256", {"use": "enc"})
HANDLED = Callable[[httpx.Request], httpx.Response]


@pytest.fixture(scope="module")
def house(module_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> House:
    """A fulfiller's house on a database of its own, without a broker."""
    upgrade(module_database_url)
    folder = tmp_path_factory.mktemp("keys")
    FileKeyStore(folder).create()
    settings: dict[str, Any] = {
        "kafka_bootstrap": "localhost:1", "kafka_username": "fulfiller", "kafka_password": "none", "keys_dir": folder,
        "database_url": module_database_url, "policies_dir": ROOT / "policies",
    }  # fmt: skip
    return open_house("fulfiller", Settings(**settings))


@pytest.fixture
def hook(house: House) -> Client:
    """A client with a webhook."""
    return registered(house, "webhook")


@pytest.fixture
def post(house: House) -> Client:
    """A client that wants mail."""
    return registered(house, "mail")


def registered(house: House, transport: Any, **fields: Any) -> Client:
    name = f"{transport}-{uuid4().hex[:6]}"
    url = "https://hook.example/requests" if transport == "webhook" else None
    client = Client(name, "Hook & Co", f"privacy@{name}.example", transport=transport, url=url, **fields)
    with psycopg.connect(house.settings.database_url.get_secret_value(), autocommit=True) as db:
        registry.save(db, [client])
    return client


def known(house: House, client: Client) -> Client:
    with psycopg.connect(house.settings.database_url.get_secret_value()) as db:
        return registry.some(db, [client.id])[client.id]


def messages(client: Client) -> list[Event]:
    """A request, and a reminder."""
    common: dict[str, Any] = {"client": client.id, "handover_id": REQUEST}
    request = told(
        ClientRequest, client.id, right="delete", points=[], identified_by=["email"], law="US-UT-UCPA",
        received_at=NOW, respond_by=NOW.date(), confirm_by=NOW, complete_by=NOW, locale="en", reply_token="f" * 32,
        **common,
    )  # fmt: skip
    reminder = told(ClientReminder, client.id, waiting_for="received", until=NOW, **common)
    return [request, reminder]


async def leased(house: House, client: Client, *events: Event) -> list[Leased]:
    """These events on their way to the client, their messages in the vault, their effects in hand."""
    state = Fulfilment.stub(REQUEST).but(accepted=an_accepted(clients=[located()]))
    dispatch = Dispatch({client.id: client}, NOW, timedelta(days=3))
    decision: Decision[Fulfilment] = dispatch(Decision(state, tuple(events)))
    async with house.pool.connection() as conn, conn.transaction():
        secrets = {(case_key(REQUEST), name): raw for name, raw in decision.secrets.items()}
        await house.vault.put(conn, secrets)
    return [_leased(effect) for effect in decision.effects]


def _leased(effect: Effect) -> Leased:
    return Leased(
        effect.id, effect.kind, effect.lane, effect.request_id, effect.case_id, effect.name, effect.body, 1, None
    )  # fmt: skip


def run(house: House, work: Callable[[], Awaitable[Any]]) -> Any:
    """Run it with the house's doors open."""

    async def whole() -> Any:
        pool = type(house.pool)(
            house.settings.database_url.get_secret_value(), min_size=1, open=False, kwargs={"autocommit": True}
        )
        object.__setattr__(house, "pool", pool)
        await pool.open()
        try:
            return await work()
        finally:
            await pool.close()

    return asyncio.run(whole())


def posted(
    house: House, client: Client, outside: HANDLED, events: Sequence[Event], now: datetime = NOW
) -> list[Done | Again]:
    async def work() -> Any:
        effects = await leased(house, client, *events)
        async with httpx.AsyncClient(transport=httpx.MockTransport(outside)) as http:
            return await Webhooks(house, http)([e for e in effects if e.kind == "client_post"], now)

    return cast("list[Done | Again]", run(house, work))


class Outside:
    """The client's server: answers with what it was given, and keeps what came."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers, self.came = list(answers), list[httpx.Request]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.came.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def heard(result: Done | Again) -> list[tuple[str, str]]:
    events = result.events if isinstance(result, Done) else ()
    return [(type(e).__name__, getattr(e, "said", "")) for e in events]


def test_a_post_carries_the_message_its_signature_and_an_id_that_repeats(house: House, hook: Client) -> None:
    outside = Outside(httpx.Response(204))
    posted(house, hook, outside, messages(hook)[:1])
    posted(house, hook, outside, messages(hook)[:1])
    first, again = outside.came

    secret = hooks.secret(house.keys, hook.id, 1)
    stamp = int(first.headers["rightsbus-signature"].split(",")[0].removeprefix("t="))
    expected = hooks.sign(secret, first.content, datetime.fromtimestamp(stamp, UTC))
    assert first.headers["rightsbus-signature"] == expected
    assert json.loads(first.content)["handover_id"] == REQUEST
    assert first.headers["rightsbus-message"] == again.headers["rightsbus-message"]
    assert (str(first.url), first.headers["content-type"]) == ("https://hook.example/requests", "application/json")


def test_a_client_with_a_key_is_posted_sealed_messages(house: House) -> None:
    client, outside = (
        registered(house, "webhook", keys={"keys": [KEY.as_dict(private=False)]}),
        Outside(httpx.Response(200)),
    )
    posted(house, client, outside, messages(client)[:1])

    body = json.loads(outside.came[0].content)
    opened = json.loads(jwe.decrypt_compact(body["jose"], KEY).plaintext or b"")
    assert (body["type"], opened["type"], "reply_token" in body) == ("sealed", "request", False)


@pytest.mark.parametrize(("answer", "said"), [
    (httpx.Response(204), "received"),
    (httpx.Response(200, text="thanks"), "received"),
    (httpx.Response(200, json={"type": "completed"}), "completed"),
    (httpx.Response(200, json={"type": "refused", "reason": "not_a_customer"}), "refused"),
    (httpx.Response(200, json={"type": "refused"}), "received"),
    (httpx.Response(201, json={"type": "instruct", "action": "erase"}), "instruct"),
    (httpx.Response(200, text="x" * 20_000), "received"),
])  # fmt: skip
def test_the_answer_to_a_post_is_the_clients_word(
    house: House, hook: Client, answer: httpx.Response, said: str
) -> None:
    [result] = posted(house, hook, Outside(answer), messages(hook)[:1])

    assert heard(result) == [("ClientHeard", said)]


def test_a_reminder_can_be_answered_too_and_says_nothing_otherwise(house: House, hook: Client) -> None:
    reminder = messages(hook)[1:]

    assert heard(posted(house, hook, Outside(httpx.Response(204)), reminder)[0]) == []
    answered = posted(house, hook, Outside(httpx.Response(200, json={"type": "completed"})), reminder)
    assert heard(answered[0]) == [("ClientHeard", "completed")]


@pytest.mark.parametrize("answer", [
    httpx.Response(500), httpx.Response(302, headers={"location": "https://elsewhere.example"}), httpx.Response(404),
    httpx.ConnectError("no"), httpx.ReadTimeout("slow"),
])  # fmt: skip
def test_what_is_not_taken_is_tried_again_and_what_comes_after_it_waits(
    house: House, hook: Client, answer: httpx.Response | Exception
) -> None:
    outside = Outside(answer)
    first, second = posted(house, hook, outside, messages(hook))

    assert len(outside.came) == 1
    assert (isinstance(first, Again), isinstance(second, Again)) == (True, True)
    assert (cast("Again", first).counted, cast("Again", second).counted) == (True, False)
    assert known(house, hook).enabled


@pytest.mark.parametrize(("answer", "now"), [(httpx.Response(500), LATE), (httpx.Response(410), NOW)])
def test_a_client_silent_for_days_or_gone_is_disabled_and_an_operator_decides(
    house: House, hook: Client, answer: httpx.Response, now: datetime
) -> None:
    [result] = posted(house, hook, Outside(answer), messages(hook)[:1], now)

    assert heard(result) == [("ClientHeard", "unreachable")]
    assert (known(house, hook).enabled, known(house, hook).disabled_why) == (False, "unreachable")


def test_nothing_is_posted_to_a_disabled_client(house: House, hook: Client) -> None:
    outside = Outside(httpx.Response(204))

    async def work() -> Any:
        effects = await leased(house, hook, *messages(hook))
        async with house.pool.connection() as conn:
            await registry.disable(conn, hook.id, "operator")
        async with httpx.AsyncClient(transport=httpx.MockTransport(outside)) as http:
            return await Webhooks(house, http)([e for e in effects if e.kind == "client_post"], NOW)

    results = run(house, work)
    assert [heard(result) for result in results] == [[("ClientHeard", "unreachable")], []]
    assert outside.came == []


class Carrier:
    """A mail server that answers as it was told."""

    def __init__(self, answer: Away | Refused | None = None) -> None:
        self.mails, self._answer = list[Mail](), answer

    async def send(self, mails: Sequence[Mail]) -> list[Away | Refused | None]:
        self.mails += mails
        return [self._answer] * len(mails)


def mailed(house: House, client: Client, carrier: Carrier | None, events: Sequence[Event], now: datetime = NOW) -> Any:
    handbook = load_handbook(ROOT / "policies")

    async def work() -> Any:
        effects = [e for e in await leased(house, client, *events) if e.kind == "client_mail"]
        return await ClientMails(house, handbook, cast("Any", carrier), "https://door.example")(effects, now)

    return run(house, work)


def test_a_mail_has_a_link_and_a_code_and_nothing_of_the_person(house: House, post: Client) -> None:
    carrier = Carrier()
    [result] = mailed(house, post, carrier, messages(post)[:1])
    [mail] = carrier.mails

    assert heard(result) == [("ClientHeard", "delivered")]
    assert mail.to == post.contact
    assert f"https://door.example/handovers/{post.id}/{REQUEST}\n" in mail.body
    assert "f" * 32 in mail.body
    assert "f" * 32 not in mail.body.split("Your code", maxsplit=1)[0]


def test_everybodys_contact_is_reminded_by_mail(house: House, hook: Client) -> None:
    carrier = Carrier()
    [result] = mailed(house, hook, carrier, messages(hook)[1:])

    assert heard(result) == []
    assert (carrier.mails[0].to, "2026-03-02" in carrier.mails[0].body) == (hook.contact, True)


@pytest.mark.parametrize(("carrier", "now", "expected"), [
    (Carrier(Away()), NOW, None), (Carrier(Away()), LATE, [("ClientHeard", "unreachable")]),
    (Carrier(Refused()), NOW, [("ClientHeard", "unreachable")]), (None, NOW, [("ClientHeard", "unreachable")]),
])  # fmt: skip
def test_a_mail_that_cannot_leave_is_tried_again_and_at_last_an_operators(
    house: House, post: Client, carrier: Carrier | None, now: datetime, expected: list[tuple[str, str]] | None
) -> None:
    [result] = mailed(house, post, carrier, messages(post)[:1], now)

    assert isinstance(result, Again) if expected is None else heard(result) == expected
