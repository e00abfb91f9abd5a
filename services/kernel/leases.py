"""Effects waiting in PostgreSQL: recorded with the decision, taken in hand for a while, struck off or put back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.kernel.decision import Effect
from services.kernel.store import Conn, Schema

_ADD = """INSERT INTO {s}.effects (id, kind, lane, request_id, case_id, name, body, not_before, traceparent)
SELECT id, kind, lane, request_id, case_id, name, body::jsonb, not_before, traceparent
FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::timestamptz[],
%b::text[]) AS t(id, kind, lane, request_id, case_id, name, body, not_before, traceparent)
ON CONFLICT (id) DO NOTHING"""
_READY = "not_before <= %(now)s AND (leased_until IS NULL OR leased_until < clock_timestamp())"
_DUE_KINDS = """WITH RECURSIVE every AS (
  (SELECT kind, lane FROM {s}.effects ORDER BY kind, lane LIMIT 1) UNION ALL
  SELECT further.kind, further.lane FROM every CROSS JOIN LATERAL (SELECT kind, lane FROM {s}.effects
  WHERE (kind, lane) > (every.kind, every.lane) ORDER BY kind, lane LIMIT 1) further)
SELECT DISTINCT kind FROM every WHERE EXISTS (SELECT FROM {s}.effects e
WHERE e.kind = every.kind AND e.lane = every.lane AND READY)""".replace("READY", _READY)
_TAKE = """WITH RECURSIVE every AS (
  (SELECT lane FROM {s}.effects WHERE kind = %(kind)s ORDER BY lane LIMIT 1) UNION ALL
  SELECT (SELECT lane FROM {s}.effects WHERE kind = %(kind)s AND lane > every.lane ORDER BY lane LIMIT 1)
  FROM every WHERE every.lane IS NOT NULL),
free AS (SELECT lane, (SELECT not_before FROM {s}.effects e WHERE kind = %(kind)s AND e.lane = every.lane
  AND READY ORDER BY not_before LIMIT 1) AS since FROM every WHERE lane <> ALL(%(busy)b::text[])),
chosen AS (SELECT lane FROM free WHERE since IS NOT NULL ORDER BY since LIMIT %(lanes)s)
UPDATE {s}.effects SET leased_until = clock_timestamp() + %(lease)s, attempts = attempts + 1
WHERE id IN (SELECT due.id FROM chosen CROSS JOIN LATERAL (SELECT id FROM {s}.effects e WHERE kind = %(kind)s
  AND e.lane = chosen.lane AND READY ORDER BY not_before LIMIT %(most)s FOR UPDATE SKIP LOCKED) due)
RETURNING id, kind, lane, request_id, case_id, name, body, attempts, traceparent, not_before""".replace("READY", _READY)
"""The lanes are found by hopping along the index, so that a long queue in one costs nothing."""
_RENEW = "UPDATE {s}.effects SET leased_until = clock_timestamp() + %s WHERE id = ANY(%b)"
_DONE = "DELETE FROM {s}.effects WHERE id = ANY(%b) RETURNING id"
_AGAIN = """UPDATE {s}.effects e SET leased_until = NULL, not_before = t.at,
attempts = e.attempts - (e.id = ANY(%b::uuid[]))::int
FROM unnest(%b::uuid[], %b::timestamptz[]) AS t(id, at) WHERE e.id = t.id"""
_PENDING = "SELECT kind, count(*) FROM {s}.effects GROUP BY kind"


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


class Leases(Schema):
    """One stage's table of effects. Every method works inside the caller's transaction."""

    async def add(self, conn: Conn, effects: Sequence[tuple[Effect, str | None]], now: datetime) -> None:
        """Record effects to perform, each with its trace; one already recorded under its id stays as it is."""
        columns: list[list[Any]] = [[], [], [], [], [], [], [], [], []]
        for effect, trace in effects:
            row = (effect.id, effect.kind, effect.lane, effect.request_id, effect.case_id, effect.name)
            body = json.dumps(dict(effect.body))
            for column, value in zip(columns, (*row, body, effect.not_before or now, trace), strict=True):
                column.append(value)
        await conn.execute(self.sql(_ADD), columns)

    async def due(self, conn: Conn, now: datetime) -> set[str]:
        """The kinds of which something can be taken in hand."""
        return {row[0] for row in await (await conn.execute(self.sql(_DUE_KINDS), {"now": now})).fetchall()}

    async def take(self, conn: Conn, **wanted: Any) -> list[Leased]:  # noqa: ANN401  the statement's own parameters
        """Take effects in hand for the time of `lease`, oldest first.

        `kind` says which; at most `most` of a lane and `lanes` lanes, none of them `busy`; due at `now`.
        """
        rows = await (await conn.execute(self.sql(_TAKE), wanted)).fetchall()
        return [Leased(*row[:-1]) for row in sorted(rows, key=lambda row: (row[-1], row[0]))]

    async def renew(self, conn: Conn, ids: Sequence[UUID], lease: timedelta) -> None:
        """Keep effects in hand: work on them goes on."""
        await conn.execute(self.sql(_RENEW), [lease, ids])

    async def done(self, conn: Conn, ids: Sequence[UUID]) -> set[UUID]:
        """Strike effects off; returns those that were still there to strike."""
        return {row[0] for row in await (await conn.execute(self.sql(_DONE), [ids])).fetchall()}

    async def again(self, conn: Conn, when: Mapping[UUID, datetime], uncounted: Sequence[UUID] = ()) -> None:
        """Put effects back, each for its own moment; for the uncounted ones this was no attempt."""
        await conn.execute(self.sql(_AGAIN), [list(uncounted), list(when), list(when.values())])

    async def pending(self, conn: Conn) -> dict[str, int]:
        """Effects not yet done, by kind."""
        return dict(await (await conn.execute(self.sql(_PENDING))).fetchall())
