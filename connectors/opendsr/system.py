"""One OpenDSR processor behind one entry of the data map."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final

from cryptography import x509

from connectors.account import Account
from connectors.opendsr.messages import TYPES, Status, identities, request, request_id
from connectors.opendsr.options import OpenDsrOptions
from connectors.opendsr.trust import Trust, Untrusted
from connectors.port import Answer, Chunk, Finding, Pending, Receipt, Sink, Task, Trouble
from connectors.reach import disclosed
from connectors.systems import ACTIONS, SystemMap
from connectors.turns import in_turn
from connectors.web import Answered, NoAnswer, Web
from schemas.values import Action, Outcome

CREATED: Final = 201
ACCEPTED: Final = 202
FOUND: Final = 200
ASKED: Final = "asked"
_NATURAL: Final = {Action.EXPORT: Outcome.EXPORTED, Action.ERASE: Outcome.ERASED}


class OpenDsrSystem:
    """One processor."""

    keeps_ledger = False

    def __init__(self, name: str, declared: SystemMap, options: OpenDsrOptions, web: Web, trust: Trust) -> None:
        self._name, self._map, self.options, self._web, self.trust = name, declared, options, web, trust
        self._holds = {holding.name: holding for holding in declared.holds}
        self._certificate: x509.Certificate | None = None

    @property
    def name(self) -> str:
        """The system's name in the data map."""
        return self._name

    async def perform(self, tasks: Sequence[Task], sink: Sink) -> list[Answer]:
        """Ask once, then look at the status until it is final.

        Raises:
            Exception: whatever the sink raised.
        """

        async def one(task: Task) -> Answer:
            try:
                return await self._one(task, sink)
            except NoAnswer as error:
                return error.trouble(task)

        return await in_turn(tasks, self._map.concurrency, one)

    async def recall(self, task: Task) -> bool:
        """Withdraw a request that is still pending there."""
        try:
            answered = await self._web.ask("DELETE", self._path(task))
        except NoAnswer:
            return False
        return answered.status == ACCEPTED

    async def certificate(self) -> x509.Certificate:
        """The processor's certificate, from where its discovery says, trusted for its domain.

        Raises:
            NoAnswer: it cannot be had.
            Untrusted: it is not one for this processor.
        """
        if self._certificate is None:
            answered = await self._sent_certificate()
            if answered.status != FOUND:
                raise answered.refusal()
            self._certificate = self.trust.certificate(answered.body)
        return self._certificate

    async def _sent_certificate(self) -> Answered:
        """What is at the place the processor names on its own host, or at the one agreed on; no login goes there."""
        if self.options.certificate_url is None:
            where = (await self._get("/discovery")).get("processor_certificate")
            return await self._web.ask("GET", str(where))
        elsewhere = Web(self.options.certificate_url, timeout_s=self._map.timeout_s, concurrency=1, headers={})
        try:
            return await elsewhere.ask("GET", self.options.certificate_url)
        finally:
            await elsewhere.close()

    async def check(self) -> list[Finding]:
        """Compare what was agreed with what the processor offers."""
        found = self._web.findings(self._name, self._map.url_env or "address")
        try:
            offered = await self._get("/discovery")
            if self.options.signed:
                await self.certificate()
        except NoAnswer as error:
            return [*found, Finding(self._name, "discovery", f"does not answer: {error.code}", serious=True)]
        except Untrusted as error:
            return [*found, Finding(self._name, "certificate", f"cannot be trusted: {error.code}", serious=True)]
        return [*found, *(Finding(self._name, where, what, serious=True) for where, what in self._unoffered(offered))]

    def _unoffered(self, offered: dict[str, Any]) -> Iterator[tuple[str, str]]:
        try:
            known = {(one["identity_type"], one["identity_format"]) for one in offered["supported_identities"]}
            types = set(offered["supported_subject_request_types"])
        except (KeyError, TypeError):
            yield "discovery", "does not say what the processor supports"
            return
        for key, how in self.options.identities.items():
            if (how.type, how.format) not in known:
                yield f"options.identities.{key}", f"the processor does not take {how.type} as {how.format}"
        for action in sorted({action for right, action in ACTIONS.items() if self._map.serves(right, None)}):
            if TYPES.get(action) not in types:
                yield "rights", f"the processor does not {action}: leave those rights out"

    async def close(self) -> None:
        """Close idle connections."""
        await self._web.close()

    async def _one(self, task: Task, sink: Sink) -> Answer:
        if task.action not in TYPES:
            return Trouble(task.task_id, retry=False, code="not_supported")
        if not identities(task, self.options):
            return Receipt(task.task_id, Outcome.NOT_FOUND)
        if task.reference != ASKED:
            await self._ask(task)
            return self._later(task)
        status = Status.read(await self._heard("GET", self._path(task)))
        if status.subject_request_id != request_id(task.task_id):
            raise NoAnswer("unexpected_answer", retry=False)
        if status.request_status == "cancelled":
            return Trouble(task.task_id, retry=False, code="cancelled")
        return await self._ended(task, status, sink) if status.request_status == "completed" else self._later(task)

    async def _ask(self, task: Task) -> None:
        """Send the request; one that was sent before is there already."""
        try:
            await self._heard("POST", self.options.requests, request(task, self.options))
        except NoAnswer as refused:
            if refused.retry or not refused.code.startswith("system_refused"):
                raise
            there = await self._web.ask("GET", self._path(task))
            if there.status != FOUND:
                raise

    def _later(self, task: Task) -> Pending:
        return Pending(task.task_id, timedelta(seconds=self.options.poll_s), ASKED)

    def _path(self, task: Task) -> str:
        return f"{self.options.requests}/{request_id(task.task_id)}"

    async def _ended(self, task: Task, status: Status, sink: Sink) -> Receipt:
        told, account = status.told(self.options.domain), Account()
        counts = dict(told.counts)
        if task.action is Action.EXPORT and status.results_url:
            counts |= await self._results(task, status.results_url, sink)
        elif not counts and status.results_count:
            counts = {self._category(): status.results_count}
        nothing = status.results_count == 0 or (task.action is Action.EXPORT and not counts)
        outcome = told.outcome or (Outcome.NOT_FOUND if nothing else _NATURAL[task.action])
        account.outcomes.add(outcome)
        for category, number in counts.items():
            account.add([category], number, outcome)
        for retained in told.retained:
            account.keep(retained)
        return account.receipt(task)

    def _category(self) -> str:
        """Where a bare number of records belongs: the one category there is, or just records."""
        some = {category for holding in self._map.holds for category in holding.categories}
        return some.pop() if len(some) == 1 else "records"

    async def _results(self, task: Task, where: str, sink: Sink) -> dict[str, int]:
        """Fetch what was exported: a JSON list, or an object of lists by the names of what the system holds."""
        answered = await self._web.ask("GET", where)
        if answered.status != FOUND:
            raise answered.refusal()
        body, counts = answered.json(), dict[str, int]()
        named = {next(iter(self._holds), ""): body} if isinstance(body, list) else body
        for name, rows in (named if isinstance(named, dict) else {"": None}).items():
            holding = self._holds.get(name)
            if holding is None or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
                raise NoAnswer("undeclared_results", retry=False)
            if rows:
                shown = [disclosed(holding.fields, holding.shown(row)) for row in rows]
                await sink.write([Chunk(task.task_id, holding.category, name, shown)])
                for category in holding.categories:
                    counts[category] = counts.get(category, 0) + len(rows)
        return counts

    async def _heard(self, method: str, path: str, body: Any = None) -> Any:  # noqa: ANN401  any JSON value
        """Ask, and take the answer only with a valid signature."""
        content = json.dumps(body).encode() if body is not None else None
        answered = await self._web.ask(method, path, content=content, headers={"content-type": "application/json"})
        if answered.status not in {FOUND, CREATED}:
            raise answered.refusal()
        if self.options.signed:
            await self._trusted(answered)
        return answered.json()

    async def _trusted(self, answered: Answered) -> None:
        try:
            self.trust.check(answered.headers, answered.body, await self.certificate())
        except Untrusted as error:
            raise NoAnswer(error.code, retry=False) from None

    async def _get(self, path: str) -> dict[str, Any]:
        answered = await self._web.ask("GET", path)
        body = answered.json() if answered.status == FOUND else None
        if not isinstance(body, dict):
            raise answered.refusal() if answered.status != FOUND else NoAnswer("unexpected_answer", retry=False)
        return body
