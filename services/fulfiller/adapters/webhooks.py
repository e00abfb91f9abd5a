"""Post messages to clients that chose a webhook: signed, at least once, in order, ever more rarely while it is silent.

The answer may hold the client's reply. A client that stays silent for days is disabled, and an operator decides.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import httpx
import structlog
from pydantic import TypeAdapter, ValidationError, model_validator

from schemas.base import Event
from schemas.clients import ClientHeard, ClientMessage
from schemas.events import ClientMessageBase
from schemas.problems import between_fields
from schemas.scalars import Code
from schemas.values import Action, Value
from services.clients import hooks, registry
from services.clients.registry import Client
from services.fulfiller.adapters.delivery import sealed_for
from services.kernel.effects import Again, Done, back_off
from services.kernel.house import House
from services.kernel.leases import Leased
from services.kernel.tokens import case_key

log = structlog.get_logger()
MOST_ANSWER_BYTES: Final = 16_384
GONE: Final = 410
"""The client's own way to say: never again (RFC 9110, 15.5.11)."""
UNREACHABLE: Final = "unreachable"
_MESSAGE: Final[TypeAdapter[ClientMessageBase]] = TypeAdapter(ClientMessage)


class HookAnswer(Value):
    """What a client may say in answer to a post: its reply."""

    type: Literal["received", "instruct", "completed", "refused", "not_ours"]
    action: Literal[Action.EXPORT, Action.ERASE, Action.CORRECT] | None = None
    reason: Code | None = None

    @model_validator(mode="after")
    def _says_why(self) -> "HookAnswer":
        if self.type == "refused" and self.reason is None:
            raise between_fields("reason", "must be given when `type` is refused")
        return self


class Webhooks:
    """The performer of posts; one call is about one client."""

    def __init__(self, house: House, http: httpx.AsyncClient) -> None:
        self._house, self._http = house, http

    async def __call__(self, effects: Sequence[Leased], now: datetime) -> list[Done | Again]:
        """Post in order, and stop at the first that is not taken: the others wait with it."""
        name = effects[0].body["client"]
        items = [(case_key(effect.case_id), effect.body["item"]) for effect in effects]
        async with self._house.pool.connection() as conn:
            client = (await registry.known(conn, [name])).get(name)
            messages = await self._house.vault.get(conn, items)
        if client is None or not client.enabled or client.transport != "webhook":
            return [_unreachable(effect, now) for effect in effects]
        results: list[Done | Again] = []
        for effect, item in zip(effects, items, strict=True):
            if item not in messages:
                results.append(Done())
                continue
            result = await self._deliver(client, effect, messages[item], now)
            results.append(result)
            if isinstance(result, Again):
                break
        return [*results, *(Again(_moment(results[-1], now), counted=False) for _ in effects[len(results) :])]

    async def _deliver(self, client: Client, effect: Leased, message: bytes, now: datetime) -> Done | Again:
        status, answer = await self._post(client, effect, message)
        if 200 <= status < 300:  # noqa: PLR2004  HTTP's own word for done
            return Done(tuple(_delivered(effect, answer, now)))
        log.warning("webhook_failed", client=client.id, status=status or None, attempt=effect.attempts)
        if status != GONE and now < datetime.fromisoformat(effect.body["until"]):
            return Again(now + back_off(effect.attempts))
        async with self._house.pool.connection() as conn:
            await registry.disable(conn, client.id, UNREACHABLE)
        log.error("client_disabled", client=client.id, why=UNREACHABLE)
        return _unreachable(effect, now)

    async def _post(self, client: Client, effect: Leased, message: bytes) -> tuple[int, bytes]:
        """The status, 0 when there was none, and the beginning of the answer."""
        body = sealed_for(client, _MESSAGE.validate_json(message)).model_dump_json().encode()
        secret = hooks.secret(self._house.keys, client.id, client.secret_round)
        headers = {
            "content-type": "application/json",
            "rightsbus-client": client.id,
            "rightsbus-message": str(effect.id),
            hooks.HEADER: hooks.sign(secret, body, self._house.clock.real()),
        }
        try:
            async with self._http.stream("POST", client.url or "", content=body, headers=headers) as response:
                return response.status_code, await _beginning(response)
        except httpx.HTTPError as error:
            log.warning("webhook_away", client=client.id, cause=type(error).__name__)
            return 0, b""


async def _beginning(response: httpx.Response) -> bytes:
    found = b""
    async for chunk in response.aiter_bytes():
        found += chunk
        if len(found) > MOST_ANSWER_BYTES:
            return b""
    return found


def _moment(result: Done | Again, now: datetime) -> datetime:
    return result.at if isinstance(result, Again) else now + timedelta(seconds=1)


def _delivered(effect: Leased, answer: bytes, now: datetime) -> list[Event]:
    """What a delivery tells: what the client answered, and of a request at least that it was received."""
    said = _answer(answer) if effect.body["type"] in {"request", "reminder"} else None
    if said is None and effect.body["type"] != "request":
        return []
    fields: dict[str, Any] = said.model_dump() if said else {"type": "received"}
    return [_heard(effect, now, "webhook", fields.pop("type"), **fields)]


def _answer(raw: bytes) -> HookAnswer | None:
    try:
        return HookAnswer.model_validate_json(raw) if raw.strip() else None
    except ValidationError:
        log.warning("webhook_answer_ignored")
        return None


def _unreachable(effect: Leased, now: datetime) -> Done:
    """A request that cannot be delivered waits for an operator; other messages need not arrive any more."""
    if effect.body["type"] != "request":
        return Done()
    return Done((_heard(effect, now, "delivery", UNREACHABLE),))


def _heard(effect: Leased, now: datetime, by: str, said: str, **more: Any) -> ClientHeard:  # noqa: ANN401
    return ClientHeard.after(
        effect, now, request_id=effect.request_id, case_id=effect.case_id, client=effect.body["client"], said=said,
        by=by, **more,
    )  # fmt: skip
