"""How a worker ends: well when it was asked to and is done, badly when a part of it broke."""

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog

from services.kernel import process
from services.kernel.process import CRASHED, DRAINED

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class App:
    """An app that may crash."""

    def __init__(self) -> None:
        self._crashed = asyncio.Event()
        self.crash_reason: Exception | None = None
        self.stops: Coroutine[Any, Any, None] | None = None

    async def stop(self) -> None:
        if self.stops:
            await self.stops


async def forever() -> None:
    await asyncio.Event().wait()


async def breaks() -> None:
    raise KeyError("Erika Mustermann")


async def ends(app: App, stop: asyncio.Event, *tasks: Coroutine[Any, Any, None]) -> bool:
    running = [asyncio.create_task(task) for task in tasks]
    stopped: asyncio.Task[Any] = asyncio.create_task(stop.wait())
    try:
        return await process._until_stopped(cast(Any, app), stopped, running)
    finally:
        for task in running:
            task.cancel()


async def test_a_side_task_that_breaks_ends_the_worker_badly() -> None:
    with structlog.testing.capture_logs() as lines:
        assert await ends(App(), asyncio.Event(), forever(), breaks()) is False
    assert [line["event"] for line in lines] == ["crashed"]


async def test_an_app_that_crashes_ends_the_worker_badly() -> None:
    app = App()
    app.crash_reason = ValueError()
    app._crashed.set()

    with structlog.testing.capture_logs() as lines:
        assert await ends(app, asyncio.Event(), forever()) is False
    assert [line["event"] for line in lines] == ["crashed"]


async def test_a_signal_ends_the_worker_well_whatever_ended_before(monkeypatch: pytest.MonkeyPatch) -> None:
    async def done() -> None:
        asyncio.get_running_loop().call_later(0.01, stop.set)

    stop = asyncio.Event()
    assert await ends(App(), stop, done(), forever()) is True


def a_stage(drain: Coroutine[Any, Any, None]) -> Any:
    return SimpleNamespace(drain=lambda: drain)


async def nothing() -> None:
    return None


@pytest.mark.parametrize(
    ("drain", "stops", "code"),
    [(nothing, nothing, DRAINED), (forever, nothing, CRASHED), (nothing, forever, CRASHED)],
)
async def test_it_exits_well_only_when_drained_and_committed_in_time(
    monkeypatch: pytest.MonkeyPatch, drain: Any, stops: Any, code: int
) -> None:
    for name in ("DRAIN_S", "EFFECTS_S", "CLOSE_S"):
        monkeypatch.setattr(process, name, 0.02)
    app = App()
    app.stops = stops()
    slow_effect = asyncio.create_task(forever())

    house = cast(Any, SimpleNamespace(app=app))
    assert await process._close(house, [a_stage(drain())], [slow_effect], started=True) == code
    slow_effect.cancel()
    app.stops.close()


async def test_a_worker_that_never_reached_the_broker_has_nothing_to_commit() -> None:
    app = App()
    house = cast(Any, SimpleNamespace(app=app))

    assert await process._close(house, [a_stage(nothing())], [], started=False) == DRAINED


def test_settings_are_named_as_the_environment_has_them() -> None:
    assert [process._variable(where) for where in (("KAFKA_BOOTSTRAP",), ("keys_dir",), ())] == [
        "KAFKA_BOOTSTRAP", "RIGHTSBUS_KEYS_DIR", "RIGHTSBUS_?",
    ]  # fmt: skip


def test_the_time_to_end_is_less_than_a_supervisor_waits() -> None:
    assert process.DRAIN_S + process.EFFECTS_S + process.CLOSE_S < 10
