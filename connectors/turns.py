"""Carry out tasks that are asked one by one, some of them at once."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from connectors.port import Answer, Task


async def in_turn(tasks: Sequence[Task], most: int, one: Callable[[Task], Awaitable[Answer]]) -> list[Answer]:
    """Ask `one` for every task, never more than `most` at once; answers in the tasks' order.

    All of them have ended when this returns or raises.

    Raises:
        BaseException: the first that any of them raised.
    """
    turn = asyncio.Semaphore(most)

    async def wait(task: Task) -> Answer:
        async with turn:
            return await one(task)

    told = await asyncio.gather(*(wait(task) for task in tasks), return_exceptions=True)
    for answer in told:
        if isinstance(answer, BaseException):
            raise answer
    return [answer for answer in told if not isinstance(answer, BaseException)]
