"""What outlives its case: declarations and mandates, each kept as long as the law has records kept. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Final

from rules.clocks import months_later
from schemas.public import RequesterAnswered, RequestSubmitted
from schemas.values import AnswerKind
from services.intake.decide.case import Case
from services.intake.decide.facts import Facts
from services.kernel.decision import Effect

KEEP: Final = "keep_record"
MONTHS: Final = 24
"""Source: 11 CCR § 7101; what other laws name is no less."""


def signed_with(state: Case, body: RequestSubmitted, facts: Facts, now: datetime) -> tuple[Effect, ...]:
    """Keep what was signed and shown with a submission; `state` has its requests already."""
    shown = body.agent and body.agent.mandate
    kinds = [kind for kind, said in (("declaration", body.declaration), ("mandate", shown)) if said]
    return tuple(_keep(state, kind, "submission", facts, now) for kind in kinds)


def signed_later(state: Case, body: RequesterAnswered, item: str, facts: Facts, now: datetime) -> tuple[Effect, ...]:
    """Keep what came as an answer of its own, from the vault's item of that name."""
    kept = body.kind in {AnswerKind.DECLARATION, AnswerKind.MANDATE}
    return (_keep(state, body.kind, item, facts, now),) if kept else ()


def _keep(state: Case, kind: str, item: str, facts: Facts, now: datetime) -> Effect:
    until = months_later(now.date(), max([MONTHS, *_months(state, facts)]))
    body = {"item": item, "kind": kind, "until": datetime.combine(until, time(), UTC).isoformat()}
    return Effect(KEEP, state.case_id, state.case_id, f"{kind}/{item}", body, lane="vault")


def _months(state: Case, facts: Facts) -> Iterator[int]:
    laws = (facts.handbook.laws.get(asked.law) for asked in state.asked.values())
    return (law.records.months for law in laws if law and law.records)
