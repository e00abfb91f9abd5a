"""The register as tests hold it: fed with records, asked, signed, verified."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from psycopg.sql import SQL, Identifier

from schemas.audit import AuditRoot
from schemas.base import Event
from schemas.wire import Record
from services.kernel.keys import FileKeyStore
from services.ops.audit.seal import seal, signing_key
from services.ops.audit.verify import verify
from services.ops.register import store
from services.ops.register.entry import Trust
from tests.support.story import NOON, Topics

PROJECTED = ("requests", "parts", "handovers", "letters", "decisions", "rejections", "parked", "repairs")


@dataclass
class Ledger:
    """One register."""

    db: store.Conn
    keys: FileKeyStore
    trust: Trust
    topics: Topics = field(default_factory=Topics)
    roots: list[AuditRoot] = field(default_factory=list)

    def take(self, *events: Event, batches: int = 1) -> list[Record]:
        """Lay events on their topics and take them, in so many batches."""
        records = self.topics.lay(*events)
        size = max(1, -(-len(records) // batches))
        for start in range(0, len(records), size):
            self.take_records(records[start : start + size])
        return records

    def take_records(self, records: Sequence[Record]) -> store.Taken:
        """Take records as they are."""
        return store.take(self.db, records, self.trust)

    def tables(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything projected, in one order."""
        every = SQL("SELECT * FROM {}")
        return {
            name: sorted(self.db.execute(every.format(Identifier("ops", name))).fetchall(), key=repr)
            for name in PROJECTED
        }

    def rows(self, query: str, *args: Any) -> list[tuple[Any, ...]]:
        """What the database answers."""
        return self.db.execute(query, args).fetchall()

    def sign(self, now: datetime = NOON) -> AuditRoot | None:
        """Sign what is not signed yet."""
        root = seal(self.db, self.keys, now)
        if root:
            self.roots.append(root)
        return root

    def faults(self, now: datetime = NOON + timedelta(days=1)) -> list[tuple[str, str]]:
        """What `verify` finds."""
        found = verify(self.db, self.roots, signing_key(self.keys).public_key(), now)
        return [(fault.where, fault.what) for fault in found]


def shuffled(events: Iterable[Event], seed: int) -> list[Event]:
    """The events in another order."""
    mixed = list(events)
    random.Random(seed).shuffle(mixed)
    return mixed
