"""Packages whose time is over: the archive and the rows it was made of go, long before their case does."""

from datetime import datetime
from typing import Any, Final

import psycopg

Db = psycopg.Connection[Any]

_OVER: Final = """SELECT case_key, request_id FROM vault.links GROUP BY case_key, request_id
HAVING max(expires_at) <= %s ORDER BY case_key, request_id"""
_ITEMS: Final = """DELETE FROM vault.items i USING unnest(%s::text[], %s::text[]) AS o(case_key, request)
WHERE i.case_key = o.case_key AND (
  i.name IN ('package:' || o.request || ':own', 'package-note:' || o.request || ':own')
  OR starts_with(i.name, 'package:' || o.request || ':own:')
  OR starts_with(i.name, 'export:' || o.request || ':own:'))"""
_LINKS: Final = """DELETE FROM vault.links l USING unnest(%s::text[], %s::text[]) AS o(case_key, request)
WHERE l.case_key = o.case_key AND l.request_id = o.request"""


def expire(db: Db, now: datetime, *, dry_run: bool = False) -> int:
    """Remove the packages whose last link has ended; returns how many. Safe to repeat.

    One without a link, such as a printed one, stays until its case's data key is destroyed.
    """
    with db.transaction():
        over = [(row[0], row[1]) for row in db.execute(_OVER, [now])]
        if over and not dry_run:
            both = [[case for case, _ in over], [request for _, request in over]]
            db.execute(_ITEMS, both)
            db.execute(_LINKS, both)
    return len(over)
