"""Parts of a request: their names, and how what became of each folds into what became of the whole.

Set semantics throughout: a part is pending or has ended, however often and in whatever order it was told.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from schemas.values import Ending, Outcome, PartEnd, Reason

VERIFICATION: Final = "own/verification"
PACKAGE: Final = "own/package"
SUPPRESS: Final = "own/suppress"
ANSWER: Final = "answer"
BUILT_IN: Final = frozenset({"package", "suppress"})
"""Systems of our own: what makes the package, what keeps the preference and forgets the person."""
_HOLD: Final = "own/hold:"

GOOD: Final = frozenset(
    {
        Outcome.ERASED,
        Outcome.MASKED,
        Outcome.AGGREGATED,
        Outcome.EXPORTED,
        Outcome.CORRECTED,
        Outcome.APPLIED,
        Outcome.COMPLETED,
        Outcome.ANSWERED,
        Outcome.SENT,
    }
)
KEPT: Final = frozenset({Outcome.RETAINED, Outcome.REFUSED, Outcome.FAILED, Outcome.SKIPPED, Outcome.EXPIRED})


def system(name: str, client: str | None = None) -> str:
    """The part of one system: of the company's own data, or of one client's records."""
    tail = name if name in BUILT_IN else f"system:{name}"
    return f"client:{client}/{tail}" if client else f"own/{tail}"


def handover(client: str) -> str:
    """The part of one client."""
    return f"client:{client}/handover"


def hold(kind: str) -> str:
    """A hold that waits for the person."""
    return f"{_HOLD}{kind}"


def after(request_id: str) -> str:
    """The part that waits for another request of the case to end."""
    return f"after:{request_id}"


def system_of(part: str) -> str | None:
    """The system a part belongs to: declared ones, and the two built-in ones; None for other parts."""
    _, _, tail = part.partition("/")
    if tail.startswith("system:"):
        return tail.removeprefix("system:")
    return tail if tail in BUILT_IN else None


def client_of(part: str) -> str | None:
    """The client a part belongs to, if any."""
    return part.removeprefix("client:").partition("/")[0] if part.startswith("client:") else None


def is_hold(part: str) -> bool:
    """Whether a part is a hold."""
    return part.startswith(_HOLD)


def public(parts: Iterable[str], named: Iterable[str]) -> set[str]:
    """The parts the person may learn of: their own, and those of clients whose parcel they named."""
    told = set(named)
    return {part for part in parts if (client := client_of(part)) is None or client in told}


def fold(ends: Mapping[str, PartEnd]) -> tuple[Ending, Reason | None]:
    """Say how the whole ended. What counts is the work; holds, waits and checks only explain why there was none.

    Nothing found anywhere is fulfilled: the true account is that there was nothing.
    """
    outcomes = {end.outcome for end in ends.values()}
    if Outcome.WITHDRAWN in outcomes:
        return Ending.WITHDRAWN, None
    work = {end.outcome for part, end in ends.items() if system_of(part) or part == ANSWER or client_of(part)}
    if work & GOOD:
        return (Ending.PARTIALLY_FULFILLED if work & KEPT else Ending.FULFILLED), None
    if denied := sorted(end.reason or "other" for end in ends.values() if end.outcome is Outcome.DENIED):
        return Ending.DENIED, Reason(denied[0])
    if Outcome.UNVERIFIED in outcomes:
        return Ending.UNVERIFIED, Reason.INSUF_VERIFICATION
    return _without_result(work, outcomes)


def _without_result(work: set[Outcome], outcomes: set[Outcome]) -> tuple[Ending, Reason | None]:
    if Outcome.EXPIRED in outcomes:
        return Ending.EXPIRED, None
    if Outcome.FAILED in work:
        return Ending.FAILED, Reason.OTHER
    if Outcome.REFUSED in work:
        return Ending.DENIED, Reason.CLAIM_NOT_COVERED
    return (Ending.PARTIALLY_FULFILLED if Outcome.RETAINED in work else Ending.FULFILLED), None
