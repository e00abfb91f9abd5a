"""One worker process: reads its settings, opens its doors, runs until told to stop, exits 0 only when drained."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import faust
import structlog
from pydantic import ValidationError

from services.kernel import logs
from services.kernel.errors import RightsbusError
from services.kernel.house import House, open_house
from services.kernel.settings import ServiceSettings
from services.kernel.stage import Stage, keep_time

log = structlog.get_logger()
DRAIN_S: Final = 8.0


type_build = Callable[[House], Sequence[Stage[Any, Any]]]


def run(service: str, settings: Callable[[], ServiceSettings], build: type_build) -> None:
    """Run one worker to its end and exit: 0 drained, 1 crashed, 2 wrongly set up."""
    logs.configure(service)
    try:
        house = open_house(service, settings())
        code = asyncio.run(_serve(house, build))
    except ValidationError as error:
        names = ", ".join(str(found["loc"][0]).upper() for found in error.errors(include_input=False))
        sys.stderr.write(f"{service}: settings are missing or wrong: {names}\n")
        code = 2
    except RightsbusError as error:
        sys.stderr.write(f"{service}: {error}\n")
        code = 2
    sys.exit(code)


async def _serve(house: House, build: type_build) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await house.pool.open()
    async with house.pool.connection() as conn:
        await house.clock.refresh(conn)
    house.metrics.serve(house.settings.metrics_port)
    stages = build(house)
    beside = [asyncio.create_task(_forever(task)) for stage in stages for task in stage.tasks()]
    beside.append(asyncio.create_task(keep_time(house.clock, house.pool)))
    await house.app.start()
    log.info("started", stages=[stage.name for stage in stages])
    ended = await _until_stopped(house.app, stop, beside)
    code = await _close(house, stages, beside) if ended else 1
    if not ended:
        log.error("crashed", exc_info=house.app.crash_reason)
    return code


async def _forever(task: Callable[[], Awaitable[None]]) -> None:
    await task()


async def _until_stopped(app: faust.App, stop: asyncio.Event, beside: Sequence[asyncio.Task[None]]) -> bool:
    """Wait for a signal; False if the app or one of its tasks crashed first."""
    waiting = {asyncio.create_task(stop.wait()), asyncio.create_task(app._crashed.wait())}  # noqa: SLF001  mode has no other
    await asyncio.wait({*waiting, *beside}, return_when=asyncio.FIRST_COMPLETED)
    for task in beside:
        if task.done() and not task.cancelled() and task.exception():
            log.error("task_crashed", exc_info=task.exception())
    return stop.is_set()


async def _close(house: House, stages: Sequence[Stage[Any, Any]], beside: Sequence[asyncio.Task[None]]) -> int:
    try:
        await asyncio.wait_for(asyncio.gather(*(stage.drain() for stage in stages)), DRAIN_S)
        code = 0
    except TimeoutError:
        log.warning("not_drained", after_s=DRAIN_S)
        code = 1
    for task in beside:
        task.cancel()
    await house.app.stop()
    await house.pool.close(timeout=2)
    return code
