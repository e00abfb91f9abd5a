"""What must happen outside: leased, performed with one idempotency key on every attempt, and told in one transaction.

A slow or failing effect holds up its own lane and nothing else. If the process dies while one is performed, its lease
runs out and another worker performs it again under the same id.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from schemas import wire
from schemas.base import Event
from schemas.topics import topic_of
from services.kernel.house import House
from services.kernel.step import AWAY
from services.kernel.store import Leased, Outgoing, Store, Stored

log = structlog.get_logger()
LEASE: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Done:
    """It happened; these events tell it."""

    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Again:
    """It did not happen yet; try at that moment. `counted` says whether this was an attempt, or only a look."""

    at: datetime
    counted: bool = True


type_result = Done | Again


@dataclass(frozen=True, slots=True)
class Performer:
    """How one kind of effect is performed: up to `most` of one lane at once, one answer each, in order."""

    perform: Callable[[Sequence[Leased], datetime], Awaitable[Sequence[type_result]]]
    most: int = 50
    lanes: int = 8


@dataclass(slots=True)
class EffectPool:
    """Works off the effects of one stage until it is stopped."""

    service: str
    house: House
    store: Store[Any]
    performers: dict[str, Performer]
    publish: Callable[[Sequence[Stored]], Awaitable[None]]
    poll_s: float = 0.25
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: dict[str, dict[str, asyncio.Task[None]]] = field(default_factory=dict)

    def nudge(self) -> None:
        """Say that there may be something to do."""
        self._wake.set()

    async def run(self) -> None:
        """Lease and perform until cancelled."""
        while True:
            taken = 0
            for kind, performer in self.performers.items():
                try:
                    taken += await self._start(kind, performer)
                except AWAY as error:
                    log.warning("waiting", stage=self.service, cause=type(error).__name__)
            if not taken:
                await self._rest()

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), self.poll_s)
        except TimeoutError:
            return
        finally:
            self._wake.clear()

    async def _start(self, kind: str, performer: Performer) -> int:
        running = self._busy.setdefault(kind, {})
        if len(running) >= performer.lanes:
            return 0
        async with self.house.pool.connection() as conn:
            leased = await self.store.lease(
                conn, kind, most=performer.most, lease=LEASE, now=self.house.clock(), busy=list(running)
            )
        lanes: dict[str, list[Leased]] = {}
        for effect in leased:
            lanes.setdefault(effect.lane, []).append(effect)
        for lane, effects in lanes.items():
            running[lane] = asyncio.create_task(self._perform(kind, lane, performer, effects))
        return len(leased)

    async def _perform(self, kind: str, lane: str, performer: Performer, effects: list[Leased]) -> None:
        heartbeat = asyncio.create_task(self._heartbeat([effect.id for effect in effects]))
        try:
            await self._settle(kind, effects, await performer.perform(effects, self.house.clock()))
        except Exception as error:
            log.warning(
                "effect_failed",
                stage=self.service,
                kind=kind,
                lane=lane,
                cause=type(error).__name__,
                exc_info=error,
            )
            self.house.metrics.retries.labels(self.service, kind).inc(len(effects))
            await self._put_back(effects)
        finally:
            heartbeat.cancel()
            del self._busy[kind][lane]
            self.nudge()

    async def _heartbeat(self, ids: list[Any]) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            async with self.house.pool.connection() as conn:
                await self.store.renew(conn, ids, LEASE)

    async def _put_back(self, effects: Sequence[Leased]) -> None:
        now = self.house.clock()
        async with self.house.pool.connection() as conn:
            await self.store.again(conn, {e.id: now + back_off(e.attempts) for e in effects})

    async def _settle(self, kind: str, effects: Sequence[Leased], results: Sequence[type_result]) -> None:
        pairs = list(zip(effects, results, strict=True))
        again = {effect.id: result for effect, result in pairs if isinstance(result, Again)}
        done = {effect.id: (effect, result) for effect, result in pairs if isinstance(result, Done)}
        async with self.house.pool.connection() as conn, conn.transaction():
            if again:
                uncounted = [i for i, result in again.items() if not result.counted]
                await self.store.again(conn, {i: result.at for i, result in again.items()}, uncounted)
                self.house.metrics.retries.labels(self.service, kind).inc(len(again) - len(uncounted))
            ours = await self.store.done(conn, list(done))
            told = [(done[i][0], event) for i in done if i in ours for event in done[i][1].events]
            stored = await self.store.put_out(conn, [self._outgoing(event, effect) for effect, event in told])
        await self.publish(stored)

    def _outgoing(self, event: Event, effect: Leased) -> Outgoing:
        source = f"rightsbus/{self.service}"
        topic, key, value, headers = wire.encode(event, source=source, traceparent=effect.traceparent)
        personal = topic_of(topic).personal == "yes"
        return Outgoing(topic, key, self.house.sealer.seal(value) if personal else value, headers, sealed=personal)


def back_off(attempts: int) -> timedelta:
    """How long to wait after that many attempts: 1 s, doubling, 5 minutes at most."""
    return timedelta(seconds=min(300.0, 2.0 ** min(attempts - 1, 9)))
