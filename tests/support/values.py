"""Builders of the values decisions are made of: each gives something ordinary, and takes what a test is about."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, UUID, uuid5

from rules.matching import Candidate, Matched
from rules.names import NameFit
from schemas.base import Due, Event
from schemas.events import (
    AnswerRecorded,
    ClientReplied,
    Clock,
    OperatorDecided,
    RequestAccepted,
    RequestClosed,
    RequestReleased,
    RequestVerified,
    TaskAssigned,
    TaskFinished,
    VerificationFailed,
)
from schemas.values import (
    AnswerKind,
    Assurance,
    Context,
    Ending,
    Group,
    Located,
    Mode,
    Outcome,
    PartEnd,
    PointKind,
    Population,
    Right,
    Role,
    Verb,
)
from services.fulfiller import decide as fulfiller
from services.kernel import tokens
from services.verifier import decide as verifier
from tests.support.world import SYSTEMS, handbook, handover_id, reply_token

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=1)
DAYS = timedelta(days=1)
CASE = "5b3f2a10-9c7e-8d21-a4b0-000000000001"
REQUEST = "5b3f2a10-9c7e-8d21-a4b0-000000000002"
ACCESS_REQUEST = "5b3f2a10-9c7e-8d21-a4b0-000000000003"
SUBJECT = "00000000-0000-8000-8000-00000000000a"
LAST_DAY = date(2026, 4, 16)
LAST_MOMENT = datetime(2026, 4, 17, 6, 59, 59, 999999, tzinfo=UTC)
"""The end of the last day to answer, in California."""
ENDS_AT = NOON + 14 * DAYS
"""When a request that stays unproven ends."""
E = TypeVar("E", bound=Event)


def an_id(*of: object) -> UUID:
    """An event id that says the same for the same."""
    return uuid5(NAMESPACE_URL, "/".join(map(str, of)))


def told(event: type[E], /, *on: object, at: datetime = NOON, **fields: Any) -> E:
    """An event about the request, ids and time filled in."""
    ids = {
        "request_id": REQUEST,
        "case_id": CASE,
        "event_id": an_id(event.__name__, *on, sorted(map(str, fields.items()))),
    }
    return event(**{"occurred_at": at, **ids, **fields})


def an_accepted(right: Right = Right.DELETE, **fields: Any) -> RequestAccepted:
    """A deletion of the brand that asks no second time, to be proven by two points."""
    ordinary = {
        "source": "webform", "submission_id": "s-1", "brand": "parcelwise", "right": right, "role": Role.SUBJECT,
        "channel": "web", "context": Context.UNKNOWN, "locale": "en-US", "law": "BRAND", "law_why": "no_law_applies",
        "granted": True, "provisional": False, "policy_version": "2020-01-01", "received_at": NOON,
        "clock": Clock(receipt_date=NOON.date(), respond_by=LAST_DAY, timezone="America/Los_Angeles"),
        "verify": True, "assurance": Assurance.REASONABLE, "points_needed": 2, "declaration_needed": False,
        "parts": ["own/verification"], "unverified_at": ENDS_AT,
    }  # fmt: skip
    return told(RequestAccepted, **{**ordinary, **fields})


def an_opt_out(**fields: Any) -> RequestAccepted:
    """An opt-out: nobody is verified."""
    return an_accepted(
        **{"right": Right.OPT_OUT_SALE_SHARE, "verify": False, "parts": [], "points_needed": 0, **fields}
    )


def an_answer(kind: AnswerKind, number: int = 1, **fields: Any) -> AnswerRecorded:
    """Something the person said later."""
    return told(AnswerRecorded, number, kind=kind, **fields)


def a_verdict(subject: str = SUBJECT) -> RequestVerified:
    """Somebody was verified."""
    groups = [Group.EMAIL, Group.PHONE]
    return told(RequestVerified, subject=subject, groups=groups, assurance=Assurance.REASONABLE)


def a_failure() -> VerificationFailed:
    """Nobody was."""
    return told(VerificationFailed, detail="silent")


def a_decision(verb: Verb, part: str | None = None, **fields: Any) -> OperatorDecided:
    """An operator's decision."""
    return told(OperatorDecided, verb=verb, part=part, by="ops", **fields)


def a_release(by: str = ACCESS_REQUEST) -> RequestReleased:
    """The work another request had to do is done."""
    return told(RequestReleased, by=by)


def a_close() -> RequestClosed:
    """The end of everything."""
    return told(RequestClosed, ending=Ending.FULFILLED, parts={})


def a_result(task: TaskAssigned, outcome: Outcome = Outcome.ERASED, **fields: Any) -> TaskFinished:
    """A system's word about its task."""
    ordinary = {"task_id": task.task_id, "system": task.system, "part": task.part, "attempt": task.attempt}
    return told(TaskFinished, **{**ordinary, "outcome": outcome, "reply_token": task.reply_token, **fields})


def a_waking(state_id: str, at: datetime, version: int = 1) -> Due:
    """The moment a state asked for."""
    return Due.of(state_id, version, at)


def located(client: str = "acorn", *, named: bool = False, mode: Mode = Mode.FORWARD) -> Located:
    """A client whose record of the person was located."""
    return Located(
        client=client, mode=mode, groups=[Group.EMAIL, Group.NAME], subjects=[f"{SUBJECT[:-1]}b"], parcel_named=named
    )


def a_reply(kind: str, client: str = "acorn", number: int = 1, **fields: Any) -> fulfiller.Reply:
    """A client's reply, with the token it was given unless another is named."""
    token = reply_token(f"client:{client}/handover", REQUEST, client)
    ordinary = {"client": client, "handover_id": REQUEST, "request_id": REQUEST, "reply_token": token, "type": kind}
    body = ClientReplied.model_validate({**ordinary, **fields})
    return fulfiller.Reply(an_id("reply", kind, client, number), NOON, REQUEST, body)


def an_end(outcome: Outcome, **fields: Any) -> PartEnd:
    """How a part ended."""
    return PartEnd(outcome=outcome, **fields)


def a_record(
    *kinds: PointKind, subject: str = SUBJECT, population: Population = Population.ACCOUNT_HOLDER,
    client: str | None = None, name: NameFit = NameFit.UNKNOWN,
) -> Candidate:  # fmt: skip
    """One person's record in which points of these kinds match."""
    return Candidate(subject, population, client, tuple(Matched(kind, "accounts", None) for kind in kinds), name)


def seen(*records: Candidate) -> verifier.Facts:
    """The verifier's facts when the directory gives these records."""
    return verifier.Facts(handbook().brands, handbook().points, {REQUEST: records})


def around(
    *enabled: str, packets: dict[tuple[str, str], fulfiller.Packet] | None = None, direct: bool = True
) -> fulfiller.Facts:
    """The fulfiller's facts with these clients enabled, by topics or by ways that take their time."""
    return fulfiller.Facts(
        handbook=handbook(), systems=SYSTEMS, token=reply_token, same=tokens.matches, handover=handover_id,
        packets=packets or {},
        enabled=frozenset(enabled), direct=frozenset(enabled if direct else ()),
    )  # fmt: skip


def of(kind: type[E], events: Sequence[Event]) -> list[E]:
    """The events of one class."""
    return [event for event in events if isinstance(event, kind)]
