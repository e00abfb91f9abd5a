"""One stage around one blueprint: takes batches off the bus, steps, publishes, acknowledges; wakes what is due.

Acknowledging comes last, after the broker confirmed everything that follows from the batch.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

import structlog
from psycopg_pool import AsyncConnectionPool

from schemas.wire import Record
from services.kernel.bus import batches, record_of
from services.kernel.clock import Clock, monotonic
from services.kernel.decision import State
from services.kernel.effects import EffectPool, Performer
from services.kernel.house import House
from services.kernel.leases import Leases
from services.kernel.patience import AWAY, patiently, say_waiting
from services.kernel.publisher import Publisher
from services.kernel.step import Blueprint, Step
from services.kernel.store import Conn, Outgoing, Store, Stored
from services.kernel.tracing import begun, spans_of

log = structlog.get_logger()
S = TypeVar("S", bound=State)
F = TypeVar("F")

ORPHANED: Final = timedelta(seconds=3)
"""Outbox rows older than this belong to a worker that died, or to a topic that refused them: anybody may send them."""
INBOX_KEEP: Final = timedelta(days=45)
"""Longer than any topic keeps a record."""
HOUSEKEEPING_S: Final = 2.5
AWAY_S: Final = 2.0


class Stage(Generic[S, F]):
    """A running stage. Build it, then run its `tasks` inside the event loop; the app's agent feeds it."""

    def __init__(
        self,
        house: House,
        blueprint: Blueprint[S, F],
        *,
        reads: Sequence[str],
        performers: Mapping[str, Performer] | None = None,
    ) -> None:
        self.name, self._settings, self._pool = blueprint.service, house.settings, house.pool
        self._sealer, self._metrics, self._clock = house.sealer, house.metrics, house.clock
        self.store = Store(blueprint.service, blueprint.state)
        self._step = Step(blueprint, house, self.store)
        self._publisher = Publisher(house.app, house.settings.topic_prefix)
        self._working, self._ended = asyncio.Lock(), asyncio.Event()
        self._performers, self._leases = dict(performers or {}), Leases(blueprint.service)
        self._effects = EffectPool(self.name, house, self.store, self._performers, self._publish_or_leave)
        self._in_hand: Sequence[Record] = ()
        self._spans = spans_of(self.name)
        self._metrics.age.labels(self.name).set_function(self._age)
        topics = [house.settings.topic_prefix + topic for topic in reads]
        source = house.app.topic(
            *topics, value_type=bytes, value_serializer="raw", key_type=bytes, key_serializer="raw"
        )
        house.app.agent(source, name=self.name)(self._listen)

    async def _listen(self, stream: Any) -> None:  # noqa: ANN401  Faust's stream
        within_s = self._settings.batch_within_ms / 1000
        async for batch in batches(stream, most=self._settings.batch_most, within_s=within_s):
            async with self._working:
                if self._ended.is_set():
                    await asyncio.Event().wait()
                await self._handle(batch)
                batch.clear()  # the next one may be waiting until these are let go of

    async def _handle(self, batch: Sequence[Any]) -> None:
        self._in_hand, started = self._records(batch), self._clock.real()
        stored = await self._step.take(self._in_hand)
        self._effects.nudge()
        async for attempt in patiently(self.name, self._metrics):
            with attempt:
                await self.publish(stored)
        for event in batch:
            event.ack()
        if self._spans:
            self._spans.tell(self._in_hand, _ns(started), _ns(self._clock.real()))
        self._in_hand = ()
        log.info("batch_handled", stage=self.name, messages=len(batch))

    def _records(self, batch: Sequence[Any]) -> list[Record]:
        records = [record_of(event, self._settings.topic_prefix) for event in batch]
        return [begun(record) for record in records] if self._spans else records

    async def publish(self, stored: Sequence[Stored]) -> None:
        """Send, wait for every confirmation, forget; what somebody else sent meanwhile is passed over.

        Raises:
            BrokerAway, psycopg.OperationalError: something is left; it lies in the outbox.
        """
        if stored:
            async with self._pool.connection() as conn, conn.transaction():
                held = await self.store.hold(conn, [row.id for row in stored])
                await self._send(conn, [row for row in stored if row.id in held])

    async def _send(self, conn: Conn, held: Sequence[Stored]) -> int:
        """Send rows this transaction holds: nobody else sends them, or newer ones of their keys, until it ends."""
        if not held:
            return 0
        started = monotonic()
        sent = set(await self._publisher([Stored(row.id, self._opened(row.message)) for row in held]))
        async with conn.pipeline():
            await conn.execute("SET LOCAL synchronous_commit = off")
            await self.store.sent(conn, list(sent))
        self._metrics.publish.labels(self.name).observe(monotonic() - started)
        for row in held:
            if row.id in sent:
                self._metrics.events_out.labels(self.name, row.message.topic).inc()
        return len(sent)

    async def _publish_or_leave(self, stored: Sequence[Stored]) -> None:
        """Send now if possible; what is left in the outbox is sent when the broker is back."""
        try:
            await self.publish(stored)
        except AWAY as error:
            say_waiting(self.name, self._metrics, error)

    def _opened(self, message: Outgoing) -> Outgoing:
        if not message.sealed:
            return message
        return Outgoing(message.topic, message.key, self._sealer.open(message.value), message.headers)

    def _age(self) -> float:
        oldest = min((record.at_ms for record in self._in_hand), default=None)
        return 0.0 if oldest is None else max(0.0, self._clock.real().timestamp() - oldest / 1000)

    async def drain(self) -> None:
        """Take nothing further in hand; returns when the batch in hand is acknowledged."""
        self._ended.set()
        self._effects.end()
        async with self._working:
            log.info("drained", stage=self.name)

    def tasks(self) -> list[Callable[[], Coroutine[Any, Any, None]]]:
        """What runs beside the agent; each returns soon after `drain`."""
        return [self._sweep, self._keep_house, self._effects.run]

    async def _sweep(self) -> None:
        await self._regularly(self._wake, self._settings.sweep_every_s)

    async def _keep_house(self) -> None:
        await self._regularly(self._tidy, HOUSEKEEPING_S)

    async def _regularly(self, work: Callable[[], Awaitable[bool]], pause_s: float) -> None:
        """Work until drained: at once again while there is more, else after a pause."""
        while not self._ended.is_set():
            try:
                pause = 0.0 if await work() else pause_s
            except AWAY as error:
                say_waiting(self.name, self._metrics, error)
                pause = AWAY_S
            try:
                await asyncio.wait_for(self._ended.wait(), pause)
            except TimeoutError:
                continue

    async def _wake(self) -> bool:
        """Wake what is due, as long as clocks agree."""
        woken = await self._step.wake(self._settings.batch_most) if self._clock.trusted else None
        if woken is None:
            return False
        await self._publish_or_leave(woken)
        self._effects.nudge()
        return True

    async def _tidy(self) -> bool:
        """Measure the backlog, forget what is old, send what dead workers left."""
        async with self._pool.connection() as conn:
            await self._measure(conn)
            await self.store.purge(conn, INBOX_KEEP, self._clock())
            async with conn.transaction():
                return await self._send(conn, await self.store.left(conn, ORPHANED, self._publisher.refused())) > 0

    async def _measure(self, conn: Conn) -> None:
        outbox, parked = await self.store.waiting(conn)
        self._metrics.outbox.labels(self.name).set(outbox)
        self._metrics.waiting.labels(self.name).set(parked)
        if self._performers:
            pending = await self._leases.pending(conn)
            for kind in self._performers:
                self._metrics.effects.labels(self.name, kind).set(pending.get(kind, 0))


def _ns(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000_000)


async def keep_time(clock: Clock, pool: AsyncConnectionPool[Conn]) -> None:
    """Follow the installation's clock offset; where the database was away, throw out the connections that died."""
    while True:
        try:
            async with pool.connection() as conn:
                await clock.refresh(conn)
        except AWAY as error:
            log.warning("waiting", stage="clock", cause=type(error).__name__)
            await pool.check()
        await asyncio.sleep(1.0)
