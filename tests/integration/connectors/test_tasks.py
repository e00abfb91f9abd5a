"""Tasks on their way to systems and back: late answers, failures, withdrawals, participants' exports."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from connectors import participant
from connectors.port import Answer, Chunk, Finding, Pending, Receipt, Sink, Task, Trouble
from rules import parts
from schemas.events import PartWaiting
from schemas.values import Outcome, Party, Waiting
from schemas.wire import Record
from services.clients.jose import Inbound
from tests.contract.company import rows, shop
from tests.contract.fake import Drawer
from tests.integration.connectors.conftest import NOON, Desk, a_desk, a_request

pytestmark = [pytest.mark.integration, pytest.mark.anyio]
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Slow:
    """A system that says what it is told to, and remembers what it was given."""

    name, keeps_ledger = "shop", False

    def __init__(self) -> None:
        self.says: list[Any] = []
        self.given: list[Task] = []
        self.recalled: list[Task] = []

    async def perform(self, tasks: Sequence[Task], sink: Sink) -> list[Answer]:
        self.given += tasks
        return [self._said(task) for task in tasks]

    def _said(self, task: Task) -> Answer:
        says = self.says.pop(0)
        if isinstance(says, Outcome):
            return Receipt(task.task_id, says, {"identifiers": 1})
        return Trouble(task.task_id, *says) if isinstance(says[0], bool) else Pending(task.task_id, *says)

    async def recall(self, task: Task) -> bool:
        self.recalled.append(task)
        return True

    async def check(self) -> list[Finding]:
        return []

    async def close(self) -> None:
        pass


@pytest.fixture
async def slow(tasks_url: str, tmp_path: Path) -> AsyncIterator[tuple[Desk, Slow]]:
    system = Slow()
    async with a_desk(tasks_url, tmp_path / "keys", system) as desk:
        yield desk, system


@pytest.fixture
async def desk(tasks_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tasks_url, tmp_path / "keys", Drawer("shop", shop("fake"), rows())) as made:
        yield made


async def test_a_task_reaches_the_system_with_the_keys_of_the_directory(slow: tuple[Desk, Slow]) -> None:
    desk, system = slow
    system.says = [Outcome.ERASED]

    await desk.take(desk.assigned(2))
    await desk.work()

    [task] = system.given
    assert task.keys == ({"person_id": "2"},)
    assert (task.law, task.received_at, task.today) == ("US-CA-CCPA", NOON - HOUR, task.today)
    assert task.today is not None
    assert [(r.outcome, r.counts, r.part) for r in desk.results()] == [
        (Outcome.ERASED, {"identifiers": 1}, parts.system("shop"))
    ]


async def test_a_late_answer_is_waited_for_without_counting_as_a_failure(slow: tuple[Desk, Slow]) -> None:
    desk, system = slow
    system.says = [(HOUR, "job-7")] * 9 + [Outcome.ERASED]

    await desk.take(desk.assigned(1))
    for _ in range(9):
        await desk.work()
        [(attempts, at)] = await desk.waiting()
        assert attempts == 0
        desk.now = at
    await desk.work()

    assert {task.reference for task in system.given} == {"", "job-7"}
    assert [result.outcome for result in desk.results()] == [Outcome.ERASED]
    assert await desk.waiting() == []


async def test_an_answer_that_does_not_come_ends_with_the_deadline(slow: tuple[Desk, Slow]) -> None:
    desk, system = slow
    system.says = [(400 * DAY, "job-7")] * 2
    real = desk.house.clock()
    late = desk.assigned(1).model_copy(update={"deadline": real + HOUR})
    over = desk.assigned(2).model_copy(update={"deadline": real - HOUR})

    await desk.take(late, over)
    await desk.work()

    [(_, at)] = await desk.waiting()
    assert at == real + HOUR
    assert [(r.request_id, r.outcome, r.reason) for r in desk.results()] == [
        (a_request(2), Outcome.FAILED, "no_answer_in_time")
    ]


async def test_a_failing_system_is_given_time_and_then_named(slow: tuple[Desk, Slow]) -> None:
    desk, system = slow
    system.says = [(True, "system_unavailable")] * 2 + [(HOUR, "job-7"), (True, "system_unavailable.503")]
    waits = []

    await desk.take(desk.assigned(1))
    for _ in range(4):
        before = desk.house.clock()
        await desk.work()
        for _, at in await desk.waiting():
            desk.now = at
            waits.append(round((at - before).total_seconds() / 60))

    assert waits == [1, 2, 60]
    assert [(r.outcome, r.reason) for r in desk.results()] == [(Outcome.FAILED, "system_unavailable.503")]


async def test_what_a_person_must_do_waits_for_an_operator_and_keeps_nobody_busy(slow: tuple[Desk, Slow]) -> None:
    desk, system = slow
    system.says = [(None, "", Party.OPERATOR)]

    await desk.take(desk.assigned(1))
    await desk.work()

    [row] = desk.told
    waiting = PartWaiting.model_validate_json(row.message.value)
    assert (waiting.party, waiting.waiting, waiting.who) == (Party.OPERATOR, Waiting.TASK, "shop")
    assert waiting.until == desk.assigned(1).deadline
    assert await desk.waiting() == []


async def test_a_finished_erasure_still_says_erased_when_it_is_asked_for_again(desk: Desk) -> None:
    await desk.take(desk.assigned(1))
    await desk.work()
    await desk.take(desk.assigned(1, attempt=2))
    await desk.work()

    first, second = desk.results()
    assert (first.outcome, first.counts) == (second.outcome, second.counts)
    assert first.outcome is Outcome.RETAINED
    assert first.task_id == second.task_id


async def test_what_was_withdrawn_is_taken_back_and_never_begins(slow: tuple[Desk, Slow]) -> None:
    desk, system = slow
    system.says = [(HOUR, "job-7")]

    await desk.take(desk.assigned(1))
    await desk.work()
    await desk.take(desk.closed(1, Outcome.WITHDRAWN), desk.closed(2, Outcome.WITHDRAWN))
    await desk.take(desk.assigned(2))
    await desk.work()
    desk.now = NOON + DAY
    await desk.work()

    assert [(task.request_id, task.reference) for task in system.recalled] == [(a_request(1), "job-7")]
    assert await desk.waiting() == []
    assert len(system.given) == 1
    assert desk.results() == []


async def test_a_close_takes_back_nothing_that_a_system_ended(slow: tuple[Desk, Slow]) -> None:
    desk, system = slow
    system.says = [(HOUR, "job-7"), Outcome.ERASED]

    await desk.take(desk.assigned(1), desk.closed(1, Outcome.FAILED))
    await desk.work()
    [(_, desk.now)] = await desk.waiting()
    await desk.work()

    assert system.recalled == []
    assert [result.outcome for result in desk.results()] == [Outcome.ERASED]


def upload(desk: Desk, person: int, number: int, **changes: Any) -> Record:
    """A piece as the documented participant sends it, without anything its record says by itself."""
    public, table = Inbound(desk.house.keys).public(), changes.pop("table", "visit")
    chunk = Chunk(desk.assigned(person).case_id, "internet_activity", table, [{"pages": number}])  # type: ignore[arg-type]
    [jwe] = participant.seal_rows(changes.pop("key", public), [chunk])
    body = {
        "request_id": a_request(person), "task_id": desk.assigned(person).task_id, "system": "shop",
        "part": parts.system("shop"), "attempt": 1, "number": number, "of": 2, "jwe": jwe,
        "reply_token": desk.token(person),
    } | changes  # fmt: skip
    offset = upload.__dict__["offset"] = upload.__dict__.get("offset", 0) + 1
    return Record("privacy.task-exports", 0, offset, None, json.dumps(body).encode(), (), int(NOON.timestamp() * 1000))


async def test_an_export_has_ended_when_its_last_piece_is_there_in_whatever_order(desk: Desk) -> None:
    await desk.take_raw(upload(desk, 1, 1), upload(desk, 1, 1), upload(desk, 1, 7))
    assert desk.results() == []
    await desk.take_raw(upload(desk, 1, 0), upload(desk, 1, 1))

    [result] = desk.results()
    assert (result.outcome, result.counts) == (Outcome.EXPORTED, {"internet_activity": 2})
    kept = {name: json.loads(raw)["rows"] for (_, name), raw in (await desk.kept(1)).items()}
    assert kept == {
        f"export:{a_request(1)}:own:shop:visit:000000": [{"pages": 0}],
        f"export:{a_request(1)}:own:shop:visit:000001": [{"pages": 1}],
    }


async def test_pieces_nobody_was_asked_for_or_could_read_are_parked_and_keep_nothing(desk: Desk) -> None:
    stranger = ECKey.generate_key("P-256").as_dict(private=False)

    await desk.take_raw(
        upload(desk, 1, 0, reply_token="guessed"), upload(desk, 2, 0, reply_token=desk.token(1)),
        upload(desk, 1, 1, key=stranger), upload(desk, 1, 0, table="../../etc"), upload(desk, 1, 0, jwe="e30.e30"),
    )  # fmt: skip

    assert [row.message.topic for row in desk.told] == ["privacy.parked.fulfiller"] * 5
    assert await desk.kept(1) == {}
    assert await desk.kept(2) == {}


async def test_an_export_that_comes_after_the_close_is_not_kept(desk: Desk) -> None:
    await desk.take(desk.closed(1, Outcome.FAILED))
    await desk.take_raw(upload(desk, 1, 0), upload(desk, 1, 1))

    assert desk.told == []
    assert await desk.kept(1) == {}
