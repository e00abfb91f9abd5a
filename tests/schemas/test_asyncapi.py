"""The AsyncAPI document is valid, whole, and shows the outside what it can touch and nothing else.

`asyncapi-3.0.0.json` is the official schema (@asyncapi/specs 6.11.1, Apache-2.0) without descriptions and without the
bindings of other protocols.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

from schemas.asyncapi import OUTSIDE, WHERE, document
from schemas.published import ROOT
from schemas.topics import CATALOGUE, CLIENT, SYSTEM, UPSTREAM

OFFICIAL = json.loads(Path(__file__).with_name("asyncapi-3.0.0.json").read_text("utf-8"))
DOCUMENT = yaml.safe_load((ROOT / WHERE).read_text("utf-8"))
TOUCHED = {
    topic.name.replace("<", "{").replace(">", "}"): topic
    for topic in CATALOGUE
    if OUTSIDE & {*topic.writers, *topic.readers}
}


def nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
    for inner in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from nodes(inner)


def resolved(reference: str) -> Any:
    found: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_it_is_valid_by_the_official_schema() -> None:
    assert [error.message for error in Draft7Validator(OFFICIAL).iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize(
    ("at", "wrong"),
    [
        ("operations/receiveRequests", {"action": "publish"}),
        ("info", {"title": 1}),
        ("channels/status", {"colour": "red"}),
    ],
)
def test_the_official_schema_finds_what_is_wrong(at: str, wrong: dict[str, Any]) -> None:
    spoilt = json.loads(json.dumps(DOCUMENT))
    first, *rest = at.split("/")
    target = spoilt[first][rest[0]] if rest else spoilt[first]
    target.update(wrong)

    assert not Draft7Validator(OFFICIAL).is_valid(spoilt)


def test_what_is_written_is_what_was_meant() -> None:
    assert json.loads(json.dumps(document())) == DOCUMENT


def test_every_reference_leads_somewhere() -> None:
    references = [node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node]

    assert references
    assert all(resolved(reference) for reference in references)


def test_nothing_stands_beside_a_reference_where_draft_7_would_not_see_it() -> None:
    assert [node for node in nodes(DOCUMENT) if "$ref" in node and len(node) > 1] == []


def test_every_topic_the_outside_touches_is_there_and_no_other() -> None:
    addresses = {channel["address"] for channel in DOCUMENT["channels"].values()}

    assert addresses == set(TOUCHED)


def test_every_message_of_a_channel_is_shown_and_used_in_its_operations() -> None:
    for name, channel in DOCUMENT["channels"].items():
        carried = {kind.__name__ for kind in TOUCHED[channel["address"]].classes}
        assert set(channel["messages"]) == carried
        for operation in DOCUMENT["operations"].values():
            if operation["channel"]["$ref"] == f"#/channels/{name}":
                assert {reference["$ref"].rpartition("/")[2] for reference in operation["messages"]} == carried


@pytest.mark.parametrize(
    ("party", "receives", "sends"),
    [
        (UPSTREAM, {"requests", "answers"}, {"policies", "status"}),
        (CLIENT, {"clientReplies"}, {"clientsRequests"}),
        (SYSTEM, {"taskResults", "taskExports"}, {"tasks"}),
    ],
)
def test_each_party_finds_what_it_writes_and_what_it_reads(party: str, receives: set[str], sends: set[str]) -> None:
    told: dict[str, set[str]] = {"receive": set(), "send": set()}
    for operation in DOCUMENT["operations"].values():
        if party in operation["summary"]:
            told[operation["action"]].add(operation["channel"]["$ref"].rpartition("/")[2])

    assert told == {"receive": receives, "send": sends}


def test_channels_say_partitions_and_retention_as_they_are() -> None:
    for channel in DOCUMENT["channels"].values():
        topic, kafka = TOUCHED[channel["address"]], channel["bindings"]["kafka"]
        assert kafka["partitions"] == topic.partitions
        for name, value in topic.config().items():
            told = kafka["topicConfiguration"].get(name)
            assert told is None or str(told[0] if isinstance(told, list) else told) == value


@pytest.mark.parametrize("name", sorted(DOCUMENT["components"]["messages"]))
def test_a_messages_examples_fit_its_payload(name: str) -> None:
    message = DOCUMENT["components"]["messages"][name]
    Draft7Validator.check_schema(resolved(message["payload"]["$ref"]))
    registry = Registry().with_resource("urn:document", DRAFT7.create_resource(DOCUMENT))
    validator = Draft7Validator({"$ref": f"urn:document{message['payload']['$ref']}"}, registry=registry)

    assert message["examples"]
    for example in message["examples"]:
        assert list(validator.iter_errors(example["payload"])) == []
    assert not validator.is_valid({"request_id": 7})


def test_our_records_carry_the_headers_it_promises() -> None:
    promised = DOCUMENT["components"]["schemas"]["OurHeaders"]["required"]

    assert {"ce_id", "ce_type", "content-type"} <= set(promised)
    assert "required" not in DOCUMENT["components"]["schemas"]["Headers"]
