"""What a regulator may ask for: yearly figures, and the log of requests. From the register; no values, no names."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row

from schemas.values import Ending, Reason, Right

Db = psycopg.Connection[Any]
CALIFORNIA: Final = "US-CA-CCPA"

KINDS: Final[Mapping[str, tuple[Right, ...]]] = {
    "delete": (Right.DELETE,),
    "correct": (Right.CORRECT,),
    "know": (Right.KNOW_CATEGORIES, Right.KNOW_SPECIFIC, Right.PORTABILITY),
    "opt_out_of_sale_or_sharing": (Right.OPT_OUT_SALE_SHARE,),
    "limit": (Right.LIMIT_SENSITIVE,),
}
"""The kinds of requests the yearly figures are about. Source: 11 CCR § 7102(a)(1)."""
NOT_VERIFIABLE: Final = (Reason.INSUF_VERIFICATION, Reason.NO_MATCH, Reason.NEED_USER_VERIFICATION)
NOT_BY_A_CONSUMER: Final = (Reason.OUTSIDE_JURISDICTION, Reason.CLAIM_NOT_COVERED, Reason.NOT_THE_CONTROLLER)
EXEMPT: Final = (
    Reason.EXCEPTION_LEGAL_OBLIGATION, Reason.EXCEPTION_TRANSACTION, Reason.EXCEPTION_SECURITY_FRAUD,
    Reason.EXCEPTION_LEGAL_CLAIMS, Reason.THIRD_PARTY_RIGHTS, Reason.WOULD_VIOLATE_LAW,
)  # fmt: skip
"""How denials may be split. Source: 11 CCR § 7102(a)(2)."""
_DENIED: Final = (Ending.DENIED, Ending.UNVERIFIED, Ending.FAILED)

_FIGURES: Final = """
WITH answered AS (SELECT brand, law, "right", receipt_date, settled_at, settled_ending AS ending,
    settled_reason AS reason, (settled_at AT TIME ZONE timezone)::date - receipt_date AS days
  FROM ops.requests WHERE receipt_date BETWEEN %(since)s AND %(until)s
    AND (%(brand)s::text IS NULL OR brand = %(brand)s) AND (%(law)s::text IS NULL OR law = %(law)s))
SELECT brand, law, "right", count(*) AS received,
  count(*) FILTER (WHERE ending = 'fulfilled') AS complied_in_whole,
  count(*) FILTER (WHERE ending = 'partially_fulfilled') AS complied_in_part,
  count(*) FILTER (WHERE ending = ANY(%(denied)s)) AS denied,
  count(*) FILTER (WHERE ending = ANY(%(denied)s) AND (ending = 'unverified' OR reason = ANY(%(unverifiable)s)))
    AS denied_not_verifiable,
  count(*) FILTER (WHERE ending = 'denied' AND reason = ANY(%(foreign)s)) AS denied_not_by_a_consumer,
  count(*) FILTER (WHERE ending = 'denied' AND reason = ANY(%(exempt)s)) AS denied_exempt,
  count(*) FILTER (WHERE ending IN ('withdrawn', 'expired')) AS withdrawn_or_lapsed,
  count(*) FILTER (WHERE settled_at IS NULL) AS open,
  array_agg(days ORDER BY days) FILTER (WHERE ending NOT IN ('withdrawn', 'expired')) AS days
FROM answered GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"""

_LOG: Final = """
SELECT r.request_id, r.receipt_date AS received_on, r."right" AS nature, r.channel AS manner, r.brand, r.law,
  (r.settled_at AT TIME ZONE r.timezone)::date AS responded_on, r.settled_ending AS response,
  nullif(concat_ws('; ', r.settled_reason,
    (SELECT string_agg(DISTINCT d.basis, '; ') FROM ops.decisions d
      WHERE d.request_id = r.request_id AND d.applied AND d.basis IS NOT NULL),
    (SELECT string_agg(DISTINCT p.basis, '; ') FROM ops.parts p
      WHERE p.request_id = r.request_id AND p.basis IS NOT NULL AND p.part LIKE 'own/%%')), '') AS basis_of_denial
FROM ops.requests r WHERE r.receipt_date BETWEEN %(since)s AND %(until)s
ORDER BY r.receipt_date, r.request_id"""

LOG_COLUMNS: Final = (
    "request_id", "received_on", "nature", "manner", "brand", "law", "responded_on", "response", "basis_of_denial",
)  # fmt: skip
SUMS: Final = (
    "received", "complied_in_whole", "complied_in_part", "denied", "denied_not_verifiable", "denied_not_by_a_consumer",
    "denied_exempt", "withdrawn_or_lapsed", "open",
)  # fmt: skip


def figures(
    db: Db, since: date, until: date, *, brand: str | None = None, law: str | None = None
) -> list[dict[str, Any]]:
    """Counts per brand, law and right, of requests received on those days; `days` are those from receipt to answer."""
    args = {
        "since": since, "until": until, "brand": brand, "law": law, "denied": list(_DENIED),
        "unverifiable": list(NOT_VERIFIABLE), "foreign": list(NOT_BY_A_CONSUMER), "exempt": list(EXEMPT),
    }  # fmt: skip
    return db.cursor(row_factory=dict_row).execute(_FIGURES, args).fetchall()


def summed(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Several rows of figures as one, with the median and the mean of their days."""
    days = sorted(day for row in rows for day in row["days"] or ())
    sums = {name: sum(row[name] for row in rows) for name in SUMS}
    other = sums["denied"] - sum(sums[f"denied_{why}"] for why in ("not_verifiable", "not_by_a_consumer", "exempt"))
    return {**sums, "denied_otherwise": other, "median_days": _median(days), "mean_days": _mean(days)}


def _median(days: Sequence[int]) -> float | None:
    if not days:
        return None
    middle = len(days) // 2
    return float(days[middle]) if len(days) % 2 else (days[middle - 1] + days[middle]) / 2


def _mean(days: Sequence[int]) -> float | None:
    return round(sum(days) / len(days), 1) if days else None


def ccpa(db: Db, year: int, *, brand: str | None = None) -> dict[str, dict[str, Any]]:
    """The yearly figures of California, per kind of request. Source: 11 CCR § 7102."""
    rows = figures(db, date(year, 1, 1), date(year, 12, 31), brand=brand, law=CALIFORNIA)
    return {kind: summed([row for row in rows if row["right"] in rights]) for kind, rights in KINDS.items()}


def by_law(db: Db, since: date, until: date) -> list[dict[str, Any]]:
    """The same figures per brand and law, over all rights."""
    rows = figures(db, since, until)
    pairs = dict.fromkeys((row["brand"], row["law"]) for row in rows)
    return [
        {"brand": brand, "law": law, **summed([row for row in rows if (row["brand"], row["law"]) == (brand, law)])}
        for brand, law in pairs
    ]


def log(db: Db, since: date, until: date) -> list[dict[str, Any]]:
    """The log: date, nature, manner, date and nature of response, basis of denial. Source: 11 CCR § 7101."""
    return db.cursor(row_factory=dict_row).execute(_LOG, {"since": since, "until": until}).fetchall()
