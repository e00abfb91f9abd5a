"""States that asked to be woken: each once, by whoever comes first, and by no clock that cannot be trusted."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import structlog

from services.kernel.decision import Decision
from tests.support.lab import Broker, Lab, Memory, a_message, a_request, a_stage, decide

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

ONE, TWO = a_request("one"), a_request("two")


async def test_a_state_is_woken_once_when_its_time_has_come(worker: Lab) -> None:
    await worker.take(a_message(ONE, "now"), a_message(TWO, "later"))
    told = await worker.step.wake(200)

    assert told is not None
    assert [row.message.key.decode() for row in told[-1:]] == [ONE]
    assert await worker.words(ONE) == ["now", "woken"]
    assert await worker.step.wake(200) is None
    assert await worker.rows("SELECT due_at IS NULL FROM state ORDER BY due_at IS NULL") == [False, True]


async def test_a_state_that_says_nothing_when_woken_sleeps_again(worker: Lab) -> None:
    await worker.take(a_message(ONE, "now"))
    worker.wire(decide=lambda state, *_: Decision(state))

    assert await worker.step.wake(200) == []
    assert await worker.step.wake(200) is None
    assert await worker.words(ONE) == ["now"]


async def test_waking_names_its_events_after_what_was_woken(worker: Lab) -> None:
    await worker.take(a_message(ONE, "now"))
    [due] = await worker.rows("SELECT due_at FROM state")
    first = await worker.step.wake(200)
    await worker.run("UPDATE state SET version = 1, due_at = %s", due)
    second = await worker.step.wake(200)

    told = [dict(stored[-1].message.headers)["ce_id"] for stored in (first, second) if stored]
    assert len(told) == 2
    assert len(set(told)) == 1


async def test_many_workers_wake_every_state_exactly_once(worker: Lab, another: Lab) -> None:
    requests = [a_request(f"r{n}") for n in range(60)]
    await worker.take(*(a_message(request, "now") for request in requests))

    async def wake(lab: Lab) -> None:
        while await lab.step.wake(7) is not None:
            continue

    await asyncio.gather(wake(worker), wake(another), wake(worker), wake(another))

    assert [await worker.words(request) for request in requests] == [["now", "woken"]] * 60


async def test_a_state_somebody_works_on_is_passed_over(worker: Lab, another: Lab) -> None:
    await worker.take(a_message(ONE, "now"), a_message(TWO, "now"))
    taken, seen = asyncio.Event(), asyncio.Event()

    async def hold(*_: Any) -> None:
        taken.set()
        await seen.wait()

    holding = asyncio.create_task(another.wire(gather=hold).take(a_message(ONE, "quiet")))
    await taken.wait()
    assert await worker.step.wake(200) is not None
    seen.set()
    await holding

    assert await worker.words(TWO) == ["now", "woken"]
    assert await worker.words(ONE) == ["now", "quiet"]


async def test_a_waking_that_fails_is_parked_and_tried_again_in_an_hour(worker: Lab) -> None:
    await worker.take(a_message(ONE, "now"), a_message(TWO, "now"))

    def deciding(state: Memory, *args: Any) -> Any:
        if state.id == ONE:
            raise ZeroDivisionError
        return decide(state, *args)

    await worker.wire(decide=deciding).step.wake(200)

    assert await worker.parked() == [ONE]
    assert await worker.words(TWO) == ["now", "woken"]
    [left] = await worker.rows("SELECT due_at FROM state WHERE due_at IS NOT NULL")
    assert timedelta(minutes=59) < left - worker.house.clock() < timedelta(minutes=61)


async def test_a_clock_that_disagrees_with_the_database_wakes_nobody(
    worker: Lab, logged: list[structlog.typing.EventDict], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = a_stage(worker, Broker())
    await worker.take(a_message(ONE, "now"))
    monkeypatch.setattr("services.kernel.clock.MOST_SKEW", timedelta(seconds=-1))
    await worker.house.clock.refresh(worker.db)

    assert await stage._wake() is False
    assert await worker.words(ONE) == ["now"]
    monkeypatch.undo()
    await worker.house.clock.refresh(worker.db)
    assert await stage._wake() is True
    assert await worker.words(ONE) == ["now", "woken"]
    assert [line["event"] for line in logged if "clock" in line["event"]] == ["clock_disagrees", "clock_trusted"]
