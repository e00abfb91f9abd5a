"""Figures and the log: every request counted once, in its place, with its days."""

import csv
import io
from datetime import date, timedelta
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from schemas.base import Event
from schemas.events import DecisionApplied, OperatorDecided, RequestClosed, RequestSettled
from services.ops import reports
from services.ops.register import keeping
from tests.support.ledger import Ledger
from tests.support.story import NOON, accepted, an_id, told

pytestmark = pytest.mark.integration
YEAR = date(2026, 1, 1), date(2026, 12, 31)
DAY = 86_400.0


def asked(name: str, right: str, *, law: str = "US-CA-CCPA", brand: str = "parcelwise", at_s: float = 0) -> Event:
    return accepted(an_id(name), right=right, law=law, brand=brand, at_s=at_s)


def answered(name: str, ending: str, days: float, reason: str | None = None) -> Event:
    kept = {"outcome": "retained", "retained": [{"category": "invoices", "code": "exception_legal_obligation",
            "citation": "26 CFR 1.6001-1", "count": 1}]}  # fmt: skip
    parts = {"own/system:billing": kept} if ending == "partially_fulfilled" else {}
    return told(RequestSettled, an_id(name), at_s=days * DAY, ending=ending, reason=reason, parts=parts)


@pytest.fixture
def year(ledger: Ledger) -> Ledger:
    """Eight deletions of one brand, and others beside them."""
    ledger.take(*(asked(f"d{number}", "delete") for number in range(8)))
    ledger.take(
        answered("d0", "fulfilled", 2),
        answered("d1", "fulfilled", 4),
        answered("d2", "partially_fulfilled", 9),
        answered("d3", "unverified", 12, "insuf_verification"),
        answered("d4", "denied", 20, "outside_jurisdiction"),
        answered("d5", "denied", 21, "exception_legal_claims"),
        answered("d6", "withdrawn", 1),
    )
    ledger.take(asked("k", "know_specific"), answered("k", "fulfilled", 3), asked("c", "know_categories"))
    ledger.take(asked("o", "opt_out_sale_share", brand="shipdesk"), answered("o", "fulfilled", 0.5))
    ledger.take(asked("v", "delete", law="US-VA-VCDPA"), asked("before", "delete", at_s=-200 * DAY))
    return ledger


def test_the_yearly_figures_split_requests_as_the_rule_does(year: Ledger) -> None:
    found = reports.ccpa(year.db, 2026)

    assert found["delete"] == {
        "received": 8, "complied_in_whole": 2, "complied_in_part": 1, "denied": 3, "denied_not_verifiable": 1,
        "denied_not_by_a_consumer": 1, "denied_exempt": 1, "denied_otherwise": 0, "withdrawn_or_lapsed": 1, "open": 1,
        "median_days": 10.5, "mean_days": 11.3,
    }  # fmt: skip
    assert (found["know"]["received"], found["know"]["open"], found["know"]["median_days"]) == (2, 1, 3.0)
    assert found["opt_out_of_sale_or_sharing"]["complied_in_whole"] == 1
    assert found["correct"]["received"] == found["limit"]["received"] == 0
    assert found["correct"]["mean_days"] is None


def test_figures_of_one_brand_leave_the_others_out(year: Ledger) -> None:
    found = reports.ccpa(year.db, 2026, brand="shipdesk")

    assert {kind: told["received"] for kind, told in found.items()} == {
        "delete": 0, "correct": 0, "know": 0, "opt_out_of_sale_or_sharing": 1, "limit": 0,
    }  # fmt: skip


def test_figures_per_law_hold_every_request_once(year: Ledger) -> None:
    rows = {(row["brand"], row["law"]): row for row in reports.by_law(year.db, *YEAR)}

    assert {pair: row["received"] for pair, row in rows.items()} == {
        ("parcelwise", "US-CA-CCPA"): 10, ("parcelwise", "US-VA-VCDPA"): 1, ("shipdesk", "US-CA-CCPA"): 1,
    }  # fmt: skip
    for row in rows.values():
        split = ("complied_in_whole", "complied_in_part", "denied", "withdrawn_or_lapsed", "open")
        assert sum(row[name] for name in split) == row["received"]


def test_the_log_has_the_fields_of_the_rule_and_the_basis_of_what_was_not_done(year: Ledger) -> None:
    decided = told(OperatorDecided, an_id("d5"), verb="deny", by="avery", basis="Civ. Code 1798.145(a)")
    applied = told(DecisionApplied, an_id("d5"), decision_id=str(decided.event_id), verb="deny", applied=True)
    year.take(decided, applied)

    rows = {row["request_id"]: row for row in reports.log(year.db, *YEAR)}

    assert len(rows) == 12
    assert tuple(rows[an_id("d2")]) == reports.LOG_COLUMNS
    part = rows[an_id("d2")]
    assert (part["received_on"], part["nature"], part["manner"]) == (NOON.date(), "delete", "web")
    assert (part["responded_on"], part["response"]) == (NOON.date() + timedelta(days=9), "partially_fulfilled")
    assert part["basis_of_denial"] == "exception_legal_obligation: 26 CFR 1.6001-1"
    assert rows[an_id("d5")]["basis_of_denial"] == "exception_legal_claims; Civ. Code 1798.145(a)"
    assert rows[an_id("d7")]["response"] is None
    assert rows[an_id("d0")]["basis_of_denial"] is None


def test_the_log_survives_being_written_as_csv(year: Ledger) -> None:
    out = io.StringIO()
    writer = csv.DictWriter(out, reports.LOG_COLUMNS)
    writer.writeheader()
    writer.writerows(reports.log(year.db, *YEAR))

    assert len(list(csv.DictReader(io.StringIO(out.getvalue())))) == 12


def test_a_request_stays_in_the_log_for_24_months_after_it_closed_and_no_longer(ledger: Ledger) -> None:
    ledger.take(asked("old", "delete"), told(RequestClosed, an_id("old"), at_s=DAY, ending="fulfilled", parts={}))
    closed = NOON + timedelta(seconds=DAY)

    assert keeping.purge(ledger.db, closed + timedelta(days=730)) == 0
    assert keeping.purge(ledger.db, closed + timedelta(days=732)) == 1
    assert ledger.rows("SELECT count(*) FROM ops.requests") == [(0,)]


def values_in(tables: dict[str, list[tuple[Any, ...]]]) -> set[str]:
    return {str(cell) for rows in tables.values() for row in rows for cell in row if not isinstance(cell, Jsonb)}


def test_no_table_holds_a_submission_id_or_a_locale(year: Ledger) -> None:
    assert not {"sub-1", "en-US"} & values_in(year.tables())
