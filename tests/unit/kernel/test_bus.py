"""Micro-batches: a lone message goes at once, many go together, a trickle is not waited out."""

import asyncio
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from faust import streams

from services.kernel import bus
from services.kernel.errors import UnsafeBuild

pytestmark = pytest.mark.anyio

WITHIN_S = 0.003


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Stream:
    """A stream that yields what it is given, when it is given it."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()

    def noack(self) -> "Stream":
        return self

    async def events(self) -> AsyncIterator[Any]:
        while (event := await self.queue.get()) is not None:
            yield event


@pytest.fixture
def stream() -> Stream:
    return Stream()


async def test_a_lone_message_waits_for_a_few_milliseconds_only(stream: Stream) -> None:
    batches = bus.batches(stream, most=200, within_s=WITHIN_S)
    taken = asyncio.ensure_future(anext(batches))
    await asyncio.sleep(0)
    started = time.perf_counter()
    stream.queue.put_nowait("alone")

    assert await taken == ["alone"]
    assert time.perf_counter() - started < 20 * WITHIN_S


async def test_what_is_there_goes_together_up_to_the_most(stream: Stream) -> None:
    for number in range(400):
        stream.queue.put_nowait(number)
    stream.queue.put_nowait(None)

    batches = [batch async for batch in bus.batches(stream, most=200, within_s=0.5)]
    assert [len(batch) for batch in batches] == [200, 200]
    assert [number for batch in batches for number in batch] == list(range(400))


async def test_a_trickle_is_cut_in_time(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus, "LONGEST_BATCH_S", 0.02)

    async def drip() -> None:
        while True:
            stream.queue.put_nowait("drop")
            await asyncio.sleep(0.001)

    dripping = asyncio.ensure_future(drip())
    started = time.perf_counter()
    first = await anext(bus.batches(stream, most=10_000, within_s=0.5))
    dripping.cancel()

    assert time.perf_counter() - started < 0.4
    assert first


async def test_nothing_is_lost_between_two_batches(stream: Stream) -> None:
    batches = bus.batches(stream, most=200, within_s=0.0)
    found = []
    for number in range(50):
        stream.queue.put_nowait(number)
        found += await anext(batches)

    assert found == list(range(50))


def test_a_record_is_taken_as_it_came() -> None:
    message = SimpleNamespace(
        topic="t1.privacy.requests", partition=2, offset=7, key=b"k", value=None, headers=[("a", b"1"), ("b", None)],
        timestamp=1_772_452_800.123,
    )  # fmt: skip
    record = bus.record_of(SimpleNamespace(message=message), "t1.")

    assert (record.topic, record.partition, record.offset, record.value) == ("privacy.requests", 2, 7, None)
    assert record.headers == (("a", b"1"), ("b", b""))
    assert record.at_ms == 1_772_452_800_123


@pytest.mark.parametrize(("name", "value"), [("__version__", "0.16.0"), ("_CStreamIterator", None)])
def test_another_faust_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: Any) -> None:
    monkeypatch.setattr(faust if name == "__version__" else streams, name, value)

    with pytest.raises(UnsafeBuild, match="faust-streaming"):
        bus._check_build()
