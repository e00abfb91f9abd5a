"""What each kind of event says to the register, as rows by table. Pure; any order of events fills the same tables.

A part's wait is ordered by who told it last (`wait_order`), its end by how sure it is (`end_order`): a reply that
showed its token, then the account of the whole request, then an amendment.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from rules.parts import ANSWER, VERIFICATION, handover, hold, is_hold
from schemas.values import Mode, Outcome, Party, Waiting
from services.ops.register.entry import Entry

type_row = tuple[str, dict[str, Any]]
type_rows = Mapping[str, list[dict[str, Any]]]

HINT, ACCOUNT, AMENDMENT = 1, 2, 3
"""How sure an end is: the earliest hint counts, the latest account, the latest amendment."""
_RANK: Final = 1 << 50
_EVERY: Final = {"event_id", "occurred_at"}
"""What every event says."""
_ROUNDS: Final = 16
"""A state can tell several rounds of one wait at once; their number orders them."""
_REPLIES: Final = {
    "completed": Outcome.COMPLETED,
    "refused": Outcome.REFUSED,
    "not_ours": Outcome.NOT_OURS,
}


def rows_of(entries: Iterable[Entry], misfit: Callable[[Entry], None]) -> type_rows:
    """The rows of many entries, by table. An entry that lacks what its kind has says nothing and is a `misfit`."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        if not entry.genuine or entry.kind not in _READ:
            continue
        if not entry.body.keys() >= _EVERY:
            misfit(entry)
            continue
        try:
            rows = list(_READ[entry.kind](entry))
        except (KeyError, TypeError, AttributeError):
            misfit(entry)
            continue
        for table, row in rows:
            found[table].append(row)
    return found


def _about(entry: Entry, **more: Any) -> dict[str, Any]:  # noqa: ANN401  any column
    body = entry.body
    return {"request_id": body["request_id"], "case_id": body.get("case_id"), "at": body["occurred_at"], **more}


def _as_told(table: str) -> Callable[[Entry], Iterator[type_row]]:
    """The event's own fields are the columns."""

    def rows(entry: Entry) -> Iterator[type_row]:
        yield table, entry.body

    return rows


# ---------------------------------------------------------------------------------------------------------- waits


def _wait(entry: Entry, part: str, party: str, waiting: str, **more: Any) -> type_row:  # noqa: ANN401  any column
    row = {"part": part, "party": party, "who": party, "waiting": waiting, "wait_order": 0, **more}
    return "waits", _about(entry, **row)


def _accepted(entry: Entry) -> Iterator[type_row]:
    body = entry.body
    yield "accepted", body
    for part in body.get("parts", ()):
        yield _first_wait(entry, part)
    yield from _located(entry)


def _first_wait(entry: Entry, part: str) -> type_row:
    """For whom a part waits until somebody says more of it."""
    if part == VERIFICATION:
        return _wait(entry, part, Party.PERSON, Waiting.PROOF, until=entry.body.get("unverified_at"))
    if is_hold(part):
        return _wait(entry, part, Party.PERSON, part.removeprefix(hold("")))
    if part == ANSWER:
        return _wait(entry, part, Party.OPERATOR, Waiting.ANSWER)
    if part.startswith("after:"):
        return _wait(entry, part, "request", Waiting.REQUEST, who=part.removeprefix("after:"))
    return _wait(entry, part, Party.OPERATOR, Waiting.REVIEW)


def _located(entry: Entry) -> Iterator[type_row]:
    for one in entry.body.get("clients", ()):
        client, part = one["client"], handover(one["client"])
        named = {"mode": one["mode"], "parcel_named": one.get("parcel_named", False)}
        yield "handovers", _about(entry, client=client, **named)
        yield _wait(entry, part, Party.CLIENT, Waiting.REPLY, who=client)
        if one["mode"] == Mode.REFER_ONLY:
            yield _end(entry, part, Outcome.REFERRED)


def _waiting(entry: Entry) -> Iterator[type_row]:
    body = entry.body
    order = body["seq"] * _ROUNDS + min(body.get("round", 1), _ROUNDS - 1)
    who = body.get("who") or body["party"]
    yield _wait(entry, body["part"], body["party"], body["waiting"], who=who, until=body["until"], wait_order=order)


def _assigned(entry: Entry) -> Iterator[type_row]:
    body = entry.body
    more = {"who": body["system"], "until": body["deadline"]}
    yield _wait(entry, body["part"], Party.SYSTEM, Waiting.TASK, wait_order=body["seq"] * _ROUNDS, **more)
    yield "assigned", body


# ----------------------------------------------------------------------------------------------------------- ends


def _end(entry: Entry, part: str, outcome: str, rank: int = HINT, **more: Any) -> type_row:  # noqa: ANN401
    order = rank * _RANK + (-entry.at_ms if rank == HINT else entry.at_ms)
    return "ends", _about(entry, part=part, outcome=outcome, end_order=order, **more)


