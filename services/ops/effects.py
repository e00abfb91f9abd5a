"""Work on the outside that failed and waits to be tried again: what there is, and trying it now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier, Literal

from services.ops.register.keeping import now

Db = psycopg.Connection[Any]
_STAGES: Final = "SELECT schemaname FROM pg_tables WHERE tablename = 'effects' ORDER BY 1"
_MEANT: Final = """attempts > 0 AND (leased_until IS NULL OR leased_until < clock_timestamp())
AND (%(kind)s::text IS NULL OR kind = %(kind)s) AND (%(lane)s::text IS NULL OR lane = %(lane)s)"""
_FAILING: Final = f"""SELECT {{stage}}::text AS stage, kind, lane, count(*) AS waiting, max(attempts) AS attempts,
min(not_before) AS next_try FROM {{table}} WHERE {_MEANT} GROUP BY kind, lane"""  # noqa: S608  our own text
_RETRY: Final = f"UPDATE {{table}} SET not_before = %(now)s WHERE not_before > %(now)s AND {_MEANT}"  # noqa: S608  our own text


@dataclass(frozen=True, slots=True)
class Which:
    """The failed effects meant; what is not given does not narrow. A lane is a system, a client or a mailbox's turn."""

    stage: str | None = None
    kind: str | None = None
    lane: str | None = None

    def of(self, db: Db) -> list[str]:
        """The stages meant, of those that have effects."""
        return [name for (name,) in db.execute(_STAGES) if self.stage in {None, name}]

    def asked(self, **more: Any) -> Mapping[str, Any]:  # noqa: ANN401  parameters of a query
        """Parameters for a query."""
        return {"kind": self.kind, "lane": self.lane, **more}


def failing(db: Db, which: Which) -> list[dict[str, Any]]:
    """What failed and is not in hand, by stage, kind and lane: how many, the most attempts, and the next try."""
    rows: list[dict[str, Any]] = []
    for stage in which.of(db):
        query = SQL(_FAILING).format(stage=Literal(stage), table=Identifier(stage, "effects"))
        rows += db.cursor(row_factory=dict_row).execute(query, which.asked()).fetchall()
    return sorted(rows, key=lambda row: (row["next_try"], row["stage"], row["kind"], row["lane"]))


def retry(db: Db, which: Which) -> int:
    """Let it be tried now, under the same idempotency keys; returns how many were not due yet."""
    asked = which.asked(now=now(db))
    queries = [SQL(_RETRY).format(table=Identifier(stage, "effects")) for stage in which.of(db)]
    return sum(db.execute(query, asked).rowcount for query in queries)
