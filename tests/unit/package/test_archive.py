"""What is in a package, read back as its receiver would."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from connectors.datamap import compile_map
from connectors.holdings import FieldMap
from connectors.reach import disclosed
from schemas.values import Population, Right
from services.packages import archive
from services.packages.account import BUSINESS_CONTACT, OTHERS, SENSITIVE, Asked, account
from services.packages.page import render
from services.packages.stored import BLOCK, Outgoing
from tests.support.policies import handbook, systems

pytestmark = pytest.mark.anyio

REQUEST = "0d8e3f64-7c57-8a07-8a2c-3f5f4b1f6a10"
HELD = {"held": True, "type": "password"}
PEOPLE: list[dict[str, Any]] = [
    {"id": 7, "name": "Ines <b>Ortega</b>", "email": "ines@example.org", "password_hash": HELD},
    {"id": 8, "name": '=HYPERLINK("x")', "email": None, "password_hash": HELD},
]


class Lists:
    def __init__(self, tables: Mapping[str, Sequence[Sequence[dict[str, Any]]]]) -> None:
        self._tables = tables

    def tables(self) -> Sequence[str]:
        return sorted(self._tables)

    async def rows(self, table: str) -> AsyncIterator[Sequence[dict[str, Any]]]:
        for chunk in self._tables[table]:
            yield chunk


def asked(right: Right = Right.KNOW_SPECIFIC, **more: Any) -> Asked:
    people = {"populations": frozenset({Population.ACCOUNT_HOLDER})}
    return Asked(REQUEST, right, handbook().brands["parcelwise"], systems(), date(2026, 3, 4), **(people | more))


async def packed(what: Asked, tables: Mapping[str, Any], notes: Sequence[dict[str, Any]] = ()) -> zipfile.ZipFile:
    outgoing, blocks = Outgoing(), list[bytes]()

    async def ready() -> None:
        blocks.extend(outgoing.blocks())

    await archive.write(outgoing, what, Lists(tables), notes, ready)
    blocks.extend(outgoing.blocks(last=True))
    whole = b"".join(blocks)
    assert (len(whole), hashlib.sha256(whole).hexdigest()) == (outgoing.size, outgoing.sha256)
    assert all(len(block) == BLOCK for block in blocks[:-1])
    return zipfile.ZipFile(io.BytesIO(whole))


async def test_the_data_comes_back_as_json_and_as_sheets() -> None:
    tables = {"accounts/account": [PEOPLE[:1], PEOPLE[1:]], "billing/invoice": [[{"number": "F-1", "amount": 3}]]}
    found = await packed(asked(), tables)

    data = json.loads(found.read("data.json"))
    assert data == {
        "request": REQUEST,
        "tables": {"accounts/account": PEOPLE, "billing/invoice": [{"number": "F-1", "amount": 3}]},
    }
    sheet = list(csv.DictReader(io.StringIO(found.read("accounts/account.csv").decode())))
    assert [row["email"] for row in sheet] == ["ines@example.org", ""]
    assert sheet[0]["password_hash"] == "[password: held, not shown]"


async def test_nothing_in_a_sheet_is_a_formula() -> None:
    found = await packed(asked(), {"accounts/account": [PEOPLE, [{"id": -3, "name": "+1 555 0100"}]]})

    names = [row["name"] for row in csv.DictReader(io.StringIO(found.read("accounts/account.csv").decode()))]
    assert names == ["Ines <b>Ortega</b>", '\'=HYPERLINK("x")', "+1 555 0100"]


async def test_a_column_that_appears_late_has_its_place_in_the_sheet() -> None:
    found = await packed(asked(), {"web/visitor": [[{"ip": "192.0.2.1"}], [{"pages": "/a", "ip": None}]]})

    assert found.read("web/visitor.csv").decode() == "ip,pages\r\n192.0.2.1,\r\n,/a\r\n"


async def test_the_checksums_are_those_of_the_files() -> None:
    found = await packed(asked(), {"accounts/account": [PEOPLE]}, [{"message": "please"}])

    lines = found.read("SHA256SUMS").decode().splitlines()
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
    assert sorted(sums) == ["account.json", "accounts/account.csv", "data.json", "index.html", "requests.json"]
    assert all(hashlib.sha256(found.read(name)).hexdigest() == digest for name, digest in sums.items())


async def test_the_page_escapes_what_people_wrote_and_says_what_is_not_shown() -> None:
    found = await packed(asked(), {"accounts/account": [PEOPLE]}, [{"message": "<script>alert(1)</script>"}])

    page = found.read("index.html").decode()
    assert "Ines &lt;b&gt;Ortega&lt;/b&gt;" in page
    assert "<script" not in page
    assert "password: held, not shown" in page
    assert json.loads(found.read("account.json"))["withheld"] == [
        {"table": "accounts/account", "type": "password", "why": SENSITIVE}
    ]


async def test_the_page_shows_the_first_rows_and_the_files_hold_all() -> None:
    many = [{"number": f"F-{n}"} for n in range(archive.SHOWN + 50)]
    found = await packed(asked(), {"billing/invoice": [many[:120], many[120:]]})

    page = found.read("index.html").decode()
    assert f"F-{archive.SHOWN - 1}<" in page
    assert f"F-{archive.SHOWN}<" not in page
    assert f"first {archive.SHOWN} of {len(many)} records" in page
    assert found.read("billing/invoice.csv").decode().count("\r\n") == len(many) + 1


@pytest.mark.parametrize("right", [Right.KNOW_CATEGORIES, Right.THIRD_PARTY_LIST])
async def test_an_account_of_categories_holds_no_pieces(right: Right) -> None:
    found = await packed(asked(right), {"accounts/account": [PEOPLE]})

    assert sorted(found.namelist()) == ["SHA256SUMS", "account.json", "index.html"]
    assert json.loads(found.read("account.json"))["held"][0]["records"] == 2
    assert all(b"Ortega" not in found.read(name) for name in found.namelist())


async def test_an_archive_of_nothing_still_answers_in_general() -> None:
    found = await packed(asked(), {})

    assert json.loads(found.read("data.json")) == {"request": REQUEST, "tables": {}}
    assert "We found no records about you" in found.read("index.html").decode()


def test_the_two_lists_are_kept_apart() -> None:
    told = account(asked(populations=frozenset({Population.VISITOR})), {"web/visitor": 3}, ())

    assert told["sold_or_shared"]
    assert told["disclosed_for_a_business_purpose"]
    assert told["sold_or_shared"] != told["disclosed_for_a_business_purpose"]
    assert {row["category"] for row in told["categories"]} >= {"identifiers", "internet_activity"}
    assert all(row["sources"] and row["purposes"] for row in told["categories"])
    assert [one["done"] for one in told["practices"] if "advertising" in one["what"]] == [True]


def test_each_table_says_where_it_is_from_what_it_is_for_and_who_gets_it() -> None:
    [held] = account(asked(), {"billing/payment_method": 2}, ())["held"]

    assert (held["source"], held["purposes"], held["recipients"]) == (
        "the person", ["provide_services"], ["subsidiary_affiliate"],
    )  # fmt: skip
    assert held["providers"] == ["Tallow Payments"]


GIVEN = """
systems:
  web:
    connector: manual
    brands: [parcelwise]
    holds: [{name: visit, category: internet_activity, source: the device, purposes: [marketing]}]
    providers: [{name: Meadow Mail, contract: "order form, 7", categories: [identifiers]}]
    third_parties: [{name: Harbor Ads, contract: "terms, 3"}, {name: Dune Media, contract: "t, 4", brands: [shipdesk]}]
    options: {instructions: {erase: "Tell it."}}
