"""Put back what somebody edited in history, from a backup of the database that still holds together.

A backup is believed when its own chains and the roots it knows fit, and when what was chained here since follows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from psycopg.sql import SQL, Identifier

from schemas.audit import AuditRoot
from services.kernel.errors import PermanentError
from services.ops.audit.verify import verify

Conn = psycopg.Connection[Any]
_COPIES: Final = {
    "was_chains": "SELECT topic, partition, next_offset, length, head, sealed FROM ops.chains",
    "was_roots": "SELECT number, document, published FROM ops.roots",
    "was": """SELECT c.topic, c.partition, a.n, a.case_key, a.salt, a.entry, a.leaf, a.link
FROM ops.audit a JOIN ops.chains c ON c.id = a.chain""",
}
"""What is taken from the backup, by the temporary table it goes to."""
_LOST: Final = (
    """INSERT INTO ops.chains (topic, partition, next_offset, length, head, sealed)
SELECT * FROM was_chains ON CONFLICT DO NOTHING""",
    "INSERT INTO ops.roots SELECT * FROM was_roots ON CONFLICT (number) DO UPDATE SET document = excluded.document",
)
_PUT_BACK: Final = """INSERT INTO ops.audit AS a (chain, n, case_key, salt, entry, leaf, link)
SELECT c.id, w.n, w.case_key, w.salt, w.entry, w.leaf, w.link FROM was w JOIN ops.chains c USING (topic, partition)
LEFT JOIN ops.audit o ON o.chain = c.id AND o.n = w.n
WHERE (o.case_key, o.salt, o.entry, o.leaf, o.link) IS DISTINCT FROM (w.case_key, w.salt, w.entry, w.leaf, w.link)
  AND NOT (w.entry IS NULL AND (o.leaf, o.link) IS NOT DISTINCT FROM (w.leaf, w.link))
ON CONFLICT (chain, n) DO UPDATE SET case_key = excluded.case_key, salt = excluded.salt, entry = excluded.entry,
  leaf = excluded.leaf, link = excluded.link
RETURNING (SELECT topic || '/' || partition FROM ops.chains c WHERE c.id = a.chain), a.n"""
_STRANGE: Final = """SELECT c.topic || '/' || c.partition, a.n FROM was_chains w
JOIN ops.chains c USING (topic, partition) JOIN ops.audit a ON a.chain = c.id AND a.n = w.length + 1
WHERE a.link <> sha256('\\x02'::bytea || w.head || a.leaf)"""
"""Entries chained since the backup that do not follow it: the link's hash is that of `hashes.link`."""


class UnfitBackup(PermanentError):
    """A backup does not hold together itself, or is of another history; the text says where."""


@dataclass(frozen=True, slots=True)
class Restored:
    """One entry that was put back."""

    where: str
    n: int


def restore(
    db: Conn, backup: Conn, trust: tuple[Sequence[AuditRoot], Ed25519PublicKey], now: datetime
) -> list[Restored]:
    """Put back every entry that is not as the backup has it, and chains that are gone; returns which.

    Works inside the caller's transaction, which may still be rolled back. `trust` is the signed roots, taken from their
    topic, and the key they are signed with. What was chained after the backup stays as it is.

    Raises:
        UnfitBackup: nothing may be taken from there.
    """
    _believe(backup, *trust, now)
    db.execute("SELECT 1 FROM ops.chains FOR UPDATE")
    for table, query in _COPIES.items():
        _copy(db, backup, table, query)
    for statement in _LOST:
        db.execute(statement)
    found = [Restored(where, n) for where, n in db.execute(_PUT_BACK)]
    for where, n in db.execute(_STRANGE):
        raise UnfitBackup(f"entry {n} of {where} does not follow the backup: of another history, or edited as well")
    return sorted(found, key=lambda one: (one.where, one.n))


def _believe(backup: Conn, roots: Sequence[AuditRoot], key: Ed25519PublicKey, now: datetime) -> None:
    """Look whether the backup is what was signed, as far as it goes."""
    known = {row[0] for row in backup.execute("SELECT number FROM ops.roots")}
    faults = verify(backup, [root for root in roots if root.number in known], key, now)
    if faults:
        raise UnfitBackup(f"the backup itself does not hold together: {faults[0].where} {faults[0].what}")


def _copy(db: Conn, backup: Conn, table: str, query: str) -> None:
    """Copy what a query of the backup gives into a temporary table of the same columns."""
    db.execute(SQL("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS {} WITH NO DATA").format(Identifier(table), SQL(query)))
    into = SQL("COPY {} FROM STDIN (FORMAT BINARY)").format(Identifier(table))
    out = SQL("COPY ({}) TO STDOUT (FORMAT BINARY)").format(SQL(query))
    with backup.cursor().copy(out) as read, db.cursor().copy(into) as written:
        for block in read:
            written.write(block)
