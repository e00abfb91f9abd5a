"""What no program can reach is put on an operator's list, and nobody is bothered for nothing."""

import asyncio

import pytest

from connectors.manual import open_manual
from connectors.port import Answer, Pending, Receipt, Task, Trouble
from connectors.registry import NoSuchConnector
from schemas.values import Action, Outcome, Party
from tests.contract.company import Basket, erase, held, task

OPTIONS = {"instructions": {"erase": "Shred the folder with this number in the archive.", "export": "Scan it."}}


def ask(*tasks: Task) -> list[Answer]:
    return asyncio.run(open_manual("archive", held("manual", OPTIONS), {}).perform(tasks, Basket()))


def test_a_task_waits_for_an_operator_and_is_not_asked_about() -> None:
    assert ask(erase(1), task(Action.EXPORT, 2)) == [
        Pending(erase(1).task_id, check_in=None, party=Party.OPERATOR),
        Pending(task(Action.EXPORT, 2).task_id, check_in=None, party=Party.OPERATOR),
    ]


def test_nobody_looks_for_a_person_the_directory_knows_no_record_of() -> None:
    assert ask(erase(None)) == [Receipt(erase(None).task_id, Outcome.NOT_FOUND)]


def test_what_there_are_no_instructions_for_is_not_done_here() -> None:
    wanted = task(Action.CORRECT, 1)

    assert ask(wanted) == [Trouble(wanted.task_id, retry=False, code="not_supported")]


def test_the_check_names_what_lacks_instructions() -> None:
    found = asyncio.run(open_manual("archive", held("manual", OPTIONS), {}).check())

    assert [(finding.where, finding.serious) for finding in found] == [
        ("options.instructions.apply", True),
        ("options.instructions.correct", True),
    ]


@pytest.mark.parametrize("options", [{}, {"instructions": {}}, {"instructions": {"burn": "all of it"}}])
def test_instructions_there_must_be(options: dict[str, object]) -> None:
    with pytest.raises(NoSuchConnector, match=r"archive: options\.instructions"):
        open_manual("archive", held("manual", options), {})
