"""Parts of a request: their names, who decides about them, and how their ends fold into the end of the whole.

Set semantics throughout: a part is pending or has ended, however often and in whatever order it was told.
"""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final, Literal

from schemas.values import Ending, Outcome, PartEnd, Reason, Verb

VERIFICATION: Final = "own/verification"
REVIEW: Final = "own/review"
"""Waits for an operator's eye beside a verification, and beyond its public end."""
PACKAGE: Final = "own/package"
SUPPRESS: Final = "own/suppress"
ANSWER: Final = "answer"
LAW: Final = "own/law"
"""Ends at once when no law and no promise grants the right."""
LIMIT: Final = "own/limit"
"""Ends at once when the same was answered as often as the law has it answered."""
PIECES: Final = "own/pieces"
"""Ends at once when only an account of categories is given, because too little was proven for the pieces themselves."""
STOP: Final = "own/stop"
"""Says that a request was stopped, where nothing else was left to say it."""
PERIOD: Final = "own/wait"
"""The time between a confirmed deletion and its beginning."""
HANDOVERS: Final = "own/handovers"
"""Before a client's own account is deleted: what was handed over to that client and has not ended."""
BUILT_IN: Final = frozenset({"package", "suppress"})
"""Systems of our own: what makes the package, what keeps the preference and forgets the person."""
_HOLD: Final = "own/hold:"
_OWN_SYSTEM: Final = "own/system:"
_COPIES: Final = "copies:"
_PROVIDER: Final = "provider:"
_THIRD_PARTY: Final = "third-party:"
DIRECTORY: Final = "directory"
_INSIDE: Final = (_OWN_SYSTEM, f"own/{_PROVIDER}", f"own/{_THIRD_PARTY}")
"""What only who is surely the person may learn of."""

PATIENCE: Final = timedelta(minutes=1)
"""How long a decision waits for a request nobody has heard of yet, before it is refused."""
NOBODY_KNOWS: Final = "no request of that id is known"

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
KEPT: Final = frozenset(
    {
        Outcome.RETAINED,
        Outcome.REFUSED,
        Outcome.FAILED,
        Outcome.SKIPPED,
        Outcome.EXPIRED,
        Outcome.DENIED,
    }
)
"""Beside something good they make the whole a partial success."""


def system(name: str, client: str | None = None) -> str:
    """The part of one system: of the company's own data, or of one client's records."""
    tail = name if name in BUILT_IN else f"system:{name}"
    return f"client:{client}/{tail}" if client else f"own/{tail}"


def copies(name: str, client: str) -> str:
    """The part of what the company keeps, for a purpose of its own, of a client's records in one system."""
    return f"client:{client}/{_COPIES}{name}"


def is_copies(part: str) -> bool:
    """Whether a part is about such copies: the client neither decides about it nor hears of it."""
    return part.partition("/")[2].startswith(_COPIES)


def provider(name: str, client: str | None = None) -> str:
    """The part of one service provider that is told what a person asks, and says that it complied."""
    return f"{f'client:{client}' if client else 'own'}/{_PROVIDER}{name}"


def is_provider(part: str) -> bool:
    """Whether a part is a service provider's."""
    return part.partition("/")[2].startswith(_PROVIDER)


def third_party(name: str) -> str:
    """The part of one third party that got a person's data, is told what they ask, and says that it complied."""
    return f"own/{_THIRD_PARTY}{name}"


def is_third_party(part: str) -> bool:
    """Whether a part is a third party's."""
    return part.partition("/")[2].startswith(_THIRD_PARTY)


def is_task(part: str) -> bool:
    """Whether a part is a task: of a system, or of somebody outside who is told through one."""
    return system_of(part) is not None or is_provider(part) or is_third_party(part)


def directory(client: str | None = None) -> str:
    """The part that says that a person's rows in the directory are gone; it ends with the note of the deletion."""
    return f"{f'client:{client}' if client else 'own'}/{DIRECTORY}"