def _ends(entry: Entry, rank: int, parts: Mapping[str, Mapping[str, Any]]) -> Iterator[type_row]:
    for part, end in parts.items():
        kept = [f"{one['code']}: {one['citation']}" for one in end.get("retained", ())]
        basis = "; ".join(dict.fromkeys(kept))[:1_000] or None
        yield _end(entry, part, end["outcome"], rank, reason=end.get("reason"), basis=basis)


def _answered(entry: Entry) -> Iterator[type_row]:
    body = entry.body
    yield from _located(entry)
    if body["kind"] == "confirmation":
        outcome = Outcome.CONFIRMED if body.get("accepted", True) else Outcome.DENIED
        yield _end(entry, hold("confirmation"), outcome)
    elif body["kind"] == "detail":
        yield _end(entry, hold("detail"), Outcome.ANSWERED)


def _verified(entry: Entry) -> Iterator[type_row]:
    yield "verdicts", {**entry.body, "verdict": Outcome.VERIFIED}
    yield _end(entry, VERIFICATION, Outcome.VERIFIED)


def _unverified(entry: Entry) -> Iterator[type_row]:
    yield "verdicts", {**entry.body, "verdict": Outcome.UNVERIFIED}
    yield _end(entry, VERIFICATION, Outcome.UNVERIFIED)


def _finished(entry: Entry) -> Iterator[type_row]:
    if entry.body["outcome"] != Outcome.FAILED:
        yield from _ends(entry, HINT, {entry.body["part"]: entry.body})


def _warned(entry: Entry) -> Iterator[type_row]:
    if entry.body["sent"]:
        yield _end(entry, hold("notice"), Outcome.SENT)


def _released(entry: Entry) -> Iterator[type_row]:
    yield _end(entry, f"after:{entry.body['by']}", Outcome.COMPLETED)


def _replied(entry: Entry) -> Iterator[type_row]:
    yield from _said(entry, entry.body["type"])


def _heard(entry: Entry) -> Iterator[type_row]:
    yield from _said(entry, entry.body["said"])


def _said(entry: Entry, said: str) -> Iterator[type_row]:
    """What a client said of a hand-over, by whichever way."""
    body = entry.body
    client = body["client"]
    if said == "delivered":
        return
    yield "handovers", _about(entry, client=client, received=said == "received", answer=said)
    if said in _REPLIES:
        yield _end(entry, handover(client), _REPLIES[said], reason=body.get("reason"))


def _settled(entry: Entry) -> Iterator[type_row]:
    yield "settled", entry.body
    yield from _ends(entry, ACCOUNT, entry.body.get("parts", {}))


def _closed(entry: Entry) -> Iterator[type_row]:
    yield "closed", entry.body
    yield from _ends(entry, ACCOUNT, entry.body.get("parts", {}))


def _amended(entry: Entry) -> Iterator[type_row]:
    yield from _ends(entry, AMENDMENT, {entry.body["part"]: entry.body["end"]})


# ---------------------------------------------------------------------------------------------- everything else


def _handed(entry: Entry) -> Iterator[type_row]:
    body = entry.body
    named = {"parcel_named": body.get("parcel_named", False)}
    yield "handovers", _about(entry, client=body["client"], handed=True, **named)


def _status(entry: Entry) -> Iterator[type_row]:
    if entry.body["status"] == "rejected":
        yield "rejections", entry.body


def _repaired(entry: Entry) -> Iterator[type_row]:
    yield "repairs", {**entry.body, "action": entry.kind}


_READ: Final[Mapping[str, Callable[[Entry], Iterator[type_row]]]] = {
    "RequestAccepted": _accepted,
    "AnswerRecorded": _answered,
    "PartWaiting": _waiting,
    "RequestVerified": _verified,
    "VerificationFailed": _unverified,
    "TaskAssigned": _assigned,
    "TaskFinished": _finished,
    "ClientReplied": _replied,
    "ClientHeard": _heard,
    "HandedOver": _handed,
    "OperatorDecided": _as_told("decided"),
    "DecisionApplied": _as_told("applied"),
    "DeadlineReached": _as_told("deadlines"),
    "DeadlineExtended": _as_told("extensions"),
    "ClockPaused": lambda _entry: iter(()),  # what it leads to is told by another event
    "PolicyChanged": lambda _entry: iter(()),  # about no request
    "RequestReleased": _released,
    "RequestSettled": _settled,
    "RequestClosed": _closed,
    "RequestAmended": _amended,
    "ContactWarned": _warned,
    "NoticeSent": _as_told("letters"),
    "NoticeFailed": _as_told("letters"),
    "RequestStatusChanged": _status,
    "Parked": _as_told("parked"),
    "LetterDelivered": _as_told("letters"),
    "RecordShown": _repaired,
    "RecordReplayed": _repaired,
    "RecordDiscarded": _repaired,
}
"""Every event there is, but the roots this register writes itself, and what clients sign: nobody here can prove it."""
