"""Carry tasks out: find the record keys, call the connector, tell the receipt. Personal rows go to the vault only."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from pydantic_core import to_json

from connectors.datamap import DataMap
from connectors.port import Answer, Chunk, CorrectionTask, Pending, Receipt, System, Task, Trouble
from rules.parts import is_copies
from schemas.events import PartWaiting, TaskAssigned, TaskFinished
from schemas.public import RequestSubmitted
from schemas.values import Action, Outcome, Waiting
from services.directory.lookup import record_keys
from services.directory.preferences import suppress_records
from services.kernel.effects import Again, Done
from services.kernel.house import House
from services.kernel.leases import Leased
from services.kernel.tokens import case_key

log = structlog.get_logger()
TOO_LATE: Final = "no_answer_in_time"


class VaultSink:
    """Puts exported rows into the vault, chunk by chunk, under the case's data key. A repeat overwrites itself.

    `requests` holds, per task, where its rows belong (see `exported`) and the case.
    """

    def __init__(self, house: House, requests: Mapping[UUID, tuple[str, str]], system: str) -> None:
        self._house, self._requests, self._system = house, requests, system
        self._chunks: dict[tuple[UUID, str], int] = {}

    async def write(self, chunks: Sequence[Chunk]) -> None:
        """Seal chunks, all in one transaction; returns when they are stored."""
        items = dict(self._item(chunk) for chunk in chunks)
        async with self._house.pool.connection() as conn, conn.transaction():
            await self._house.vault.put(conn, items)

    def _item(self, chunk: Chunk) -> tuple[tuple[str, str], bytes]:
        where, case_id = self._requests[chunk.task_id]
        number = self._chunks[chunk.task_id, chunk.table] = self._chunks.get((chunk.task_id, chunk.table), -1) + 1
        name = f"{where}{self._system}:{chunk.table}:{number:06}"
        content = to_json({"category": chunk.category, "table": chunk.table, "rows": list(chunk.rows)})
        return (case_key(case_id), name), content


def exported(effect: Leased) -> str:
    """Where the rows of a request lie in the vault: the company's own, and each client's, apart from one another."""
    return f"export:{effect.request_id}:{effect.body['client'] or 'own'}:"


class TaskPerformer:
    """Performs the tasks of every system we run a connector for."""

    def __init__(self, house: House, systems: DataMap, opened: Mapping[str, System]) -> None:
        self._house, self._systems, self._opened = house, systems, opened

    async def __call__(self, effects: Sequence[Leased], now: datetime) -> Sequence[Done | Again]:
        """Carry out the tasks of one system together."""
        name = effects[0].body["system"]
        tasks = await tasks_of(self._house, name, effects, now)
        cases = {task.task_id: (exported(e), e.case_id) for task, e in zip(tasks, effects, strict=True)}
        answers = await self._opened[name].perform(tasks, VaultSink(self._house, cases, name))
        copies = {UUID(e.body["task_id"]) for e in effects if is_copies(e.body["part"])}
        await self._remember([task for task in tasks if task.task_id in copies], answers, now)
        return [self._told(effect, answer, now) for effect, answer in zip(effects, answers, strict=True)]

    async def _remember(self, copies: Sequence[Task], answers: Sequence[Answer], now: datetime) -> None:
        """Note which copies went, so that a sweep knows them again: no other note follows for those of one system."""
        ended = {answer.task_id for answer in answers if isinstance(answer, Receipt)}
        records = [(task.system, keys) for task in copies if task.task_id in ended for keys in task.keys]
        if records:
            async with self._house.pool.connection() as conn:
                await suppress_records(conn, self._house.keys, records, now)

    def _told(self, effect: Leased, answer: Answer, now: datetime) -> Done | Again:
        system = effect.body["system"]
        match answer:
            case Receipt():
                return Done((told(effect, now, answer.outcome, answer),))
            case Pending():
                return _pending(effect, answer, now)
            case Trouble(retry=True) if effect.attempts < self._systems.systems[system].attempts:
                return Again(now + (answer.wait or self._systems.systems[system].wait(effect.attempts)))
        log.error("task_failed", system=system, request_id=effect.request_id, cause=answer.code)
        return Done((told(effect, now, Outcome.FAILED, reason=answer.code),))


type_keys = Mapping[tuple[str, str], Sequence[Mapping[str, str]]]


async def tasks_of(house: House, name: str, effects: Sequence[Leased], now: datetime) -> list[Task]:
    """What one system is asked, with its record keys from the directory and never from what somebody typed."""
    wanted = {(subject, one) for e in effects for subject in e.body["subjects"] for one in _keys_from(name, e)}
    corrected = [(case_key(e.case_id), "submission") for e in effects if e.body["action"] == Action.CORRECT]
    async with house.pool.connection() as conn:
        keys = await record_keys(conn, wanted, house.keys) if wanted else {}
        sealed = await house.vault.get(conn, corrected) if corrected else {}
    said = {case: RequestSubmitted.model_validate_json(raw) for (case, _), raw in sealed.items()}
    return [_task(name, effect, keys, said.get(case_key(effect.case_id)), now) for effect in effects]


def _task(name: str, effect: Leased, keys: type_keys, said: RequestSubmitted | None, now: datetime) -> Task:
    assigned = TaskAssigned.model_validate({**effect.body, "event_id": effect.id, "occurred_at": now})
    return Task(
        task_id=UUID(assigned.task_id),
        request_id=assigned.request_id,
        system=name,
        action=assigned.action,
        keys=_keys(effect, assigned.subjects, keys),
        client=assigned.client,
        corrections=tuple(CorrectionTask(c.field, c.new) for c in said.corrections) if said else (),
        preference=assigned.right if assigned.action is Action.APPLY else None,
        media=tuple(assigned.media),
        since=assigned.since,
        until=assigned.until,
        today=now.date(),
        law=assigned.law,
        received_at=assigned.received_at,
        deadline=assigned.deadline,
    )


def _keys_from(name: str, effect: Leased) -> Sequence[str]:
    """The systems by whose record keys the task names its person: a service provider knows those it was given."""
    return effect.body.get("keys_from") or [name]


def _keys(effect: Leased, subjects: Sequence[str], keys: type_keys) -> tuple[Mapping[str, str], ...]:
    systems = _keys_from(effect.body["system"], effect)
    found = [key for subject in subjects for one in systems for key in keys.get((subject, one), ())]
    return tuple({tuple(sorted(key.items())): key for key in found}.values())


def _pending(effect: Leased, answer: Pending, now: datetime) -> Done | Again:
    """Look again when the system said to, until the task's deadline; or leave it to whoever will tell the end."""
    deadline = datetime.fromisoformat(effect.body["deadline"])
    if answer.check_in is None:
        return Done((_waiting(effect, answer, deadline, now),))
    if now >= deadline:
        return Done((told(effect, now, Outcome.FAILED, reason=TOO_LATE),))
    return Again(min(now + answer.check_in, deadline), counted=False)


def _waiting(effect: Leased, answer: Pending, until: datetime, now: datetime) -> PartWaiting:
    body = effect.body
    return PartWaiting.after(
        effect, now, request_id=effect.request_id, case_id=effect.case_id, part=body["part"], party=answer.party,
        waiting=Waiting.TASK, until=until, who=body["system"],
    )  # fmt: skip


def told(
    effect: Leased, now: datetime, outcome: Outcome, receipt: Receipt | None = None, reason: str | None = None
) -> TaskFinished:
    """Build the event that tells how a task ended."""
    body = effect.body
    return TaskFinished.after(
        effect, now, request_id=effect.request_id, case_id=effect.case_id, task_id=body["task_id"],
        system=body["system"], part=body["part"], attempt=body["attempt"], outcome=outcome,
        counts=dict(receipt.counts) if receipt else {},
        retained=list(receipt.retained) if receipt else [], reason=reason, reply_token=body["reply_token"],
    )  # fmt: skip
