"""A participant as seen from our side: assignments go out sealed, results and sealed pieces come back."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from joserfc.jwk import ECKey

from connectors.account import open_accounts
from connectors.participant import Piece, opened, seal_keys, shown
from connectors.port import Answer, Chunk, CorrectionTask, Finding, Receipt, Sink, Task, Trouble
from connectors.systems import SystemMap
from schemas.values import Action, Medium, Outcome, Retained, Right
from tests.contract.backend import exported, raw, told
from tests.contract.company import NOBODY
from tests.contract.documented import module_at
from tests.contract.fake import Drawer
from tests.support.source import ROOT

PUBLIC = ("kty", "crv", "x", "y")


def the_documented_participant() -> Any:
    """The program that docs/connectors.md shows."""
    return module_at(ROOT / "docs" / "systems" / "participant.py")


class Reached:
    """The documented participant, doing the little company's work; records travel as they do over Kafka."""

    name, keeps_ledger = "shop", True

    def __init__(self, drawer: Drawer, declared: SystemMap) -> None:
        self.drawer, self.holds, self.done = drawer, declared.holds, dict[str, tuple[str, dict[str, Any]]]()
        self.program = the_documented_participant()
        self.program.work = self.work
        self.theirs, self.ours = (ECKey.generate_key("P-256") for _ in range(2))

    def work(self, assigned: dict[str, Any], content: dict[str, Any]) -> Any:
        """What the participant does with its own records."""
        task = self._task(assigned, content)
        if task.action is Action.EXPORT:
            found = exported(self.drawer, task)
            return "not_found", {}, [("any", name, raw(self.drawer, name, some)) for name, some in found.items()]
        if any(one.new == NOBODY for one in task.corrections):
            return "failed", {}, []
        if assigned["task_id"] not in self.done:
            receipt = self.drawer.change(task)
            self.done[assigned["task_id"]] = receipt.outcome.value, told(receipt)
        return *self.done[assigned["task_id"]], []

    def _task(self, assigned: dict[str, Any], content: dict[str, Any]) -> Task:
        days: dict[str, Any] = {n: date.fromisoformat(assigned[n]) for n in ("since", "until", "today") if assigned[n]}
        return Task(
            UUID(assigned["task_id"]), "theirs", "shop", Action(assigned["action"]), tuple(content["keys"]),
            assigned["client"], tuple(CorrectionTask(**one) for one in content["corrections"]),
            Right(assigned["right"]) if assigned["action"] == "apply" else None,
            tuple(map(Medium, assigned["media"])), **days,
        )  # fmt: skip

    async def perform(self, tasks: Sequence[Task], sink: Sink) -> list[Answer]:
        """Let the participant answer assignments."""
        return [await self._one(task, sink) for task in tasks]

    async def _one(self, task: Task, sink: Sink) -> Answer:
        account = open_accounts([task])[task.task_id]
        for topic, answer in self.program.answers(json.loads(json.dumps(self._assigned(task))), self.theirs):
            if topic == "privacy.task-results":
                return _receipt(task, answer)
            piece = Piece.model_validate_json(opened(self.ours.as_dict(private=True), answer["jwe"]))
            seen = shown(piece, self.holds)
            account.add(seen.categories, len(seen.rows), Outcome.EXPORTED)
            await sink.write([Chunk(task.task_id, piece.category, piece.table, seen.rows)])
        return account.receipt(task)

    def _assigned(self, task: Task) -> dict[str, Any]:
        public = {name: value for name, value in self.theirs.as_dict(private=False).items() if name in PUBLIC}
        return {
            "request_id": task.request_id, "task_id": str(task.task_id), "system": "shop", "part": "own/system:shop",
            "attempt": 1, "reply_token": "-", "action": task.action.value, "client": task.client,
            "right": task.preference.value if task.preference else "delete", "media": list(task.media),
            "since": task.since.isoformat() if task.since else None,
            "until": task.until.isoformat() if task.until else None,
            "today": task.today.isoformat() if task.today else None, "keys_jwe": seal_keys(public, task),
            "upload_jwk": self.ours.as_dict(private=False),
        }  # fmt: skip

    async def check(self) -> list[Finding]:
        """Nobody but the participant can look."""
        return []

    async def close(self) -> None:
        """Nothing is open."""


def _receipt(task: Task, answer: dict[str, Any]) -> Answer:
    if answer["outcome"] == "failed":
        return Trouble(task.task_id, retry=False, code="system_refused")
    kept = tuple(Retained(**one) for one in answer["counts"].get("retained", ()))
    return Receipt(task.task_id, Outcome(answer["outcome"]), answer["counts"].get("counts", {}), kept)
