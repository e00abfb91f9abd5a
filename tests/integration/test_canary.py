"""A person nobody else resembles travels through the whole system; nothing of them may lie where it must not."""

import base64
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql

from bench.load import Sender, Submission, Watcher
from bench.system import System
from schemas.topics import topic_of
from services.directory.load import load
from services.directory.rows import person_of
from services.ops.cli.demo import merchants
from services.ops.kafka import read_all
from services.ops.traces import all_topics
from stack.sample import company
from stack.sample.people import Human, Kind, Shipment

pytestmark = pytest.mark.integration

CANARY = Human(
    number=990_001, brand="parcelwise", kind=Kind.BOTH, name="Zebulon Quixworth",
    email="zebulon.quixworth@canary.example",
    phone="+12025550163", street="777 Marmalade Viaduct", city="Sacramento", region="CA", postcode="95814",
    account="AC-QX990001", shipments=(Shipment("acorn-supply", "AC-QXORDER-7781", "1ZQXTRACK99817"),),
    since=date(2025, 1, 1),
)  # fmt: skip
NEEDLES = (
    "zebulon", "quixworth", "canary.example", "2025550163", "marmalade", "qx990001", "qxorder", "qxtrack",
)  # fmt: skip
THEIR_OWN = ("accounts", "billing", "shipments", "web", "pg_catalog", "information_schema")
"""Schemas where the company itself keeps people."""


def encodings(needle: str) -> Iterator[bytes]:
    """The needle as it would look in plain, hex, and base64 at each of the three alignments."""
    for raw in {needle.encode(), needle.upper().encode(), needle.capitalize().encode()}:
        yield raw
        yield raw.hex().encode()
        for shift in range(3):
            text = base64.b64encode(b"x" * shift + raw)
            yield text[(shift * 8 + 5) // 6 :].rstrip(b"=")[:-1]


PATTERN = re.compile(b"|".join(re.escape(one) for needle in NEEDLES for one in encodings(needle)))


def found_in(raw: bytes) -> list[bytes]:
    return sorted({hit.group() for hit in PATTERN.finditer(raw)})


def submissions() -> Iterator[Submission]:
    subject = {
        "name": CANARY.name, "emails": [CANARY.email], "phones": [CANARY.phone], "account_number": CANARY.account,
        "addresses": [{"line1": CANARY.street, "city": CANARY.city, "region": "CA", "postcode": CANARY.postcode}],
        "tracking_numbers": [CANARY.shipments[0].tracking_number],
        "order_numbers": [CANARY.shipments[0].order_number],
    }  # fmt: skip
    common = {"source": "webform", "brand": "parcelwise", "residence": {"country": "US", "region": "CA"}}
    declared = {"signed_name": CANARY.name, "signed_at": "2026-06-01T12:00:00Z", "text_version": "2026-01"}
    yield common | {"submission_id": "canary-1", "rights": ["know_specific"], "subject": subject,
                    "declaration": declared, "message": f"It is me, {CANARY.name}."}  # fmt: skip
    yield common | {"submission_id": "canary-2", "rights": ["correct"], "subject": subject,
                    "corrections": [{"field": "name", "new": "Zebulon Quixworth II"}]}  # fmt: skip
    yield common | {"submission_id": "canary-3", "rights": ["delete", "opt_out_sale_share"],
                    "subject": subject | {"emails": ["zebulon.quixworth.other@canary.example"]}}  # fmt: skip
    yield common | {"submission_id": "canary-4", "rights": ["delete"], "subject": {"name": CANARY.name,
                    "emails": [CANARY.email + "\u200b"]}}  # fmt: skip


@pytest.fixture(scope="module")
def travelled(system: System) -> System:
    """The canary's requests, all at their end or handed over."""
    url = system.found.endpoints.database_url
    company.add(url, [CANARY])
    with system.found.connect() as db:
        rows = (person_of(line, row) for line, row in enumerate(company.directory_rows([CANARY]), 1))
        load(db, rows, system.found.keys)
    with merchants(system.described):
        watcher = Watcher(system)
        sender = Sender(system, watcher.seen)
        sender.send(submissions())
        sender._producer.send(
            "privacy.requests", value=json.dumps({"source": "nobody", "subject": CANARY.email}).encode()
        )
        ended = watcher.until(lambda seen: seen.ends.keys() >= set(watcher.seen.sent_ms), 90)
        handed = watcher.until(lambda seen: len(_of_canary(seen.requests, seen.handed)) >= 3, 30)
    watcher.close()
    sender.close()
    assert ended
    assert handed
    return system


def _of_canary(requests: dict[str, str], handed: dict[str, int]) -> list[str]:
    return [request for request in handed if requests.get(request, "").startswith("canary")]


def test_no_topic_but_the_personal_ones_holds_anything_of_a_person(travelled: System) -> None:
    found = {}
    for record in read_all(travelled.found.access(), all_topics(travelled.found)):
        headers = b" ".join(value or b"" for _, value in record.headers)
        hits = found_in((record.key or b"") + b" " + headers)
        if topic_of(record.topic).personal == "no":
            hits += found_in(record.value or b"")
        if hits:
            found[record.topic, record.offset] = hits

    assert found == {}


def test_the_search_finds_what_personal_topics_hold(travelled: System) -> None:
    topics = ["privacy.requests", "privacy.clients.acorn-supply.requests"]
    hit = {record.topic for record in read_all(travelled.found.access(), topics) if found_in(record.value or b"")}

    assert hit == set(topics)


def test_no_log_line_holds_anything_of_a_person(travelled: System) -> None:
    logs = [file for file in travelled.logs() if not file.name.startswith(("mail", "kafka"))]

    assert len(logs) >= 4
    assert {file.name: hits for file in logs if (hits := found_in(file.read_bytes()))} == {}


def test_no_metric_holds_anything_of_a_person(travelled: System) -> None:
    pages = {name: httpx.get(url, timeout=10).content for name, url in travelled.described["metrics"].items() if url}

    assert len(pages) >= 4
    assert all(b"rightsbus_" in page for page in pages.values())
    assert {name: hits for name, page in pages.items() if (hits := found_in(page))} == {}


def test_no_table_of_ours_holds_anything_of_a_person(travelled: System) -> None:
    found = {}
    with psycopg.connect(travelled.found.endpoints.database_url) as db:
        tables = db.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname <> ALL(%s)", [list(THEIR_OWN)]
        ).fetchall()
        for schema, table in tables:
            if hits := found_in(_dump(db, schema, table)):
                found[f"{schema}.{table}"] = hits

    assert len(tables) > 25
    assert found == {}


def _dump(db: psycopg.Connection, schema: str, table: str) -> bytes:
    with db.cursor() as cursor, cursor.copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(schema, table))) as copy:
        return b"".join(bytes(block) for block in copy)


def test_what_lies_on_disk_outside_mail_and_print_is_looked_at_too(travelled: System) -> None:
    folder = travelled.found.endpoints.data_dir
    files = [file for file in folder.glob("*.json") if file.is_file()]

    assert {file.name: hits for file in files if (hits := found_in(Path(file).read_bytes()))} == {}
