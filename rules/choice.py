"""Which law applies to a request, what it grants, its dates, and what must be known of who asks. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Final, Literal

from rules.brands import Brand, Promise
from rules.clocks import Deadlines, count, counted, earliest
from rules.errors import NoClock
from rules.facts import Verify
from rules.handbook import Handbook
from rules.laws import Law
from rules.reach import AT_WORK, Place, Why, place_of, sift
from rules.rights import HEARD, UNPROVEN
from schemas.values import Assurance, Context, Population, Right

GrantedBy = Literal["law", "brand", "none"]
BRAND: Final = "BRAND"
"""What stands in a law's place where none applies: the brand's own word."""

_WORKFLOW: Final = "US-CA-CCPA"
"""The strictest law: its steps are taken where the residence is unknown."""
_SPECIFIC: Final = frozenset({Right.KNOW_SPECIFIC, Right.PORTABILITY})
_REASONABLE, _HIGH = 2, 3
"""11 CCR § 7062: two points for categories, three and a signed declaration for specific pieces."""
_KEPT: Final = 65_536


@dataclass(frozen=True, slots=True)
class Question:
    """What the law depends on besides the day: country and region are ISO 3166 codes, as the person gave them."""

    brand: str
    right: Right
    country: str | None
    region: str | None
    context: Context


@dataclass(frozen=True, slots=True)
class Choice:
    """The law, what it means for this request, and its dates.

    `provisional` says that the residence is not known well enough: the dates are the earliest of every law that could
    apply. `only_for` names the populations a promise reaches, none for everybody; `work_fields` the fields that are no
    personal information when they describe the person's work.
    """

    law: str
    granted: bool
    granted_by: GrantedBy
    why: Why
    verify: bool
    assurance: Assurance
    points_needed: int
    declaration_needed: bool
    policy_version: str
    receipt_date: date
    acknowledge_by: date | None
    respond_by: date
    extended_respond_by: date | None
    target_by: date
    timezone: str
    source: str
    appeal: bool
    provisional: bool = False
    only_for: tuple[Population, ...] = ()
    work_fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Ruling:
    """What one law says of one right for a request received on one day; no dates where it sets no time."""

    law: Law
    day: date
    granted: bool
    dates: Deadlines | None
    proof: Verify | None


@dataclass(frozen=True, slots=True, eq=False)
class _Word:
    """What the brand itself says of one right for a request received on one day."""

    house: Brand
    right: Right
    day: date
    version: str
    promise: Promise | None
    dates: Deadlines
    proof: Verify | None

    def dates_of(self, ruling: _Ruling) -> Deadlines:
        """The law's dates, by the brand's time where the law grants and sets none."""
        if ruling.dates:
            return ruling.dates
        return counted(ruling.law, self.right, ruling.day, otherwise=self.house.clock(self.right, ruling.day))


def choose(handbook: Handbook, asked: Question, received_at: datetime) -> Choice:
    """Choose one law by residence, context and day; the strictest safe set when the residence is unknown.

    A brand's own promise stands wherever the person lives: that no law applies explains, it never refuses a promise.
    What was chosen is kept per question and day, so that choosing again costs next to nothing.
    """
    found = place_of(handbook, asked.brand, asked.country, asked.region)
    key = (asked.brand, asked.right, found.alike[asked.context])
    return _choose(handbook, key, found, found.days(received_at))


@lru_cache(maxsize=_KEPT)
def _rule(handbook: Handbook, law_id: str, right: Right, day: date) -> _Ruling:
    law = handbook.laws[law_id]
    granted = law.appeal.offered if right is Right.APPEAL else law.grant(right, day) is not None
    try:
        dates = counted(law, right, day)
    except NoClock:
        dates = None
    return _Ruling(law, day, granted, dates, law.proof(right, day))


@lru_cache(maxsize=_KEPT)
def _say(handbook: Handbook, brand: str, right: Right, day: date) -> _Word:
    house = handbook.brands[brand]
    dates = count(house.clock(right, day), day, house.timezone)
    return _Word(house, right, day, house.version_on(day), house.promise(right, day), dates, house.proof(right, day))


@lru_cache(maxsize=_KEPT)
def _choose(
    handbook: Handbook, asked: tuple[str, Right, Context], found: Place, days: tuple[date, ...]
) -> Choice:  # fmt: skip
    brand, right, context = asked
    by_zone = {zone.key: day for zone, day in zip(found.zones, days, strict=True)}
    word = _say(handbook, brand, right, by_zone[handbook.brands[brand].timezone])
    laws, why_none = sift(found, word.house, context, by_zone)
    rulings = [_rule(handbook, law.id, right, by_zone[law.timezone]) for law in (laws[:1] if found.known else laws)]
    granting = [ruling for ruling in rulings if ruling.granted]
    if granting:
        leading: _Ruling | None = min(granting, key=lambda ruling: _strictness(word, ruling))
    else:
        leading = rulings[0] if rulings and found.known else None
    choice = _judge(word, leading, granting, why_none or ("law_grants" if granting else "law_does_not_grant"))
    fields = leading.law.business_contact if leading and context in AT_WORK else None
    return replace(choice, provisional=not found.known, work_fields=tuple(fields.fields) if fields else ())


def _strictness(word: _Word, ruling: _Ruling) -> tuple[bool, date, str]:
    """Which law's steps are taken: those of the strictest workflow, else of the shortest time."""
    return ruling.law.id != _WORKFLOW, word.dates_of(ruling).respond_by, ruling.law.id


