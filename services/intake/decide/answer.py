"""What becomes of something the person says later. An answer nobody may give is rejected without saying why not."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from schemas.base import Event
from schemas.events import AnswerRecorded
from schemas.public import RequesterAnswered, RequestStatusChanged
from schemas.values import AnswerKind, Problem, Status
from services.directory.offered import kinds_of
from services.intake.decide.accept import UnknownSource, clients_of, take_up
from services.intake.decide.case import Case
from services.intake.decide.facts import Facts
from services.intake.decide.reading import Answer
from services.kernel.decision import Decision

MOST_ROUNDS: Final = 3
NEED_TOKEN: Final = frozenset(
    {AnswerKind.CONFIRMATION, AnswerKind.FEE_CONSENT, AnswerKind.WITHDRAWAL, AnswerKind.NOT_ME}
)
"""Answers that change something: only who holds the letter can give them."""


def hear(state: Case, event: Answer, facts: Facts, now: datetime) -> Decision[Case]:
    """Record an answer for the requests it concerns, or reject it."""
    if event.source not in facts.sources:
        raise UnknownSource
    body = event.body
    if body is None:
        return _reject(state, event, event.problems, now)
    targets = _targets(state, event, body)
    if not targets:
        return _reject(state, event, [Problem(field="request_id", rule="must name a request of yours")], now)
    spent = None
    if body.kind in NEED_TOKEN or body.answer_token:
        spent, problem = _token(state, body, targets, facts)
        if problem:
            return _reject(state, event, [problem], now)
    return _record(state, event, body, targets, (facts, now))


def _targets(state: Case, event: Answer, body: RequesterAnswered) -> list[str]:
    """The requests an answer concerns: the one named, or all that are open; none if the case is another app's."""
    if not state.opened or state.source != event.source:
        return []
    if body.request_id:
        return [body.request_id] if body.request_id in state.asked else []
    return state.open_requests() if body.case_id == state.case_id else []


def _token(
    state: Case, body: RequesterAnswered, targets: Sequence[str], facts: Facts
) -> tuple[str | None, Problem | None]:
    given = body.answer_token or ""
    for request_id in targets:
        for round_ in range(1, MOST_ROUNDS + 1):
            name = f"{request_id}/{body.kind}/{round_}"
            if not facts.same(facts.token(request_id, body.kind, round_), given):
                continue
            if name in state.used:
                return None, Problem(field="answer_token", rule="was used before")
            return name, None
    return None, Problem(field="answer_token", rule="must be the one from the letter about this request")


def _reject(state: Case, event: Answer, problems: Sequence[Problem], now: datetime) -> Decision[Case]:
    told = RequestStatusChanged.after(
        event, now, request_id=None, case_id=None, source=event.source, answer_id=event.answer_id,
        status=Status.REJECTED, problems=list(problems),
    )  # fmt: skip
    return Decision(state, (told,), due_at=state.wake_at)


def _record(
    state: Case, event: Answer, body: RequesterAnswered, targets: Sequence[str], when: tuple[Facts, datetime]
) -> Decision[Case]:
    facts, now = when
    secrets = {f"answer:{event.event_id}": body.model_dump_json().encode()}
    if body.subject:
        name = f"subject:{event.event_id}"
        secrets[name] = body.subject.model_dump_json().encode()
        state = state.but(answers=(*state.answers, name))
    fresh = [
        one for one in clients_of(facts.found.get(event.event_id, ()), facts, now) if one.client not in state.clients
    ]
    state = state.but(clients=tuple(sorted({*state.clients, *(one.client for one in fresh)})))
    rights = [right for right in dict.fromkeys(body.rights) if facts.name(state.case_id, right) not in state.asked]
    told: list[Event] = [
        AnswerRecorded.after(
            event, now, request_id=request_id, case_id=state.case_id, kind=body.kind,
            given=kinds_of(body.subject) if body.subject else [], clients=fresh, accepted=body.accepted,
            right=rights[0] if rights else None,
        )
        for request_id in targets
    ]  # fmt: skip
    submitted = facts.submitted.get(event.event_id)
    if body.kind is AnswerKind.DETAIL and rights and submitted:
        taken = take_up(state, event, submitted, rights, when)
        state, told = taken.state, [*taken.events, *told]
    return Decision(state, tuple(told), due_at=state.wake_at, secrets=secrets)
