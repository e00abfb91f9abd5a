"""What a stage keeps in PostgreSQL: states, inbox, outbox, counters. Set-based: arrays in, arrays out.

Nothing here decides anything. Every method works inside the caller's transaction. Arrays travel in binary (`%b`):
as text, escaping them costs more than everything else together.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, TypeVar
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier
from pydantic_core import to_json

from schemas.wire import Headers
from services.kernel.decision import Count, State

Conn = AsyncConnection[TupleRow]
S = TypeVar("S", bound=State)

MOST_SENT: Final = 2 * 1_048_576
"""About how many bytes of left-over messages are taken in hand at once."""

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(id, {seed})) FROM unnest(%b::text[]) AS t(id)"
_STATES = "SELECT id, version, body_version, body, parked FROM {s}.state WHERE id = ANY(%b) ORDER BY id FOR UPDATE"
_INBOX = """INSERT INTO {s}.inbox (event_id) SELECT unnest(%b::uuid[]) ORDER BY 1
ON CONFLICT DO NOTHING RETURNING event_id"""
_DUE = """SELECT id, version, body_version, body, parked, due_at FROM {s}.state
WHERE due_at <= %s ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED"""
_SAVE = """INSERT INTO {s}.state AS old (id, version, body_version, body, due_at)
SELECT id, version, %s, body::jsonb, due_at FROM unnest(%b::text[], %b::int[], %b::text[], %b::timestamptz[])
AS t(id, version, body, due_at)
ON CONFLICT (id) DO UPDATE SET version = excluded.version, due_at = excluded.due_at,
body = CASE WHEN old.body_version > excluded.body_version THEN old.body || excluded.body ELSE excluded.body END,
body_version = greatest(old.body_version, excluded.body_version)"""
_TICK = """INSERT INTO {s}.state (id, version, body_version, body)
SELECT id, version, 0, NULL FROM unnest(%b::text[], %b::int[]) AS t(id, version)
ON CONFLICT (id) DO UPDATE SET version = excluded.version"""
_MARK = """INSERT INTO {s}.state (id, version, body_version, body, parked)
SELECT id, 0, 0, NULL, 1 FROM unnest(%b::text[]) AS t(id)
ON CONFLICT (id) DO UPDATE SET parked = {s}.state.parked + 1"""
_MARK_INBOX = """INSERT INTO {s}.inbox (event_id, parked) VALUES (%s, true)
ON CONFLICT (event_id) DO UPDATE SET parked = true"""
_RELEASE = """WITH freed AS (DELETE FROM {s}.inbox WHERE event_id = %s AND parked RETURNING 1)
UPDATE {s}.state SET parked = parked - 1 WHERE id = ANY(%b) AND parked > 0
AND EXISTS (SELECT FROM freed) RETURNING id"""
_POSTPONE = "UPDATE {s}.state SET due_at = %s WHERE id = ANY(%b)"
_MESSAGE = "id, topic, key, value, headers, sealed FROM {s}.outbox"
_OLDER = f"SELECT {_MESSAGE} WHERE key = ANY(%b) ORDER BY id FOR UPDATE"
_LEFT = """SELECT MESSAGE WHERE id IN (SELECT id FROM (SELECT id, sum(length(value)) OVER (ORDER BY id)
- length(value) AS before FROM {s}.outbox WHERE created_at < clock_timestamp() - %s AND topic <> ALL(%b)
ORDER BY id LIMIT 500) t WHERE before < %s) ORDER BY id FOR UPDATE""".replace("MESSAGE", _MESSAGE)
_OUT = """INSERT INTO {s}.outbox (topic, key, value, headers, sealed)
SELECT topic, key, value, headers::jsonb, sealed
FROM unnest(%b::text[], %b::bytea[], %b::bytea[], %b::text[], %b::bool[]) AS t(topic, key, value, headers, sealed)
RETURNING id"""
_HOLD = "SELECT id FROM {s}.outbox WHERE id = ANY(%b) ORDER BY id FOR UPDATE"
_GONE = "DELETE FROM {s}.outbox WHERE id = ANY(%b)"
_COUNT = """INSERT INTO {s}.counters AS old (key, expires_at, n) SELECT key, max(until), count(*)
FROM unnest(%b::text[], %b::timestamptz[]) AS t(key, until) GROUP BY key ORDER BY key
ON CONFLICT (key) DO UPDATE SET
n = CASE WHEN old.expires_at <= %s THEN excluded.n ELSE old.n + excluded.n END,
expires_at = CASE WHEN old.expires_at <= %s THEN excluded.expires_at ELSE old.expires_at END"""
_COUNTED = "SELECT key, n FROM {s}.counters WHERE key = ANY(%b) AND expires_at > %s"
_PURGE_INBOX = """DELETE FROM {s}.inbox WHERE event_id IN
(SELECT event_id FROM {s}.inbox WHERE at < clock_timestamp() - %s AND NOT parked LIMIT 5000)"""
_PURGE_COUNTERS = """DELETE FROM {s}.counters WHERE key IN
(SELECT key FROM {s}.counters WHERE expires_at <= %s LIMIT 5000 FOR UPDATE SKIP LOCKED)"""

_WAITING = """SELECT (SELECT count(*) FROM {s}.outbox),
(SELECT coalesce(sum(parked), 0) FROM {s}.state WHERE parked > 0)"""


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


class Schema:
    """SQL for one stage's schema, put together once."""

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self._names = {"s": Identifier(schema), "seed": seed_of(schema)}
        self._ready: dict[str, bytes] = {}

    def sql(self, text: str) -> bytes:
        """Fill in the schema's name."""
        if text not in self._ready:
            self._ready[text] = SQL(text).format(**self._names).as_bytes(None)
        return self._ready[text]


