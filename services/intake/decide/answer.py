"""What becomes of something the person says later. An answer nobody may give is rejected without saying why not."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from schemas.base import Event
from schemas.events import AnswerRecorded
from schemas.public import RequesterAnswered, RequestSubmitted
from schemas.values import AnswerKind, Problem, Right
from services.directory.offered import kinds_of, with_normal_form
from services.intake.decide.accept import clients_of, handed, located, take_up
from services.intake.decide.case import Case
from services.intake.decide.corrections import completed, contested
from services.intake.decide.facts import Facts
from services.intake.decide.locating import misses, told_of
from services.intake.decide.reading import Answer
from services.intake.decide.records import signed_later
from services.intake.decide.submit import UnknownSource, reject
from services.intake.decide.terms import confirmed, mends
from services.kernel.decision import Decision
from services.kernel.errors import PermanentError

MOST_ROUNDS: Final = 3
MOST_ANSWERS: Final = 200
"""Answers kept apart per case; an app that sends more has a fault, or is at fault."""
MOST_TRIES: Final = 5
"""Wrong codes per request; after them the right one is no better than a guess."""
NEED_TOKEN: Final = frozenset(
    {AnswerKind.CONFIRMATION, AnswerKind.FEE_CONSENT, AnswerKind.WITHDRAWAL, AnswerKind.NOT_ME}
)
"""Answers that change something: only who holds the letter can give them."""
_ENDED: Final = Problem(field="request_id", rule="must name a request that has not ended; ask anew in a new submission")
_NOT_YOURS: Final = Problem(field="request_id", rule="must name a request of yours")
_WRONG_TOKEN: Final = Problem(field="answer_token", rule="must be the one from the letter about this request")
_USED: Final = Problem(field="answer_token", rule="was used before")
_WRONG_CODE: Final = Problem(field="code", rule="must be the code that was sent, tried five times at most")


class SubmissionGone(PermanentError):
    """What the case was opened with can no longer be read, so no request can be opened from it."""


def hear(state: Case, event: Answer, facts: Facts, now: datetime) -> Decision[Case]:
    """Record an answer for the requests it concerns, or reject it. The same again is the same.

    Raises:
        UnknownSource: no app of that name is registered.
        SubmissionGone: a right is named for a text that can no longer be read.
    """
    if event.source not in facts.sources:
        raise UnknownSource
    body = event.body
    if body is None:
        return reject(state, event, event.problems, now)
    if state.heard.get(body.answer_id) == event.digest:
        return Decision(state, due_at=state.due_at)
    targets, problem = _targets(state, event, body)
    if problem is None and body.kind is AnswerKind.CODE:
        state, targets, problem = _code(state, body, targets, facts)
    elif problem is None and (body.kind in NEED_TOKEN or body.answer_token):
        state, targets, problem = _token(state, body, targets, facts)
    elif problem is None and body.kind is AnswerKind.MANDATE:
        state, targets, problem = _mandate(state, body, targets, (facts, now))
    if problem:
        return reject(state, event, [problem], now)
    state = state.but(heard=state.heard | {body.answer_id: event.digest})
    return _record(state, event, body, targets, (facts, now))


def _targets(state: Case, event: Answer, body: RequesterAnswered) -> tuple[list[str], Problem | None]:
    """The requests an answer concerns: the one named, or all that run; a problem if it can concern none."""
    mine = [body.request_id] if body.request_id else list(state.asked) if body.case_id == state.case_id else []
    if state.source != event.source or not mine or mine[0] not in state.asked:
        return [], _NOT_YOURS
    if body.answer_id in state.heard:
        return [], Problem(field="answer_id", rule="was used before with different content")
    if len(state.heard) >= MOST_ANSWERS:
        return [], Problem(field="answer_id", rule=f"at most {MOST_ANSWERS} answers about one case")
    if body.kind is AnswerKind.NOT_ME:
        return mine, None
    running = [request_id for request_id in mine if request_id in state.running()]
    problem = _lacking(state, body, running) if running else _ENDED
    return ([], problem) if problem else (running, None)


def _lacking(state: Case, body: RequesterAnswered, running: Sequence[str]) -> Problem | None:
    """What a request was held for, and its answer still does not say."""
    if body.kind is not AnswerKind.DETAIL:
        return None
    if not body.corrections and any(state.asked[request_id].unsaid for request_id in running):
        return Problem(field="corrections", rule="must say which field is wrong, and what would be right")
    if not body.rights and _nameless(state, running):
        return Problem(field="rights", rule="must name what is wanted: the request itself does not")
    return None


def _nameless(state: Case, targets: Sequence[str]) -> bool:
    return any(state.asked[request_id].right is Right.UNCLASSIFIED for request_id in targets)


def _token(
    state: Case, body: RequesterAnswered, targets: list[str], facts: Facts
) -> tuple[Case, list[str], Problem | None]:
    """Spend the token. It speaks for the request of its letter alone; "this was not me" stops the whole case."""
    given = body.answer_token or ""
    for request_id in targets:
        for round_ in range(1, MOST_ROUNDS + 1):
            if facts.same(facts.token(request_id, body.kind, round_), given):
                name = f"{request_id}/{body.kind}/{round_}"
                if name in state.used:
                    return state, [], _USED
                spent = state.but(used=state.used | {name})
                not_me = body.kind is AnswerKind.NOT_ME
                return spent, (state.running() or [request_id]) if not_me else [request_id], None
    return state, [], _WRONG_TOKEN


def _code(
    state: Case, body: RequesterAnswered, targets: list[str], facts: Facts
) -> tuple[Case, list[str], Problem | None]:
    """Spend a code that only the contact on file was sent. Without a record there is none, and every one is wrong."""
    for request_id in targets:
        asked, round_ = state.asked[request_id], _round(body, request_id, facts)
        name = f"{request_id}/{body.kind}/{round_}"
        if round_ and name not in state.used and asked.tries < MOST_TRIES:
            return state.but(used=state.used | {name}), [request_id], None
        state = state.with_asked(request_id, tries=asked.tries + 1)
    return state, [], _WRONG_CODE


def _round(body: RequesterAnswered, request_id: str, facts: Facts) -> int | None:
    """Which round's code was given, if it is one."""
    rounds = range(1, MOST_ROUNDS + 1)
    return next((n for n in rounds if body.code and facts.same(facts.code(request_id, n), body.code)), None)