def is_directory(part: str) -> bool:
    """Whether a part is about the directory."""
    return part.partition("/")[2] == DIRECTORY


def handover(client: str) -> str:
    """The part of one client."""
    return f"client:{client}/handover"


def hold(kind: str) -> str:
    """A hold that waits for the person."""
    return f"{_HOLD}{kind}"


def after(request_id: str) -> str:
    """The part that waits for the work of another request of the case."""
    return f"after:{request_id}"


def system_of(part: str) -> str | None:
    """The system a part belongs to: declared ones, and the two built-in ones; None for other parts."""
    _, _, tail = part.partition("/")
    kind, _, name = tail.partition(":")
    if kind in {"system", "copies"}:
        return name
    return tail if tail in BUILT_IN else None


def client_of(part: str) -> str | None:
    """The client a part belongs to, if any."""
    return part.removeprefix("client:").partition("/")[0] if part.startswith("client:") else None


def is_handover(part: str) -> bool:
    """Whether a part is the hand-over to a client."""
    return part.startswith("client:") and part.endswith("/handover")


def is_hold(part: str) -> bool:
    """Whether a part is a hold."""
    return part.startswith(_HOLD)


def is_after(part: str) -> bool:
    """Whether a part waits for another request."""
    return part.startswith("after:")


def public(parts: Iterable[str], named: Iterable[str], *, sure: bool) -> set[str]:
    """The parts that whoever asked may learn of.

    Their own, and those of clients whose parcel they named. While nobody is `sure` who asks, what became of the
    company's systems, and of those it told, is not among them: it would tell whether a record exists.
    """
    told = set(named)
    return {
        part
        for part in parts
        if ((client := client_of(part)) is None or client in told) and (sure or not part.startswith(_INSIDE))
    }


def decider(verb: Verb, part: str | None) -> Literal["verifier", "intake", "fulfiller"]:
    """The one service that answers an operator's decision, so that every decision gets exactly one answer."""
    if verb is Verb.EXTEND:
        return "intake"
    if part == REVIEW:
        return "verifier"
    return "verifier" if verb is Verb.APPROVE and part in {None, VERIFICATION} else "fulfiller"


def fold(ends: Mapping[str, PartEnd]) -> tuple[Ending, Reason | None]:
    """Say how the whole ended. What counts is the work; holds, waits and checks only explain why there was none.

    Nothing found anywhere is fulfilled: the true account is that there was nothing. Where systems had work to do, a
    note in the register makes no success of their failure.
    """
    outcomes = {end.outcome for end in ends.values()}
    if Outcome.WITHDRAWN in outcomes:
        return Ending.WITHDRAWN, None
    noted = any(part.startswith(_OWN_SYSTEM) for part in ends)
    work = {end.outcome for part, end in ends.items() if _is_work(part) and not (noted and part == SUPPRESS)}
    if work & GOOD:
        return (Ending.PARTIALLY_FULFILLED if outcomes & KEPT else Ending.FULFILLED), None
    if denied := sorted(end.reason or Reason.OTHER for end in ends.values() if end.outcome is Outcome.DENIED):
        return Ending.DENIED, Reason(denied[0])
    if Outcome.UNVERIFIED in outcomes:
        return Ending.UNVERIFIED, Reason.INSUF_VERIFICATION
    return _without_result(work, outcomes)


def _is_work(part: str) -> bool:
    return bool(system_of(part) or client_of(part)) or part == ANSWER


def _without_result(work: set[Outcome], outcomes: set[Outcome]) -> tuple[Ending, Reason | None]:
    if Outcome.EXPIRED in outcomes:
        return Ending.EXPIRED, None
    if Outcome.FAILED in outcomes:
        return Ending.FAILED, Reason.OTHER
    if Outcome.REFUSED in work:
        return Ending.DENIED, Reason.CLAIM_NOT_COVERED
    if Outcome.RETAINED in work:
        return Ending.PARTIALLY_FULFILLED, None
    return (Ending.DENIED, Reason.OTHER) if Outcome.SKIPPED in work else (Ending.FULFILLED, None)
