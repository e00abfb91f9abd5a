"""Weigh what was offered against the records held. Pure; the rule itself is `rules.matching`.

What is asked, how often and when it ends is the same whether or not a record exists.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pydantic import AwareDatetime

from rules.brands import Brand
from rules.matching import Candidate, Judgement, Verdict, weigh
from rules.parts import VERIFICATION
from rules.points import PointPolicy
from schemas.base import Due, Event
from schemas.events import (
    AnswerRecorded,
    DecisionApplied,
    OperatorDecided,
    PartWaiting,
    RequestAccepted,
    RequestClosed,
    RequestVerified,
    VerificationFailed,
)
from schemas.values import AnswerKind, Assurance, Party, PointKind, Population, Right, Verb, Waiting
from services.kernel.decision import Decision, State

CHOICE: Final = (PointKind.EMAIL, PointKind.PHONE, PointKind.ADDRESS, PointKind.ACCOUNT_NUMBER, PointKind.ORDER_NUMBER,
                 PointKind.TRANSACTION_AMOUNT)  # fmt: skip
"""Kinds of points a person may choose from; the same for everybody."""


class Verification(State):
    """What is known of one request's proof. No point, no digest: those are in the vault and the directory."""

    case_id: str = ""
    brand: str = ""
    right: Right | None = None
    verify: bool = False
    needed: int = 0
    assurance: Assurance = Assurance.NONE
    declaration_needed: bool = False
    declared: bool = False
    contested: frozenset[PointKind] = frozenset()
    ends_at: AwareDatetime | None = None
    answers: int = 0
    rounds: int = 0
    ended: str | None = None
    withdrawn: bool = False
    early: tuple[OperatorDecided, ...] = ()

    @property
    def open(self) -> bool:
        """Whether there is something to weigh: accepted, in need of proof, not ended."""
        return self.verify and self.ended is None and not self.withdrawn

    @property
    def due_at(self) -> datetime | None:
        """The fixed instant at which an unverified request ends."""
        return self.ends_at if self.open else None


@dataclass(frozen=True, slots=True)
class Facts:
    """Candidates per request, each one person's record; brands for their windows; the points policy."""

    brands: Mapping[str, Brand]
    points: PointPolicy
    candidates: Mapping[str, tuple[Candidate, ...]] = field(default_factory=dict)


def decide(state: Verification, event: Event | Due, facts: Facts, now: datetime) -> Decision[Verification]:
    """Answer one event about one request; events of other topics may have come first.

    Safe to call again with the same event.
    """
    before, state = state, _told(state, event)
    match event:
        case OperatorDecided(verb=Verb.APPROVE) if not state.brand:
            return Decision(state.but(early=(*state.early, event)))
        case OperatorDecided(verb=Verb.APPROVE):
            return _approve(state, event, facts, now)
        case RequestAccepted() if state.early:
            return _approve(state.but(early=()), state.early[0], facts, now)
        case Due() if state.open and state.ends_at and now >= state.ends_at:
            return _fail(state, event, "silent" if not state.answers else "not_enough", now)
        case RequestAccepted() | AnswerRecorded() if state.open and (state.answers > before.answers or not before.open):
            return _weigh(state, event, facts, now)
        case _:
            return Decision(state, due_at=state.due_at)


def _told(state: Verification, event: Event | Due) -> Verification:
    match event:
        case RequestAccepted() if state.ended is None:
            return state.but(
                case_id=event.case_id, brand=event.brand, right=event.right, verify=event.verify,
                needed=event.points_needed, assurance=event.assurance, declaration_needed=event.declaration_needed,
                declared=state.declared or event.declared, contested=frozenset(event.contested),
                ends_at=event.unverified_at,
            )  # fmt: skip
        case AnswerRecorded(kind=AnswerKind.WITHDRAWAL | AnswerKind.NOT_ME):
            return state.but(withdrawn=True)
        case AnswerRecorded(kind=AnswerKind.POINTS):
            return state.but(answers=state.answers + 1)
        case AnswerRecorded(kind=AnswerKind.DECLARATION):
            return state.but(answers=state.answers + 1, declared=True)
        case RequestClosed():
            return state.but(ended=state.ended or "closed")
        case _:
            return state


