"""Whether somebody may act for somebody else: by which law or promise, with which paper, what the person must do."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from rules.brands import Brand
from rules.clauses import Agents
from rules.laws import Law
from rules.rights import UNPROVEN
from schemas.public import Mandate
from schemas.values import Reason, Right, Role

Kind = Literal["signed_permission", "power_of_attorney", "parental", "estate"]


class Flaw(StrEnum):
    """What is wrong with a mandate; each can be mended by a better one."""

    MISSING = "missing"
    EXPIRED = "expired"
    NOT_YET_SIGNED = "not_yet_signed"
    OUT_OF_SCOPE = "out_of_scope"
    WRONG_KIND = "wrong_kind"


@dataclass(frozen=True, slots=True)
class Standing:
    """What becomes of a request made for somebody else.

    `flaw` says what a better mandate must mend; without one the agent stands, and `person_must` says what is still
    asked of the person: to verify directly or to confirm the permission. A declaration is always the person's to sign.
    """

    stands: bool
    flaw: Flaw | None = None
    reason: Reason | None = None
    by: Literal["law", "brand", "nobody"] = "law"
    person_must: Literal["nothing", "verify_or_confirm"] = "nothing"
    source: str = ""


_GUARDIANS: Final[frozenset[Kind]] = frozenset({"parental"})
_PROMISED: Final[frozenset[Kind]] = frozenset({"parental", "estate"})


def standing(law: Law | None, brand: Brand, right: Right, mandate: Mandate | None, now: datetime) -> Standing:
    """Judge a mandate for one right. The law's rule comes first; where it knows no agents the brand's promise stands.

    An agent with a power of attorney needs nothing more of the person; one with a signed permission may be checked with
    the person, but not for an opt-out. Source: 11 CCR § 7063, § 7026(j).
    """
    rule, by = _rule(law, brand, right, mandate.kind if mandate else None)
    if rule is None:
        return Standing(stands=False, reason=Reason.CLAIM_NOT_COVERED, by="nobody")
    if flaw := flaw_of(mandate, right, rule, now):
        return Standing(stands=False, flaw=flaw, reason=Reason.INSUF_VERIFICATION, by=by, source=rule.source)
    checked = mandate is not None and mandate.kind == "signed_permission" and right not in UNPROVEN
    must: Literal["nothing", "verify_or_confirm"] = (
        "verify_or_confirm" if checked and rule.person_confirms else "nothing"
    )
    return Standing(stands=True, by=by, person_must=must, source=rule.source)


def _rule(
    law: Law | None, brand: Brand, right: Right, kind: Kind | None
) -> tuple[Agents | None, Literal["law", "brand", "nobody"]]:  # fmt: skip
    if law and _acts(law.agents, right, kind) and kind not in _PROMISED - _GUARDIANS:
        return law.agents, "law"
    return (brand.agents, "brand") if _acts(brand.agents, right, kind) else (None, "nobody")


def _acts(rule: Agents, right: Right, kind: Kind | None) -> bool:
    return (rule.guardians and kind in _GUARDIANS) or rule.rights == "all" or right in rule.rights


def flaw_of(mandate: Mandate | None, right: Right, rule: Agents, now: datetime) -> Flaw | None:
    """What is wrong with a mandate, if anything. A scope that names nothing covers every right."""
    if mandate is None:
        return Flaw.MISSING
    if mandate.kind not in {*rule.proof, *_PROMISED}:
        return Flaw.WRONG_KIND
    if mandate.signed_at and mandate.signed_at > now:
        return Flaw.NOT_YET_SIGNED
    if mandate.expires_at and mandate.expires_at <= now:
        return Flaw.EXPIRED
    return Flaw.OUT_OF_SCOPE if mandate.scope and right not in mandate.scope else None


def acts_for_another(role: Role) -> bool:
    """Whether somebody else than the person submits."""
    return role in {Role.AGENT, Role.PARENT}
