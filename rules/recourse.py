"""After an answer: who may appeal, what silence means, how long data is kept for it, what follows without proof."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from rules.brands import Brand
from rules.clocks import add
from rules.laws import Law
from schemas.values import Ending, Right

Opened = Literal["refused", "partly_refused", "missed", "not_open"]
_REFUSED = {Ending.DENIED: "refused", Ending.UNVERIFIED: "refused", Ending.PARTIALLY_FULFILLED: "partly_refused"}


@dataclass(frozen=True, slots=True)
class Fallback:
    """What a request becomes whose maker could not be verified: the same person's other right, by its own points.

    Below those points the answer is the brand's general account of categories, the same with or without a record.
    """

    right: Right
    points: int
    source: str


def appeal_open(law: Law | None, brand: Brand, ending: Ending | None, *, missed: bool) -> Opened:
    """Whether and why an appeal may be made. A brand's own also stands under laws that know none.

    `ending` is none while the request is open. A missed day opens it where the brand says so, or where silence is a
    refusal by law.
    """
    offered = brand.appeal.offered or (law is not None and law.appeal.offered)
    if not offered:
        return "not_open"
    if ending in _REFUSED:
        return "refused" if _REFUSED[ending] == "refused" else "partly_refused"
    if missed and ending is None and (brand.appeal.on_missed_deadline or deemed_refusal(law)):
        return "missed"
    return "not_open"


def deemed_refusal(law: Law | None) -> bool:
    """Whether silence past the last day counts as a refusal."""
    return law is not None and law.deemed_refusal is not None


def kept_until(law: Law | None, answered_on: date) -> date | None:
    """The last day on which the data a request was about must still be there for the recourse; none if it need not."""
    if law is None or not law.recourse.keep_data or law.recourse.within is None:
        return None
    return add(answered_on, law.recourse.within)


def reopened(right: Right, *, upheld: bool) -> Right | None:
    """The right of the new request an upheld appeal opens in the same case."""
    return right if upheld and right is not Right.APPEAL else None


def fallback(law: Law | None, right: Right, on: date) -> Fallback | None:
    """What an unverified request becomes, where the law says so. Source: 11 CCR § 7024(a)."""
    rule = law.downgrade if law else None
    if rule is None or not rule.holds(on) or right not in rule.rights:
        return None
    return Fallback(rule.to, rule.points, rule.source)


def too_soon(law: Law | None, right: Right, last: date | None, on: date) -> bool:
    """Whether a right may be refused, or must not be offered, so soon after the last time."""
    first = again_from(law, right, last) if last else None
    return first is not None and on < first


def again_from(law: Law | None, right: Right, last: date) -> date | None:
    """The first day on which a right may be asked for, or offered, again after a day; none where no law says so."""
    rule = next((one for one in law.repeats if right in one.rights and one.holds(last)), None) if law else None
    return add(last, rule.within) if rule else None
