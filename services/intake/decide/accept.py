"""Open requests: one per right, each with its law, its clock, its parts, and the clients it is passed on to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from rules import parts
from rules.choice import Choice
from rules.laws import Law
from rules.matching import Candidate, Verdict, locate, weigh
from rules.periods import covered
from rules.recourse import again_from, fallback, too_soon
from rules.rights import MEANINGS, TAKEN_BACK, PassedOn, reaches
from schemas.base import Cause
from schemas.events import Clock, RequestAccepted
from schemas.public import RequestSubmitted
from schemas.values import ANSWERED_BY_A_PERSON, Action, Located, Mode, PointKind, Population, Right
from services.directory.offered import kinds_of
from services.intake.decide.case import Asked, Case
from services.intake.decide.corrections import contested, unsaid
from services.intake.decide.facts import Facts
from services.intake.decide.locating import told_of
from services.intake.decide.pause import stops_clock
from services.intake.decide.terms import DECLARATION, MANDATE, Terms, signed, terms_of

ACCESSES: Final = (Right.KNOW_CATEGORIES, Right.KNOW_SPECIFIC, Right.PORTABILITY)
AS_A_DELETION: Final = 2
"""Groups of points that single a person out for erasure: what a deletion itself needs (11 CCR § 7062)."""
TELLING: Final = frozenset({PointKind.EMAIL, PointKind.PHONE, PointKind.ACCOUNT_NUMBER})
"""Kinds that point at one record well enough to apply a preference to it."""


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
) -> tuple[Case, tuple[RequestAccepted, ...]]:
    """Open one request per right of the case."""
    facts, now = when
    found = facts.found.get(cause.event_id, ())
    ids = {right: facts.name(state.case_id, right) for right in rights}
    clients = told_of(cause.event_id, clients_of(found, facts, now), facts)
    taking = Taking(cause, body, found, clients, ids, facts, now)
    events = tuple(_accepted(state, taking, right) for right in rights)
    asked = {e.request_id: _asked(e) for e in events}
    return located(state.but(asked=state.asked | asked), taking.located), events


def _asked(event: RequestAccepted) -> Asked:
    clock = event.clock
    return Asked(
        right=event.right, law=event.law, respond_by=clock.respond_by, target_by=clock.target_by,
        extendable_to=clock.extended_respond_by, timezone=clock.timezone,
        held=MANDATE in event.parts, declared=event.declared, unsaid=event.unsaid,
    )  # fmt: skip


def located(state: Case, clients: Sequence[Located]) -> Case:
    """Remember which clients were located, and of which a parcel was named."""
    known = {one.client: one.parcel_named or state.clients.get(one.client, False) for one in clients}
    return state.but(clients=state.clients | known)


def handed(right: Right, clients: Sequence[Located]) -> list[Located]:
    """The clients a request of this right is passed on to; a preference concerns those whose parcel was named."""
    when = MEANINGS[right].passed_on
    return [one for one in clients if when is PassedOn.ALWAYS or (one.parcel_named and when is PassedOn.PARCEL_NAMED)]


def _accepted(state: Case, taking: Taking, right: Right) -> RequestAccepted:
    body, ids, facts = taking.body, taking.ids, taking.facts
    brand, terms = facts.handbook.brands[body.brand], terms_of(state, body, right, facts)
    choice = terms.choice
    return RequestAccepted.after(
        taking.cause, taking.now, on=right, request_id=ids[right], case_id=state.case_id,
        source=state.source, submission_id=state.submission_id, brand=brand.id, right=right, role=body.role,
        channel=body.channel, context=body.context, locale=body.locale,
        law=choice.law, law_why=choice.why, granted=choice.granted, provisional=choice.provisional,
        policy_version=choice.policy_version, received_at=state.received_at, clock=_clock(choice),
        verify=choice.verify, assurance=choice.assurance, points_needed=choice.points_needed,
        declaration_needed=choice.declaration_needed, declared=signed(body),
        given=kinds_of(body.subject), contested=contested(body.corrections if right is Right.CORRECT else []),
        parts=_parts(right, terms, ids, declared=signed(body)),
        clients=handed(right, taking.located) if choice.granted else [], only_for=list(choice.only_for),
        subjects=[] if choice.verify or _asked_too_soon(taking, right, choice) else _subjects(taking, right, choice),
        refers_to=body.refers_to, unsaid=unsaid(body, right),
        media=body.media if right is Right.OPT_OUT_MARKETING else [],
        ask_again_from=again_from(_law(facts, choice), Right.OPT_IN_SALE, choice.receipt_date)
        if right in TAKEN_BACK else None,
        **_fallback(facts, right, choice, body), work_fields=list(choice.work_fields),
        person_confirms=terms.confirms, pauses=stops_clock(facts.handbook.laws.get(choice.law)),
        releases=_releases(right, ids), unverified_at=taking.now + brand.windows.unverified_end,
        has_email=bool(body.subject.emails or body.agent),
        since=covered(facts.handbook.laws.get(choice.law), right, choice.receipt_date, body.period)[0],
        until=_until(body, choice),
    )  # fmt: skip


def _until(body: RequestSubmitted, choice: Choice) -> date | None:
    """The last day asked for, where it lies before the request itself."""
    asked = body.period.until if body.period else None
    return asked if asked and asked < choice.receipt_date else None


def _fallback(facts: Facts, right: Right, choice: Choice, body: RequestSubmitted) -> dict[str, Any]:
    """What the law makes of a request whose maker cannot be verified well enough. Source: 11 CCR § 7024(a)."""
    law = facts.handbook.laws.get(choice.law)
    found = fallback(law, right, choice.receipt_date) if choice.verify else None
    if found is None:
        return {}
    since = covered(law, found.right, choice.receipt_date, body.period)[0]
    return {"fallback": found.right, "fallback_points": found.points, "fallback_since": since}


def _releases(right: Right, ids: Mapping[Right, str]) -> list[str]:
    """A deletion waits for the accesses asked with it."""
    return [ids[Right.DELETE]] if right in ACCESSES and Right.DELETE in ids else []


def _clock(choice: Choice) -> Clock:
    return Clock(
        receipt_date=choice.receipt_date,
        acknowledge_by=choice.acknowledge_by,
        respond_by=choice.respond_by,
        extended_respond_by=choice.extended_respond_by,
        target_by=choice.target_by,
        timezone=choice.timezone,
    )


def _law(facts: Facts, choice: Choice) -> Law | None:
    return facts.handbook.laws.get(choice.law)


def _asked_too_soon(taking: Taking, right: Right, choice: Choice) -> bool:
    """Whether the person was asked for an opt-in so soon after opting out that nothing may come of it.

    It then reaches nobody's record: nobody is written to, and it ends like one that was never confirmed, so that no app
    learns who had opted out. What a person asks of their own accord is another thing (11 CCR § 7028).
    """
    last = taking.facts.opted_out.get(taking.cause.event_id) if right is Right.OPT_IN_SALE else None
    return too_soon(_law(taking.facts, choice), right, last, choice.receipt_date)


def _parts(right: Right, terms: Terms, ids: Mapping[Right, str], *, declared: bool) -> list[str]:
    unsigned = terms.choice.verify and terms.choice.declaration_needed and not declared
    pending = [
        *terms.holds,
        *([DECLARATION] if unsigned else []),
        *([parts.VERIFICATION] if terms.choice.verify else []),
    ]
    if right in ANSWERED_BY_A_PERSON:
        pending = [parts.ANSWER]
    if right is Right.DELETE:
        pending += [parts.after(ids[other]) for other in ACCESSES if other in ids]
    return pending


def _subjects(taking: Taking, right: Right, choice: Choice) -> list[str]:
    """Whom it reaches without anybody being verified; what erases, only the one person its points single out."""
    if MEANINGS[right].action is Action.ERASE:
        policy = taking.facts.handbook.points
        found = weigh(taking.found, needed=AS_A_DELETION, right=right, on=taking.now.date(), policy=policy)
        return [found.subject] if found.verdict is Verdict.VERIFIED and found.subject else []
    reached = (c for c in taking.found if reaches(choice.only_for, c.population))
    own = (c for c in reached if c.population is not Population.RECIPIENT)
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
