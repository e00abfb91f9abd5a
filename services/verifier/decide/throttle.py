"""Failed tries add up across requests, whoever asks and however often; beyond the limit a try proves nothing.

Who asks sees no difference: the same is asked, at the same time, with the same end. An operator sees the difference.
"""

from collections.abc import Iterator
from datetime import datetime

from rules.matching import Judgement
from rules.points import Throttled
from services.kernel.decision import Count
from services.verifier.decide.facts import Facts


def throttled(request_id: str, judged: Judgement, facts: Facts) -> bool:
    """Whether so many tries failed before this one that it cannot be believed."""
    limits = facts.points.throttles
    return any(facts.tally.of(name) >= limits[kind].failures for kind, name in _names(request_id, judged, facts))


def failure(request_id: str, judged: Judgement, facts: Facts, now: datetime) -> tuple[Count, ...]:
    """One failed try more, for who asks and for every record that was aimed at."""
    limits = facts.points.throttles
    return tuple(Count(name, now + limits[kind].within) for kind, name in _names(request_id, judged, facts))


def _names(request_id: str, judged: Judgement, facts: Facts) -> Iterator[tuple[Throttled, str]]:
    asking = facts.asking.get(request_id, {}).items()
    aimed = ((Throttled.RECORD, facts.aimed[one]) for one in judged.aimed_at if one in facts.aimed)
    yield from (one for one in (*asking, *aimed) if one[0] in facts.points.throttles)