class Store(Schema, Generic[S]):
    """One stage's tables: schema `schema`, states of class `kind`."""

    def __init__(self, schema: str, kind: type[S]) -> None:
        super().__init__(schema)
        self._kind = kind

    def read(self, row: TupleRow) -> S:
        """Make a row into a state; an older shape is lifted, of a newer one the known part is read.

        Raises:
            ValidationError: the body is no state of this kind.
        """
        state_id, version, written_as, body, parked = row[:5]
        own = {"id": state_id, "version": version, "parked": parked}
        if body is None:
            return self._kind.stub(state_id).but(**own)
        if written_as < self._kind.BODY:
            body = self._kind.upcast(body, written_as)
        return self._kind.model_validate(body | own)

    async def open(
        self, conn: Conn, ids: Iterable[str], events: Iterable[UUID]
    ) -> tuple[dict[str, TupleRow], set[UUID]]:
        """Lock the states, read them, and note the events as seen; returns the rows there are, and the events new here.

        Whoever writes a state holds its lock, also for a state not there yet; locks are taken in the ids' order.
        """
        ordered = sorted(set(ids))
        async with conn.pipeline():
            await conn.execute(self.sql(_LOCK), [ordered])
            states = await conn.execute(self.sql(_STATES), [ordered])
            fresh = await conn.execute(self.sql(_INBOX), [list(set(events))])
            return {row[0]: row for row in await states.fetchall()}, {row[0] for row in await fresh.fetchall()}

    async def due(self, conn: Conn, now: datetime, most: int) -> list[TupleRow]:
        """Claim states whose time has come, as rows with `due_at` last; those another worker holds are passed over."""
        return await (await conn.execute(self.sql(_DUE), [now, most])).fetchall()

    async def save(self, conn: Conn, states: Mapping[str, tuple[S, datetime | None]]) -> None:
        """Write changed states. What newer code added to a body stays."""
        rows = sorted(states.items())
        bodies = [state.model_dump_json(exclude={"id", "version", "parked"}) for _, (state, _) in rows]
        columns = [[i for i, _ in rows], [s.version for _, (s, _) in rows], bodies, [due for _, (_, due) in rows]]
        await conn.execute(self.sql(_SAVE), [self._kind.BODY, *columns])

    async def tick(self, conn: Conn, versions: Mapping[str, int]) -> None:
        """Count up states that said something and changed in nothing else; when they are woken stays."""
        rows = sorted(versions.items())
        await conn.execute(self.sql(_TICK), [[i for i, _ in rows], [version for _, version in rows]])

    async def mark_parked(self, conn: Conn, ids: Iterable[str], event_id: UUID) -> None:
        """Note on each state that a message of its request lies parked, and on the inbox which one it is."""
        await conn.execute(self.sql(_MARK), [sorted(set(ids))])
        await conn.execute(self.sql(_MARK_INBOX), [event_id])

    async def release(self, conn: Conn, event_id: UUID, ids: Iterable[str]) -> bool:
        """Let go of a parked message, replayed or discarded: it may come again, and no state waits for it any more.

        Returns whether states waited; a second time changes nothing.
        """
        return bool(await (await conn.execute(self.sql(_RELEASE), [event_id, sorted(set(ids))])).fetchall())

    async def postpone(self, conn: Conn, ids: Iterable[str], until: datetime) -> None:
        """Let states sleep until then."""
        await conn.execute(self.sql(_POSTPONE), [until, list(ids)])

    async def say(self, conn: Conn, messages: Sequence[Outgoing]) -> list[Stored]:
        """Add messages to the outbox, in order; returns what must now leave: older ones of the same keys come first.

        Waits while another worker is sending one of those.
        """
        if not messages:
            return []
        columns = [
            [m.topic for m in messages],
            [m.key for m in messages],
            [m.value for m in messages],
            [to_json(m.headers).decode() for m in messages],
            [m.sealed for m in messages],
        ]
        async with conn.pipeline():
            older = await conn.execute(self.sql(_OLDER), [list({m.key for m in messages})])
            new = await conn.execute(self.sql(_OUT), columns)
            before = [_stored(row) for row in await older.fetchall()]
            ids = sorted(row[0] for row in await new.fetchall())
        return [*before, *(Stored(row_id, message) for row_id, message in zip(ids, messages, strict=True))]

    async def left(self, conn: Conn, older_than: timedelta, refused: Sequence[str]) -> list[Stored]:
        """Hold messages a worker left behind, oldest first, but those of refused topics; a bounded number of them."""
        rows = await conn.execute(self.sql(_LEFT), [older_than, refused, MOST_SENT])
        return [_stored(row) for row in await rows.fetchall()]

    async def hold(self, conn: Conn, ids: Iterable[int]) -> set[int]:
        """Hold messages until the transaction ends, so that nobody else sends them; returns those still there."""
        return {row[0] for row in await (await conn.execute(self.sql(_HOLD), [list(ids)])).fetchall()}

    async def sent(self, conn: Conn, ids: Sequence[int]) -> None:
        """Forget messages the broker confirmed."""
        await conn.execute(self.sql(_GONE), [list(ids)])

    async def count(self, conn: Conn, counts: Sequence[Count], now: datetime) -> None:
        """Add to counters; an expired one starts anew."""
        await conn.execute(self.sql(_COUNT), [[c.key for c in counts], [c.until for c in counts], now, now])

    async def counted(self, conn: Conn, keys: Iterable[str], now: datetime) -> dict[str, int]:
        """How often each was counted within its window; absent means never."""
        return dict(await (await conn.execute(self.sql(_COUNTED), [list(keys), now])).fetchall())

    async def purge(self, conn: Conn, keep: timedelta, now: datetime) -> None:
        """Forget events seen longer ago than any topic keeps them, and expired counters; 5,000 of each at a time."""
        await conn.execute(self.sql(_PURGE_INBOX), [keep])
        await conn.execute(self.sql(_PURGE_COUNTERS), [now])

    async def waiting(self, conn: Conn) -> tuple[int, int]:
        """How many messages wait in the outbox, and how many lie parked that states wait for."""
        row = await (await conn.execute(self.sql(_WAITING))).fetchone()
        return (row[0], int(row[1])) if row else (0, 0)


def seed_of(schema: str) -> int:
    """A number of its own for each schema, so that equal ids in two stages are two locks."""
    return int.from_bytes(hashlib.sha256(schema.encode()).digest()[:8], signed=True)


def _stored(row: TupleRow) -> Stored:
    headers = [(name, value.encode()) for name, value in row[4]]
    return Stored(row[0], Outgoing(row[1], bytes(row[2]), bytes(row[3]), headers, sealed=row[5]))
