"""Parked records: which lie where and why, what they hold, and the two ways out: back on their topic, or given up.

Whatever is done is told on `privacy.repairs` with who and why. If the process dies half-way, the record still lies
parked and the same is done again: readers drop what they had handled, by the identity the record keeps.
"""

import asyncio
import base64
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from kafka import KafkaConsumer, TopicPartition
from psycopg.rows import dict_row
from pydantic import ValidationError
from pydantic_core import from_json

from schemas import wire
from schemas.audit import RecordDiscarded, RecordReplayed, RecordShown, Repair
from schemas.base import Event
from schemas.problems import problems_of
from schemas.topics import STAGES, topic_of
from schemas.wire import Record, Unreadable
from services.kernel.clock import new_id
from services.kernel.decision import State
from services.kernel.errors import PermanentError
from services.kernel.origin import with_origin
from services.kernel.store import Store
from services.kernel.tokens import case_key
from services.kernel.vault import Sealer
from services.ops.installation import Installation
from services.ops.kafka import Access, Publisher, record_of
from services.ops.register.keeping import now

_LYING: Final = "SELECT * FROM ops.parked WHERE lies ORDER BY parked_at"
_ONE: Final = "SELECT * FROM ops.parked WHERE starts_with(event_id::text, %s) AND parked_at IS NOT NULL LIMIT 2"
_SEALED: Final = "SELECT sealed FROM ops.sealed WHERE event_id = %s"
WAKING: Final = "due"
"""The topic a parked waking names: there is no record behind it."""


class NoSuchRecord(PermanentError):
    """No parked record has that id, or it cannot be read any more; the text says which."""


class CannotReplay(PermanentError):
    """A parked record cannot go back on its topic so; the text says why."""


@dataclass(frozen=True, slots=True)
class Hand:
    """Who repairs, and why: a code or a ticket, nothing about people."""

    by: str
    why: str