def _judge(word: _Word, leading: _Ruling | None, granting: Sequence[_Ruling], why: Why) -> Choice:
    law = leading.law if leading else None
    granted_by: GrantedBy = "law" if granting else "brand" if word.promise or word.right in HEARD else "none"
    verify, points, declaration = _proof(word, granting or ([leading] if leading else []))
    verify = verify and granted_by != "none"
    dates = earliest([word.dates_of(one) for one in granting]) if granting else _ungranted(word, leading)
    return Choice(
        law=law.id if law else BRAND,
        granted=granted_by != "none",
        granted_by=granted_by,
        why=why,
        verify=verify,
        assurance=_assurance(points, verify=verify),
        points_needed=points if verify else 0,
        declaration_needed=declaration and verify,
        policy_version=word.version,
        receipt_date=dates.receipt_date,
        acknowledge_by=dates.acknowledge_by,
        respond_by=dates.respond_by,
        extended_respond_by=dates.extended_respond_by,
        target_by=dates.target_by,
        timezone=dates.timezone,
        source=dates.source,
        appeal=word.house.appeal.offered or (law is not None and law.appeal.offered),
        only_for=word.promise.populations if word.promise and not granting else (),
    )


def _ungranted(word: _Word, leading: _Ruling | None) -> Deadlines:
    """The dates where no law grants the right: whichever of the law that applies and the brand asks for sooner."""
    other = leading.dates if leading else None
    return min(other, word.dates, key=lambda dates: dates.respond_by) if other else word.dates


def _proof(word: _Word, rulings: Sequence[_Ruling]) -> tuple[bool, int, bool]:
    """Whether, by how many points, and with a declaration or not. The strictest of laws and brand."""
    if word.right in UNPROVEN:
        return False, 0, False
    rules = [rule for rule in (word.proof, *(ruling.proof for ruling in rulings)) if rule]
    if not rules:
        return (True, _HIGH, True) if word.right in _SPECIFIC else (True, _REASONABLE, False)
    return True, max(rule.points for rule in rules), any(rule.declaration for rule in rules)


def _assurance(points: int, *, verify: bool) -> Assurance:
    if not verify:
        return Assurance.NONE
    return Assurance.REASONABLY_HIGH if points >= _HIGH else Assurance.REASONABLE
