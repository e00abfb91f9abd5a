"""Records into history and tables, in one transaction: chained, projected, and the position moved past them.

The position of each topic-partition lives here, not in Kafka: whatever dies, the next reader goes on exactly where the
last commit ended, and nobody chains a record twice.
"""

import base64
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, LiteralString

import psycopg
import structlog
from pydantic_core import from_json, to_json

from schemas.wire import Record
from services.kernel.tokens import case_key
from services.ops.audit import hashes
from services.ops.register.entry import Entry, Trust, entry_of, parse
from services.ops.register.facts import rows_of, type_rows
from services.ops.register.tables import PROJECTED, STATEMENTS

log = structlog.get_logger()
Conn = psycopg.Connection[Any]

REBUILDING: Final = 7_202_612
"""The lock readers share and a rebuild takes alone."""
_NEW: Final = """INSERT INTO ops.chains (topic, partition, head)
SELECT * FROM unnest(%s::text[], %s::int[], %s::bytea[]) ON CONFLICT DO NOTHING"""
_LOCK: Final = """SELECT id, topic, partition, next_offset, length, head FROM ops.chains
JOIN unnest(%s::text[], %s::int[]) AS t(topic, partition) USING (topic, partition) ORDER BY id FOR UPDATE OF chains"""
_MOVE: Final = """UPDATE ops.chains c SET next_offset = t.next_offset, length = t.length, head = t.head
FROM unnest(%s::int[], %s::bigint[], %s::bigint[], %s::bytea[]) AS t(id, next_offset, length, head) WHERE c.id = t.id"""
_COPY: Final = "COPY ops.audit (chain, n, case_key, salt, entry, leaf, link) FROM STDIN (FORMAT BINARY)"
_TYPES: Final = ("int4", "int8", "text", "bytea", "bytea", "bytea", "bytea")
_SEALED: Final = """INSERT INTO ops.sealed (event_id, sealed)
SELECT DISTINCT ON (event_id) event_id, sealed
FROM unnest(%s::uuid[], %s::bytea[]) WITH ORDINALITY AS t(event_id, sealed, number) ORDER BY event_id, number DESC
ON CONFLICT (event_id) DO UPDATE SET sealed = excluded.sealed"""
_RESOLVED: Final = """DELETE FROM ops.sealed s USING ops.parked k
WHERE k.event_id = s.event_id AND k.resolved_at > k.parked_at AND k.resolved_at < %s - interval '7 days'"""
_PAGE: Final = "SELECT n, entry FROM ops.audit WHERE chain = %s AND n > %s AND entry IS NOT NULL ORDER BY n LIMIT %s"


@dataclass(slots=True)
class Chain:
    """One topic-partition's history so far, while a batch is added to it."""

    id: int
    next_offset: int
    length: int
    head: bytes


@dataclass(slots=True)
class Taken:
    """What became of a batch: entries new to history, and those that could not be projected."""

    entries: list[Entry] = field(default_factory=list)
    misfits: list[Entry] = field(default_factory=list)


def positions(db: Conn) -> dict[tuple[str, int], int]:
    """The offset to go on from, by topic and partition."""
    rows = db.execute("SELECT topic, partition, next_offset FROM ops.chains")
    return {(topic, partition): offset for topic, partition, offset in rows}


def take(db: Conn, records: Sequence[Record], trust: Trust) -> Taken:
    """Chain and project a batch; records taken before are left out. Commits, or leaves everything as it was."""
    taken = Taken()
    with db.transaction():
        db.execute("SET LOCAL synchronous_commit = off")
        db.execute("SELECT pg_advisory_xact_lock_shared(%s)", [REBUILDING])
        chains = _locked(db, {(record.topic, record.partition) for record in records})
        fresh = []
        for record in records:
            if record.offset >= chains[record.topic, record.partition].next_offset:
                entry = entry_of(record, trust)
                chains[record.topic, record.partition].next_offset = record.offset + 1
                taken.entries.append(entry)
                fresh.append(record)
        _chain(db, chains, taken.entries)
        _keep_seals(db, taken.entries, fresh)
        project(db, taken.entries, taken.misfits)
    return taken


