"""What becomes of a submission: refused with every reason at once, or accepted as one request per right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from rules import parts
from rules.choice import Choice, choose
from rules.matching import Candidate, locate
from rules.normalise import normalise
from schemas.base import Cause
from schemas.events import Clock, RequestAccepted
from schemas.public import RequestStatusChanged, RequestSubmitted
from schemas.values import (
    ANSWERED_BY_A_PERSON,
    OPT_OUTS,
    Located,
    Mode,
    PointKind,
    Population,
    Problem,
    Right,
    Status,
)
from services.directory.offered import kinds_of
from services.intake.decide.case import Asked, Case
from services.intake.decide.facts import Facts
from services.intake.decide.reading import Submission
from services.kernel.decision import Decision
from services.kernel.errors import PermanentError

CLOCK_SKEW: Final = timedelta(minutes=5)
OLDEST: Final = timedelta(days=366)
_CONTESTED: Final = {
    "name": PointKind.NAME,
    "email": PointKind.EMAIL,
    "phone": PointKind.PHONE,
    "address": PointKind.ADDRESS,
    "postal_address": PointKind.ADDRESS,
}
ACCESSES: Final = (Right.KNOW_CATEGORIES, Right.KNOW_SPECIFIC, Right.PORTABILITY)
TELLING: Final = frozenset({PointKind.EMAIL, PointKind.PHONE, PointKind.ACCOUNT_NUMBER})
"""Kinds that point at one record well enough to apply a preference to it."""


class UnknownSource(PermanentError):
    """The record names an app that is not registered, so nobody can be answered."""


def submit(state: Case, event: Submission, facts: Facts, now: datetime) -> Decision[Case]:
    """Accept, recognise, or reject a submission. The same again is the same; other content is a conflict."""
    if event.source not in facts.sources:
        raise UnknownSource
    body = event.body
    problems = event.problems if body is None else _problems(body, event, facts)
    if body and state.opened:
        if state.digest == event.digest:
            return Decision(state, due_at=state.wake_at)
        problems = (Problem(field="submission_id", rule="was used before with different content"),)
    if problems or body is None:
        return Decision(state, (_rejected(event, problems, now),), due_at=state.wake_at)
    return _accept(state, event, body, facts, now)


def _problems(body: RequestSubmitted, event: Submission, facts: Facts) -> tuple[Problem, ...]:
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
    found += _time_problems(body, event.recorded_at)
    return tuple(found)


def _time_problems(body: RequestSubmitted, recorded_at: datetime) -> list[Problem]:
    found = []
    latest = recorded_at + CLOCK_SKEW
    if body.received_at and body.received_at > latest:
        found.append(Problem(field="received_at", rule="must not lie in the future"))
    if body.received_at and body.received_at < recorded_at - OLDEST:
        found.append(Problem(field="received_at", rule="must not be older than 366 days"))
    if body.declaration and body.declaration.signed_at > latest:
        found.append(Problem(field="declaration.signed_at", rule="must not lie in the future"))
    return found


def _rejected(event: Submission, problems: Sequence[Problem], now: datetime) -> RequestStatusChanged:
    return RequestStatusChanged.after(
        event, now, request_id=None, case_id=None, source=event.source, submission_id=event.submission_id,
        status=Status.REJECTED, problems=list(problems),
    )  # fmt: skip


def _accept(state: Case, event: Submission, body: RequestSubmitted, facts: Facts, now: datetime) -> Decision[Case]:
    received_at = min(event.recorded_at, body.received_at or event.recorded_at)
    state = state.but(
        case_id=event.case_id, source=event.source, submission_id=body.submission_id, brand=body.brand,
        digest=event.digest, received_at=received_at, answers=("subject:0",),
    )  # fmt: skip
    secrets = {
        "submission": body.model_dump_json().encode(),
        "subject:0": body.subject.model_dump_json().encode(),
    }
    rights = sorted(dict.fromkeys(body.rights or [Right.UNCLASSIFIED]), key=_rank)
    decision = take_up(state, event, body, rights, (facts, now))
    return Decision(decision.state, decision.events, due_at=decision.state.wake_at, secrets=secrets)


def _rank(right: Right) -> int:
    """Opt-outs first, access before deletion, everything else between."""
    if right in OPT_OUTS:
        return 0
    return 1 if right in ACCESSES else 9 if right is Right.DELETE else 5


@dataclass(frozen=True, slots=True)
class Taking:
    """A submission being taken up: what caused it, what it says, who was found, how its requests are named."""

    cause: Cause
    body: RequestSubmitted
    found: Sequence[Candidate]
    located: list[Located]
    ids: Mapping[Right, str]
    facts: Facts
    now: datetime


def take_up(
    state: Case, cause: Cause, body: RequestSubmitted, rights: Sequence[Right], when: tuple[Facts, datetime]
) -> Decision[Case]:
    """Open one request per right of the case."""
    facts, now = when
    found = facts.found.get(cause.event_id, ())
    ids = {right: facts.name(state.case_id, right) for right in rights}
    taking = Taking(cause, body, found, clients_of(found, facts, now), ids, facts, now)
    events = tuple(_accepted(state, taking, right) for right in rights)
    asked = {e.request_id: Asked(right=e.right, respond_by=e.clock.respond_by) for e in events}
    clients = tuple(sorted({*state.clients, *(one.client for one in taking.located)}))
    return Decision(state.but(asked=state.asked | asked, clients=clients), events)


def _accepted(state: Case, taking: Taking, right: Right) -> RequestAccepted:
    body, ids, facts = taking.body, taking.ids, taking.facts
    brand, choice = facts.handbook.brands[body.brand], _choice(state, body, right, facts)
    return RequestAccepted.after(
        taking.cause, taking.now, on=right, request_id=ids[right], case_id=state.case_id,
        source=state.source, submission_id=state.submission_id, brand=brand.id, right=right, role=body.role,
        channel=body.channel, context=body.context, locale=body.locale,
        law=choice.law, law_why=choice.why, granted=choice.granted, provisional=choice.provisional,
        policy_version=choice.policy_version, received_at=state.received_at, clock=_clock(choice),
        verify=choice.verify, assurance=choice.assurance, points_needed=choice.points_needed,
        declaration_needed=choice.declaration_needed, declared=body.declaration is not None,
        given=kinds_of(body.subject), contested=_contested(body, right), parts=_parts(right, choice, ids),
        clients=[] if right in OPT_OUTS and not _parcel(taking.located) else taking.located,
        subjects=[] if choice.verify else _subjects(taking.found), releases=_releases(right, ids),
        unverified_at=taking.now + brand.windows.unverified_end, has_email=bool(body.subject.emails or body.agent),
    )  # fmt: skip


def _releases(right: Right, ids: Mapping[Right, str]) -> list[str]:
    """A deletion waits for the accesses asked with it."""
    return [ids[Right.DELETE]] if right in ACCESSES and Right.DELETE in ids else []


def _parcel(located: Sequence[Located]) -> bool:
    return any(one.parcel_named for one in located)


def _choice(state: Case, body: RequestSubmitted, right: Right, facts: Facts) -> Choice:
    return choose(
        facts.handbook,
        brand=body.brand,
        right=Right.INQUIRY if right is Right.UNCLASSIFIED else right,
        residence_country=body.residence.country if body.residence else None,
        residence_region=body.residence.region if body.residence else None,
        context=body.context,
        received_at=state.received_at or datetime.min.replace(tzinfo=UTC),
    )


def _clock(choice: Choice) -> Clock:
    return Clock(
        receipt_date=choice.receipt_date,
        acknowledge_by=choice.acknowledge_by,
        respond_by=choice.respond_by,
        extended_respond_by=choice.extended_respond_by,
        timezone=choice.timezone,
    )


def _contested(body: RequestSubmitted, right: Right) -> list[PointKind]:
    if right is not Right.CORRECT:
        return []
    return sorted({_CONTESTED[c.field] for c in body.corrections if c.field in _CONTESTED})


def _parts(right: Right, choice: Choice, ids: Mapping[Right, str]) -> list[str]:
    pending = [parts.VERIFICATION] if choice.verify else []
    if right is Right.UNCLASSIFIED:
        return [parts.hold("detail")]
    if right in ANSWERED_BY_A_PERSON:
        pending = [parts.ANSWER]
    if right is Right.DELETE:
        pending += [parts.after(ids[other]) for other in ACCESSES if other in ids]
    return sorted(pending)


def _subjects(found: Sequence[Candidate]) -> list[str]:
    own = (c for c in found if c.population is not Population.RECIPIENT)
    return sorted({c.subject for c in own if {m.kind for m in c.matched} & TELLING})


def clients_of(found: Sequence[Candidate], facts: Facts, now: datetime) -> list[Located]:
    """The clients whose records of this person are located, one entry each."""
    by_client: dict[str, Located] = {}
    for candidate in locate(found, on=now.date(), policy=facts.handbook.points):
        kinds = {matched.kind for matched in candidate.matched}
        groups = {facts.handbook.points.group_of(kind) for kind in kinds}
        before = by_client.get(candidate.client or "")
        by_client[candidate.client or ""] = Located(
            client=candidate.client or "",
            mode=facts.modes.get(candidate.client or "", Mode.FORWARD),
            groups=sorted(groups | set(before.groups if before else ())),
            subjects=sorted({candidate.subject, *(before.subjects if before else ())}),
            parcel_named=bool(kinds & {PointKind.ORDER_NUMBER, PointKind.TRACKING_NUMBER})
            or (before is not None and before.parcel_named),
        )
    return [by_client[client] for client in sorted(by_client)]
