"""How fast messages can pass at all on this machine: read, write, commit, and nothing decided in between.

Once with plain aiokafka, once through Faust with our transport; both on the embedded broker with SCRAM, one process.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pydantic import SecretStr

from services.kernel.bus import batches, new_app, record_of
from services.kernel.publisher import Publisher
from services.kernel.settings import ServiceSettings
from services.kernel.store import Outgoing, Stored
from services.ops.kafka import Access, admin
from stack.embedded import Embedded
from stack.endpoints import Endpoints

VALUE: Final = b'{"padding": "' + b"x" * 600 + b'"}'
PARTITIONS: Final = 6
TAKE: Final = 200


def run(argv: Sequence[str]) -> int:
    """Measure both; prints messages per second."""
    parser = argparse.ArgumentParser(prog="python -m bench floor", description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    given = parser.parse_args(argv)
    print(json.dumps(measure(given.messages), indent=2))
    return 0


def measure(messages: int) -> dict[str, Any]:
    """Messages per second through each, on a broker of their own."""
    with tempfile.TemporaryDirectory(prefix="rightsbus-", ignore_cleanup_errors=True) as folder:
        embedded = Embedded(Path(folder), echo=lambda _: None)
        try:
            endpoints = embedded.start()
            _topics(endpoints)
            return asyncio.run(_both(endpoints, messages))
        finally:
            embedded.stop()


def _topics(endpoints: Endpoints) -> None:
    access = Access(endpoints.bootstrap, endpoints.admin.username, endpoints.admin.password)
    with admin(access) as client:
        client.create_topics({name: {"num_partitions": PARTITIONS} for name in ("floor.in", "floor.out")})


def _login(endpoints: Endpoints) -> dict[str, Any]:
    return {
        "bootstrap_servers": endpoints.bootstrap, "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-256", "sasl_plain_username": endpoints.admin.username,
        "sasl_plain_password": endpoints.admin.password,
    }  # fmt: skip


async def _both(endpoints: Endpoints, messages: int) -> dict[str, Any]:
    producer = AIOKafkaProducer(**_login(endpoints))
    await producer.start()
    sent = [await producer.send("floor.in", VALUE, key=str(number).encode()) for number in range(messages)]
    await asyncio.gather(*sent)
    await producer.stop()
    return {
        "messages": messages,
        "floor_aiokafka": {"messages_per_s": await _timed(messages, lambda: _plain(endpoints, messages))},
        "floor_faust": {"messages_per_s": await _timed(messages, lambda: _through_faust(endpoints, messages))},
    }


async def _timed(messages: int, work: Callable[[], Awaitable[float]]) -> float:
    """Messages per second from the first one taken to the last one confirmed."""
    started = await work()
    return round(messages / (time.perf_counter() - started), 1)


async def _plain(endpoints: Endpoints, messages: int) -> float:
    login = _login(endpoints)
    consumer = AIOKafkaConsumer(
        "floor.in", group_id="floor.plain", auto_offset_reset="earliest", enable_auto_commit=False, **login
    )
    producer = AIOKafkaProducer(enable_idempotence=True, acks="all", **login)
    await consumer.start()
    await producer.start()
    started, taken = 0.0, 0
    while taken < messages:
        polled = await consumer.getmany(timeout_ms=1_000, max_records=TAKE)
        started = started or time.perf_counter()
        some = [message for found in polled.values() for message in found]
        await asyncio.gather(*[await producer.send("floor.out", m.value, key=m.key) for m in some])
        await consumer.commit()
        taken += len(some)
    await consumer.stop()
    await producer.stop()
    return started


async def _through_faust(endpoints: Endpoints, messages: int) -> float:
    settings = ServiceSettings(
        kafka_bootstrap=endpoints.bootstrap, kafka_username=endpoints.admin.username,
        kafka_password=SecretStr(endpoints.admin.password), database_url=SecretStr(endpoints.database_url),
        keys_dir=endpoints.keys_dir,
    )  # fmt: skip
    app = new_app("floor.faust", settings)
    publisher = Publisher(app, "")
    begun: list[float] = []
    done = asyncio.Event()

    async def listen(stream: Any) -> None:  # noqa: ANN401  Faust's stream
        taken = 0
        async for batch in batches(stream, most=TAKE, within_s=0.003):
            begun.append(time.perf_counter())
            records = [record_of(event, "") for event in batch]
            out = [Outgoing("floor.out", r.key or b"", r.value or b"", []) for r in records]
            await publisher([Stored(number, message) for number, message in enumerate(out)])
            for event in batch:
                event.ack()
            taken += len(batch)
            if taken >= messages:
                done.set()

    source = app.topic("floor.in", value_type=bytes, value_serializer="raw", key_type=bytes, key_serializer="raw")
    app.agent(source, name="floor")(listen)
    await app.start()
    await done.wait()
    ended = begun[0]
    await app.stop()
    return ended
