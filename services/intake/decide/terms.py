"""On which terms a request is taken: by which law or promise, for whom, and what it must wait for first. Pure."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from rules import parts
from rules.agents import Flaw, Standing, acts_for_another, standing
from rules.choice import Choice, Question, choose
from rules.rights import HEARD, SIGNAL, allowed
from schemas.public import Mandate, RequestSubmitted
from schemas.values import Assurance, Problem, Right
from services.intake.decide.case import Asked, Case
from services.intake.decide.corrections import unsaid
from services.intake.decide.facts import Facts

MANDATE: Final = parts.hold("mandate")
DETAIL: Final = parts.hold("detail")
DECLARATION: Final = parts.hold("declaration")
_MEND: Final = {
    Flaw.MISSING: "must be given",
    Flaw.EXPIRED: "must not have expired",
    Flaw.NOT_YET_SIGNED: "must be signed already",
    Flaw.OUT_OF_SCOPE: "must cover the right asked for",
    Flaw.WRONG_KIND: "must be of a kind the law accepts for this right",
}


@dataclass(frozen=True, slots=True)
class Terms:
    """The law's and the brand's word on one request, and the holds it begins with."""

    choice: Choice
    holds: tuple[str, ...] = ()
    confirms: bool = False
    """Whether the person must confirm the agent, because a signed permission alone says too little."""


def terms_of(state: Case, body: RequestSubmitted, right: Right, facts: Facts) -> Terms:
    """Choose the law; let a request wait that an agent cannot prove to be sent for, or that must come in writing."""
    home, received_at = body.residence, state.received_at or datetime.min.replace(tzinfo=UTC)
    asked = Question(body.brand, right, home.country if home else None, home.region if home else None, body.context)
    choice = choose(facts.handbook, asked, received_at)
    if right is Right.UNCLASSIFIED:
        return Terms(choice, (DETAIL,))
    if not allowed(right, body.role):
        return Terms(_refused(choice))
    law, holds, confirms = facts.handbook.laws.get(choice.law), [], False
    if acts_for_another(body.role) and right not in HEARD and body.channel != SIGNAL:
        mandate = body.agent.mandate if body.agent else None
        stands = standing(law, facts.handbook.brands[body.brand], right, mandate, received_at)
        if not stands.stands and stands.flaw is None:
            return Terms(_refused(choice))
        holds += [MANDATE] if stands.flaw else []
        confirms = confirmed(stands)
    if unsaid(body, right) or (law and law.wants_writing(right, body.channel)):
        holds.append(DETAIL)
    return Terms(choice, tuple(holds) if choice.granted else (), confirms=confirms)


def _refused(choice: Choice) -> Choice:
    """Neither law nor brand lets anybody act for the person."""
    choice = replace(choice, granted=False, granted_by="none", verify=False)
    return replace(choice, points_needed=0, declaration_needed=False, assurance=Assurance.NONE)


def signed(body: RequestSubmitted) -> bool:
    """Whether the person signed the declaration. An agent cannot do that for them. Source: 11 CCR § 7062(c)."""
    if body.declaration is None:
        return False
    by_agent = body.agent is not None and body.agent.name.casefold() == body.declaration.signed_name.casefold()
    return not by_agent


def confirmed(stands: Standing) -> bool:
    """Whether the person is asked for a word of their own. Source: 11 CCR § 7063(a)."""
    return stands.stands and stands.person_must == "verify_or_confirm"


def mends(
    state: Case, asked: Asked, mandate: Mandate | None, when: tuple[Facts, datetime]
) -> tuple[Standing, Problem | None]:
    """How an agent stands with a mandate sent later, and what is still wrong with it; nothing when they stand."""
    facts, now = when
    book = facts.handbook
    found: Standing = standing(book.laws.get(asked.law), book.brands[state.brand], asked.right, mandate, now)
    return found, None if found.stands else Problem(field="mandate", rule=_MEND[found.flaw or Flaw.MISSING])
