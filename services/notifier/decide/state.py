"""What the notifier remembers of a request: what is known that must be said, and what was said."""

from datetime import date
from typing import TypeVar

from schemas.base import Due, Event
from schemas.events import (
    DeadlineExtended,
    DeadlineReached,
    HandedOver,
    PartWaiting,
    RequestAccepted,
    RequestAmended,
    RequestSettled,
    RequestVerified,
)
from schemas.values import Party, Waiting
from services.kernel.decision import State

Told = TypeVar("Told", PartWaiting, RequestAmended)


class Correspondence(State):
    """What was said about one request, and what is known that must still be said.

    `asked` holds what the person is asked, per part and round, in its latest wording. `rank` is how far the public
    status has come, `expected_by` the day that was told with it.
    """

    accepted: RequestAccepted | None = None
    extended_to: date | None = None
    extended_why: str | None = None
    overdue: DeadlineReached | None = None
    asked: dict[str, PartWaiting] = {}
    subject: str | None = None
    late: str | None = None
    """Who was believed after the public end: from then on only their contact on file is written to."""
    passed_on: frozenset[str] = frozenset()
    settled: RequestSettled | None = None
    amended: dict[str, RequestAmended] = {}
    letters: frozenset[str] = frozenset()
    rank: int = 0
    expected_by: date | None = None


def told(state: Correspondence, event: Event | Due) -> Correspondence:  # noqa: PLR0911  one answer per kind of event
    """Add one fact to what is known. Telling twice changes nothing; of two words about one part the later counts."""
    match event:
        case RequestAccepted(instructed_by=None) if state.accepted is None:
            return state.but(accepted=event)
        case PartWaiting(party=Party.PERSON) | PartWaiting(party=Party.SYSTEM, waiting=Waiting.NOTICE):
            return state.but(asked=_latest(state.asked, f"{event.part}/{event.round}", event))
        case RequestVerified(late=True):
            return state.but(late=state.late or event.subject)
        case RequestVerified():
            return state.but(subject=state.subject or event.subject)
        case HandedOver(parcel_named=True):
            return state.but(passed_on=state.passed_on | {event.client})
        case DeadlineExtended():
            return _longer(state, event)
        case DeadlineReached() if event.appeal or event.refusal:
            return state.but(overdue=event)
        case RequestSettled() if state.settled is None:
            return state.but(settled=event, subject=state.subject or event.subject)
        case RequestAmended(told_otherwise=True):
            return state.but(amended=_latest(state.amended, event.part, event))
        case _:
            return state


def _longer(state: Correspondence, event: DeadlineExtended) -> Correspondence:
    later = state.extended_to is None or event.respond_by > state.extended_to
    return state.but(extended_to=event.respond_by, extended_why=event.reason) if later else state


def _latest(known: dict[str, Told], name: str, event: Told) -> dict[str, Told]:
    before = known.get(name)
    return known | {name: event} if before is None or event.seq > before.seq else known
