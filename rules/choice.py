"""Which law applies to a request, what it grants, and what must be known of who asks. Pure; decided once per request."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal
from zoneinfo import ZoneInfo

from rules.brands import Brand
from rules.clocks import Deadlines, add, deadlines
from rules.handbook import Handbook
from rules.laws import ClockRule, Law, Verify
from schemas.values import ANSWERED_BY_A_PERSON, OPT_OUTS, Assurance, Context, Right

BRAND: Final = "BRAND"
_SPECIFIC: Final = frozenset({Right.KNOW_SPECIFIC, Right.PORTABILITY})
_REASONABLE, _HIGH = 2, 3
"""11 CCR § 7062: two points for categories, three and a signed declaration for specific pieces."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The law, what it means for this request, and its dates."""

    law: str
    granted: bool
    granted_by: Literal["law", "brand", "none"]
    why: str
    provisional: bool
    verify: bool
    assurance: Assurance
    points_needed: int
    declaration_needed: bool
    policy_version: str
    receipt_date: date
    acknowledge_by: date | None
    respond_by: date
    extended_respond_by: date | None
    timezone: str
    source: str
    appeal: bool


def choose(
    handbook: Handbook, *, brand: str, right: Right, residence_country: str | None, residence_region: str | None,
    context: Context, received_at: datetime,
) -> Choice:  # fmt: skip
    """Choose one law by residence, context and day; the strictest safe set when the residence is unknown.

    A brand's own promise stands wherever the person lives: that no law applies explains, it never refuses a promise.
    """
    house = handbook.brands[brand]
    candidates = _candidates(handbook.laws.values(), residence_country, residence_region, context, received_at)
    provisional = residence_country is None
    law = _strictest(candidates, right, received_at) if provisional else _specific(candidates)
    dates = _dates(law, house, right, received_at)
    by_law = law is not None and right in law.grants
    promised = right in house.promises or right in ANSWERED_BY_A_PERSON
    verify, points, declaration = _proof(law, house, right)
    return Choice(
        law=law.id if law else BRAND,
        granted=by_law or promised,
        granted_by="law" if by_law else "brand" if promised else "none",
        why=_why(law, by_law=by_law, promised=promised),
        provisional=provisional,
        verify=verify and (by_law or promised),
        assurance=_assurance(points, verify=verify),
        points_needed=points if verify else 0,
        declaration_needed=declaration and verify,
        policy_version=house.version_on(dates.receipt_date),
        receipt_date=dates.receipt_date,
        acknowledge_by=dates.acknowledge_by,
        respond_by=dates.respond_by,
        extended_respond_by=dates.extended_respond_by,
        timezone=dates.timezone,
        source=dates.source,
        appeal=law.appeal.offered if law else house.appeal.offered,
    )


def _candidates(
    laws: Iterable[Law], country: str | None, region: str | None, context: Context, received_at: datetime
) -> list[Law]:
    found = []
    for law in laws:
        day = received_at.astimezone(law.zone).date()
        place = law.covers(country, region, day) if country else law.effective_from <= day
        if place and context in law.contexts:
            found.append(law)
    return found


def _specific(candidates: list[Law]) -> Law | None:
    """A region's law comes before its country's."""
    return next(iter(sorted(candidates, key=lambda law: (law.region is None, law.id))), None)


def _strictest(candidates: list[Law], right: Right, received_at: datetime) -> Law | None:
    granting = [law for law in candidates if right in law.grants]
    return min(granting, key=lambda law: (deadlines(law, right, received_at).respond_by, law.id), default=None)


def _dates(law: Law | None, brand: Brand, right: Right, received_at: datetime) -> Deadlines:
    if law:
        return deadlines(law, right, received_at)
    receipt = received_at.astimezone(ZoneInfo(brand.timezone)).date()
    clock = _brand_clock(brand, right)
    return Deadlines(
        receipt, add(receipt, clock.acknowledge) if clock.acknowledge else None, add(receipt, clock.respond),
        add(receipt, clock.extended) if clock.extended else None, brand.timezone, clock.respond.text(),
        clock.respond.source,
    )  # fmt: skip


def _brand_clock(brand: Brand, right: Right) -> ClockRule:
    named = (rule for rule in brand.clocks if rule.rights != "all" and right in rule.rights)
    return next(named, brand.clocks[-1])


def _proof(law: Law | None, brand: Brand, right: Right) -> tuple[bool, int, bool]:
    """Whether, by how many points, and with a declaration or not. The stricter of law and brand."""
    if right in OPT_OUTS or right in ANSWERED_BY_A_PERSON:
        return False, 0, False
    floor = (_HIGH, True) if right in _SPECIFIC else (_REASONABLE, False)
    rules = [rule for rule in (brand.points(right), _law_rule(law, right)) if rule]
    points = max([rule.points for rule in rules], default=floor[0])
    declaration = any(rule.declaration for rule in rules) if rules else floor[1]
    return True, points, declaration


def _law_rule(law: Law | None, right: Right) -> Verify | None:
    return next((rule for rule in law.verification if right in rule.rights), None) if law else None


def _assurance(points: int, *, verify: bool) -> Assurance:
    if not verify:
        return Assurance.NONE
    return Assurance.REASONABLY_HIGH if points >= _HIGH else Assurance.REASONABLE


def _why(law: Law | None, *, by_law: bool, promised: bool) -> str:
    if by_law:
        return "law_grants"
    if promised:
        return "brand_promise"
    return "law_does_not_grant" if law else "no_law_applies"
