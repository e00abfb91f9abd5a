"""Weigh what was offered against the records held. Pure; the rule itself is `rules.matching`.

What is asked, how often and when it ends is the same whether or not a record exists.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from rules import parts
from rules.brands import Brand
from rules.matching import Candidate, Judgement, Verdict, weigh
from rules.points import PointPolicy
from rules.rights import reaches
from schemas.base import Due, Event
from schemas.events import (
    AnswerRecorded,
    DecisionApplied,
    OperatorDecided,
    PartWaiting,
    RequestAccepted,
    RequestVerified,
    VerificationFailed,
)
from schemas.values import Assurance, Group, Party, PointKind, Population, Right, Waiting
from services.kernel.decision import Decision
from services.verifier.decide.state import PROVING, Verification, told

__all__ = ["Facts", "Verification", "decide", "judge"]

CHOICE: Final = (PointKind.EMAIL, PointKind.PHONE, PointKind.ADDRESS, PointKind.ACCOUNT_NUMBER, PointKind.ORDER_NUMBER,
                 PointKind.TRANSACTION_AMOUNT)  # fmt: skip
"""Kinds of points a person may choose from; the same for everybody."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Candidates per request, each one person's record; brands for their windows; the points policy."""

    brands: Mapping[str, Brand]
    points: PointPolicy
    candidates: Mapping[str, tuple[Candidate, ...]] = field(default_factory=dict)


def decide(state: Verification, event: Event | Due, facts: Facts, now: datetime) -> Decision[Verification]:
    """Answer one event about one request; events of other topics may have come first. Safe to repeat."""
    state = told(state, event)
    if not state.brand:
        return _expect(state, now)
    said: list[Event] = []
    match event:
        case RequestAccepted() | AnswerRecorded() if state.open and _proves(state, event):
            state, said = _weigh(state, event, facts, now)
        case Due() if state.open and state.ends_at and now >= state.ends_at:
            state, said = _fail(state, event, now)
    early, state = state.early, state.but(early=(), early_until=None)
    for decision in early:
        state, answered = _approve(state, decision, facts, now)
        said += answered
    return Decision(state, tuple(said), due_at=state.due_at)


def _expect(state: Verification, now: datetime) -> Decision[Verification]:
    """Let decisions wait for their request a little while; then refuse them."""
    if not state.early:
        return Decision(state, due_at=state.due_at)
    if state.early_until is None:
        state = state.but(early_until=now + parts.PATIENCE)
    if state.early_until and now < state.early_until:
        return Decision(state, due_at=state.due_at)
    refused = tuple(_answer(state, decision, now, parts.NOBODY_KNOWS) for decision in state.early)
    return Decision(state.but(early=(), early_until=None), refused)


def _proves(state: Verification, event: RequestAccepted | AnswerRecorded) -> bool:
    """Whether an event may change the verdict: what is said at or after the fixed instant comes too late."""
    if isinstance(event, RequestAccepted):
        return True
    return event.kind in PROVING and (state.ends_at is None or event.occurred_at < state.ends_at)


def _weigh(state: Verification, cause: Event, facts: Facts, now: datetime) -> tuple[Verification, list[Event]]:
    """Compare the points offered with each candidate person on their own.

    Two persons who both satisfy the rule are no match. Two points for categories, deletion, correction; three and a
    signed declaration for specific pieces. Source: 11 CCR § 7062(b), (c).
    """
    judged = judge(state, facts, now)
    if judged.verdict is Verdict.VERIFIED and (state.declared or not state.declaration_needed):
        return _verify(state, cause, judged, "points", now)
    state = state.but(fitting=_fitting(state, facts, now))
    brand = facts.brands[state.brand]
    rounds = range(state.rounds + 1, min(brand.windows.proof_rounds, len(state.answers) + 1) + 1)
    asked: list[Event] = [_ask(state, cause, brand, number, now) for number in rounds]
    return state.but(rounds=max(rounds, default=state.rounds), verdict=judged.verdict), asked


