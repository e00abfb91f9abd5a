"""How long the register keeps what, and the daily root. Each step is safe to repeat and cheap when nothing is due."""

from datetime import datetime, timedelta
from typing import Any, Final, cast

import psycopg

from schemas.audit import AuditRoot
from services.kernel.keys import KeyStore
from services.ops.audit.seal import seal
from services.ops.audit.verify import KEEP

Conn = psycopg.Connection[Any]
LOG_KEEP: Final = timedelta(days=731)
"""How long a closed request stays in the log: 24 months (11 CCR § 7101)."""
_NOW: Final = "SELECT clock_timestamp() + coalesce((SELECT ahead FROM kernel.clock), interval '0')"
_LAST: Final = "SELECT document FROM ops.roots ORDER BY number DESC LIMIT 1"
_OVER: Final = "SELECT request_id FROM ops.requests WHERE closed_at < %s LIMIT 5000"
_OLD: Final = """UPDATE ops.audit a SET salt = NULL, entry = NULL, case_key = NULL FROM ops.chains c
WHERE c.topic = %s AND c.partition = %s AND a.chain = c.id AND a.n BETWEEN %s AND %s AND a.entry IS NOT NULL"""
_LOGS: Final = ("parts", "handovers", "letters", "decisions", "parked", "requests")


def now(db: Conn) -> datetime:
    """The installation's time."""
    [(moment,)] = db.execute(_NOW).fetchall()
    return cast("datetime", moment)


def last_root(db: Conn) -> AuditRoot | None:
    """The youngest root."""
    row = db.execute(_LAST).fetchone()
    return AuditRoot.model_validate_json(bytes(row[0])) if row else None


def seal_if_due(db: Conn, keys: KeyStore, at: datetime) -> AuditRoot | None:
    """Sign a root once a day (UTC), and the first as soon as there is history."""
    last = last_root(db)
    return seal(db, keys, at) if last is None or last.day < at.date() else None


def purge(db: Conn, at: datetime) -> int:
    """Forget requests closed longer ago than the log is kept; a bounded number at a time. Returns how many."""
    with db.transaction():
        gone = [row[0] for row in db.execute(_OVER, [at - LOG_KEEP])]
        for table in _LOGS if gone else ():
            db.execute(f"DELETE FROM ops.{table} WHERE request_id = ANY(%s)", [gone])  # noqa: S608  our own names
    return len(gone)


def empty_old(db: Conn, at: datetime) -> int:
    """Empty entries whose time is over, keeping their hashes, so that every chain still holds. Returns how many."""
    emptied = 0
    for (document,) in db.execute("SELECT document FROM ops.roots ORDER BY number").fetchall():
        root = AuditRoot.model_validate_json(bytes(document))
        if root.sealed_at >= at - KEEP:
            break
        for chain in root.chains:
            emptied += db.execute(_OLD, [chain.topic, chain.partition, chain.first, chain.last]).rowcount
    return emptied
