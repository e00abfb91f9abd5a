"""Take back tasks whose part others ended: what has not begun never begins, and systems are told that can be told."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from connectors.port import Recallable, System, Task
from schemas.values import Action
from services.kernel.effects import Done
from services.kernel.house import House
from services.kernel.leases import Leased

log = structlog.get_logger()
_TAKE_BACK: Final = """DELETE FROM tasks.effects WHERE id = ANY(%s::uuid[])
AND (leased_until IS NULL OR leased_until < clock_timestamp()) RETURNING request_id, body"""
"""What is in hand at this moment ends by itself, and its result is told."""


class Recalls:
    """Performs recalls."""

    def __init__(self, house: House, opened: Mapping[str, System]) -> None:
        self._house, self._opened = house, opened

    async def __call__(self, effects: Sequence[Leased], _now: datetime) -> list[Done]:
        """Strike the tasks off; where a system took one on already, ask it to forget it."""
        async with self._house.pool.connection() as conn:
            rows = await conn.execute(_TAKE_BACK, [[effect.body["effect"] for effect in effects]])
            struck = [(request_id, body) async for request_id, body in rows]
        for request_id, body in struck:
            system = self._opened.get(body["system"])
            task = Task(UUID(body["task_id"]), request_id, body["system"], Action(body["action"]))
            agreed = await _recalled(system, task)
            log.info("task_recalled", system=body["system"], request_id=request_id, agreed=agreed)
        return [Done() for _ in effects]


async def _recalled(system: System | None, task: Task) -> bool:
    return isinstance(system, Recallable) and await system.recall(task)
