"""Say what the submitting app may know, and which letters leave. Pure.

Public status is a monotone join: it never steps back, and nothing follows a final one. Until somebody is verified,
letters go to the contact given and tell nothing found; everything that tells goes to the contact on file.
"""

from datetime import date, datetime
from typing import Any, Final, Literal

from schemas.base import Due, Event
from schemas.events import (
    HandedOver,
    PartWaiting,
    RequestAccepted,
    RequestAmended,
    RequestSettled,
    RequestVerified,
)
from schemas.public import RequestStatusChanged, WaitingFor
from schemas.values import DRP_REASONS, Ending, Letter, Party, Reason, Right, Status, Waiting
from services.kernel.decision import Decision, Effect, State

LETTER: Final = "letter"
ASKING: Final = {
    Waiting.PROOF: Letter.PROOF_NEEDED,
    Waiting.DETAIL: Letter.DETAIL_NEEDED,
    Waiting.CONFIRMATION: Letter.CONFIRMATION_ASKED,
}
ON_FILE: Final = frozenset({Letter.CONFIRMATION_ASKED, Letter.NOTICE, Letter.AMENDED})
"""Letters that tell what was found, or carry what only the person may hold."""

_LAST: Final = {
    Ending.FULFILLED: (Status.FULFILLED, Letter.CLOSED),
    Ending.PARTIALLY_FULFILLED: (Status.FULFILLED, Letter.CLOSED),
    Ending.DENIED: (Status.DENIED, Letter.DENIED),
    Ending.UNVERIFIED: (Status.DENIED, Letter.UNVERIFIED),
    Ending.WITHDRAWN: (Status.REVOKED, Letter.WITHDRAWN),
    Ending.EXPIRED: (Status.EXPIRED, Letter.CLOSED),
    Ending.FAILED: (Status.DENIED, Letter.CLOSED),
}


class Correspondence(State):
    """What was said about one request, and what is known that must still be said."""

    accepted: RequestAccepted | None = None
    expected_by: date | None = None
    asked: dict[str, PartWaiting] = {}
    subject: str | None = None
    passed_on: tuple[str, ...] = ()
    settled: RequestSettled | None = None
    amended: tuple[RequestAmended, ...] = ()
    letters: frozenset[str] = frozenset()
    rank: int = 0


def decide(state: Correspondence, event: Event | Due, _facts: None, now: datetime) -> Decision[Correspondence]:
    """Answer one event about one request; events of other topics may have come first. Safe to repeat."""
    state = _told(state, event)
    if state.accepted is None:
        return Decision(state)
    state, statuses = _statuses(state, state.accepted, event, now)
    state, letters = _letters(state, state.accepted)
    return Decision(state, tuple(statuses), tuple(letters))


def _told(state: Correspondence, event: Event | Due) -> Correspondence:  # noqa: PLR0911  one answer per kind of event
    match event:
        case RequestAccepted() if state.accepted is None:
            return state.but(accepted=event, expected_by=event.clock.respond_by)
        case PartWaiting(party=Party.PERSON) if event.waiting in ASKING:
            before = state.asked.get(event.waiting)
            newer = before is None or event.round > before.round
            return state.but(asked=state.asked | {event.waiting: event}) if newer else state
        case RequestVerified():
            return state.but(subject=event.subject)
        case HandedOver(parcel_named=True):
            return state.but(passed_on=tuple(sorted({*state.passed_on, event.client})))
        case RequestSettled() if state.settled is None:
            return state.but(settled=event, subject=state.subject or event.subject)
        case RequestAmended(told_otherwise=True):
            return state.but(amended=(*state.amended, event))
        case _:
            return state


def _statuses(
    state: Correspondence, accepted: RequestAccepted, cause: Event | Due, now: datetime
) -> tuple[Correspondence, list[RequestStatusChanged]]:
    """Every status now due that lies ahead of the last one told, in order."""
    told = []
    for rank, fields in _due_statuses(state, accepted):
        if rank <= state.rank:
            continue
        state = state.but(rank=rank)
        told.append(
            RequestStatusChanged.after(
                cause, now, on=f"{rank}", request_id=state.id, case_id=accepted.case_id, source=accepted.source,
                submission_id=accepted.submission_id, right=accepted.right, expected_by=state.expected_by, **fields,
            )
        )  # fmt: skip
    return state, told


