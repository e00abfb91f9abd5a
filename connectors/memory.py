"""What a system that remembers nothing is helped with: notes on its tasks, kept somewhere safe between calls."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final, Protocol
from uuid import UUID

from pydantic import TypeAdapter

from connectors.port import Answer, Finding, Pending, Recallable, Receipt, Sink, System, Task, Trouble
from schemas.values import Action

MOST_STEPS: Final = 8
"""How often in one call a system may ask to be called again at once."""
_NOTE: Final = TypeAdapter(Receipt | str)


class Memory(Protocol):
    """Notes by task. They hold codes, counts and other systems' own names of things, nothing of a person."""

    async def recall(self, tasks: Sequence[Task]) -> Mapping[UUID, bytes]:
        """The notes on these tasks that there are."""
        ...

    async def note(self, notes: Mapping[UUID, tuple[Task, bytes]]) -> None:
        """Keep notes; a later one replaces an earlier. Returns when they are safe."""
        ...


class Remembering:
    """A system with a memory: a change that was done once is not asked for again, whatever happened in between.

    Before a finished change is told, its receipt is noted; the same task again gives that receipt. What the system
    itself asked to be reminded of comes back with the task.
    """

    keeps_ledger = True

    def __init__(self, system: System, memory: Memory) -> None:
        self._system, self._memory = system, memory

    @property
    def name(self) -> str:
        """The system's name in the data map."""
        return self._system.name

    async def perform(self, tasks: Sequence[Task], sink: Sink) -> list[Answer]:
        """Carry out what was not carried out before.

        Raises:
            Exception: whatever the sink or the memory raised.
        """
        unique = {task.task_id: task for task in tasks}
        notes = {i: _NOTE.validate_json(raw) for i, raw in (await self._memory.recall([*unique.values()])).items()}
        answers: dict[UUID, Answer] = {i: note for i, note in notes.items() if isinstance(note, Receipt)}
        left = [_reminded(task, notes.get(i)) for i, task in unique.items() if i not in answers]
        for _ in range(MOST_STEPS):
            if not left:
                break
            told = list(zip(left, await self._system.perform(left, sink), strict=True))
            await self._note(told)
            answers |= {task.task_id: answer for task, answer in told}
            left = [again for task, answer in told if (again := _at_once(task, answer))]
        answers |= {task.task_id: Trouble(task.task_id, retry=True, code="no_progress") for task in left}
        return [answers[task.task_id] for task in tasks]

    async def _note(self, told: Sequence[tuple[Task, Answer]]) -> None:
        notes: dict[UUID, tuple[Task, bytes]] = {}
        for task, answer in told:
            if isinstance(answer, Receipt) and task.action is not Action.EXPORT:
                notes[task.task_id] = task, _NOTE.dump_json(answer)
            elif isinstance(answer, Receipt) and task.reference:
                notes[task.task_id] = task, _NOTE.dump_json("")
            elif isinstance(answer, Pending) and answer.reference != task.reference:
                notes[task.task_id] = task, _NOTE.dump_json(answer.reference)
        if notes:
            await self._memory.note(notes)

    async def recall(self, task: Task) -> bool:
        """Take a pending task back, if the system can."""
        if not isinstance(self._system, Recallable):
            return False
        notes = await self._memory.recall([task])
        found = _NOTE.validate_json(notes[task.task_id]) if task.task_id in notes else None
        return not isinstance(found, Receipt) and await self._system.recall(_reminded(task, found))

    async def check(self) -> list[Finding]:
        """Compare the data map with the live system."""
        return await self._system.check()

    async def close(self) -> None:
        """Let go of connections."""
        await self._system.close()


def _reminded(task: Task, note: Receipt | str | None) -> Task:
    return replace(task, reference=note) if isinstance(note, str) else task


def _at_once(task: Task, answer: Answer) -> Task | None:
    """The task to give again without waiting, if it asked for that."""
    if isinstance(answer, Pending) and answer.check_in == timedelta(0):
        return replace(task, reference=answer.reference)
    return None
