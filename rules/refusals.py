"""Refusing: a closed list of reasons, each with its citation; what the answer must say, and whom the person can ask."""

from dataclasses import dataclass
from datetime import date
from typing import Final

from rules.brands import Brand
from rules.clauses import Occasion, Statement
from rules.clocks import add
from rules.facts import Sourced, Span
from rules.laws import Law
from rules.parts import REVIEW, VERIFICATION, hold
from schemas.values import DRP_REASONS, Reason, Right

OWN: Final = frozenset(
    {
        Reason.NO_MATCH,
        Reason.INSUF_VERIFICATION,
        Reason.SUSPECTED_FRAUD,
        Reason.OUTSIDE_JURISDICTION,
        Reason.CLAIM_NOT_COVERED,
        Reason.TOO_MANY_REQUESTS,
        Reason.FEE_DECLINED,
        Reason.WHOLE_ACCOUNT_DECLINED,
        Reason.WOULD_MAKE_INCORRECT,
        Reason.NOT_THE_CONTROLLER,
    }
)
"""Reasons whose ground is in the files; every other needs the citation of whoever decides."""

PUBLIC: Final = {
    Reason.NO_MATCH: Reason.INSUF_VERIFICATION,
    Reason.MANIFESTLY_UNFOUNDED: Reason.TOO_MANY_REQUESTS,
    Reason.EXCESSIVE: Reason.TOO_MANY_REQUESTS,
    Reason.NOT_THE_CONTROLLER: Reason.CLAIM_NOT_COVERED,
}
"""What upstream apps are told instead of a sub-code. That nothing fits is never told apart from not enough."""

CLOSING: Final = frozenset(reason for reason in Reason if reason is not Reason.NEED_USER_VERIFICATION)
"""Reasons a request can be refused for; the one left out only holds it."""


UNSAID: Final = {
    VERIFICATION: Reason.INSUF_VERIFICATION,
    REVIEW: Reason.INSUF_VERIFICATION,
    hold("fee"): Reason.FEE_DECLINED,
}
"""What denying a part means by itself, where no reason is given."""


class CitationNeeded(ValueError):
    """A refusal for this reason says which provision it rests on."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"a refusal for {reason} must cite the provision it rests on")
        self.reason = reason


def flaw_of_denial(part: str | None, reason: Reason | None, basis: str | None) -> str | None:
    """What a denial still lacks to be told to the person; None when it can be: a reason of the list, and its ground."""
    reason = reason or UNSAID.get(part or "")
    if reason not in CLOSING:
        return f"a denial needs a reason; one of: {', '.join(sorted(CLOSING))}"
    if reason in OWN or (basis or "").strip():
        return None
    return f"a denial for {reason} needs a basis: the provision it rests on, such as 'Civ. Code 1798.145(a)'"


@dataclass(frozen=True, slots=True)
class Refused:
    """What is refused, why and when; `basis` is the citation of whoever decided."""

    right: Right
    reason: Reason
    on: date
    basis: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Everything a letter of refusal needs: reason, ground, what it must say, how to appeal, whom to turn to."""

    reason: Reason
    citation: str
    says: frozenset[Statement]
    appeal_to: str | None
    regulator: str | None
    regulator_contact: str | None
    complain_until: date | None


def told_publicly(reason: Reason) -> Reason:
    """The reason as the Data Rights Protocol knows it; what it has no word for is `other`."""
    reason = PUBLIC.get(reason, reason)
    return reason if reason in DRP_REASONS else Reason.OTHER


def refuse(law: Law | None, brand: Brand, what: Refused) -> Refusal:
    """Put a refusal together. Without the citation of whoever decided, the files' own ground is used.

    Raises:
        CitationNeeded: the reason needs a citation and none was given.
    """
    citation = what.basis.strip() or _ground(law, brand, what)
    if not citation:
        raise CitationNeeded(what.reason)
    says = law.says(Occasion.REFUSAL, what.on) if law else frozenset()
    appeal = law is not None and law.appeal.offered
    return Refusal(
        reason=what.reason,
        citation=citation,
        says=says | {Statement.REASON, Statement.LEGAL_PROVISION},
        appeal_to=brand.appeal.to if brand.appeal.offered or appeal else None,
        regulator=law.recourse.to if law else None,
        regulator_contact=law.recourse.contact if law else None,
        complain_until=_until(law, what.on),
    )


def _until(law: Law | None, on: date) -> date | None:
    window: Span | None = law.recourse.within if law else None
    return add(on, window) if window else None


def _ground(law: Law | None, brand: Brand, what: Refused) -> str:
    """What the files themselves say for a reason; empty where only a person can."""
    right, reason, on = what.right, what.reason, what.on
    if reason not in OWN:
        return ""
    facts: dict[Reason, Sourced | None] = {
        Reason.TOO_MANY_REQUESTS: law.limit(right, on) if law else next(iter(brand.frequency), None),
        Reason.FEE_DECLINED: (law.fees if law else None) or brand.fees,
        Reason.CLAIM_NOT_COVERED: law.in_force if law else None,
        Reason.INSUF_VERIFICATION: law.proof(right, on) if law else None,
        Reason.NO_MATCH: law.proof(right, on) if law else None,
    }
    fact = facts.get(reason)
    return fact.source if fact else law.citation if law and reason in facts else brand.source
