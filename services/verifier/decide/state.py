"""What the verifier remembers of a request, and how each event adds to it. No point, no digest, no value."""

from datetime import date, datetime
from typing import Final
from uuid import UUID

from pydantic import AwareDatetime

from rules import parts
from rules.matching import Verdict
from schemas.base import Due, Event
from schemas.events import AnswerRecorded, OperatorDecided, RequestAccepted, RequestClosed
from schemas.values import AnswerKind, Assurance, Group, PointKind, Population, Right, Waiting
from services.kernel.early import Early

PROVING: Final = frozenset({AnswerKind.POINTS, AnswerKind.DECLARATION, AnswerKind.CODE})
MOST_ANSWERS: Final = 10
"""Answers told apart per request; what comes after is weighed like the others and asks for no further round."""


class Verification(Early):
    """What is known of one request's proof. No point, no digest: those are in the vault and the directory.

    `again` says that an upheld appeal takes it up once more: it is not counted twice. `fitting` is whose record reached
    the lower number of points that the law's `fallback` needs, and by which groups. `located` is the one record an
    operator may look at, with what counted; `review_until` is set once they were asked.
    """

    case_id: str = ""
    brand: str = ""
    law: str = ""
    received_on: date | None = None
    again: bool = False
    pauses: bool = False
    asked_at: AwareDatetime | None = None
    right: Right | None = None
    verify: bool = False
    needed: int = 0
    assurance: Assurance = Assurance.NONE
    declaration_needed: bool = False
    declared: bool = False
    contested: frozenset[PointKind] = frozenset()
    unsaid: bool = False
    """Whether a correction does not say yet what is wrong: until then nothing is known of what may prove who asks."""
    detailed: bool = False
    only_for: frozenset[Population] = frozenset()
    fallback: Right | None = None
    fallback_points: int = 0
    fitting: tuple[str, tuple[Group, ...]] | None = None
    located: tuple[str, tuple[Group, ...]] | None = None
    review_until: AwareDatetime | None = None
    reviewed: bool = False
    ends_at: AwareDatetime | None = None
    answers: frozenset[UUID] = frozenset()
    session: str | None = None
    """Whose account the person was signed in to, by a listed authenticator's word, when they asked."""
    rounds: int = 0
    codes: dict[int, tuple[str, AwareDatetime]] = {}
    """Per round whose contact on file was sent a code, and until when it counts."""
    coded: dict[int, AwareDatetime] = {}
    """Which rounds' codes came back, and when."""
    verdict: Verdict = Verdict.NO_RECORD
    ended: str | None = None
    withdrawn: bool = False

    @property
    def open(self) -> bool:
        """Whether there is something to weigh: accepted, in need of proof, not ended."""
        return self.verify and self.ended is None and not self.withdrawn

    @property
    def waits_for_detail(self) -> bool:
        """Whether nobody can be asked for proof yet: which points are contested is not known."""
        return self.unsaid and not self.detailed

    @property
    def proven(self) -> frozenset[str]:
        """Whose contact on file the person showed to control: a code sent there came back in time."""
        back = ((whose, until, self.coded.get(n)) for n, (whose, until) in self.codes.items())
        return frozenset(whose for whose, until, at in back if at and at < until)

    @property
    def stopped(self) -> bool:
        """Whether it was ended by others before the fixed instant: nothing is left to look at."""
        return self.withdrawn or self.ended == "closed"

    @property
    def failing(self) -> str:
        """Why it is not verified, for the register alone; what fits lacks its declaration."""
        detail = "not_enough" if self.verdict is Verdict.VERIFIED else self.verdict.value
        return detail if self.answers else "silent"

    def reviewing(self, now: datetime) -> bool:
        """Whether what an operator was shown is still theirs to decide."""
        waits = self.review_until is not None and not self.reviewed and now < self.review_until
        return waits and self.located is not None and not self.stopped and self.ended != "verified"

    @property
    def due_at(self) -> datetime | None:
        """The fixed instant at which an unverified request ends, then the end of its review.

        Before it is known: when decisions are refused.
        """
        if not self.brand:
            return self.early_until
        if self.open:
            return self.ends_at
        return self.review_until if self.ended == "unverified" and not self.reviewed else None


def told(state: Verification, event: Event | Due) -> Verification:  # noqa: PLR0911  one answer per kind of event
    """Add one fact to what is known. Telling twice changes nothing; order does not matter."""
    match event:
        case RequestAccepted() if not state.brand:
            return state.but(
                case_id=event.case_id, brand=event.brand, law=event.law,
                received_on=event.clock.receipt_date, again=event.upheld_by is not None,
                pauses=Waiting.PROOF in event.pauses,
                right=event.right, verify=event.verify,
                needed=event.points_needed, assurance=event.assurance, declaration_needed=event.declaration_needed,
                declared=state.declared or event.declared, contested=state.contested | frozenset(event.contested),
                unsaid=event.unsaid,
                only_for=frozenset(event.only_for),
                fallback=event.fallback, fallback_points=event.fallback_points,
                ends_at=event.unverified_at,
            )  # fmt: skip
        case AnswerRecorded(kind=AnswerKind.WITHDRAWAL | AnswerKind.NOT_ME):
            return state.but(withdrawn=True)
        case AnswerRecorded() if event.kind in PROVING:
            heard = state.answers | {event.event_id} if len(state.answers) < MOST_ANSWERS else state.answers
            back = {event.round: event.occurred_at} if event.round else {}
            declared = state.declared or event.kind is AnswerKind.DECLARATION
            return state.but(answers=heard, declared=declared, coded=back | state.coded)
        case AnswerRecorded(kind=AnswerKind.DETAIL):
            return state.but(detailed=True, contested=state.contested | frozenset(event.contested))
        case RequestClosed():
            return state.but(ended=state.ended or "closed")
        case OperatorDecided() if parts.decider(event.verb, event.part) == "verifier":
            new = () if event.event_id in state.decided else (event,)
            return state.but(early=(*state.early, *new), decided=state.decided | {event.event_id})
        case _:
            return state
