"""Faust's transport, made safe: no commit past unfinished work, no lost send, and patience with a broker that is away.

As shipped, Faust 0.15.3 loses messages in four ordinary ways. This and the step's order close all four; tests show each
loss without and its absence with them. Uses private attributes, so the version is pinned and checked (`bus`).
"""

import asyncio
import weakref
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import faust.transport.drivers.aiokafka as driver
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError
from faust.transport.drivers import TRANSPORTS
from faust.types import TP, Message

from services.kernel.patience import LONGEST_WAIT_S

log = structlog.get_logger()
SCHEME: Final = "kafka-safe"
FETCH_WAIT_MS: Final = 200
MOST_IN_HAND: Final = 2 * 1_048_576
"""Bytes of large messages a worker keeps at once: somebody outside may send many."""
_LARGE: Final = 8_192
_LOOK_AGAIN_S: Final = 0.01
START_WITHIN_S: Final = 10.0


class _ConsumerThread(driver.AIOKafkaConsumerThread):
    """Fetches with a short wait (Faust hard-codes 1.5 s) and never dies of a broker that is away."""

    def _create_worker_consumer(self, transport: Any) -> Any:  # noqa: ANN401  Faust's own types
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001
        return consumer

    async def on_start(self) -> None:
        """Connect, however long it takes."""
        while True:
            try:
                return await super().on_start()
            except KafkaError as error:
                log.warning("waiting", stage="broker", cause=type(error).__name__)
                if self._consumer:
                    await self._consumer.stop()
                await asyncio.sleep(LONGEST_WAIT_S / 2)

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit; what the broker does not take now is committed another time, or read again and known."""
        consumer = self._ensure_consumer()
        try:
            await consumer.commit({tp: offset for tp, offset in offsets.items() if tp in self.assignment()})
        except KafkaError as error:
            log.warning("waiting", stage="commit", cause=type(error).__name__)
            return False
        return True

    def on_crash(self, msg: str, *fmt: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """Say nothing here: Faust would print the exception's text; the process tells of the crash."""


class SafeConsumer(driver.Consumer):
    """Commits an offset only when every earlier one of its partition was acknowledged (defects D1 to D3).

    One stream hands a partition's messages over in order, so what comes before the first unfinished one is done.
    """

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **options)
        self._unacked_messages: set[Message] = set()
        self._in_hand = self._last = 0

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Message]]:  # noqa: ASYNC109  Faust's
        """Fetch, and hand over large messages only as earlier ones are let go of.

        Faust itself holds the last one until it gets the next: waiting for that would be for ever.
        """
        async for tp, message in super().getmany(timeout):
            if (size := len(message.value or b"")) > _LARGE:
                while self._in_hand - self._last > MOST_IN_HAND and not self.should_stop:  # noqa: ASYNC110  any thread frees them
                    await asyncio.sleep(_LOOK_AGAIN_S)
                self._in_hand, self._last = self._in_hand + size, size
                weakref.finalize(message, self._let_go_of, size).atexit = False
            yield tp, message

    def _let_go_of(self, size: int) -> None:
        self._in_hand -= size

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def ack(self, message: Message) -> bool:
        """Note that a message is done; nothing of it is kept but its offset."""
        self._unacked_messages.discard(message)
        if message.acked:
            return False
        message.acked = True
        self._acked[message.tp].append(message.offset)
        self._n_acked += 1
        return True

    def _new_offset(self, tp: TP) -> int | None:
        done = self._acked[tp]
        if tp not in self.assignment():
            done.clear()
        if not done:
            return None
        done[:] = [max(done)]
        unfinished = [m.offset for m in self._unacked_messages if m.tp == tp and not m.acked]
        return min([done[0] + 1, *unfinished])

    async def _commit_offsets(self, offsets: Mapping[TP, int], start_new_transaction: bool = True) -> bool:  # noqa: FBT001, FBT002  Faust's
        before = {tp: self._committed_offset[tp] for tp in offsets}
        committed: bool = await super()._commit_offsets(offsets, start_new_transaction)
        if not committed:
            self._committed_offset.update(before)
        return committed

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let go of the revoked partitions' messages; streams keep this very set, so it changes in place."""
        await super().on_partitions_revoked(revoked)
        self._unacked_messages.difference_update({m for m in self._unacked_messages if m.tp in revoked})


class SafeProducer(driver.Producer):
    """Idempotent, all replicas; connects when first needed, and anew when its connection failed for good.

    Nothing is shared between the apps of one process (defect D13).
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self._transaction_producers: dict[str, Any] = {}
        self._trn_locks: dict[str, Any] = {}
        self._connecting = asyncio.Lock()

    def _settings_extra(self) -> dict[str, Any]:
        return {**super()._settings_extra(), "enable_idempotence": True, "acks": "all"}

    async def on_start(self) -> None:
        """Connect later: the broker may be away now."""

    async def flush(self) -> None:
        """Nothing to wait for: whoever sends waits for the confirmation before anything is acknowledged."""

    async def connected(self) -> AIOKafkaProducer:
        """The connection to send by.

        Raises:
            KafkaError: the broker is away.
            TimeoutError: it does not answer.
        """
        async with self._connecting:
            if self._producer is None:
                fresh = self._new_producer()
                try:
                    await asyncio.wait_for(fresh.start(), START_WITHIN_S)
                except BaseException:
                    await _let_go(fresh)
                    raise
                self._producer = fresh
            return self._producer

    async def drop(self, failed: AIOKafkaProducer) -> None:
        """Give a connection up: what it still holds is never sent, so that nothing arrives after what is sent next."""
        if self._producer is failed:
            self._producer = None
            await _let_go(failed)


async def _let_go(producer: AIOKafkaProducer) -> None:
    """Close without waiting for what it holds, as its own `stop` would; whoever waits for that is told."""
    producer._closed = True  # noqa: SLF001
    await producer.client.close()
    producer._message_accumulator.fail_all(KafkaConnectionError())  # noqa: SLF001
    if producer._sender.sender_task is not None:  # noqa: SLF001
        producer._sender.sender_task.cancel()  # noqa: SLF001


class SafeTransport(driver.Transport):
    """The transport every app of ours uses, under the name SCHEME."""

    Consumer = SafeConsumer
    Producer = SafeProducer


TRANSPORTS.aliases[SCHEME] = "services.kernel.transport:SafeTransport"
