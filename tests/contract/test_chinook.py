"""A database nobody here designed is mapped from a draft and a few edits, and served."""

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
import sqlalchemy as sa
import yaml

from connectors.datamap import compile_map
from connectors.port import Answer, CorrectionTask, Receipt, Task
from connectors.review import review
from connectors.sql import SqlSystem, open_sql
from connectors.sql.draft import draft
from connectors.sql.drafting import write_down
from connectors.sql.engine import engine_of
from schemas.values import Action, Outcome, Reason
from tests.contract import chinook
from tests.contract.company import Basket

EDITS = {
    "brands: [decide]": "brands: [parcelwise]",
    "populations: []": "populations: [account_holder, employee]",
    '"DECIDE: what the company uses this data for"': "selling music",
    '"DECIDE: the person, our clients, …"': "the person",
    '"DECIDE: which law"': '"26 U.S.C. 6001; 26 CFR 1.6001-1(e)"',
    "recipients: []": "recipients: [service_provider]",
    "impersonal: []": "impersonal: [Artist, Genre, MediaType, Playlist, Track]",
}
"""What a person decided, going through the draft."""


class Shop:
    """The music shop behind the SQL connector."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = engine_of(url, 30.0, 2)
        chinook.fill(self.engine)
        self.drafted = write_down(draft(self.engine, None), system="music", url_env="MUSIC", schema=None,
                                  dialect=self.engine.dialect.name)  # fmt: skip
        self.edited = self.drafted
        for before, after in EDITS.items():
            self.edited = self.edited.replace(before, after)

    def system(self, text: str) -> SqlSystem:
        return open_sql("music", compile_map(text).systems["music"], {"MUSIC": self.url})

    def one(self, action: Action, customer: int, basket: Basket | None = None, **more: Any) -> Receipt:
        wanted = Task(uuid5(UUID(int=7), f"{action}/{customer}/{more}"), str(UUID(int=7)), "music", action,
                      ({"customer_id": str(customer)},), **more)  # fmt: skip
        [answer] = self.perform(wanted, basket or Basket())
        assert isinstance(answer, Receipt), answer
        return answer

    def perform(self, wanted: Task, basket: Basket) -> list[Answer]:
        return asyncio.run(self.system(self.edited).perform([wanted], basket))

    def rows(self, table: sa.Table, **where: Any) -> list[dict[str, Any]]:
        query = sa.select(table).where(*(table.c[name] == value for name, value in where.items()))
        with self.engine.connect() as db:
            return [dict(row) for row in db.execute(query.order_by(*table.primary_key)).mappings()]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    here = request.param == "sqlite"
    made = Shop(f"sqlite:///{tmp_path / 'music.db'}" if here else request.getfixturevalue("database_url"))
    yield made
    made.engine.dispose()


def test_a_draft_compiles_as_it_is_and_says_what_to_decide(shop: Shop) -> None:
    drafted = compile_map(shop.drafted)
    left = {finding.where for finding in review(drafted) if finding.serious}

    assert {"brands[0]", "roles.own", "tables[Customer].source", "tables[Invoice].keep.citation"} <= left
    assert [finding for finding in review(compile_map(shop.edited)) if finding.serious] == []
    assert "# Artist (Name)" in shop.drafted
    assert shop.url not in shop.drafted


def test_a_draft_finds_people_and_what_hangs_on_them(shop: Shop) -> None:
    tables = {t["name"]: t for t in yaml.safe_load(shop.drafted)["systems"]["music"]["tables"]}

    assert {name: (t["record_key"], t["key_column"], t["erase"]) for name, t in tables.items()} == {
        "InvoiceLine": ("customer_id", "InvoiceId", "keep"),
        "Invoice": ("customer_id", "CustomerId", "keep"),
        "Customer": ("customer_id", "CustomerId", "mask"),
        "Employee": ("employee_id", "EmployeeId", "mask"),
    }
    assert list(tables).index("InvoiceLine") < list(tables).index("Invoice") < list(tables).index("Customer")
    assert tables["InvoiceLine"]["through"] == {"table": "Invoice", "column": "InvoiceId"}
    assert tables["Customer"]["fields"]["Email"] == {"category": "identifiers", "mask": "token", "correctable": "email"}
    assert tables["Customer"]["fields"]["LastName"]["mask"] == "empty"


def test_the_edited_map_fits_the_database(shop: Shop) -> None:
    found = asyncio.run(shop.system(shop.edited).check())

    assert [finding for finding in found if finding.serious or finding.kind == "uncovered"] == []


def test_access_shows_a_customer_with_what_they_bought(shop: Shop) -> None:
    basket = Basket()
    receipt = shop.one(Action.EXPORT, 1, basket)

    assert receipt.outcome is Outcome.EXPORTED
    shown = {table: rows for _, _, table, rows in basket.chunks}
    assert {table: len(rows) for table, rows in shown.items()} == {"Customer": 1, "Invoice": 2, "InvoiceLine": 4}
    assert shown["Customer"][0]["Email"] == "ada1@example.org"
    assert [row["Total"] for row in shown["Invoice"]] == ["1.98", "1.98"]
    assert [str(row["InvoiceDate"])[:10] for row in shown["Invoice"]] == ["2019-05-06", "2025-05-06"]
    assert "ada2@example.org" not in str(basket.chunks)


def test_deletion_masks_the_customer_and_keeps_the_orders_for_tax(shop: Shop) -> None:
    receipt = shop.one(Action.ERASE, 1)

    assert receipt.outcome is Outcome.RETAINED
    [customer] = shop.rows(chinook.CUSTOMER, CustomerId=1)
    assert (customer["FirstName"], customer["LastName"], customer["Email"]) == ("erased-1", "", "erased-1")
    assert {customer[name] for name in ("Company", "Address", "City", "PostalCode", "Phone")} == {None}
    assert customer["SupportRepId"] == 1
    assert len(shop.rows(chinook.INVOICE, CustomerId=1)) == 2
    assert sum(kept.count for kept in receipt.retained) == 6
    assert {(kept.code, kept.until) for kept in receipt.retained} == {
        (Reason.EXCEPTION_LEGAL_OBLIGATION, date(2032, 5, 6))
    }
    assert [row["Email"] for row in shop.rows(chinook.CUSTOMER)][1:] == ["ada2@example.org", "ada3@example.org"]
    assert shop.one(Action.ERASE, 1) == receipt


def test_orders_whose_time_is_over_go_with_their_lines(shop: Shop) -> None:
    receipt = shop.one(Action.ERASE, 2, today=date(2026, 11, 1))

    assert receipt.outcome is Outcome.RETAINED
    assert [row["InvoiceId"] for row in shop.rows(chinook.INVOICE, CustomerId=2)] == [21]
    assert [row["InvoiceId"] for row in shop.rows(chinook.LINE) if row["InvoiceId"] // 10 == 2] == [21, 21]
    assert {kept.until for kept in receipt.retained} == {date(2032, 5, 6)}


def test_a_correction_reaches_the_customer(shop: Shop) -> None:
    corrections = (CorrectionTask("email", "ada.new@example.org"), CorrectionTask("last_name", "Martin"))
    receipt = shop.one(Action.CORRECT, 3, corrections=corrections)

    assert (receipt.outcome, receipt.counts) == (Outcome.CORRECTED, {"identifiers": 1})
    [customer] = shop.rows(chinook.CUSTOMER, CustomerId=3)
    assert (customer["Email"], customer["LastName"], customer["FirstName"]) == ("ada.new@example.org", "Martin", "Ada3")


def test_nobody_of_that_number_is_told_so(shop: Shop) -> None:
    assert shop.one(Action.ERASE, 99).outcome is Outcome.NOT_FOUND
