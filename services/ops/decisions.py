"""Decisions of operators: published, followed to what became of each, and kept as receipts."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from schemas import wire
from schemas.events import DecisionApplied, OperatorDecided
from schemas.values import Reason, Verb
from services.kernel.clock import new_id
from services.kernel.errors import PermanentError
from services.kernel.tokens import case_key
from services.ops.installation import Installation
from services.ops.kafka import Follower, Publisher
from services.ops.register.keeping import now
from services.ops.register.queries import case_of

WITHIN_S: Final = 10.0
PER_PARTS: Final = frozenset({Verb.RETRY, Verb.SKIP, Verb.DONE, Verb.RELEASE})
"""Verbs that are about one part, so that a bulk decides every part its filter finds; a release, every held one."""


class NoRequestId(PermanentError):
    """What was given is no request id."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator wants, of any number of requests."""

    verb: Verb
    by: str
    reason: Reason | None = None
    basis: str | None = None
    until: datetime | None = None


def decide(found: Installation, verb: Verb, request: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """Publish one decision and wait for what became of it.

    Raises:
        NoRequestId: that is no request id.
    """
    part = fields.pop("part", None)
    [told] = decide_all(found, Wish(verb, **fields), [(request, part)])
    return told


def decide_all(
    found: Installation,
    wish: Wish,
    targets: Sequence[tuple[str, str | None]],
    *,
    within_s: float = WITHIN_S,
    progress: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:
    """Publish decisions about (request, part) and wait until the services said what became of each.

    Returns receipts in the targets' order. One that nobody answered in time says so; it may still be applied later.

    Raises:
        NoRequestId: one of them is no request id; nothing was published.
    """
    decisions = _decisions(found, wish, targets)
    follower = Follower(found.access("ops"), ["privacy.decided"], at_end=True)
    with closing(follower), closing(Publisher(found.access("ops"))) as publisher:
        records = [wire.encode(decision, source="rightsbus/ops") for decision in decisions]
        publisher.send_all([(topic, key, value, headers) for topic, key, value, headers in records])
        answers = _answers(follower, {str(d.event_id) for d in decisions}, within_s, progress)
    return [receipt(decision, answers.get(str(decision.event_id))) for decision in decisions]


def _decisions(found: Installation, wish: Wish, targets: Sequence[tuple[str, str | None]]) -> list[OperatorDecided]:
    for request, _ in targets:
        try:
            case_key(UUID(request))
        except ValueError:
            raise NoRequestId(f"{request} is no request id; `rightsbus register list` shows them") from None
    with found.connect() as db:
        at, cases = now(db), case_of(db, [request for request, _ in targets])
    return [
        OperatorDecided(
            event_id=new_id(), occurred_at=at, request_id=request, case_id=cases.get(request, request), part=part,
            verb=wish.verb, reason=wish.reason, basis=wish.basis, until=wish.until, by=wish.by,
        )
        for request, part in targets
    ]  # fmt: skip


def _answers(
    follower: Follower, wanted: set[str], within_s: float, progress: Callable[[], None]
) -> Mapping[str, DecisionApplied]:
    """The first answer to each; an application outweighs a refusal by a service that was not meant."""
    answers: dict[str, DecisionApplied] = {}
    deadline = time.monotonic() + within_s
    while wanted - answers.keys() and time.monotonic() < deadline:
        for record in follower.poll(200):
            told = wire.decode(record)
            if isinstance(told, DecisionApplied) and told.decision_id in wanted:
                if told.decision_id not in answers:
                    progress()
                    deadline = time.monotonic() + within_s
                if told.applied or told.decision_id not in answers:
                    answers[told.decision_id] = told
    return answers


def receipt(decision: OperatorDecided, answer: DecisionApplied | None) -> dict[str, Any]:
    """What was decided, and what became of it."""
    return {
        "decision_id": str(decision.event_id),
        "at": decision.occurred_at.isoformat(),
        "by": decision.by,
        "verb": decision.verb.value,
        "request_id": decision.request_id,
        "part": decision.part,
        "applied": bool(answer and answer.applied),
        "reason": answer.reason if answer else f"no service answered `{decision.verb}` in time; it may come later",
    }


def write_receipts(file: Path, receipts: Sequence[Mapping[str, Any]]) -> None:
    """Add receipts to a file, one JSON object a line, readable by its owner only."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as out:
        out.writelines(json.dumps(one) + "\n" for one in receipts)
    file.chmod(0o600)
