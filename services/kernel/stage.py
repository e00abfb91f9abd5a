"""One stage around one blueprint: takes batches off the bus, steps, publishes, acknowledges; wakes what is due.

Acknowledging comes last, after the broker confirmed everything that follows from the batch.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar

import structlog
from psycopg_pool import AsyncConnectionPool

from services.kernel.bus import Publisher, batches, record_of
from services.kernel.clock import Clock, monotonic
from services.kernel.decision import State
from services.kernel.effects import EffectPool, Performer
from services.kernel.house import House
from services.kernel.step import AWAY, Blueprint, Step, patiently
from services.kernel.store import Conn, Outgoing, Store, Stored

log = structlog.get_logger()
S = TypeVar("S", bound=State)
F = TypeVar("F")

ORPHANED: Final = timedelta(seconds=3)
"""Outbox rows older than this belong to a worker that died: anybody may publish them."""
INBOX_KEEP: Final = timedelta(days=45)
"""Longer than any topic keeps a record."""
HOUSEKEEPING_S: Final = 5.0


class Stage(Generic[S, F]):
    """A running stage. Build it, then `start` its tasks inside the event loop; the app's agent feeds it."""

    def __init__(
        self,
        house: House,
        blueprint: Blueprint[S, F],
        *,
        reads: Sequence[str],
        performers: Mapping[str, Performer] | None = None,
    ) -> None:
        settings = house.settings
        self.name, self._settings, self._pool, self._sealer = (
            blueprint.service,
            settings,
            house.pool,
            house.sealer,
        )
        self._metrics, self._clock = house.metrics, house.clock
        self.store = Store(blueprint.service, blueprint.state)
        self._step = Step(blueprint, house, self.store)
        self._publisher = Publisher(house.app, settings.topic_prefix)
        self._working, self._draining = asyncio.Lock(), False
        self._effects = EffectPool(self.name, house, self.store, dict(performers or {}), self.publish)
        topics = [settings.topic_prefix + topic for topic in reads]
        source = house.app.topic(
            *topics, value_type=bytes, value_serializer="raw", key_type=bytes, key_serializer="raw"
        )
        house.app.agent(source, name=self.name)(self._listen)

    async def _listen(self, stream: Any) -> None:  # noqa: ANN401  Faust's stream
        within_s = self._settings.batch_within_ms / 1000
        async for batch in batches(stream, most=self._settings.batch_most, within_s=within_s):
            async with self._working:
                if self._draining:
                    await asyncio.Event().wait()
                await self._handle(batch)

    async def _handle(self, batch: Sequence[Any]) -> None:
        records = [record_of(event, self._settings.topic_prefix) for event in batch]
        await self.publish(await self._step.take(records))
        for event in batch:
            event.ack()
        self._effects.nudge()
        log.info("batch_handled", stage=self.name, messages=len(batch))

    async def publish(self, stored: Sequence[Stored]) -> None:
        """Send, wait for every confirmation, forget. Goes on trying while the broker is away."""
        if not stored:
            return
        started = monotonic()
        messages = [self._opened(row.message) for row in stored]
        async for attempt in patiently(self.name, self._metrics):
            with attempt:
                await self._publisher(messages)
        async for attempt in patiently(self.name, self._metrics):
            with attempt:
                async with self._pool.connection() as conn, conn.transaction(), conn.pipeline():
                    await conn.execute("SET LOCAL synchronous_commit = off")
                    await self.store.sent(conn, [row.id for row in stored])
        self._metrics.publish.labels(self.name).observe(monotonic() - started)
        for message in messages:
            self._metrics.events_out.labels(self.name, message.topic).inc()

    def _opened(self, message: Outgoing) -> Outgoing:
        if not message.sealed:
            return message
        return Outgoing(message.topic, message.key, self._sealer.open(message.value), message.headers)

    async def drain(self) -> None:
        """Finish the batch in hand and take no further one."""
        self._draining = True
        async with self._working:
            log.info("drained", stage=self.name)

    def tasks(self) -> list[Callable[[], Awaitable[None]]]:
        """What runs beside the agent, each until cancelled."""
        return [self._sweep, self._keep_house, self._effects.run]

    async def _sweep(self) -> None:
        """Wake what is due, as long as clocks agree."""
        while True:
            woken: list[Stored] = []
            if self._clock.trusted and not self._draining:
                async for attempt in patiently(self.name, self._metrics):
                    with attempt:
                        woken = await self._step.wake(self._settings.batch_most)
                await self.publish(woken)
                self._effects.nudge()
            if not woken:
                await asyncio.sleep(self._settings.sweep_every_s)

    async def _keep_house(self) -> None:
        """Publish what dead workers left, forget old inbox rows, measure the backlog."""
        while True:
            try:
                await self._relay()
            except AWAY as error:
                log.warning("waiting", stage=self.name, cause=type(error).__name__)
            await asyncio.sleep(HOUSEKEEPING_S / 2)

    async def _relay(self) -> None:
        async with self._pool.connection() as conn:
            async with conn.transaction():
                await self.publish(await self.store.left(conn, ORPHANED))
            await self.store.purge_inbox(conn, INBOX_KEEP)
            outbox, effects = await self.store.backlog(conn)
        self._metrics.outbox.labels(self.name).set(outbox)
        for kind, pending in effects.items():
            self._metrics.effects.labels(self.name, kind).set(pending)


async def keep_time(clock: Clock, pool: AsyncConnectionPool[Conn]) -> None:
    """Follow the installation's clock offset."""
    while True:
        try:
            async with pool.connection() as conn:
                await clock.refresh(conn)
        except AWAY as error:
            log.warning("waiting", stage="clock", cause=type(error).__name__)
        await asyncio.sleep(1.0)
