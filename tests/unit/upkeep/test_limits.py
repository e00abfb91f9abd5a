"""What ends by age, by which rule, and why something stays: from the data map and the brands alone."""

from datetime import date
from typing import Any

import pytest

from connectors.datamap import compile_map
from rules.errors import PolicyProblem
from services.upkeep.limits import Kept, limits
from tests.support.policies import handbook, systems

TODAY = date(2026, 6, 1)
MAP = """
systems:
  shop:
    connector: sql
    url_env: SHOP
    brands: [{brand}]
    roles: {{own: own purpose, client: held for the client}}
    tables:
      - {{name: line, record_key: p, key_column: order_id, through: {{table: orders, column: id}}, category: commercial,
         source: us, purposes: [provide_services], erase: delete, fields: {{article: {{category: commercial}}}}}}
      - {{name: orders, record_key: p, key_column: p, {more} category: commercial, source: us,
         purposes: [provide_services], erase: delete, fields: {{total: {{category: commercial}}}}}}
"""


def of(brand: str = "parcelwise", **more: str) -> dict[str, Kept]:
    said = "".join(f"{name}: {value}, " for name, value in more.items())
    found = limits(compile_map(MAP.format(brand=brand, more=said)), handbook().brands, TODAY)
    return {one.table: one for one in found}


def test_rows_end_by_the_brands_rule_also_where_another_table_knows_their_day() -> None:
    found = of(date_column="ordered_on")

    assert {(one.first_kept, one.by_age, one.why) for one in found.values()} == {(date(2026, 5, 2), True, "")}
    assert found["orders"].rule == "parcelwise: 30 calendar days (the brand's own promise)"


def test_rows_without_a_day_cannot_end_by_age() -> None:
    assert {(one.first_kept, one.by_age) for one in of().values()} == {(date(2026, 5, 2), False)}


def test_cookies_have_a_rule_of_their_own() -> None:
    assert of(date_column="d", retention="cookies")["orders"].first_kept == date(2024, 6, 1)


@pytest.mark.parametrize(
    ("longer", "first", "why"),
    [
        ('{ground: law, citation: "26 U.S.C. 6001", days: 365}', date(2025, 6, 1), "law: 26 U.S.C. 6001, 365 days"),
        ('{ground: court_order, citation: "Case 7", days: 10}', date(2026, 5, 2), "court order: Case 7, 10 days"),
        ('{ground: business_critical, citation: "open account"}', None, "business critical: open account"),
    ],
)
def test_what_is_kept_longer_says_why(longer: str, first: date | None, why: str) -> None:
    found = of(date_column="d", longer=longer)["orders"]

    assert (found.first_kept, found.why) == (first, why)


@pytest.mark.parametrize(
    "longer", ["{ground: habit, citation: always}", "{ground: law}", '{ground: law, citation: ""}']
)
def test_keeping_longer_needs_one_of_three_grounds_and_a_citation(longer: str) -> None:
    with pytest.raises(PolicyProblem):
        of(longer=longer)


def test_where_the_brand_names_no_time_nothing_ends_by_age() -> None:
    found = of("firstmile", date_column="d")["orders"]

    assert (found.first_kept, found.rule) == (None, "as long as its purposes need")


def test_the_sample_keeps_invoices_for_tax_and_leaves_parcels_to_their_clients() -> None:
    found: dict[str, Any] = {f"{one.system}/{one.table}": one for one in limits(systems(), handbook().brands, TODAY)}

    assert found["billing/invoice"].why.startswith("law: 26 U.S.C. 6001")
    assert (found["shipments/recipient"].first_kept, found["shipments/recipient"].rule) == (
        None, "the client's instruction",
    )  # fmt: skip
    assert (found["web/visitor"].first_kept, found["accounts/account"].first_kept) == (date(2024, 6, 1), None)
