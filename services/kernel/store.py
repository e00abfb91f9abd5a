"""What a stage keeps in PostgreSQL: states, inbox, outbox, effects, counters. Set-based: arrays in, arrays out.

Nothing here decides anything. Every method works inside the caller's transaction.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composed, Identifier

from schemas.wire import Headers
from services.kernel.decision import Count, Effect, State

Conn = AsyncConnection[TupleRow]
S = TypeVar("S", bound=State)

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(id, {seed})) FROM unnest(%s::text[]) AS t(id)"
_STATES = "SELECT id, version, body_version, body FROM {s}.state WHERE id = ANY(%s) ORDER BY id FOR UPDATE"
_INBOX = """INSERT INTO {s}.inbox (event_id) SELECT unnest(%s::uuid[]) ON CONFLICT DO NOTHING RETURNING event_id"""
_DUE = """SELECT id, version, body_version, body, due_at FROM {s}.state
WHERE due_at <= %s ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED"""
_SAVE = """INSERT INTO {s}.state (id, version, body_version, body, due_at)
SELECT * FROM unnest(%s::text[], %s::int[], %s::int[], %s::jsonb[], %s::timestamptz[])
ON CONFLICT (id) DO UPDATE SET version = excluded.version, body_version = excluded.body_version,
body = excluded.body, due_at = excluded.due_at"""
_MARK = """INSERT INTO {s}.state (id, version, body_version, body, parked)
SELECT id, 0, 0, NULL, 1 FROM unnest(%s::text[]) AS t(id)
ON CONFLICT (id) DO UPDATE SET parked = {s}.state.parked + 1"""
_POSTPONE = "UPDATE {s}.state SET due_at = %s WHERE id = ANY(%s)"
_OLDER = "SELECT id, topic, key, value, headers, sealed FROM {s}.outbox WHERE key = ANY(%s) ORDER BY id"
_LEFT = """SELECT id, topic, key, value, headers, sealed FROM {s}.outbox
WHERE created_at < clock_timestamp() - %s AND pg_try_advisory_xact_lock({seed}, 1) ORDER BY id LIMIT 500"""
_OUT = """INSERT INTO {s}.outbox (topic, key, value, headers, sealed)
SELECT * FROM unnest(%s::text[], %s::bytea[], %s::bytea[], %s::jsonb[], %s::bool[]) RETURNING id"""
_GONE = "DELETE FROM {s}.outbox WHERE id = ANY(%s)"
_EFFECT = """INSERT INTO {s}.effects (id, kind, lane, request_id, case_id, name, body, not_before, traceparent)
SELECT * FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[],
%s::timestamptz[], %s::text[]) ON CONFLICT (id) DO NOTHING"""
_COUNT = """INSERT INTO {s}.counters (key, expires_at, n) SELECT key, max(until), count(*)
FROM unnest(%s::text[], %s::timestamptz[]) AS t(key, until) GROUP BY key
ON CONFLICT (key) DO UPDATE SET
n = CASE WHEN {s}.counters.expires_at <= %s THEN excluded.n ELSE {s}.counters.n + excluded.n END,
expires_at = CASE WHEN {s}.counters.expires_at <= %s THEN excluded.expires_at ELSE {s}.counters.expires_at END"""
_COUNTED = "SELECT key, n FROM {s}.counters WHERE key = ANY(%s) AND expires_at > %s"
_LEASE = """UPDATE {s}.effects SET leased_until = clock_timestamp() + %(lease)s, attempts = attempts + 1
WHERE id IN (SELECT id FROM {s}.effects WHERE kind = %(kind)s AND not_before <= %(now)s
AND lane <> ALL(%(busy)s) AND (leased_until IS NULL OR leased_until < clock_timestamp())
ORDER BY not_before LIMIT %(most)s FOR UPDATE SKIP LOCKED)
RETURNING id, kind, lane, request_id, case_id, name, body, attempts, traceparent"""
_RENEW = "UPDATE {s}.effects SET leased_until = clock_timestamp() + %s WHERE id = ANY(%s)"
_DONE = "DELETE FROM {s}.effects WHERE id = ANY(%s) RETURNING id"
_AGAIN = """UPDATE {s}.effects e SET leased_until = NULL, not_before = t.at,
attempts = e.attempts - (e.id = ANY(%s::uuid[]))::int
FROM unnest(%s::uuid[], %s::timestamptz[]) AS t(id, at) WHERE e.id = t.id"""
_PURGE = """DELETE FROM {s}.inbox WHERE event_id IN
(SELECT event_id FROM {s}.inbox WHERE at < clock_timestamp() - %s LIMIT 5000)"""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way out. `sealed` values are encrypted in the table and opened just before sending."""

    topic: str
    key: bytes
    value: bytes
    headers: Headers
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Stored:
    """An outgoing message with its row id."""

    id: int
    message: Outgoing


