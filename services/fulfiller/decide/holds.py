"""What waits for the person: each hold has its own window, is asked for once more in its middle, and has its end."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from rules import parts
from rules.frequency import fee_ground
from rules.rights import MEANINGS
from schemas.events import ClockPaused, OperatorDecided, PartWaiting
from schemas.values import Outcome, Party, Reason, Right, Waiting
from services.fulfiller.decide.draft import Draft

CONFIRMATION: Final = parts.hold("confirmation")
DECLARATION: Final = parts.hold("declaration")
DETAIL: Final = parts.hold("detail")
FEE: Final = parts.hold("fee")
MANDATE: Final = parts.hold("mandate")
BEFORE: Final = frozenset({DETAIL, MANDATE})
"""Holds without whose answer nothing is done, and nothing is passed on."""
BY_OPERATOR: Final = frozenset({DETAIL, FEE})
"""Holds an operator can put on a request that has not begun."""
_NO_FEE: Final = (
    "a fee needs a reason that the law has a fee for (excessive, manifestly_unfounded, other) and an estimate"
)
UNSAID: Final = "unsaid"
"""Why a correction is held that does not say what is wrong."""
_YES: Final = frozenset({Outcome.CONFIRMED, Outcome.ANSWERED})
_UNSIGNED: Final = frozenset({None, Outcome.UNVERIFIED})


@dataclass(frozen=True, slots=True)
class _Hold:
    waiting: Waiting
    window: str
    silence: Outcome = Outcome.EXPIRED
    """What it is when nothing was heard; what was not signed makes nobody known, and ends nothing by itself."""


_HOLDS: Final[Mapping[str, _Hold]] = MappingProxyType(
    {
        CONFIRMATION: _Hold(Waiting.CONFIRMATION, "confirmation"),
        DECLARATION: _Hold(Waiting.DECLARATION, "declaration", Outcome.UNVERIFIED),
        DETAIL: _Hold(Waiting.DETAIL, "detail"),
        FEE: _Hold(Waiting.FEE, "fee"),
        MANDATE: _Hold(Waiting.MANDATE, "detail"),
    }
)


def is_asked(name: str) -> bool:
    """Whether a part is a hold that the person is asked to answer."""
    return name in _HOLDS


def ask(draft: Draft, name: str, why: str | None = None) -> None:
    """Open a hold. One for who asks ends no later than the request does that stays unproven."""
    hold, now = _HOLDS[name], draft.now
    why = why or (UNSAID if name == DETAIL and draft.accepted.unsaid else None)
    until = now + getattr(draft.windows, hold.window)
    if name == DECLARATION:
        until = min(until, max(draft.accepted.unverified_at, now))
    draft.wait(name, Party.PERSON, hold.waiting, until, why=why)
    draft.state = draft.state.with_part(name, remind_at=now + (until - now) / 2, why=why)


def ask_again(draft: Draft) -> None:
    """Remind the person, once, of what is still waited for."""
    for name in draft.state.pending():
        part = draft.state.parts[name]
        if is_asked(name) and part.party is Party.PERSON and part.remind_at and part.remind_at <= draft.now:
            draft.tell(
                PartWaiting, on=f"{name}/again", part=name, party=part.party, waiting=part.waiting, until=part.until,
                round=2, why=part.why,
            )  # fmt: skip
            draft.state = draft.state.with_part(name, remind_at=None)


def give_up(draft: Draft, name: str) -> None:
    """The window is over. Without what is asked, or a mandate, the whole request ends."""
    draft.state = draft.state.end(name, _HOLDS[name].silence if is_asked(name) else Outcome.EXPIRED)
    if name in BEFORE:
        draft.state = draft.state.but(stop=Outcome.EXPIRED)


def hear_person(draft: Draft) -> None:
    """End the holds that were answered, however late or early the answer came."""
    if draft.state.detailed:
        _start_clock(draft)
    state = draft.state
    if state.detailed:
        state = state.end_known(DETAIL, Outcome.ANSWERED)
    if state.mandated:
        state = state.end_known(MANDATE, Outcome.ANSWERED)
    if DECLARATION in state.parts and state.outcome(DECLARATION) in _UNSIGNED and not state.settled:
        if state.declared:
            state = state.reconsider(DECLARATION, Outcome.ANSWERED)
        elif state.subject and not state.instead:
            state = state.reconsider(DECLARATION, Outcome.UNNEEDED if state.vouched else Outcome.ANSWERED)
    if state.paying is not None:
        no = (Outcome.DENIED, Reason.FEE_DECLINED)
        state = state.end_known(FEE, *((Outcome.CONFIRMED,) if state.paying else no))
    if state.confirmed is not None:
        state = state.end_known(CONFIRMATION, *((Outcome.CONFIRMED,) if state.confirmed else _declined(draft)))
    draft.state = state


def _start_clock(draft: Draft) -> None:
    """Where the law's clock stood still for more detail, say for how long."""
    part = draft.state.parts.get(DETAIL)
    if part and part.end is None and part.until and Waiting.DETAIL in draft.accepted.pauses:
        since = part.until - draft.windows.detail
        draft.tell(ClockPaused, on=DETAIL, waiting=Waiting.DETAIL, since=since, until=draft.now)


