"""What docs/connectors.md says is so."""

import asyncio
from typing import Any

import pytest
import yaml

from connectors.datamap import compile_map
from connectors.participant import key_of
from connectors.port import Finding
from connectors.registry import open_system
from connectors.review import review
from schemas.values import Right
from tests.contract.documented import PAGE, blocks
from tests.support.source import ROOT


class Anything(dict[str, str]):
    """An environment in which every address is set."""

    def __missing__(self, key: str) -> str:
        return "sqlite://" if key == "CRM_DATABASE_URL" else "https://vendor.example/v2"

    def get(self, key: str, default: Any = None) -> Any:
        return self[key]


@pytest.mark.parametrize("text", blocks("yaml"))
def test_every_map_on_the_page_compiles_opens_and_leaves_nothing_open(text: str) -> None:
    found = compile_map(text)

    for name, declared in found.systems.items():
        if declared.participant:
            assert key_of(name, declared)["crv"] == "P-256"
        else:
            asyncio.run(open_system(name, declared, Anything()).close())
    assert [one for one in review(found) if one.serious] == []


def test_the_http_example_has_a_request_for_all_it_serves() -> None:
    [text] = [text for text in blocks("yaml") if "connector: http" in text]
    declared = compile_map(text).systems["helpdesk"]
    system: Any = open_system("helpdesk", declared, Anything())

    assert list[Finding](system._unasked()) == []
    assert declared.serves(Right.OPT_OUT_MARKETING, None)


def test_a_connector_is_written_in_under_60_lines_and_a_participant_in_under_40() -> None:
    [code] = blocks("python")
    program = (ROOT / "docs" / "systems" / "participant.py").read_text("utf-8")
    said = [line for line in program.splitlines() if line.strip()]

    assert len(code.splitlines()) < 60
    assert len(said) < 40
    assert f"has {len(said)} lines" in PAGE.read_text("utf-8")


def test_the_first_map_speaks_of_everything_a_map_can_say_of_a_table() -> None:
    whole = yaml.safe_load(blocks("yaml")[0])["systems"]["crm"]
    said = {key for table in whole["tables"] for key in table}

    assert said == {
        "name", "record_key", "key_column", "through", "client_column", "date_column", "use", "category", "source",
        "purposes", "recipients", "erase", "keep", "fields",
    }  # fmt: skip
