"""Questions operators ask the register: what is open, which part waits, for whom, until when; and one request whole."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from services.ops.register.keeping import now

Db = psycopg.Connection[Any]

USED: Final = """greatest(CASE WHEN o.extended_to IS NULL THEN o.percent ELSE 0 END,
  floor(100 * extract(epoch FROM %(now)s - o.received_at)
    / nullif(extract(epoch FROM o.last_moment - o.received_at), 0)), 0)::int"""
"""How much of an open request's time to answer has passed, in percent: as intake told it, and as the days have it.

After a longer time was given only the days count: what was told before was told of the shorter one.
"""

SHARES: Final = (50, 80, 95)
"""Shares of the time to answer, in percent, that operators are warned at."""

KEYS_OVER: Final = """SELECT k.case_key, w.brand, r.closed_at FROM vault.keys k
CROSS JOIN LATERAL (SELECT min(brand) AS brand, max(closed_at) AS closed_at, bool_and(closed_at IS NOT NULL) AS closed
  FROM ops.requests WHERE left(replace(case_id, '-', ''), 18) = k.case_key) r
JOIN unnest(%(brands)s::text[], %(windows)s::interval[]) AS w (brand, keep) ON w.brand = r.brand
WHERE r.closed AND r.closed_at + w.keep < %(now)s - interval '1 hour' AND NOT EXISTS (
  SELECT 1 FROM intake.state s WHERE s.id = k.case_key AND (s.body->>'destroy_at')::timestamptz > %(now)s)"""
"""Cases that ended, whose data key should have been destroyed an hour ago by the brand's window, and is there still.

Where intake keeps it longer, because somebody may still complain or appeal, it is not over.
"""

_WAITS: Final = f"""
SELECT w.request_id, o.case_id, o.brand, o."right", o.law, w.part, w.party, w.who, w.waiting, w.since, w.until,
  o.answer_by, o.last_moment < %(now)s AS late, {USED} AS used
FROM ops.waits w JOIN ops.open o USING (request_id)
WHERE (NOT %(late)s OR o.last_moment < %(now)s)
  AND (%(due_before)s::timestamptz IS NULL OR o.last_moment < %(due_before)s)
  AND (%(party)s::text IS NULL OR w.party = %(party)s) AND (%(who)s::text IS NULL OR w.who = %(who)s)
  AND (%(waiting)s::text IS NULL OR w.waiting = %(waiting)s)
  AND (%(part)s::text IS NULL OR starts_with(w.part, %(part)s))
  AND (%(brand)s::text IS NULL OR o.brand = %(brand)s) AND (%(law)s::text IS NULL OR o.law = %(law)s)
  AND (%(right)s::text IS NULL OR o."right" = %(right)s)
  AND (%(past)s::int IS NULL OR (o.settled_at IS NULL AND {USED} >= %(past)s))
  AND (%(overdue)s::timestamptz IS NULL OR w.until < %(overdue)s)
ORDER BY o.last_moment, w.request_id, w.part LIMIT %(most)s"""  # noqa: S608  our own text

_DETAILS: Final = {
    "parts": """SELECT part, outcome, reason, basis, party, who, waiting, until, attempt, ended_at
FROM ops.parts WHERE request_id = %s ORDER BY part""",
    "handovers": """SELECT client, mode, parcel_named, handed_at, received_at, answer, answered_at
FROM ops.handovers WHERE request_id = %s ORDER BY client""",
    "letters": "SELECT letter, way, recipient, failure, at FROM ops.letters WHERE request_id = %s ORDER BY at",
    "decisions": """SELECT decision_id, verb, part, reason, basis, by, decided_at, applied, refusal
FROM ops.decisions WHERE request_id = %s ORDER BY decided_at""",
    "parked": """SELECT event_id, service, topic, partition, "offset", stage, error, parked_at, lies, resolution
FROM ops.parked WHERE request_id = %s ORDER BY parked_at""",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which waiting parts of open requests are meant; what is not given does not narrow."""

    late: bool = False
    past: int | None = None
    due_within: timedelta | None = None
    overdue_by: timedelta | None = None
    party: str | None = None
    who: str | None = None
    waiting: str | None = None
    part: str | None = None
    brand: str | None = None
    law: str | None = None
    right: str | None = None

    @property
    def narrows(self) -> bool:
        """Whether anything is given at all."""
        return self != Filter()


def waits(db: Db, chosen: Filter, most: int = 100_000) -> list[dict[str, Any]]:
    """Every part that waits, of every open request, the most urgent first; each open request has at least one."""
    at = now(db)
    args = {name: getattr(chosen, name) for name in chosen.__slots__ if name not in {"due_within", "overdue_by"}}
    before = _shifted(at, chosen.due_within, 1), _shifted(at, chosen.overdue_by, -1)
    args |= {"now": at, "due_before": before[0], "overdue": before[1], "most": most}
    return db.cursor(row_factory=dict_row).execute(_WAITS, args).fetchall()


def _shifted(at: datetime, by: timedelta | None, sign: int) -> datetime | None:
    return None if by is None else at + sign * by


def request(db: Db, request_id: str) -> dict[str, Any] | None:
    """Everything the register knows of one request; None when it knows nothing."""
    cursor = db.cursor(row_factory=dict_row)
    found = cursor.execute("SELECT * FROM ops.requests WHERE request_id = %s", [request_id]).fetchone()
    if found is None:
        return None
    return found | {name: cursor.execute(query, [request_id]).fetchall() for name, query in _DETAILS.items()}


def case_of(db: Db, request_ids: list[str]) -> dict[str, str]:
    """The cases of requests, as far as they are known."""
    rows = db.execute("SELECT request_id, case_id FROM ops.requests WHERE request_id = ANY(%s)", [request_ids])
    return {request_id: case for request_id, case in rows if case}


def counts(db: Db) -> dict[str, int]:
    """How much there is: open, late, with how much of their time passed and no answer, for an operator, parked."""
    shares = ", ".join(f"(SELECT count(*) FROM shares WHERE used >= {share})" for share in SHARES)  # noqa: S608  ours
    query = f"""WITH shares AS (SELECT {USED} AS used FROM ops.open o WHERE settled_at IS NULL)
SELECT (SELECT count(*) FROM ops.open), (SELECT count(*) FROM ops.open WHERE last_moment < %(now)s), {shares},
(SELECT count(DISTINCT request_id) FROM ops.waits WHERE party = 'operator'),
(SELECT count(*) FROM ops.parked WHERE lies)"""  # noqa: S608  ours
    [row] = db.execute(query, {"now": now(db)}).fetchall()
    names = ("open", "late", *(f"past_{share}_%" for share in SHARES), "waiting_for_operator", "parked")
    return dict(zip(names, row, strict=True))
