"""Naming a parcel is throttled like proof: after many that fit nobody, one that fits is passed on and not told of.

Who named it gets the sentence everybody gets; its client decides all the same.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from rules.matching import Candidate
from schemas.values import Located, PointKind
from services.intake.decide.facts import Facts
from services.kernel.decision import Count

PARCELS = frozenset({PointKind.ORDER_NUMBER, PointKind.TRACKING_NUMBER})


def told_of(event_id: UUID, clients: Sequence[Located], facts: Facts) -> list[Located]:
    """The clients located; after too many numbers that fitted nobody, none of them as named."""
    limits, asking = facts.handbook.points.throttles, facts.asking.get(event_id, {})
    held = any(facts.tally.of(name) >= limits[kind].failures for kind, name in asking.items() if kind in limits)
    return [one.model_copy(update={"parcel_named": False}) for one in clients] if held else list(clients)


def misses(event_id: UUID, given: Iterable[PointKind], facts: Facts, now: datetime) -> tuple[Count, ...]:
    """One failed try more, where numbers were named and no record holds any of them."""
    found: Sequence[Candidate] = facts.found.get(event_id, ())
    if not PARCELS & set(given) or any(point.kind in PARCELS for one in found for point in one.matched):
        return ()
    limits, asking = facts.handbook.points.throttles, facts.asking.get(event_id, {})
    return tuple(Count(name, now + limits[kind].within) for kind, name in asking.items() if kind in limits)
