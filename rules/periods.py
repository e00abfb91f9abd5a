"""Which span of time an answer covers. Pure."""

from datetime import date
from typing import Final

from rules.clauses import LookBack
from rules.clocks import months_later
from rules.laws import Law
from schemas.public import Period
from schemas.values import Right

BY_DEFAULT: Final = 12
"""Months an account of categories covers where no law says more: what both policies promise."""


def covered(law: Law | None, right: Right, receipt: date, asked: Period | None = None) -> tuple[date | None, date]:
    """First and last day an answer covers; no first day means everything that is held.

    An account of categories covers the 12 months before receipt, and specific pieces all that is held. A span that is
    asked for is honoured; where a law names the earliest day that can be asked for, not before it.
    Source: Civ. Code 1798.130(a)(2)(B); the brands' own 12 months.
    """
    last = min(asked.until, receipt) if asked and asked.until else receipt
    rule = _rule(law, receipt)
    if asked and asked.since:
        floor = rule.on_request_since if rule and rule.on_request_since else None
        return max(asked.since, floor) if floor else asked.since, last
    if right is not Right.KNOW_CATEGORIES:
        return None, last
    return months_later(receipt, -(rule.months if rule else BY_DEFAULT)), last


def _rule(law: Law | None, on: date) -> LookBack | None:
    return next((rule for rule in law.look_back if rule.holds(on)), None) if law else None
