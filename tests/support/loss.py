"""One agent that meets one trouble, on Faust as shipped or on our transport.

Run as `python -m tests.support.loss TROUBLE stock|safe`. It prints each message it has handled; with TROUBLE_OVER set
the trouble is over.
"""

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import faust
from pydantic import SecretStr

from services.kernel import logs
from services.kernel.bus import new_app
from services.kernel.publisher import Publisher
from services.kernel.settings import ServiceSettings
from services.kernel.store import Outgoing, Stored

RAISES, HANGS, RAISES_UNACKED, CANNOT_SEND = "raises", "hangs", "raises-unacked", "cannot-send"
TROUBLES = (RAISES, HANGS, RAISES_UNACKED, CANNOT_SEND)
STOCK, SAFE = "stock", "safe"
TROUBLED = 2
"""The message that meets the trouble; a hanging one is the very first."""
OUT = b"x" * 2_000


def stock_app(name: str, settings: ServiceSettings) -> faust.App:
    """Faust as its documentation has it, but for what a test cannot wait for."""
    credentials = faust.SASLCredentials(
        username=settings.kafka_username,
        password=settings.kafka_password.get_secret_value(),
        mechanism="SCRAM-SHA-256",
    )
    return faust.App(
        name, broker=f"kafka://{settings.kafka_bootstrap}", broker_credentials=credentials, store="memory://",
        topic_allow_declare=False, topic_disable_leader=True, web_enabled=False, broker_commit_interval=1.0,
        broker_session_timeout=10.0, broker_heartbeat_interval=3.0, consumer_auto_offset_reset="earliest",
    )  # fmt: skip


class Agent:
    """Handles numbered messages, meeting its trouble once."""

    def __init__(self, app: faust.App, name: str, trouble: str) -> None:
        self.app, self.name, self.trouble = app, name, "" if "TROUBLE_OVER" in os.environ else trouble
        self.sends, self.safe = trouble == CANNOT_SEND, name.endswith(SAFE)
        self.out = app.topic(f"{name}.out", value_type=bytes, value_serializer="raw")
        self.publisher = Publisher(app, "")
        source = app.topic(f"{name}.in", value_type=bytes, value_serializer="raw", key_type=bytes, key_serializer="raw")
        app.agent(source, name=name, concurrency=2 if trouble == HANGS else 1)(self.listen)

    async def listen(self, stream: Any) -> None:
        """Handle what comes; acknowledge by ourselves where that is the case, or on our transport."""
        by_ourselves = self.safe or self.trouble == RAISES_UNACKED
        async for event in (stream.noack() if by_ourselves else stream).events():
            await self.handle(int(event.value))
            if by_ourselves:
                event.ack()

    async def handle(self, number: int) -> None:
        """Handle one, or fail to."""
        if self.trouble == HANGS and number == 0:
            await asyncio.Event().wait()
        if self.trouble in {RAISES, RAISES_UNACKED} and number == TROUBLED:
            raise RuntimeError(number)
        if self.sends:
            await self.send(number)
        sys.stdout.write(f"handled {number}\n")
        sys.stdout.flush()

    async def send(self, number: int) -> None:
        """Send one more message because of this one."""
        if not self.safe:
            await self.out.send(key=b"k", value=OUT)
        elif not await self.publisher([Stored(number, Outgoing(f"{self.name}.out", b"k", OUT, []))]):
            raise RuntimeError("not confirmed")


async def work(app: faust.App) -> int:
    """Run until told to stop, or crashed."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await app.start()
    ends = [asyncio.create_task(stop.wait()), asyncio.create_task(app._crashed.wait())]
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    if not stop.is_set():
        return 1
    await app.stop()
    return 0


def main(trouble: str, mode: str) -> None:
    """Meet one trouble in one way."""
    logs.configure("loss")
    settings = ServiceSettings(keys_dir=Path(), database_url=SecretStr("postgresql://nobody@/nothing"))
    name = f"{settings.topic_prefix}{trouble}.{mode}"
    app = stock_app(name, settings) if mode == STOCK else new_app(f"{trouble}.{mode}", settings)
    Agent(app, name, trouble)
    os._exit(asyncio.run(work(app)))


if __name__ == "__main__":
    main(*sys.argv[1:])