def _mandate(
    state: Case, body: RequesterAnswered, targets: list[str], when: tuple[Facts, datetime]
) -> tuple[Case, list[str], Problem | None]:
    """Let those requests go on whose agent now stands; a mandate that frees none is sent back."""
    problem = None
    freed = []
    for request_id in (target for target in targets if state.asked[target].held):
        stands, flaw = mends(state, state.asked[request_id], body.mandate, when)
        if flaw is None:
            freed.append(request_id)
            state = state.with_asked(request_id, held=False, confirms=confirmed(stands))
        problem = flaw or problem
    return state, freed or targets, None if freed else problem


def _record(
    state: Case, event: Answer, body: RequesterAnswered, targets: Sequence[str], when: tuple[Facts, datetime]
) -> Decision[Case]:
    facts, now = when
    secrets = {f"answer:{event.event_id}": body.model_dump_json().encode()}
    if body.subject:
        secrets[f"subject:{event.event_id}"] = with_normal_form(body.subject, facts.offers.get(event.event_id))
    found = told_of(event.event_id, clients_of(facts.found.get(event.event_id, ()), facts, now), facts)
    news = [one for one in found if one.client not in state.clients or one.parcel_named > state.clients[one.client]]
    state = located(state, news)
    if body.kind is AnswerKind.DECLARATION:
        for request_id in targets:
            state = state.with_asked(request_id, declared=True)
    told_now = [one for one in targets if state.asked[one].unsaid and body.corrections]
    for request_id in told_now:
        secrets["submission"] = completed(_submitted(event, facts), body.corrections)
        state = state.with_asked(request_id, unsaid=False)
    wanted = [right for right in dict.fromkeys(body.rights) if facts.name(state.case_id, right) not in state.asked]
    told: list[Event] = [
        AnswerRecorded.after(
            event, now, request_id=request_id, case_id=state.case_id, kind=body.kind,
            given=kinds_of(body.subject) if body.subject else [], clients=handed(state.asked[request_id].right, news),
            accepted=body.accepted, right=wanted[0] if wanted else None,
            person_confirms=body.kind is AnswerKind.MANDATE and state.asked[request_id].confirms,
            round=_round(body, request_id, facts),
            contested=contested(body.corrections) if request_id in told_now else [],
        )
        for request_id in targets
    ]  # fmt: skip
    if body.kind is AnswerKind.DETAIL and wanted and _nameless(state, targets):
        state, taken = take_up(state, event, _submitted(event, facts), wanted, when)
        told = [*taken, *told]
    if state.destroyed:
        return Decision(state, tuple(told), due_at=state.due_at)
    kept = signed_later(state, body, f"answer:{event.event_id}", facts, now)
    missed = misses(event.event_id, kinds_of(body.subject) if body.subject else (), facts, now)
    return Decision(state, tuple(told), kept, missed, due_at=state.due_at, secrets=secrets)


def _submitted(event: Answer, facts: Facts) -> RequestSubmitted:
    """What the case was opened with."""
    if event.event_id not in facts.submitted:
        raise SubmissionGone
    return facts.submitted[event.event_id]
