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

from schemas.base import Event
from services.kernel.house import House
from services.kernel.leases import Leased, Leases
from services.kernel.patience import AWAY, patiently, say_waiting
from services.kernel.step import outgoing
from services.kernel.store import Conn, Outgoing, Store, Stored

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
type_end = tuple[Outgoing, ...] | Again


@dataclass(frozen=True, slots=True)
class Performer:
    """How one kind of effect is performed: up to `most` of one lane at once, one answer each, in order.

    What is expected to fail answers `Again`; an exception is a fault, and costs the innocent beside it another attempt.
    """

    perform: Callable[[Sequence[Leased], datetime], Awaitable[Sequence[type_result]]]
    most: int = 50
    lanes: int = 8


@dataclass(slots=True)
class EffectPool:
    """Works off the effects of one stage until it is told to end."""

    service: str
    house: House
    store: Store[Any]
    performers: dict[str, Performer]
    publish: Callable[[Sequence[Stored]], Awaitable[None]]
    poll_s: float = 0.25
    lease: timedelta = LEASE
    _leases: Leases = field(init=False)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _busy: dict[str, set[str]] = field(default_factory=dict)
    _ending: bool = False

    def __post_init__(self) -> None:
        """Find the table."""
        self._leases = Leases(self.store.schema)

    def nudge(self) -> None:
        """Say that there may be something to do."""
        self._wake.set()

    def end(self) -> None:
        """Take nothing further in hand: `run` returns when what is in hand is done."""
        self._ending = True
        self.nudge()

    async def run(self) -> None:
        """Lease and perform until `end`. A clock that cannot be trusted leases nothing: it might be too early."""
        async with asyncio.TaskGroup() as group:
            while not self._ending:
                taken = 0
                try:
                    taken = await self._begin(group) if self.house.clock.trusted else 0
                except AWAY as error:
                    say_waiting(self.service, self.house.metrics, error)
                if not taken:
                    await self._rest()

    async def _begin(self, group: asyncio.TaskGroup) -> int:
        """Start on every kind of which something is due; most of the time that is none, or one."""
        async with self.house.pool.connection() as conn:
            due = await self._leases.due(conn, self.house.clock())
            return sum([await self._start(group, conn, kind) for kind in self.performers if kind in due])

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), self.poll_s)
        except TimeoutError:
            return
        finally:
            self._wake.clear()

    async def _start(self, group: asyncio.TaskGroup, conn: Conn, kind: str) -> int:
        performer, busy = self.performers[kind], self._busy.setdefault(kind, set())
        if len(busy) >= performer.lanes:
            return 0
        leased = await self._leases.take(
            conn, kind=kind, most=performer.most, lanes=performer.lanes - len(busy), busy=list(busy),
            lease=self.lease, now=self.house.clock(),
        )  # fmt: skip
        lanes: dict[str, list[Leased]] = {}
        for effect in leased:
            lanes.setdefault(effect.lane, []).append(effect)
        for lane, effects in lanes.items():
            busy.add(lane)
            group.create_task(self._work_off(lane, performer, effects))
        return len(leased)

    async def _work_off(self, lane: str, performer: Performer, effects: list[Leased]) -> None:
        heartbeat = asyncio.create_task(self._heartbeat(effects))
        kind = effects[0].kind
        try:
            ends = await self._tried(performer, effects)
            async for attempt in patiently(self.service, self.house.metrics):
                with attempt:
                    stored = await self._settle(kind, effects, ends)
            await self.publish(stored)
        finally:
            heartbeat.cancel()
            self._busy[kind].discard(lane)
            self.nudge()

    async def _heartbeat(self, effects: Sequence[Leased]) -> None:
        while True:
            await asyncio.sleep(self.lease.total_seconds() / 3)
            try:
                async with self.house.pool.connection() as conn:
                    await self._leases.renew(conn, [effect.id for effect in effects], self.lease)
            except AWAY as error:
                say_waiting(self.service, self.house.metrics, error)

    async def _tried(self, performer: Performer, effects: Sequence[Leased]) -> list[type_end]:
        """Perform together; if that raises, by halves, so that the guilty one is put back and the others are done."""
        try:
            results = await performer.perform(effects, self.house.clock())
            return [self._end(effect, result) for effect, result in zip(effects, results, strict=True)]
        except Exception as error:
            one = effects[0]
            log.warning(
                "effect_failed", stage=self.service, kind=one.kind, lane=one.lane, effects=len(effects),
                attempts=one.attempts, exc_info=error,
            )  # fmt: skip
            if len(effects) == 1 or isinstance(error, AWAY):
                now = self.house.clock()
                return [Again(now + back_off(effect.attempts)) for effect in effects]
        middle = len(effects) // 2
        left = await self._tried(performer, effects[:middle])
        return [*left, *await self._tried(performer, effects[middle:])]

    def _end(self, effect: Leased, result: type_result) -> type_end:
        if isinstance(result, Again):
            return result
        sealer = self.house.sealer
        return tuple(outgoing(event, self.service, effect.traceparent, sealer) for event in result.events)

    async def _settle(self, kind: str, effects: Sequence[Leased], ends: Sequence[type_end]) -> list[Stored]:
        again = {effect.id: end for effect, end in zip(effects, ends, strict=True) if isinstance(end, Again)}
        done = {effect.id: end for effect, end in zip(effects, ends, strict=True) if not isinstance(end, Again)}
        async with self.house.pool.connection() as conn, conn.transaction():
            if again:
                uncounted = [i for i, end in again.items() if not end.counted]
                await self._leases.again(conn, {i: end.at for i, end in again.items()}, uncounted)
                self.house.metrics.retries.labels(self.service, kind).inc(len(again) - len(uncounted))
            ours = await self._leases.done(conn, list(done)) if done else set()
            return await self.store.say(conn, [message for i, told in done.items() if i in ours for message in told])


def back_off(attempts: int) -> timedelta:
    """How long to wait after that many attempts: 1 s, doubling, 5 minutes at most."""
    return timedelta(seconds=min(300.0, 2.0 ** min(attempts - 1, 9)))
