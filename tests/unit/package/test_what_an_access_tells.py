"""What an access must tell, read out of the package a person opens."""

import csv
import io
import json
import zipfile
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest

from connectors.reach import disclosed
from schemas.values import Population, Right
from services.packages import archive
from services.packages.account import OTHERS, SENSITIVE, Asked
from services.packages.stored import Outgoing
from tests.support.policies import handbook, systems

pytestmark = pytest.mark.anyio

REQUEST, LAW = "0d8e3f64-7c57-8a07-8a2c-3f5f4b1f6a10", "CA-PIPEDA"
VISIT = {"email": "ines@example.org", "ip": "192.0.2.7", "pages": "/pricing"}


class Rows:
    def __init__(self, tables: Mapping[str, Sequence[dict[str, Any]]]) -> None:
        self._tables = tables

    def tables(self) -> Sequence[str]:
        return sorted(self._tables)

    async def rows(self, table: str) -> AsyncIterator[Sequence[dict[str, Any]]]:
        yield self._tables[table]


async def opened(tables: Mapping[str, Sequence[dict[str, Any]]], right: Right = Right.KNOW_SPECIFIC) -> zipfile.ZipFile:
    people = frozenset({Population.VISITOR})
    asked = Asked(REQUEST, right, handbook().brands["parcelwise"], systems(), handbook().laws[LAW].effective_from,
                  law=LAW, populations=people)  # fmt: skip
    outgoing, blocks = Outgoing(), list[bytes]()

    async def ready() -> None:
        blocks.extend(outgoing.blocks())

    await archive.write(outgoing, asked, Rows(tables), (), ready)
    return zipfile.ZipFile(io.BytesIO(b"".join([*blocks, *outgoing.blocks(last=True)])))


def account_of(found: zipfile.ZipFile) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(found.read("account.json"))
    return told


@pytest.mark.parametrize(("tables", "collected"), [({"web/visitor": [VISIT]}, True), ({}, False)])
async def test_it_says_whether_anything_was_collected_and_gives_it(tables: dict[str, Any], collected: bool) -> None:
    found = await opened(tables)

    assert account_of(found)["collected"] is collected
    assert ("We found no records about you" in found.read("index.html").decode()) is not collected
    assert json.loads(found.read("data.json"))["tables"] == tables


async def test_copies_say_the_same_as_json_and_as_a_sheet_and_need_no_program_of_ours() -> None:
    found = await opened({"web/visitor": [VISIT, {**VISIT, "pages": 'a "quoted", cell\nof two lines'}]})

    [*rows] = json.loads(found.read("data.json"))["tables"]["web/visitor"]
    assert list(csv.DictReader(io.StringIO(found.read("web/visitor.csv").decode()))) == rows
    assert rows[0] == VISIT
    page = found.read("index.html").decode()
    assert not any(loaded in page for loaded in ("<script", "<link", "src=", "url("))


async def test_no_value_that_the_data_map_holds_back_is_in_any_file_and_each_kind_is_said() -> None:
    secrets: dict[tuple[str, str], str] = {}
    tables: dict[str, list[dict[str, Any]]] = {}
    for system, declared in systems().systems.items():
        for held in declared.tables:
            row = {name: f"{name}-of-{held.name}-secret" for name in held.fields}
            back = {name: about for name, about in held.fields.items() if about.disclose != "value"}
            secrets |= {(f"{system}/{held.name}", about.type or name): row[name] for name, about in back.items()}
            tables[f"{system}/{held.name}"] = [disclosed(held.fields, row)]
    found = await opened(tables)

    assert len(secrets) >= 2
    whole = b"".join(found.read(name) for name in found.namelist()).decode()
    assert [what for what, value in secrets.items() if value in whole] == []
    told = {(one["table"], one["type"]): one["why"] for one in account_of(found)["withheld"]}
    assert told.keys() == secrets.keys()
    assert set(told.values()) <= {SENSITIVE, OTHERS}
    assert all(f"{kind.replace('_', ' ')}: held, not shown" in whole for _, kind in secrets)


@pytest.mark.parametrize("right", [Right.KNOW_SPECIFIC, Right.KNOW_CATEGORIES, Right.THIRD_PARTY_LIST])
async def test_in_canada_it_tells_what_is_held_how_it_is_used_and_who_got_it(right: Right) -> None:
    found = await opened({"web/visitor": [VISIT]}, right)
    told, page = account_of(found), found.read("index.html").decode()
    [held] = told["held"]

    assert (held["table"], held["records"], held["categories"]) == (
        "web/visitor",
        1,
        ["identifiers", "internet_activity"],
    )
    assert (held["source"], held["purposes"]) == ("the person's device", ["site_improvement", "communicate"])
    assert (held["recipients"], held["providers"]) == (["service_provider"], ["Meadow Mail"])
    assert (told["law"], told["disclosed_for_a_business_purpose"] != {}) == (LAW, True)
    assert all(said in page for said in ("site improvement", "service provider", "Meadow Mail"))
