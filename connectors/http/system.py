"""One HTTP interface behind one entry of the data map."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import BaseModel, TypeAdapter

from connectors.account import Account
from connectors.http.options import HttpOptions, Step
from connectors.http.reading import GONE, NATURAL, Said, at, read, rows
from connectors.http.templates import BadTemplate, values_of
from connectors.port import Answer, Chunk, Finding, Pending, Receipt, Sink, Task, Trouble
from connectors.reach import disclosed
from connectors.systems import ACTIONS, SystemMap
from connectors.turns import in_turn
from connectors.web import Answered, NoAnswer, Web
from schemas.values import Action, Outcome

MOST_PAGES: Final = 10_000


class Record(BaseModel):
    """How far one record of a task is; kept in the task's reference, so that a crash leaves it where it was."""

    state: Literal["new", "found", "job", "done"] = "new"
    said: Said = Said()


_RECORDS: Final = TypeAdapter(list[Record])


class HttpSystem:
    """One HTTP interface."""

    keeps_ledger = False

    def __init__(self, name: str, declared: SystemMap, options: HttpOptions, web: Web) -> None:
        self._name, self._map, self._options, self._web = name, declared, options, web
        self._holds = {holding.name: holding for holding in declared.holds}

    @property
    def name(self) -> str:
        """The system's name in the data map."""
        return self._name

    async def perform(self, tasks: Sequence[Task], sink: Sink) -> list[Answer]:
        """Carry tasks out, as many at once as the data map allows.

        Raises:
            Exception: whatever the sink raised.
        """
        return await in_turn(tasks, self._map.concurrency, lambda task: self._one(task, sink))

    async def check(self) -> list[Finding]:
        """See whether the system answers, and whether there is a request for everything it is to serve."""
        found = [*self._web.findings(self._name, self._map.url_env or "address"), *self._unasked()]
        try:
            answered = await self._ask(self._options.ping, {})
        except (NoAnswer, BadTemplate) as error:
            code = error.code if isinstance(error, NoAnswer) else "misconfigured"
            return [*found, Finding(self._name, "ping", f"does not answer: {code}", serious=True)]
        if answered.status in {401, 403}:
            found.append(Finding(self._name, "ping", f"does not let us in: {answered.status}", serious=True))
        return found

    def _unasked(self) -> Iterator[Finding]:
        served = {action for right, action in ACTIONS.items() if self._map.serves(right, None)}
        for action in sorted(served):
            if self._options.request(action) is None:
                what = f"no request is declared for {action}; declare one, or leave its rights out of `rights`"
                yield Finding(self._name, f"options.{action}", what, serious=True)

    async def close(self) -> None:
        """Close idle connections."""
        await self._web.close()

    async def _one(self, task: Task, sink: Sink) -> Answer:
        step, keys = self._options.request(task.action), [k for k in task.keys if self._options.record_key in k]
        if step is None:
            return Trouble(task.task_id, retry=False, code="not_supported")
        if task.keys and self._unneeded(task):
            return Receipt(task.task_id, Outcome.UNNEEDED)
        records = _RECORDS.validate_json(task.reference) if task.reference else []
        if len(records) != len(keys):
            records = [Record() for _ in keys]
        for index, key in enumerate(keys):
            try:
                records[index] = await self._advance(task, key, records[index], sink)
            except (NoAnswer, BadTemplate) as error:
                reference = _written(records)
                if reference not in {task.reference, _written([Record() for _ in keys])}:
                    return Pending(task.task_id, timedelta(0), reference)
                trouble = error if isinstance(error, NoAnswer) else NoAnswer("misconfigured", retry=False)
                return trouble.trouble(task)
        return self._told(task, records)

    def _unneeded(self, task: Task) -> bool:
        """Whether the task is about nothing this system has."""
        if task.action is Action.CORRECT:
            return not any(correction.field in self._map.correctable for correction in task.corrections)
        known = self._map.preferences.columns if self._map.preferences else {}
        return task.action is Action.APPLY and task.preference not in known

    def _told(self, task: Task, records: Sequence[Record]) -> Answer:
        states = {record.state for record in records}
        if states - {"done"}:
            wait = timedelta(0) if "found" in states else timedelta(seconds=self._options.poll_s)
            return Pending(task.task_id, wait, _written(records))
        account = Account()
        for said in (record.said for record in records if record.said.outcome):
            for category, number in said.counts.items():
                account.add([category], number, said.outcome or Outcome.NOT_FOUND)
            account.outcomes |= {said.outcome} if said.outcome else set()
            for retained in said.retained:
                account.keep(retained)
        return account.receipt(task)

    async def _advance(self, task: Task, key: Mapping[str, str], record: Record, sink: Sink) -> Record:
        """Take one record one step further."""
        step = self._options.request(task.action)
        if step is None or record.state == "done":
            return record
        match record.state:
            case "job" if step.poll:
                values = values_of(task, key, self._map, record.said.reference)
                heard = await self._hear(task, step.poll, values, sink)
                return record if heard.state == "job" and not heard.said.reference else heard
            case "new" if self._options.find and task.action is Action.ERASE:
                answered = await self._ask(self._options.find, values_of(task, key, self._map))
                said = read(self._options.find, Action.EXPORT, answered, self._map)
                gone = said.outcome is Outcome.NOT_FOUND or answered.status in GONE
                return Record(state="done", said=Said(outcome=Outcome.NOT_FOUND)) if gone else Record(state="found")
        heard = await self._hear(task, step, values_of(task, key, self._map), sink)
        if record.state == "found" and heard.said.outcome is Outcome.NOT_FOUND:
            counts = dict.fromkeys(sorted({held.category for held in self._map.held}), 1)
            return Record(state="done", said=Said(outcome=NATURAL[task.action], counts=counts))
        return heard

    async def _hear(self, task: Task, step: Step, values: Mapping[str, Any], sink: Sink) -> Record:
        answered = await self._ask(step, values)
        said = read(step, task.action, answered, self._map)
        if said.outcome is None:
            return Record(state="job", said=said)
        if said.outcome is Outcome.EXPORTED:
            said = await self._pages(task, step, answered, sink)
        return Record(state="done", said=said)

    async def _pages(self, task: Task, step: Step, answered: Answered, sink: Sink) -> Said:
        """Hand the rows on, page by page, as they may be shown."""
        counts: dict[str, int] = {}
        for _ in range(MOST_PAGES):
            body = answered.json()
            chunks = [self._chunk(task, name, some) for name, some in rows(step, body).items() if some]
            for category, number in ((c, len(chunk.rows)) for chunk in chunks for c in self._categories(chunk)):
                counts[category] = counts.get(category, 0) + number
            if chunks:
                await sink.write(chunks)
            following = at(body, step.next, None) if step.next else None
            if not following:
                return Said(outcome=Outcome.EXPORTED if counts else Outcome.NOT_FOUND, counts=counts)
            answered = await self._web.ask("GET", str(following))
            if answered.status != 200:  # noqa: PLR2004  HTTP's own number
                raise answered.refusal()
        raise NoAnswer("too_many_pages", retry=False)

    def _chunk(self, task: Task, name: str, some: Sequence[Mapping[str, Any]]) -> Chunk:
        holding = self._holds.get(name)
        if holding is None:
            raise NoAnswer("misconfigured", retry=False)
        shown = [disclosed(holding.fields, holding.shown(row)) for row in some]
        return Chunk(task.task_id, holding.category, name, shown)

    def _categories(self, chunk: Chunk) -> tuple[str, ...]:
        return self._holds[chunk.table].categories

    async def _ask(self, step: Step, values: Mapping[str, Any]) -> Answered:
        body = step.body_template.fill(values).encode() if step.body_template else None
        headers = {"content-type": "application/json"} if body is not None else {}
        if "task_id" in values:
            headers["idempotency-key"] = values["task_id"]
        return await self._web.ask(step.method, step.path_template.fill(values), content=body, headers=headers)


def _written(records: Sequence[Record]) -> str:
    return _RECORDS.dump_json([*records], exclude_defaults=True).decode()