def _due_statuses(state: Correspondence, accepted: RequestAccepted) -> list[tuple[int, dict[str, Any]]]:
    """What is true, as (rank, fields): the higher rank is the later word. Asking outranks being open, round by round."""
    due: list[tuple[int, dict[str, Any]]] = [(1, {"status": Status.OPEN})]
    if not state.settled and not state.subject:
        for asked in state.asked.values():
            wait = WaitingFor(kind=asked.waiting, until=asked.until)
            reason = Reason.NEED_USER_VERIFICATION if asked.waiting is Waiting.PROOF else None
            due.append((10 + asked.round, {"status": Status.IN_PROGRESS, "reason": reason, "waiting_for": wait}))
    if state.subject and accepted.verify:
        due.append((20, {"status": Status.IN_PROGRESS}))
        if (asked_yes := state.asked.get(Waiting.CONFIRMATION)) and not state.settled:
            wait = WaitingFor(kind=asked_yes.waiting, until=asked_yes.until)
            due.append((30 + asked_yes.round, {"status": Status.IN_PROGRESS, "waiting_for": wait}))
    if state.settled:
        status, _ = _LAST[state.settled.ending]
        due.append((100, {"status": status, "reason": public_reason(state.settled, status)}))
    return due


def public_reason(settled: RequestSettled, status: Status) -> Reason | None:
    """The reason the app may see: DRP's own words, and never whether a record exists."""
    if status is not Status.DENIED:
        return None
    reason = settled.reason or Reason.OTHER
    if reason is Reason.NO_MATCH:
        return Reason.INSUF_VERIFICATION
    return reason if reason in DRP_REASONS else Reason.OTHER


def _letters(state: Correspondence, accepted: RequestAccepted) -> tuple[Correspondence, list[Effect]]:
    """Every letter now due that was not sent; one that a later fact has overtaken is not sent any more."""
    sent, effects = set(state.letters), []
    for name, letter, body in _due_letters(state, accepted):
        to = _recipient(state, letter)
        if name in sent or (to == "on_file" and state.subject is None):
            continue
        sent.add(name)
        about = {
            "letter": letter,
            "to": to,
            "subject": state.subject,
            "name": name,
            **_about(accepted),
            **body,
        }
        effects.append(Effect(LETTER, state.id, accepted.case_id, name, about, lane=f"mail/{hash_lane(state.id)}"))
    return state.but(letters=frozenset(sent)), effects


def hash_lane(request_id: str) -> str:
    """Spread letters over a few lanes, one request always in the same, so that its letters leave in order."""
    return str(int(request_id[-2:], 16) % 4)


def _due_letters(state: Correspondence, accepted: RequestAccepted) -> list[tuple[str, Letter, dict[str, Any]]]:
    due: list[tuple[str, Letter, dict[str, Any]]] = []
    if accepted.channel != "gpc" and accepted.right is not Right.UNCLASSIFIED:
        due.append(("acknowledgement", Letter.ACKNOWLEDGEMENT, {}))
    for asked in state.asked.values():
        overtaken = state.settled or (asked.waiting is Waiting.PROOF and state.subject)
        if not overtaken:
            body = {"round": asked.round, "kinds": asked.kinds, "declaration": asked.declaration}
            until = asked.until.isoformat()
            due.append((f"{asked.waiting}/{asked.round}", ASKING[asked.waiting], {**body, "until": until}))
    due += [(f"passed_on/{client}", Letter.PASSED_ON, {"client": client}) for client in state.passed_on]
    if state.settled:
        _, letter = _LAST[state.settled.ending]
        due.append(("end", letter, _account(state.settled)))
    for amended in state.amended:
        due.append(
            (
                f"amended/{amended.part}",
                Letter.AMENDED,
                {"parts": {amended.part: amended.end.model_dump(mode="json")}},
            )
        )
    return due


def _recipient(state: Correspondence, letter: Letter) -> Literal["given", "on_file"]:
    found = letter is Letter.CLOSED and state.subject is not None
    return "on_file" if letter in ON_FILE or found else "given"


def _about(accepted: RequestAccepted) -> dict[str, Any]:
    return {
        "brand": accepted.brand,
        "right": accepted.right,
        "locale": accepted.locale,
        "law": accepted.law,
        "received_on": accepted.clock.receipt_date.isoformat(),
        "respond_by": accepted.clock.respond_by.isoformat(),
        "granted": accepted.granted,
        "law_why": accepted.law_why,
    }


def _account(settled: RequestSettled) -> dict[str, Any]:
    parts = {name: end.model_dump(mode="json") for name, end in settled.parts.items()}
    return {"parts": parts, "ending": settled.ending, "reason": settled.reason, "package": settled.package}
