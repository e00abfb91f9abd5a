"""The page about topics shows every field of every message, and fetches nothing."""

import json
import re
from html.parser import HTMLParser

import pytest

from schemas.asyncapi import document
from schemas.rendering import fields, page

PAGE = page()
DOCUMENT = document()
MESSAGES = DOCUMENT["components"]["messages"]
VOID = {"meta", "link", "br"}


class Tags(HTMLParser):
    """Follows which elements are open; collects text and links."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.told: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.ids |= {found["id"]} if "id" in found else set()
        self.links |= {found["href"]} if "href" in found else set()
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.told.append(data)


@pytest.fixture(scope="module")
def read() -> Tags:
    tags = Tags()
    tags.feed(PAGE)
    return tags


def test_every_element_is_closed_and_every_link_leads_somewhere(read: Tags) -> None:
    assert read.open == []
    assert {link.removeprefix("#") for link in read.links if link.startswith("#")} == set(MESSAGES)
    assert set(MESSAGES) <= read.ids


def test_it_needs_no_network_and_no_script() -> None:
    assert re.findall(r"<script|src=|https?://|url\(", PAGE) == []


@pytest.mark.parametrize("name", MESSAGES)
def test_every_field_of_a_message_is_shown(name: str, read: Tags) -> None:
    schemas = DOCUMENT["components"]["schemas"]
    told = " ".join(read.told)

    assert {field.path.partition("[")[0] for field in fields(schemas[name], schemas)} >= set(
        schemas[name]["properties"]
    )
    assert all(field.path in told for field in fields(schemas[name], schemas))


def test_fields_are_shown_with_what_they_may_hold() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    shown = {field.path: field for field in fields(schemas["RequestSubmitted"], schemas)}

    assert shown["subject.emails[]"].kind.startswith("an e-mail address with a domain")
    assert shown["residence.country"].needed
    assert shown["received_at"].kind == "date-time"
    assert shown["subject.transactions[].amount"].kind == "an amount as text, such as 12.50"
    assert "access" in shown["rights[]"].kind


def test_examples_are_shown_as_they_are(read: Tags) -> None:
    told = "".join(read.told)

    for message in MESSAGES.values():
        for example in message["examples"]:
            assert json.dumps(example["payload"], indent=2, ensure_ascii=False) in told
