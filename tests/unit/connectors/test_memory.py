"""A system that remembers nothing is reminded, whatever happens between two calls."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from connectors.memory import MOST_STEPS, Remembering
from connectors.port import Answer, Finding, Pending, Receipt, Sink, Task, Trouble
from schemas.values import Action, Outcome
from tests.contract.company import Basket, erase, task
from tests.contract.fake import Memo

NOW, LATER = timedelta(0), timedelta(minutes=5)


class Crashed(Exception):
    pass


class Scripted:
    """Answers what it is told to, call by call, and remembers the references it was given."""

    name, keeps_ledger = "scripted", False

    def __init__(self, *answers: type[Exception] | Outcome | tuple[timedelta, str]) -> None:
        self.answers, self.given = list(answers), list[str]()

    async def perform(self, tasks: Sequence[Task], sink: Sink) -> list[Answer]:
        return [self._answer(task) for task in tasks]

    def _answer(self, task: Task) -> Answer:
        self.given.append(task.reference)
        answer = self.answers.pop(0)
        if isinstance(answer, tuple):
            return Pending(task.task_id, *answer)
        if isinstance(answer, type):
            raise answer
        return Receipt(task.task_id, answer)

    async def recall(self, task: Task) -> bool:
        self.given.append(task.reference)
        return True

    async def check(self) -> list[Finding]:
        return []

    async def close(self) -> None:
        pass


def ask(system: Scripted, memo: Memo, wanted: Task) -> Answer:
    [answer] = asyncio.run(Remembering(system, memo).perform([wanted], Basket()))
    return answer


def test_a_finished_change_is_not_asked_for_again() -> None:
    system, memo = Scripted(Outcome.ERASED), Memo()

    first, again = ask(system, memo, erase(1)), ask(system, memo, erase(1))

    assert first == again == Receipt(erase(1).task_id, Outcome.ERASED)
    assert len(system.given) == 1


def test_an_export_is_made_anew() -> None:
    system, memo = Scripted(Outcome.EXPORTED, Outcome.EXPORTED), Memo()

    for _ in range(2):
        ask(system, memo, task(Action.EXPORT, 1))

    assert len(system.given) == 2


def test_what_a_system_wants_to_know_later_comes_back_with_the_task() -> None:
    system, memo = Scripted((LATER, "job-7"), (LATER, "job-7"), Outcome.ERASED), Memo()

    answers = [ask(system, memo, erase(1)) for _ in range(3)]

    assert system.given == ["", "job-7", "job-7"]
    assert isinstance(answers[0], Pending)
    assert isinstance(answers[2], Receipt)


def test_a_note_before_a_step_is_safe_before_the_step_is_taken() -> None:
    system, memo = Scripted((NOW, "found"), Crashed, Outcome.ERASED), Memo()

    with pytest.raises(Crashed):
        ask(system, memo, erase(1))
    answer = ask(system, memo, erase(1))

    assert system.given == ["", "found", "found"]
    assert isinstance(answer, Receipt)


def test_a_system_that_makes_no_progress_is_not_asked_for_ever() -> None:
    system = Scripted(*[(NOW, f"step {n}") for n in range(MOST_STEPS)])

    answer = ask(system, Memo(), erase(1))

    assert answer == Trouble(erase(1).task_id, retry=True, code="no_progress")


def test_only_what_has_not_ended_can_be_taken_back() -> None:
    system, memo = Scripted((LATER, "job-7"), Outcome.ERASED), Memo()
    remembering = Remembering(system, memo)
    ask(system, memo, erase(1))

    early = asyncio.run(remembering.recall(erase(1)))
    ask(system, memo, erase(1))
    late = asyncio.run(remembering.recall(erase(1)))

    assert (early, late) == (True, False)
    assert system.given == ["", "job-7", "job-7"]
