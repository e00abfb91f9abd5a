"""Two made-up services as processes of their own: `python -m tests.support.two_stages verifier|notifier`.

The first turns each VerificationFailed into a HandedOver; the second turns each of those into an effect, which writes
a row and tells a NoticeSent. What each request went through can be counted in their tables.
"""

import asyncio
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from schemas.base import Due
from schemas.events import HandedOver, NoticeSent, VerificationFailed
from schemas.values import Letter
from services.kernel.decision import Decision, Effect, State
from services.kernel.effects import Done, Performer
from services.kernel.house import House
from services.kernel.leases import Leased
from services.kernel.process import run
from services.kernel.settings import ServiceSettings
from services.kernel.stage import Stage
from services.kernel.step import Blueprint

SLOW_S = float(os.environ.get("TWO_STAGES_SLOW_S", "0"))
"""How long a batch is gathered for, so that there is time to interrupt it."""
LETTER = "letter"


class Passed(State):
    """Which events a request went through, in order."""

    events: tuple[str, ...] = ()

    def with_event(self, event: Any) -> "Passed":
        """One event more."""
        return self.but(events=(*self.events, str(event.event_id)))


def hand_over(state: Passed, event: VerificationFailed | Due, _facts: None, now: datetime) -> Decision[Passed]:
    """The first service's decision."""
    if isinstance(event, Due):
        return Decision(state)
    fields: dict[str, Any] = {"part": "client:acme/handover", "client": "acme", "handover_id": str(event.event_id)}
    return Decision(state.with_event(event), (HandedOver.after(event, now, parcel_named=False, **fields),))


def write(state: Passed, event: HandedOver | Due, _facts: None, _now: datetime) -> Decision[Passed]:
    """The second service's decision."""
    if isinstance(event, Due):
        return Decision(state)
    effect = Effect(LETTER, state.id, state.id, str(event.event_id), {}, lane=state.id[:1])
    return Decision(state.with_event(event), effects=(effect,))


async def _gather(*_: Any) -> None:
    await asyncio.sleep(SLOW_S)


def _letters(house: House) -> Performer:
    async def perform(effects: Sequence[Leased], now: datetime) -> list[Done]:
        ids = [str(effect.id) for effect in effects]
        async with house.pool.connection() as conn:
            await conn.execute("INSERT INTO public.letters SELECT unnest(%s::text[])", [ids])
        return [Done((_sent(effect, now),)) for effect in effects]

    return Performer(perform)


def _sent(effect: Leased, now: datetime) -> NoticeSent:
    ids = {"request_id": effect.request_id, "case_id": effect.case_id}
    return NoticeSent.after(effect, now, letter=Letter.CLOSED, way="mail", to="given", **ids)


def _keys(event: Any) -> list[str]:
    return [event.request_id]


def verifier(house: House) -> list[Stage[Any, Any]]:
    """Build the first service; it also reads a topic outsiders write."""
    blueprint = Blueprint("verifier", Passed, keys=_keys, gather=_gather, decide=hand_over)
    return [Stage(house, blueprint, reads=["privacy.unverified", "privacy.task-results"])]


def notifier(house: House) -> list[Stage[Any, Any]]:
    """Build the second service."""
    blueprint = Blueprint("notifier", Passed, keys=_keys, gather=_gather, decide=write)
    return [Stage(house, blueprint, reads=["privacy.handed-over"], performers={LETTER: _letters(house)})]


if __name__ == "__main__":
    run(sys.argv[1], ServiceSettings, {"verifier": verifier, "notifier": notifier}[sys.argv[1]])
