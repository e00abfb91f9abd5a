"""The sample company's own systems in PostgreSQL, and the rows its loader gives to the directory."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import psycopg

from stack.sample.people import Human, people

_SCHEMA: Final = """
DROP SCHEMA IF EXISTS accounts, billing, shipments, web CASCADE;
CREATE SCHEMA accounts; CREATE SCHEMA billing; CREATE SCHEMA shipments; CREATE SCHEMA web;
CREATE TABLE accounts.account (id text PRIMARY KEY, brand text, name text, email text, phone text, street text,
  city text, region text, postcode text, password_hash text, created_on date, deactivated bool);
CREATE TABLE billing.invoice (number text PRIMARY KEY, account_id text, amount numeric(10,2), issued_on date);
CREATE INDEX ON billing.invoice (account_id);
CREATE TABLE billing.payment_method (account_id text PRIMARY KEY, card_number text, expires text);
CREATE TABLE shipments.recipient (id text PRIMARY KEY, client text NOT NULL, name text, email text, phone text,
  street text, city text, region text, postcode text, order_number text, tracking_number text, shipped_on date);
CREATE TABLE web.visitor (id text PRIMARY KEY, email text, ip text, pages text, seen_on date);
CREATE TABLE web.marketing (visitor_id text PRIMARY KEY, email text, name text);
CREATE TABLE web.preference (visitor_id text PRIMARY KEY, no_sale bool, no_ads bool, no_marketing bool,
  no_mailing bool, no_texts bool, limit_sensitive bool, no_consent bool);
"""
_TABLES: Final = ("accounts.account", "billing.invoice", "billing.payment_method", "shipments.recipient",
                  "web.visitor", "web.marketing", "web.preference")  # fmt: skip


def create(database_url: str, humans: Iterable[Human] | None = None) -> int:
    """Build the company's systems anew and fill them; returns how many rows."""
    with psycopg.connect(database_url) as db:
        db.execute(_SCHEMA)
    return add(database_url, humans if humans is not None else people())


def add(database_url: str, humans: Iterable[Human]) -> int:
    """Let these people become known to the company's systems; returns how many rows that took."""
    total = 0
    with psycopg.connect(database_url) as db, db.cursor() as cursor:
        for table, rows in _tables(humans).items():
            with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            total += len(rows)
    return total


def _tables(humans: Iterable[Human]) -> dict[str, list[tuple[Any, ...]]]:
    tables: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _TABLES}
    for h in humans:
        place = (h.name, h.email or None, h.phone, h.street, h.city, h.region, h.postcode)
        for account in h.accounts:
            tables["accounts.account"].append((account, h.brand, *place, "x" * 40, h.since, None))
        if h.account:
            tables["billing.invoice"].append((f"IN-{h.number:06}", h.account, h.amount, h.since))
            tables["billing.payment_method"].append((h.account, f"4000{h.number:012}", "12/29"))
        if h.visitor:
            tables["web.visitor"].append((h.visitor, h.email, "192.0.2.1", "/pricing /signup", h.since))
            tables["web.marketing"].append((h.visitor, h.email, h.name))
            tables["web.preference"].append((h.visitor, *(None,) * 7))
        for index, s in enumerate(h.shipments):
            key = f"r{h.number}-{index}"
            tables["shipments.recipient"].append((key, s.client, *place, s.order_number, s.tracking_number, h.since))
    return tables


def directory_rows(humans: Iterable[Human] | None = None) -> Iterator[dict[str, str]]:
    """The company's people as its loader gives them to the directory: one row per record."""
    for h in humans if humans is not None else people():
        common = {
            "brand": h.brand, "name": h.name, "email": h.email, "phone": h.phone, "address_line": h.street,
            "city": h.city, "region": h.region, "postcode": h.postcode, "country": "US",
            "held_since": h.since.isoformat(), "locale": h.locale,
        }  # fmt: skip
        yield from (common | own for own in _own_records(h))
        for index, s in enumerate(h.shipments):
            yield common | {
                "population": "recipient", "client": s.client, "link": f"{s.client}/{h.number}", "system": "shipments",
                "record_keys": f"recipient_id=r{h.number}-{index}", "order_number": s.order_number,
                "tracking_number": s.tracking_number,
            }  # fmt: skip


def _own_records(h: Human) -> Iterator[dict[str, str]]:
    for account in h.accounts:
        own = {"population": "account_holder", "link": account, "account_number": account}
        yield own | {"system": "accounts", "record_keys": f"account_id={account}"}
        if account == h.account:
            bill = {"system": "billing", "record_keys": f"account_id={account}", "transaction_amount": h.amount}
            yield own | bill
    if h.visitor:
        population = "account_holder" if h.account else "prospect"
        link = h.account or h.visitor
        yield {"population": population, "link": link, "system": "web", "record_keys": f"visitor_id={h.visitor}"}