def ready(draft: Draft) -> bool:
    """Whether nothing that must be agreed with the person first is open: a number, a fee, a second yes."""
    return _within_limit(draft) and _paid(draft) and _confirmed(draft)


def refuses_hold(draft: Draft, event: OperatorDecided) -> str | None:
    """Why an operator's hold does not fit; None when it does."""
    part, brand = event.part, draft.facts.handbook.brands[draft.accepted.brand]
    if part not in BY_OPERATOR:
        return f"hold needs a part, one of: {', '.join(sorted(BY_OPERATOR))}"
    if draft.state.planned or draft.state.stop or draft.state.settled or part in draft.state.parts:
        return "the request has begun, has ended, or was held for the same before"
    law = draft.facts.handbook.laws.get(draft.accepted.law)
    if part == FEE and fee_ground(law, brand, event.reason) is None:
        return f"{_NO_FEE}; law {draft.accepted.law}, brand {brand.id}"
    return None


def _within_limit(draft: Draft) -> bool:
    if draft.state.beyond != "refuse":
        return True
    draft.state = draft.state.end(parts.LIMIT, Outcome.DENIED, Reason.TOO_MANY_REQUESTS, draft.state.beyond_by)
    return False


def _paid(draft: Draft) -> bool:
    if draft.state.beyond == "fee" and FEE not in draft.state.parts:
        ask(draft, FEE, Reason.TOO_MANY_REQUESTS)
        hear_person(draft)
    return FEE not in draft.state.parts or draft.state.outcome(FEE) in _YES


def _confirmed(draft: Draft) -> bool:
    """Two steps: where a brand confirms deletions, for an opt-in, and where an agent shows no more than a permission.

    Source: 11 CCR § 7020(d), § 7028, § 7063(a).
    """
    right = draft.accepted.right
    twice = right is Right.DELETE and draft.facts.handbook.brands[draft.accepted.brand].confirm_deletion
    if not twice and not _by_permission(draft) and not MEANINGS[right].once_more:
        return True
    if CONFIRMATION not in draft.state.parts:
        ask(draft, CONFIRMATION)
        hear_person(draft)
    return draft.state.outcome(CONFIRMATION) is Outcome.CONFIRMED


def _by_permission(draft: Draft) -> bool:
    return draft.accepted.person_confirms or draft.state.person_confirms


def _declined(draft: Draft) -> tuple[Outcome, Reason | None]:
    """What a no amounts to: nobody was sent, the one way was not wanted, or somebody has changed their mind."""
    if _by_permission(draft):
        return Outcome.DENIED, Reason.INSUF_VERIFICATION
    whole = draft.facts.handbook.brands[draft.accepted.brand].whole_account_only
    if draft.accepted.right is Right.DELETE and whole:
        return Outcome.DENIED, Reason.WHOLE_ACCOUNT_DECLINED
    return Outcome.WITHDRAWN, None
