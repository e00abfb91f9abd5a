"""A stage around the step: what is acknowledged when, how old the work in hand is, how it ends."""

import asyncio
import weakref
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest
import structlog

from schemas.wire import Record
from services.kernel.clock import Clock
from tests.support.lab import STAGE, Broker, Lab, a_message, a_request, a_stage

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

ONE, TWO = a_request("one"), a_request("two")
AGE = "rightsbus_oldest_unprocessed_seconds"


@dataclass(eq=False)
class Event:
    """A message as Faust hands it over."""

    record: Record
    acked: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def message(self) -> Any:
        values = {
            name: getattr(self.record, name) for name in ("topic", "partition", "offset", "key", "value", "headers")
        }
        return SimpleNamespace(**values, timestamp=self.record.at_ms / 1000)

    def ack(self) -> None:
        self.acked.set()


class Stream:
    """A stream that yields what it is given."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Event] = asyncio.Queue()

    def noack(self) -> "Stream":
        return self

    async def events(self) -> AsyncIterator[Event]:
        while True:
            yield await self.queue.get()

    def give(self, *records: Record) -> list[Event]:
        events = [Event(record) for record in records]
        for event in events:
            self.queue.put_nowait(event)
        return events


def value(lab: Lab, name: str, **labels: str) -> float | None:
    return lab.house.metrics.registry.get_sample_value(name, {"stage": STAGE, **labels})


async def test_a_message_is_acknowledged_only_when_all_that_follows_is_confirmed(worker: Lab) -> None:
    broker, stream = Broker(), Stream()
    broker.ready.clear()
    listening = asyncio.create_task(a_stage(worker, broker)._listen(stream))
    [event] = stream.give(a_message(ONE, "hello"))
    await broker.asked.wait()

    assert await worker.words(ONE) == ["hello"]
    assert not event.acked.is_set()
    broker.ready.set()
    await event.acked.wait()
    assert broker.keys == [ONE]
    assert await worker.outbox() == []
    listening.cancel()


async def test_while_the_broker_is_away_nothing_is_acknowledged_and_it_is_said(
    worker: Lab, logged: list[structlog.typing.EventDict]
) -> None:
    broker, stream = Broker(), Stream()
    broker.away = 2
    listening = asyncio.create_task(a_stage(worker, broker)._listen(stream))
    [event] = stream.give(a_message(ONE, "hello"))
    await event.acked.wait()

    waits = [line for line in logged if line["event"] == "waiting"]
    assert [(line["stage"], line["cause"]) for line in waits] == [(STAGE, "BrokerAway")] * 2
    assert value(worker, "rightsbus_dependency_away_total", what="BrokerAway") == 2
    assert len(broker.sent) == 1
    listening.cancel()


async def test_the_age_of_the_oldest_message_grows_while_it_is_in_hand_and_is_nothing_when_idle(worker: Lab) -> None:
    broker, stream = Broker(), Stream()
    broker.ready.clear()
    listening = asyncio.create_task(a_stage(worker, broker)._listen(stream))
    assert value(worker, AGE) == 0
    old = int(Clock.real().timestamp() * 1000) - 60_000
    events = stream.give(replace(a_message(ONE, "a"), at_ms=old), replace(a_message(ONE, "b"), at_ms=old + 30_000))
    await broker.asked.wait()

    first, second = value(worker, AGE), value(worker, AGE)
    assert first
    assert second
    assert 60 <= first < second < 90
    broker.ready.set()
    await asyncio.gather(*(event.acked.wait() for event in events))
    assert value(worker, AGE) == 0
    listening.cancel()


async def test_messages_that_are_done_are_let_go_of_before_the_next_ones_come(worker: Lab) -> None:
    broker, stream = Broker(), Stream()
    listening = asyncio.create_task(a_stage(worker, broker)._listen(stream))
    events = stream.give(*(a_message(ONE, word) for word in "abc"))
    done = [event.acked for event in events]
    left = [weakref.ref(event) for event in events]
    events.clear()
    await asyncio.gather(*(acked.wait() for acked in done))
    await asyncio.sleep(0)

    assert [event() for event in left] == [None] * 3
    listening.cancel()


async def test_a_message_without_a_value_or_time_is_taken(worker: Lab) -> None:
    broker, stream = Broker(), Stream()
    listening = asyncio.create_task(a_stage(worker, broker)._listen(stream))
    [tombstone] = stream.give(replace(a_message(ONE, "a"), value=None, key=None, headers=(), at_ms=0))
    await tombstone.acked.wait()

    assert [row.message.topic for row in broker.sent] == [f"privacy.parked.{STAGE}"]
    listening.cancel()


async def test_a_drained_stage_has_finished_its_batch_and_takes_no_other(worker: Lab) -> None:
    broker, stream = Broker(), Stream()
    broker.ready.clear()
    stage = a_stage(worker, broker)
    listening = asyncio.create_task(stage._listen(stream))
    beside = [asyncio.create_task(task()) for task in stage.tasks()]
    [first] = stream.give(a_message(ONE, "a"))
    await broker.asked.wait()
    draining = asyncio.create_task(stage.drain())
    [second] = stream.give(a_message(TWO, "b"))
    await asyncio.wait({draining}, timeout=0.05)

    assert not draining.done()
    broker.ready.set()
    await draining
    async with asyncio.timeout(5):
        await asyncio.gather(*beside)
    assert first.acked.is_set()
    assert (second.acked.is_set(), await worker.words(TWO)) == (False, [])
    listening.cancel()


async def test_what_waits_is_measured(worker: Lab) -> None:
    stage = a_stage(worker, Broker())
    await worker.take(a_message(ONE, "effect"), a_message(ONE, "b"), a_message(TWO, "broken"), a_message(ONE, "b"))
    await stage._tidy()

    assert value(worker, "rightsbus_outbox_rows") == 3
    assert value(worker, "rightsbus_parked_waiting") == 1
    assert value(worker, "rightsbus_parked_total", reason="broken") == 1
    assert value(worker, "rightsbus_repeats_total") == 1
    assert value(worker, "rightsbus_events_in_total", topic="privacy.decisions") == 4
    assert value(worker, "rightsbus_batch_messages_sum") == 4
    for name in ("rightsbus_decide_seconds_count", "rightsbus_transaction_seconds_count"):
        assert value(worker, name)


async def test_side_work_goes_on_after_the_database_was_away(
    worker: Lab, logged: list[structlog.typing.EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.kernel.stage.AWAY_S", 0.01)
    stage = a_stage(worker, Broker())
    await worker.take(a_message(ONE, "now"))
    sweeping = asyncio.create_task(stage._sweep())
    await worker.until("SELECT body->'words'->>1 FROM state", "woken")
    pids = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
    await worker.run(f"{pids} AND pid <> pg_backend_pid()")
    await worker.run("UPDATE state SET due_at = clock_timestamp()")
    await worker.until("SELECT body->'words'->>2 FROM state", "woken")

    assert not sweeping.done()
    assert {line["event"] for line in logged} == {"waiting"}
    sweeping.cancel()
