"""Faust, made safe: no commit past unfinished work, no lost send, a crash instead of a skip.

As shipped, Faust 0.15.3 loses messages in four ordinary ways. The transport here and the step's order close all four;
tests show each loss without and its absence with them. Uses private attributes, so the version is pinned and checked.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import faust
import faust.transport.drivers.aiokafka as driver
from faust import streams
from faust.transport.drivers import TRANSPORTS
from faust.types import TP, Message

from schemas.topics import PARKED_BYTES
from schemas.wire import Record
from services.kernel.errors import BrokerAway, UnsafeBuild
from services.kernel.settings import ServiceSettings
from services.kernel.store import Outgoing

FETCH_WAIT_MS: Final = 200
SESSION_TIMEOUT_S: Final = 10.0


class _ConsumerThread(driver.AIOKafkaConsumerThread):
    """Waits for new records shortly: Faust hard-codes 1.5 s."""

    def _create_worker_consumer(self, transport: Any) -> Any:  # noqa: ANN401  Faust's own types
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001
        return consumer


class SafeConsumer(driver.Consumer):
    """Commits an offset only when every earlier one of its partition was acknowledged (defects D1 to D3)."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **options)
        self._unacked_messages: set[Message] = set()

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    def _new_offset(self, tp: TP) -> int | None:
        unfinished = (m.offset for m in self._unacked_messages if m.tp == tp and not m.acked)
        floor = min(unfinished, default=None)
        if floor is None:
            offset: int | None = super()._new_offset(tp)
            return offset
        acked = self._acked[tp]
        held = [offset for offset in acked if offset >= floor]
        acked[:] = [offset for offset in acked if offset < floor]
        try:
            return super()._new_offset(tp) if acked else None
        finally:
            acked.extend(held)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let go of the revoked partitions' messages; streams keep this very set, so it changes in place."""
        await super().on_partitions_revoked(revoked)
        self._unacked_messages.difference_update({m for m in self._unacked_messages if m.tp in revoked})


class SafeProducer(driver.Producer):
    """Idempotent, all replicas, nothing shared between apps of one process (defect D13)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._transaction_producers: dict[str, Any] = {}
        self._trn_locks: dict[str, Any] = {}

    def _settings_extra(self) -> dict[str, Any]:
        return {**super()._settings_extra(), "enable_idempotence": True, "acks": "all"}


class SafeTransport(driver.Transport):
    """The transport every app of ours uses, as `kafka-safe://`."""

    Consumer = SafeConsumer
    Producer = SafeProducer


TRANSPORTS.aliases["kafka-safe"] = "services.kernel.bus:SafeTransport"


def new_app(service: str, settings: ServiceSettings) -> faust.App:
    """Build a Faust app for one service: safe transport, crashing supervisor, no topics made, no web server.

    Raises:
        UnsafeBuild: the installed Faust is not the one this transport was written for.
    """
    _check_build()
    context = ssl.create_default_context(cafile=str(settings.kafka_ca)) if settings.kafka_ca else None
    return faust.App(
        f"{settings.topic_prefix}{service}",
        broker=f"kafka-safe://{settings.kafka_bootstrap}",
        broker_credentials=faust.SASLCredentials(
            username=settings.kafka_username,
            password=settings.kafka_password.get_secret_value(),
            mechanism="SCRAM-SHA-256",
            ssl_context=context,
        ),
        topic_allow_declare=False,
        topic_disable_leader=True,
        store="memory://",
        table_standby_replicas=0,
        agent_supervisor="mode.CrashingSupervisor",
        stream_wait_empty=False,
        stream_buffer_maxsize=4096,
        stream_processing_timeout=900.0,
        broker_commit_interval=1.0,
        broker_commit_every=500,
        broker_session_timeout=SESSION_TIMEOUT_S,
        broker_heartbeat_interval=3.0,
        broker_request_timeout=60.0,
        broker_max_poll_interval=1000.0,
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
        producer_linger=0.0,
        producer_request_timeout=30.0,
        producer_max_request_size=PARKED_BYTES,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )


def _check_build() -> None:
    if not faust.__version__.startswith("0.15."):
        message = f"faust-streaming {faust.__version__} is installed; the safe transport needs 0.15.x"
        raise UnsafeBuild(message)
    if getattr(streams, "_CStreamIterator", None) is None:
        message = (
            "faust-streaming was installed without its compiled part, which acknowledges stale events; install a wheel"
        )
        raise UnsafeBuild(message)


async def batches(stream: Any, *, most: int, within_s: float) -> AsyncIterator[list[Any]]:  # noqa: ANN401
    """Yield what is there: up to `most` events, closed as soon as `within_s` passes without a further one.

    A lone event waits `within_s` and no longer. Nothing is acknowledged here.
    """
    events = aiter(stream.noack().events())
    pending: asyncio.Future[Any] | None = None
    try:
        while True:
            batch: list[Any] = []
            while len(batch) < most:
                pending = pending or asyncio.ensure_future(anext(events))
                await asyncio.wait({pending}, timeout=within_s if batch else None)
                if not pending.done():
                    break
                batch.append(pending.result())
                pending = None
            yield batch
    except StopAsyncIteration:
        return
    finally:
        if pending is not None:
            pending.cancel()


def record_of(event: Any, prefix: str) -> Record:  # noqa: ANN401
    """Turn Faust's event into the plain record it came from, the installation's prefix taken off the topic."""
    message = event.message
    return Record(
        topic=message.topic.removeprefix(prefix),
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers=tuple(message.headers or ()),
        at_ms=int((message.timestamp or 0) * 1000),
    )


class Publisher:
    """Sends messages and returns when the broker confirmed every one (defect D4)."""

    def __init__(self, app: faust.App, prefix: str) -> None:
        self._app, self._prefix = app, prefix

    async def __call__(self, messages: Sequence[Outgoing]) -> None:
        """Send in order; per key the broker keeps that order.

        Raises:
            BrokerAway: at least one was not confirmed; sending all again is safe for readers.
        """
        producer = self._app.producer
        try:
            await producer.maybe_start()
            waiting = [
                await producer.send(self._prefix + m.topic, m.key, m.value, None, None, list(m.headers))
                for m in messages
            ]
            await asyncio.gather(*waiting)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            message = f"{len(messages)} messages were not confirmed ({type(error).__name__})"
            raise BrokerAway(message) from error