def _fitting(state: Verification, facts: Facts, now: datetime) -> tuple[str, tuple[Group, ...]] | None:
    """The one record that reaches the points of the fallback, though not those of the right itself."""
    if state.fallback is None:
        return None
    lower = judge(state.but(needed=state.fallback_points, right=state.fallback), facts, now)
    fits = lower.verdict is Verdict.VERIFIED and lower.subject
    return (lower.subject, tuple(sorted(lower.groups))) if fits and lower.subject else None


def judge(state: Verification, facts: Facts, now: datetime) -> Judgement:
    """What the rules say of the candidates among the company's own records."""
    reached = (c for c in facts.candidates.get(state.id, ()) if reaches(state.only_for, c.population))
    own = [c for c in reached if c.population is not Population.RECIPIENT]
    return weigh(
        own, needed=state.needed, right=state.right or Right.INQUIRY, on=now.date(), policy=facts.points,
        contested=state.contested,
    )  # fmt: skip


def _ask(state: Verification, cause: Event, brand: Brand, number: int, now: datetime) -> PartWaiting:
    until = min(now + brand.windows.proof, state.ends_at or now)
    kinds = [kind for kind in CHOICE if kind not in state.contested]
    return PartWaiting.after(
        cause, now, on=f"proof/{number}", case_id=state.case_id, part=parts.VERIFICATION, party=Party.PERSON,
        waiting=Waiting.PROOF, until=until, kinds=kinds, round=number,
        declaration=state.declaration_needed and not state.declared,
    )  # fmt: skip


def _verify(
    state: Verification, cause: Event, judged: Judgement, by: str, now: datetime
) -> tuple[Verification, list[Event]]:
    verified = RequestVerified.after(
        cause, now, case_id=state.case_id, subject=judged.subject, groups=sorted(judged.groups),
        assurance=state.assurance, by=by,
    )  # fmt: skip
    return state.but(ended="verified", verdict=Verdict.VERIFIED), [verified]


def _fail(state: Verification, cause: Due, now: datetime) -> tuple[Verification, list[Event]]:
    """End it publicly as unverified; why is for the register alone. What the law makes of it instead goes on.

    Source: 11 CCR § 7024(a): specific pieces become categories, which two points must reach.
    """
    if state.fitting and state.fallback:
        subject, groups = state.fitting
        lower = RequestVerified.after(
            cause, now, request_id=state.id, case_id=state.case_id, subject=subject, groups=list(groups),
            assurance=Assurance.REASONABLE, instead=state.fallback,
        )  # fmt: skip
        return state.but(ended="verified"), [lower]
    detail = "not_enough" if state.verdict is Verdict.VERIFIED else state.verdict.value
    detail = detail if state.answers else "silent"
    failed = VerificationFailed.after(cause, now, request_id=state.id, case_id=state.case_id, detail=detail)
    return state.but(ended="unverified"), [failed]


def _approve(
    state: Verification, event: OperatorDecided, facts: Facts, now: datetime
) -> tuple[Verification, list[Event]]:
    """An operator vouches for the requester: possible while the request waits and exactly one record was located."""
    judged = judge(state, facts, now)
    if not state.open:
        return state, [_answer(state, event, now, "the request does not wait for verification")]
    if judged.subject is None:
        return state, [_answer(state, event, now, "no single record was located that the request could be about")]
    state, verified = _verify(state, event, judged, "operator", now)
    return state, [*verified, _answer(state, event, now, None)]


def _answer(state: Verification, event: OperatorDecided, now: datetime, refusal: str | None) -> DecisionApplied:
    return DecisionApplied.after(
        event, now, case_id=state.case_id or event.case_id, decision_id=str(event.event_id), verb=event.verb,
        applied=refusal is None, reason=refusal,
    )  # fmt: skip