"""


def test_third_parties_are_named_apart_from_service_providers_and_only_those_of_the_brand() -> None:
    told = account(replace(asked(), systems=compile_map(GIVEN)), {"web/visit": 1}, ())
    [held] = told["held"]

    assert (told["providers"], told["third_parties"]) == (["Meadow Mail"], ["Harbor Ads"])
    assert (held["providers"], held["third_parties"]) == ([], ["Harbor Ads"])
    assert "for purposes of their own: Harbor Ads" in render(told, {}, ())


def test_a_client_hears_nothing_of_the_company_itself() -> None:
    told = account(asked(client="fern"), {"shipments/recipient": 1}, ())

    assert "categories" not in told
    assert "practices" not in told


BUSINESS = """
systems:
  desk:
    connector: sql
    url_env: DESK_URL
    brands: [parcelwise]
    tables:
      - name: contact
        record_key: id
        key_column: id
        category: identifiers
        source: the person
        purposes: [communicate]
        erase: delete
        fields:
          title: {category: employment, business_contact: true}
          note: {category: commercial}
"""


@pytest.mark.parametrize(
    ("law", "population", "shown"),
    [
        ("CA-PIPEDA", Population.CLIENT_STAFF, False),
        ("CA-PIPEDA", Population.ACCOUNT_HOLDER, True),
        ("US-CA-CCPA", Population.CLIENT_STAFF, True),
    ],
)
async def test_business_contact_data_is_held_back_where_the_law_leaves_it_out(
    law: str, population: Population, shown: bool
) -> None:
    what = asked(law=law, populations=frozenset({population}))
    what = Asked(what.request, what.right, what.brand, compile_map(BUSINESS), what.made_on, law=law,
                 populations=frozenset({population}))  # fmt: skip
    found = await packed(what, {"desk/contact": [[{"title": "Head of Returns", "note": "rang"}]]})

    assert (b"Head of Returns" in found.read("data.json")) is shown
    assert [one["why"] for one in json.loads(found.read("account.json"))["withheld"]] == (
        [] if shown else [BUSINESS_CONTACT]
    )


async def test_what_is_about_somebody_else_too_is_said_to_be_held_with_that_reason() -> None:
    about = {"note": FieldMap(category="commercial", disclose="others"), "city": FieldMap(category="identifiers")}
    row = disclosed(about, {"note": "her neighbour took it", "city": "Ogden"})
    found = await packed(asked(), {"web/visitor": [[row, disclosed(about, {"note": None, "city": "Provo"})]]})

    whole = b"".join(found.read(name) for name in found.namelist())
    assert b"neighbour" not in whole
    assert b"Ogden" in found.read("web/visitor.csv")
    assert json.loads(found.read("account.json"))["withheld"] == [
        {"table": "web/visitor", "type": "note", "why": OTHERS},
    ]
