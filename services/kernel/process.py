"""One worker process: reads its settings, opens its doors, runs until told to stop, exits 0 only when drained."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import Any, Final

import faust
import structlog
from psycopg.errors import InvalidSchemaName, UndefinedTable
from pydantic import ValidationError

from services.kernel import logs
from services.kernel.errors import Misconfigured, RightsbusError
from services.kernel.house import House, open_house
from services.kernel.patience import patiently
from services.kernel.settings import ServiceSettings
from services.kernel.stage import Stage, keep_time

log = structlog.get_logger()
DRAINED, CRASHED, WRONG = 0, 1, 2
DRAIN_S: Final = 5.0
EFFECTS_S: Final = 1.5
CLOSE_S: Final = 2.5
"""Together under the 10 s a supervisor waits."""

type_build = Callable[[House], Sequence[Stage[Any, Any]]]


def run(service: str, settings: Callable[[], ServiceSettings], build: type_build) -> None:
    """Run one worker to its end and exit: 0 drained, 1 crashed, 2 wrongly set up.

    The exit waits for nobody: a blocking library's thread would hold it up, and whatever it does is leased.
    """
    logs.configure(service)
    code = _run(service, settings, build)
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)


def _run(service: str, settings: Callable[[], ServiceSettings], build: type_build) -> int:
    try:
        given = settings()
    except ValidationError as error:
        names = ", ".join(_variable(found["loc"]) for found in error.errors(include_input=False))
        sys.stderr.write(f"{service}: settings are missing or wrong: {names}\n")
        return WRONG
    try:
        return asyncio.Runner().run(_serve(open_house(service, given), build))
    except RightsbusError as error:
        sys.stderr.write(f"{service}: {error}\n")
        return WRONG
    except Exception as error:
        log.error("crashed", exc_info=error)  # noqa: TRY400  only kind and place are told
        return CRASHED


def _variable(location: tuple[int | str, ...]) -> str:
    name = str(location[0]) if location else "?"
    return name if name.isupper() else f"RIGHTSBUS_{name.upper()}"


async def _serve(house: House, build: type_build) -> int:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.set_exception_handler(_tell)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    opening, stopped = asyncio.create_task(_open(house, build)), asyncio.create_task(stop.wait())
    await asyncio.wait({opening, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if not opening.done():
        return DRAINED
    stages = opening.result()
    beside = [_begin(task()) for stage in stages for task in stage.tasks()]
    starting, timing = _begin(_start(house.app, stages)), _begin(keep_time(house.clock, house.pool))
    if not await _until_stopped(house.app, stopped, [starting, timing, *beside]):
        return CRASHED
    return await _close(house, stages, beside, started=starting.done())


def _begin(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.create_task(work)


def _tell(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    log.error("unexpected", what=context.get("message"), exc_info=context.get("exception"))


async def _open(house: House, build: type_build) -> Sequence[Stage[Any, Any]]:
    """Find the database, however long it is away, and build the stages."""
    await house.pool.open()
    async for attempt in patiently("database", house.metrics):
        with attempt:
            try:
                async with house.pool.connection() as conn:
                    await house.clock.refresh(conn)
            except (UndefinedTable, InvalidSchemaName):
                raise Misconfigured("the database has no tables of ours; `rightsbus up` makes them") from None
    house.metrics.serve(house.settings.metrics_port, house.settings.metrics_host)
    return build(house)


async def _start(app: faust.App, stages: Sequence[Stage[Any, Any]]) -> None:
    await app.start()
    log.info("started", stages=[stage.name for stage in stages])


async def _until_stopped(app: faust.App, stopped: asyncio.Task[Any], tasks: Iterable[asyncio.Task[None]]) -> bool:
    """Wait for a signal; False if the app or one of its tasks crashed first."""
    crashed = asyncio.create_task(app._crashed.wait())  # noqa: SLF001  mode has no other
    pending: set[asyncio.Task[Any]] = {stopped, crashed, *tasks}
    while not (stopped.done() or crashed.done()):
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for error in filter(None, (task.exception() for task in done)):
            log.error("crashed", exc_info=error)
            return False
    if not stopped.done():
        log.error("crashed", exc_info=app.crash_reason)
    return stopped.done()


async def _close(
    house: House, stages: Sequence[Stage[Any, Any]], beside: Sequence[asyncio.Task[None]], *, started: bool
) -> int:
    """Finish what is in hand, commit, leave the group. Effects that take longer are done again, under the same ids."""
    try:
        await asyncio.wait_for(asyncio.gather(*(stage.drain() for stage in stages)), DRAIN_S)
        if beside and (await asyncio.wait(beside, timeout=EFFECTS_S))[1]:
            log.warning("effects_left", after_s=EFFECTS_S)
        if started:
            await asyncio.wait_for(house.app.stop(), CLOSE_S)
    except TimeoutError:
        log.warning("not_drained")
        return CRASHED
    log.info("stopped")
    return DRAINED
