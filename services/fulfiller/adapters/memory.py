"""What systems that remember nothing are reminded of: notes on their tasks, in the vault, under the case's key."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from connectors.port import Task
from services.kernel.house import House
from services.kernel.tokens import case_key


class VaultMemory:
    """Notes by task; they end with their case."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def recall(self, tasks: Sequence[Task]) -> Mapping[UUID, bytes]:
        """The notes on these tasks that there are, in one query."""
        where = {_where(task): task.task_id for task in tasks}
        async with self._house.pool.connection() as conn:
            found = await self._house.vault.get(conn, where)
        return {where[key]: note for key, note in found.items()}

    async def note(self, notes: Mapping[UUID, tuple[Task, bytes]]) -> None:
        """Keep notes, in one transaction."""
        async with self._house.pool.connection() as conn, conn.transaction():
            await self._house.vault.put(conn, {_where(task): note for task, note in notes.values()})


def _where(task: Task) -> tuple[str, str]:
    return case_key(task.request_id), f"task:{task.task_id}"
