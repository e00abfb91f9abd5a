"""The bus as a stage sees it: an app that loses nothing, messages in micro-batches, records as they came."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from typing import Any, Final

import faust
from faust import streams

from schemas.topics import PARKED_BYTES
from schemas.wire import Record
from services.kernel import tolerant
from services.kernel.errors import UnsafeBuild
from services.kernel.settings import ServiceSettings
from services.kernel.transport import SCHEME

SESSION_TIMEOUT_S: Final = 10.0
LONGEST_BATCH_S: Final = 0.1


def new_app(service: str, settings: ServiceSettings) -> faust.App:
    """Build a Faust app for one service: safe transport, crashing supervisor, no topics made, no web server.

    Raises:
        UnsafeBuild: the installed Faust is not the one this transport was written for.
    """
    _check_build()
    tolerant.install()
    context = ssl.create_default_context(cafile=str(settings.kafka_ca)) if settings.kafka_ca else None
    return faust.App(
        f"{settings.topic_prefix}{service}",
        broker=f"{SCHEME}://{settings.kafka_bootstrap}",
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

    A lone event waits `within_s` and no longer; a trickle is cut after LONGEST_BATCH_S. Nothing is acknowledged here.
    """
    loop, events = asyncio.get_running_loop(), aiter(stream.noack().events())
    pending: asyncio.Future[Any] | None = None
    try:
        while True:
            batch: list[Any] = []
            until = loop.time()
            while len(batch) < most:
                pending = pending or asyncio.ensure_future(anext(events))
                left_s = min(within_s, until - loop.time()) if batch else None
                await asyncio.wait({pending}, timeout=left_s)
                if not pending.done():
                    break
                batch.append(pending.result())
                pending = None
                if len(batch) == 1:
                    until = loop.time() + LONGEST_BATCH_S
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
        headers=tuple((name, value or b"") for name, value in message.headers or ()),
        at_ms=round((message.timestamp or 0) * 1000),
    )