def lying(db: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """Records that nobody has dealt with, oldest first."""
    return db.cursor(row_factory=dict_row).execute(_LYING).fetchall()


def find(db: psycopg.Connection[Any], wanted: str) -> dict[str, Any]:
    """One parked record, by its id or the beginning of it.

    Raises:
        NoSuchRecord: none or several begin so.
    """
    found = db.cursor(row_factory=dict_row).execute(_ONE, [wanted]).fetchall()
    if len(found) != 1:
        many = "several parked records begin" if found else "no parked record begins"
        raise NoSuchRecord(f"{many} with {wanted}; `rightsbus parked list` shows them")
    return found[0]


def show(found: Installation, wanted: str, hand: Hand) -> Record:
    """Read a parked record in clear. That it was read is told first."""
    with found.connect() as db:
        parked = find(db, wanted)
        tell(found, parked, RecordShown, hand, now(db))
        return original(found, db, parked)


def replay(found: Installation, wanted: str, hand: Hand, value: bytes | None = None) -> dict[str, Any]:
    """Put a parked record back on its topic, edited if a value is given; it keeps its identity.

    A waking lies on no topic: its state is woken now, instead of within the hour.

    Raises:
        CannotReplay: it does not lie parked any more, or the new value is not what its topic carries.
    """
    with found.connect() as db:
        parked = find(db, wanted)
        if not parked["lies"]:
            raise CannotReplay(f"it was {parked['resolution']} before")
        record, when = original(found, db, parked), now(db)
        if value is not None:
            check(record, value)
            record = replace(record, value=value)
        release(found, db, parked, wake_at=when)
    if record.topic != WAKING:
        headers = with_origin(record, found.keys.derive("origin"))
        with closing(Publisher(found.access())) as publisher:
            publisher.send(record.topic, record.value or b"", key=record.key, headers=headers)
    tell(found, parked, RecordReplayed, hand, when, edited=value is not None)
    return parked


def discard(found: Installation, wanted: str, hand: Hand) -> dict[str, Any]:
    """Give a parked record up: nothing waits for it any more.

    Raises:
        CannotReplay: it does not lie parked any more.
    """
    with found.connect() as db:
        parked = find(db, wanted)
        if not parked["lies"]:
            raise CannotReplay(f"it was {parked['resolution']} before")
        release(found, db, parked)
        tell(found, parked, RecordDiscarded, hand, now(db))
    return parked


def tell(
    found: Installation,
    parked: Mapping[str, Any],
    kind: type[Repair],
    hand: Hand,
    when: datetime,
    **more: Any,  # noqa: ANN401  the kind's own
) -> None:
    """Publish what was done; returns when the broker has it."""
    event = kind(
        event_id=new_id(), occurred_at=when, request_id=parked["request_id"], case_id=parked["case_id"],
        parked_id=parked["event_id"], by=hand.by, why=hand.why, **more,
    )  # fmt: skip
    topic, key, value, headers = wire.encode(event, source="rightsbus/ops")
    with closing(Publisher(found.access("ops"))) as publisher:
        publisher.send(topic, value, key=key, headers=headers)


def original(found: Installation, db: psycopg.Connection[Any], parked: Mapping[str, Any]) -> Record:
    """The record as it first lay: unsealed, or where it was too large to be carried, read there.

    Raises:
        NoSuchRecord: neither the seal nor the topic holds it any more.
    """
    where = (parked["topic"], parked["partition"], parked["offset"])
    kept = db.execute(_SEALED, [parked["event_id"]]).fetchone()
    if kept and kept[0]:
        parts = from_json(Sealer(found.keys, "outbox").open(bytes(kept[0])))
        headers = tuple((name, _raw(value)) for name, value in parts["headers"])
        at_ms = parts.get("at_ms") or int(parked["parked_at"].timestamp() * 1000)
        return Record(*where, _raw(parts["key"]), _raw(parts["value"]), headers, at_ms)
    there = fetch(found.access(), *where) if parked["topic"] != WAKING else None
    if there is None:
        raise NoSuchRecord(f"what lay at {where[0]}/{where[1]}@{where[2]} is not kept any more")
    return there


def fetch(access: Access, topic: str, partition: int, offset: int) -> Record | None:
    """One record by its position; None when the topic has let go of it."""
    part = TopicPartition(access.prefix + topic, partition)
    with closing(KafkaConsumer(**access.settings(), group_id=None, enable_auto_commit=False)) as consumer:
        consumer.assign([part])
        [first], [end] = consumer.beginning_offsets([part]).values(), consumer.end_offsets([part]).values()
        if not first <= offset < end:
            return None
        consumer.seek(part, offset)
        polled = consumer.poll(timeout_ms=10_000, max_records=1).get(part, [])
    found = [record_of(message, access.prefix) for message in polled]
    return next((record for record in found if record.offset == offset), None)


def check(record: Record, value: bytes) -> None:
    """Refuse a value its topic does not carry, or one that would become another event.

    Raises:
        CannotReplay: lists which fields break which rules.
    """
    if record.topic == WAKING:
        raise CannotReplay("a waking has no value to edit; mend what stood in its way, and replay it as it is")
    topic, edited = topic_of(record.topic), replace(record, value=value)
    try:
        if topic.outside:
            said = wire.unwrap(edited)
            topic.adapter.validate_python(_dated(record, said) | said)
            return
        event = wire.decode(edited)
    except ValidationError as error:
        raise _not_carried(record, Unreadable(problems_of(error))) from None
    except Unreadable as error:
        raise _not_carried(record, error) from None
    before = _event_id(record)
    if before is not None and event.event_id != before:
        raise CannotReplay(f"`event_id` must stay {before}: the record keeps its identity")


def _not_carried(record: Record, error: Unreadable) -> CannotReplay:
    return CannotReplay(f"the new value is not what {record.topic} carries: {error}")


def _dated(record: Record, said: Mapping[str, Any]) -> dict[str, Any]:
    """What an event of an outsider gets from where it lies; it may leave its case unsaid."""
    if not issubclass(topic_of(record.topic).classes[0], Event):
        return {}
    return {"event_id": record.position_id, "occurred_at": record.at, "case_id": said.get("request_id")}


def _event_id(record: Record) -> UUID | None:
    try:
        return wire.decode(record).event_id
    except Unreadable:
        return None


def release(
    found: Installation, db: psycopg.Connection[Any], parked: Mapping[str, Any], *, wake_at: datetime | None = None
) -> None:
    """Let the states that were marked for it go on, and let the message come again. Twice is as once.

    Where it was a waking, the state that waits is woken at `wake_at`.
    """
    waking = parked["topic"] == WAKING
    ids = [from_json(original(found, db, parked).value or b"")["request_id"]] if waking else _about(parked)
    stages = [parked["service"], *(stage for stage, service in STAGES.items() if service == parked["service"])]

    async def run() -> None:
        async with await psycopg.AsyncConnection.connect(found.endpoints.database_url) as conn:
            for stage in stages:
                store = Store(stage, State)
                if await store.release(conn, parked["cause"], ids) and waking and wake_at:
                    await store.postpone(conn, ids, wake_at)

    if parked["cause"]:
        asyncio.run(run())


def _about(parked: Mapping[str, Any]) -> list[str]:
    """The states a record concerns: its request's, its case's, and that of the case by its key."""
    about = [str(parked[name]) for name in ("request_id", "case_id") if parked[name]]
    return [*about, *(case_key(one) for one in about)]


def _raw(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)
