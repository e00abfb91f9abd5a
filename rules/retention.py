"""How long data is kept: the shortest time any brand promises, and the first day whose data stay. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from rules.brands import Brand
from rules.clocks import months_later
from rules.facts import Span

What = Literal["personal", "cookies"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One brand's rule: without a span, data are kept as long as their purposes need."""

    brand: str
    span: Span | None
    source: str


def strictest(brands: Iterable[Brand], what: What, on: date) -> Rule | None:
    """The rule that ends data soonest: rows that several brands share do not say whose promise they fall under.

    None when no brand says anything.
    """
    found = [
        Rule(brand.id, said.keep, said.keep.source if said.keep else said.source)
        for brand in brands
        for said in brand.retention
        if said.what == what and said.holds(on)
    ]
    limited = [(first_kept(on, rule.span), rule) for rule in found if rule.span]
    if limited:
        return max(limited, key=lambda one: one[0])[1]
    return found[0] if found else None


def first_kept(on: date, span: Span) -> date:
    """The first day whose data are still kept; business days count double, so that nothing goes too early."""
    if span.months:
        return months_later(on, -span.months)
    return on - timedelta(days=span.days or 2 * (span.business_days or 0))