def _locked(db: Conn, names: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Chain]:
    wanted = sorted(names)
    topics, partitions = [topic for topic, _ in wanted], [partition for _, partition in wanted]
    found = {(row[1], row[2]): Chain(row[0], *row[3:]) for row in db.execute(_LOCK, [topics, partitions])}
    if len(found) == len(wanted):
        return found
    db.execute(_NEW, [topics, partitions, [hashes.start(topic, number) for topic, number in wanted]])
    return {(row[1], row[2]): Chain(row[0], *row[3:]) for row in db.execute(_LOCK, [topics, partitions])}


def _chain(db: Conn, chains: Mapping[tuple[str, int], Chain], entries: Sequence[Entry]) -> None:
    """Add entries to their chains."""
    if not entries:
        return
    with db.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(_TYPES)
        for entry in entries:
            chain = chains[entry.topic, entry.partition]
            salt, raw = os.urandom(hashes.SALT_BYTES), entry.raw()
            leaf = hashes.leaf(salt, raw)
            chain.length, chain.head = chain.length + 1, hashes.link(chain.head, leaf)
            copy.write_row((chain.id, chain.length, _case(entry), salt, raw, leaf, chain.head))
    moved = list(chains.values())
    columns = (
        [c.id for c in moved],
        [c.next_offset for c in moved],
        [c.length for c in moved],
        [c.head for c in moved],
    )
    db.execute(_MOVE, columns)


def _case(entry: Entry) -> str | None:
    about = entry.body.get("request_id") or entry.body.get("case_id")
    try:
        return case_key(about) if about else None
    except (ValueError, AttributeError):
        return None


def _keep_seals(db: Conn, entries: Sequence[Entry], records: Sequence[Record]) -> None:
    """Keep what parked records hold, sealed as it came, so that they can be repaired after their topic forgot them."""
    kept = [
        (entry.body["event_id"], base64.b64decode(from_json(record.value or b"{}")["sealed"]))
        for entry, record in zip(entries, records, strict=True)
        if entry.kind == "Parked"
    ]
    if kept:
        db.execute(_SEALED, [[name for name, _ in kept], [sealed for _, sealed in kept]])


def forget_repaired(db: Conn, now: datetime) -> int:
    """Drop what is kept of parked records a week after they were put back or given up."""
    return db.execute(_RESOLVED, [now]).rowcount


def project(db: Conn, entries: Iterable[Entry], misfits: list[Entry]) -> None:
    """Fill the tables from entries. Filling again changes nothing; an entry that fits no table is left out alone."""
    entries, found = list(entries), list[Entry]()
    try:
        with db.transaction():
            _fill(db, rows_of(entries, found.append))
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        if len(entries) == 1:
            where = {"topic": entries[0].topic, "partition": entries[0].partition, "offset": entries[0].offset}
            log.warning("entry_not_projected", **where, cause=type(error).__name__)
            misfits.extend(entries)
            return
        middle = len(entries) // 2
        project(db, entries[:middle], misfits)
        project(db, entries[middle:], misfits)
    else:
        misfits.extend(found)


def _fill(db: Conn, rows: type_rows) -> None:
    with db.pipeline():
        for table, statement in STATEMENTS:
            if table in rows:
                db.execute(statement, [to_json(rows[table]).decode()])


# ---------------------------------------------------------------------------------------------------------- rebuild


def rebuild(db: Conn, page: int = 2_000) -> Iterator[int]:
    """Empty the tables and fill them from history, holding readers off meanwhile; yields how many entries were read.

    One transaction: until it commits, everybody sees the old tables.
    """
    with db.transaction():
        db.execute("SELECT pg_advisory_xact_lock(%s)", [REBUILDING])
        db.execute(_empty())
        done, misfits = 0, list[Entry]()
        for (chain,) in db.execute("SELECT id FROM ops.chains ORDER BY id").fetchall():
            for entries in _pages(db, chain, page):
                project(db, entries, misfits)
                done += len(entries)
                yield done


def _empty() -> LiteralString:
    return "TRUNCATE " + ", ".join(f"ops.{name}" for name in PROJECTED)


def _pages(db: Conn, chain: int, page: int) -> Iterator[list[Entry]]:
    last = 0
    while rows := db.execute(_PAGE, [chain, last, page]).fetchall():
        last = rows[-1][0]
        yield [parse(bytes(raw)) for _, raw in rows]


@contextmanager
def connection(url: str) -> Iterator[Conn]:
    """A connection for the register, closed at the end."""
    with psycopg.connect(url, autocommit=True, connect_timeout=5, application_name="rightsbus/ops") as db:
        yield db
