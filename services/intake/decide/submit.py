"""What becomes of a submission: refused with every reason at once, recognised, or accepted."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from rules.normalise import normalise
from rules.rights import asked_by_signal, in_order
from schemas.public import RequestStatusChanged, RequestSubmitted
from schemas.values import PointKind, Problem, Right, Status
from services.directory.offered import kinds_of, with_normal_form
from services.intake.decide.accept import take_up
from services.intake.decide.case import Case
from services.intake.decide.facts import Facts
from services.intake.decide.locating import misses
from services.intake.decide.reading import CLOCK_SKEW, Answer, Submission
from services.intake.decide.records import signed_with
from services.kernel.decision import Decision
from services.kernel.errors import PermanentError

OLDEST: Final = timedelta(days=366)


class UnknownSource(PermanentError):
    """The record names an app that is not registered, so nobody can be answered."""


def submit(state: Case, event: Submission, facts: Facts, now: datetime) -> Decision[Case]:
    """Accept, recognise, or reject a submission. The same again is the same; other content is a conflict.

    Raises:
        UnknownSource: no app of that name is registered.
    """
    if event.source not in facts.sources:
        raise UnknownSource
    body = event.body
    problems = event.problems if body is None else _problems(body, event, facts, now)
    if body and state.opened:
        if state.digest == event.digest:
            return Decision(state, due_at=state.due_at)
        problems = (Problem(field="submission_id", rule="was used before with different content"),)
    if problems or body is None:
        return reject(state, event, problems, now)
    return _accept(state, event, body, facts, now)


def reject(state: Case, event: Submission | Answer, problems: Sequence[Problem], now: datetime) -> Decision[Case]:
    """Answer what cannot be used: every field and rule, no value."""
    told = RequestStatusChanged.after(
        event, now, request_id=None, case_id=None, source=event.source, status=Status.REJECTED, problems=list(problems),
        submission_id=event.submission_id if isinstance(event, Submission) else None,
        answer_id=event.answer_id if isinstance(event, Answer) else None,
    )  # fmt: skip
    return Decision(state, (told,), due_at=state.due_at)


def _problems(body: RequestSubmitted, event: Submission, facts: Facts, now: datetime) -> tuple[Problem, ...]:
    found = []
    if body.source != event.source:
        found.append(Problem(field="source", rule="must be the same in header and body"))
    if body.brand not in facts.handbook.brands:
        known = ", ".join(sorted(facts.handbook.brands))
        found.append(Problem(field="brand", rule=f"must be one of {known}"))
    if body.subject.empty() and not (body.authentication or body.agent):
        found.append(Problem(field="subject", rule="must say something about the person: a name, an e-mail, a number"))
    country = body.residence.country if body.residence else "US"
    for index, phone in enumerate(body.subject.phones):
        if normalise(PointKind.PHONE, phone, country=country) is None:
            found.append(Problem(field=f"subject.phones.{index}", rule="must be a phone number that can exist"))
    found += _time_problems(body, received_at(event, now))
    return tuple(found)


def received_at(event: Submission, now: datetime) -> datetime:
    """When the record was written; never later than now, so that an app's fast clock makes nobody wait longer."""
    return min(event.recorded_at, now)


def _time_problems(body: RequestSubmitted, recorded_at: datetime) -> list[Problem]:
    found = []
    if body.received_at and body.received_at > recorded_at + CLOCK_SKEW:
        found.append(Problem(field="received_at", rule="must not lie in the future"))
    if body.received_at and body.received_at < recorded_at - OLDEST:
        found.append(Problem(field="received_at", rule="must not be older than 366 days"))
    return found


def _accept(state: Case, event: Submission, body: RequestSubmitted, facts: Facts, now: datetime) -> Decision[Case]:
    """Open the case. Receipt is the earliest moment known, and never the one at which this is read."""
    recorded_at = received_at(event, now)
    state = state.but(
        case_id=event.case_id, source=event.source, submission_id=body.submission_id, brand=body.brand,
        digest=event.digest, received_at=min(recorded_at, body.received_at or recorded_at),
    )  # fmt: skip
    secrets = {
        "submission": body.model_dump_json().encode(),
        "subject:0": with_normal_form(body.subject, facts.offers.get(event.event_id)),
    }
    rights = in_order(asked_by_signal(body.channel, body.rights) or [Right.UNCLASSIFIED])
    state, events = take_up(state, event, body, rights, (facts, now))
    kept, missed = signed_with(state, body, facts, now), misses(event.event_id, kinds_of(body.subject), facts, now)
    return Decision(state, events, kept, missed, due_at=state.due_at, secrets=secrets)
