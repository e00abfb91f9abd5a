"""Signed roots as an auditor takes them: from their topic, and from the database only those not on it yet."""

from typing import Any

import psycopg

from schemas import wire
from schemas.audit import AuditRoot
from schemas.wire import Unreadable
from services.ops.audit.seal import unpublished
from services.ops.kafka import Access, read_all

TOPIC = "privacy.audit-roots"


def roots(db: psycopg.Connection[Any], access: Access) -> list[AuditRoot]:
    """Every root there is, oldest first; of one published twice, the first."""
    found: dict[int, AuditRoot] = {}
    for record in read_all(access, [TOPIC]):
        try:
            root = wire.decode(record)
        except Unreadable:
            continue
        if isinstance(root, AuditRoot):
            found.setdefault(root.number, root)
    for root in unpublished(db):
        found.setdefault(root.number, root)
    return [found[number] for number in sorted(found)]