@dataclass(frozen=True, slots=True)
class Leased:
    """An effect in hand. It can be the cause of the event that tells its result."""

    id: UUID
    kind: str
    lane: str
    request_id: str
    case_id: str
    name: str
    body: Mapping[str, Any]
    attempts: int
    traceparent: str | None

    @property
    def event_id(self) -> UUID:
        """The same for every attempt, so that the result is told once."""
        return self.id


class Store(Generic[S]):
    """One stage's tables: schema `schema`, states of class `kind`."""

    def __init__(self, schema: str, kind: type[S]) -> None:
        self.schema, self._kind = schema, kind
        self._seed = sum(schema.encode())

    def _sql(self, text: str) -> Composed:
        return SQL(text).format(s=Identifier(self.schema), seed=self._seed)

    def _state(self, row: TupleRow) -> S:
        _, version, written_as, body = row[:4]
        if body is None:
            return self._kind.stub(row[0]).but(version=version)
        if written_as != self._kind.BODY:
            body = self._kind.upcast(body, written_as)
        return self._kind.model_validate(body | {"id": row[0], "version": version})

    async def open(self, conn: Conn, ids: Sequence[str], events: Sequence[UUID]) -> tuple[dict[str, S], set[UUID]]:
        """Lock the states, read them, and note the events as seen; returns known states and the events new here."""
        ordered = sorted(set(ids))
        async with conn.pipeline():
            await conn.execute(self._sql(_LOCK), [ordered])
            states = await conn.execute(self._sql(_STATES), [ordered])
            fresh = await conn.execute(self._sql(_INBOX), [sorted(set(events))])
            known = {row[0]: self._state(row) async for row in states}
            return known, {row[0] async for row in fresh}

    async def due(self, conn: Conn, now: datetime, most: int) -> dict[str, tuple[S, datetime]]:
        """Claim states whose time has come; rows another worker holds are passed over."""
        rows = await conn.execute(self._sql(_DUE), [now, most])
        return {row[0]: (self._state(row), row[4]) async for row in rows}

    async def save(self, conn: Conn, states: Mapping[str, tuple[S, datetime | None]]) -> None:
        """Write changed states."""
        rows = sorted(states.items())
        bodies = [state.model_dump_json(exclude={"id", "version"}) for _, (state, _) in rows]
        args = [
            [i for i, _ in rows],
            [s.version for _, (s, _) in rows],
            [self._kind.BODY] * len(rows),
            bodies,
        ]
        await conn.execute(self._sql(_SAVE), [*args, [due for _, (_, due) in rows]])

    async def mark_parked(self, conn: Conn, ids: Iterable[str]) -> None:
        """Note on each state that a message of its request lies parked."""
        await conn.execute(self._sql(_MARK), [sorted(set(ids))])

    async def postpone(self, conn: Conn, ids: Iterable[str], until: datetime) -> None:
        """Let states sleep until then."""
        await conn.execute(self._sql(_POSTPONE), [until, list(ids)])

    async def older(self, conn: Conn, keys: Iterable[bytes]) -> list[Stored]:
        """Unpublished messages of these keys, oldest first: they must leave before newer ones."""
        rows = await conn.execute(self._sql(_OLDER), [list(set(keys))])
        return [_stored(row) async for row in rows]

    async def left(self, conn: Conn, older_than: timedelta) -> list[Stored]:
        """Messages a worker left behind, oldest first; nothing while another worker is at them in its transaction."""
        return [_stored(row) async for row in await conn.execute(self._sql(_LEFT), [older_than])]

    async def put_out(self, conn: Conn, messages: Sequence[Outgoing]) -> list[Stored]:
        """Add messages to the outbox, in order."""
        if not messages:
            return []
        columns = [
            [m.topic for m in messages],
            [m.key for m in messages],
            [m.value for m in messages],
            [_dump_headers(m.headers) for m in messages],
            [m.sealed for m in messages],
        ]
        rows = await conn.execute(self._sql(_OUT), columns)
        ids = sorted([row[0] async for row in rows])
        return [Stored(row_id, message) for row_id, message in zip(ids, messages, strict=True)]

    async def sent(self, conn: Conn, ids: Sequence[int]) -> None:
        """Forget messages the broker confirmed."""
        await conn.execute(self._sql(_GONE), [list(ids)])

    async def add_effects(self, conn: Conn, effects: Sequence[tuple[Effect, str | None]], now: datetime) -> None:
        """Record effects to perform; one already recorded under its id stays as it is."""
        columns: list[list[Any]] = [[], [], [], [], [], [], [], [], []]
        for effect, trace in effects:
            row = (effect.id, effect.kind, effect.lane, effect.request_id, effect.case_id, effect.name)
            body = json.dumps(dict(effect.body))
            for column, value in zip(columns, (*row, body, effect.not_before or now, trace), strict=True):
                column.append(value)
        await conn.execute(self._sql(_EFFECT), columns)

    async def count(self, conn: Conn, counts: Sequence[Count], now: datetime) -> None:
        """Add to counters; an expired one starts anew."""
        await conn.execute(self._sql(_COUNT), [[c.key for c in counts], [c.until for c in counts], now, now])

    async def counted(self, conn: Conn, keys: Iterable[str], now: datetime) -> dict[str, int]:
        """How often each was counted within its window; absent means never."""
        return {row[0]: row[1] async for row in await conn.execute(self._sql(_COUNTED), [list(keys), now])}

    async def lease(  # noqa: PLR0913  what, how many, how long, when, and not those
        self, conn: Conn, kind: str, *, most: int, lease: timedelta, now: datetime, busy: Sequence[str]
    ) -> list[Leased]:
        """Take effects in hand for a while, oldest first, none of a busy lane."""
        args = {"kind": kind, "most": most, "lease": lease, "now": now, "busy": list(busy)}
        return [Leased(*row) async for row in await conn.execute(self._sql(_LEASE), args)]

    async def renew(self, conn: Conn, ids: Sequence[UUID], lease: timedelta) -> None:
        """Keep effects in hand: work on them goes on."""
        await conn.execute(self._sql(_RENEW), [lease, list(ids)])

    async def done(self, conn: Conn, ids: Sequence[UUID]) -> set[UUID]:
        """Strike effects off; returns those that were still ours to strike."""
        return {row[0] async for row in await conn.execute(self._sql(_DONE), [list(ids)])}

    async def again(self, conn: Conn, when: Mapping[UUID, datetime], uncounted: Sequence[UUID] = ()) -> None:
        """Put effects back, each for its own moment; for the uncounted ones this was no attempt."""
        await conn.execute(self._sql(_AGAIN), [list(uncounted), list(when), list(when.values())])

    async def purge_inbox(self, conn: Conn, keep: timedelta) -> int:
        """Forget events seen longer ago than any topic keeps them; a bounded number at a time."""
        return (await conn.execute(self._sql(_PURGE), [keep])).rowcount

    async def backlog(self, conn: Conn) -> tuple[int, dict[str, int]]:
        """Rows left in the outbox, and effects pending by kind."""
        outbox = await (await conn.execute(self._sql("SELECT count(*) FROM {s}.outbox"))).fetchone()
        rows = await conn.execute(self._sql("SELECT kind, count(*) FROM {s}.effects GROUP BY kind"))
        return (outbox[0] if outbox else 0), {row[0]: row[1] async for row in rows}


def _dump_headers(headers: Headers) -> str:
    return json.dumps([[name, value.decode()] for name, value in headers])


def _stored(row: TupleRow) -> Stored:
    headers = [(name, value.encode()) for name, value in row[4]]
    return Stored(row[0], Outgoing(row[1], bytes(row[2]), bytes(row[3]), headers, sealed=row[5]))