def _weigh(state: Verification, cause: Event, facts: Facts, now: datetime) -> Decision[Verification]:
    """Compare the points offered with each candidate person on their own.

    Two persons who both satisfy the rule are no match. Two points for categories, deletion, correction; three and a
    signed declaration for specific pieces. Source: 11 CCR § 7062(b), (c).
    """
    judged = judge(state, facts, now)
    if judged.verdict is Verdict.VERIFIED and (state.declared or not state.declaration_needed):
        return _verify(state, cause, judged, "points", now)
    brand = facts.brands[state.brand]
    rounds = range(state.rounds + 1, min(brand.windows.proof_rounds, state.answers + 1) + 1)
    asked = tuple(_ask(state, cause, brand, number, now) for number in rounds)
    state = state.but(rounds=max(rounds, default=state.rounds))
    return Decision(state, asked, due_at=state.due_at)


def judge(state: Verification, facts: Facts, now: datetime) -> Judgement:
    """What the rules say of the candidates among the company's own records."""
    own = [c for c in facts.candidates.get(state.id, ()) if c.population is not Population.RECIPIENT]
    return weigh(
        own, needed=state.needed, right=state.right or Right.INQUIRY, on=now.date(), policy=facts.points,
        contested=state.contested,
    )  # fmt: skip


def _ask(state: Verification, cause: Event, brand: Brand, number: int, now: datetime) -> PartWaiting:
    until = min(now + brand.windows.proof, state.ends_at or now)
    kinds = [kind for kind in CHOICE if kind not in state.contested]
    return PartWaiting.after(
        cause, now, on=f"proof/{number}", case_id=state.case_id, part=VERIFICATION, party=Party.PERSON,
        waiting=Waiting.PROOF, until=until, kinds=kinds, round=number,
        declaration=state.declaration_needed and not state.declared,
    )  # fmt: skip


def _verify(state: Verification, cause: Event, judged: Judgement, by: str, now: datetime) -> Decision[Verification]:
    verified = RequestVerified.after(
        cause, now, case_id=state.case_id, subject=judged.subject, groups=sorted(judged.groups),
        assurance=state.assurance, by=by,
    )  # fmt: skip
    return Decision(state.but(ended="verified"), (verified,))


def _fail(state: Verification, cause: Event | Due, detail: str, now: datetime) -> Decision[Verification]:
    failed = VerificationFailed.after(cause, now, request_id=state.id, case_id=state.case_id, detail=detail)
    return Decision(state.but(ended="unverified"), (failed,))


def _approve(state: Verification, event: OperatorDecided, facts: Facts, now: datetime) -> Decision[Verification]:
    """An operator vouches for the requester: possible while the request waits and exactly one record was located."""
    own = [c for c in facts.candidates.get(state.id, ()) if c.population is not Population.RECIPIENT]
    refusal = None
    if not state.open:
        refusal = "the request does not wait for verification"
    elif len({c.subject for c in own}) != 1:
        refusal = "no single record was located that the request could be about"
    applied = DecisionApplied.after(
        event, now, case_id=state.case_id or event.case_id, decision_id=str(event.event_id), verb=event.verb,
        applied=refusal is None, reason=refusal,
    )  # fmt: skip
    if refusal:
        return Decision(state, (applied,), due_at=state.due_at)
    groups = frozenset(facts.points.group_of(matched.kind) for matched in own[0].matched)
    judged = Judgement(Verdict.VERIFIED, own[0].subject, groups, located=True)
    decision = _verify(state, event, judged, "operator", now)
    return Decision(decision.state, (*decision.events, applied))
