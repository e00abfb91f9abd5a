"""Every class that travels has examples; each is read by us, by an independent validator, and survives the journey."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from schemas import wire
from schemas.base import Event
from schemas.events import TaskFinished
from schemas.shapes import DIALECT, EXAMPLES, FILLED_IN, examples, shape, travelling
from schemas.topics import CATALOGUE
from schemas.values import AnswerKind
from schemas.wire import Record

KINDS = list(travelling())
ALL = [
    pytest.param(kind, body, id=f"{kind.__name__}/{name}") for kind in KINDS for name, body in examples(kind).items()
]
HOMES = {kind: topic for topic in CATALOGUE for kind in topic.classes}


@pytest.mark.parametrize("kind", KINDS)
def test_every_class_that_travels_has_an_example(kind: type[BaseModel]) -> None:
    assert examples(kind)


def test_no_example_lies_about_unused() -> None:
    assert {path.name for path in EXAMPLES.iterdir()} == {kind.__name__ for kind in KINDS}
    assert [path for path in EXAMPLES.rglob("*") if path.is_file() and path.suffix != ".json"] == []


@pytest.mark.parametrize(("kind", "body"), ALL)
def test_an_example_is_what_its_class_says_and_nothing_more(kind: type[BaseModel], body: dict[str, Any]) -> None:
    read = kind.model_validate_json(json.dumps(body), extra="forbid")

    assert read.model_dump(mode="json", exclude_unset=True) == normal(body)


def normal(body: Any) -> Any:
    """What we write for what may be written in several ways: a moment in UTC, a right by its own name."""
    if isinstance(body, dict):
        return {key: normal(value) for key, value in body.items()}
    if isinstance(body, list):
        return ["know_specific" if item == "access" else normal(item) for item in body]
    return body


@pytest.mark.parametrize(("kind", "body"), ALL)
def test_an_example_fits_the_schema_we_publish(kind: type[BaseModel], body: dict[str, Any]) -> None:
    schema = shape(kind)
    Draft202012Validator.check_schema(schema)

    assert schema["$schema"] == DIALECT
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    assert list(validator.iter_errors(body)) == []


@pytest.mark.parametrize(("kind", "body"), ALL)
def test_an_example_comes_back_from_its_topic_as_it_went(kind: type[BaseModel], body: dict[str, Any]) -> None:
    sent = kind.model_validate(body)
    if isinstance(sent, Event):
        topic, key, value, headers = wire.encode(sent, source="rightsbus/test")
        record = Record(topic, 0, 0, key, value, tuple(headers), 0)
    else:
        record = Record(HOMES[kind].name, 0, 0, None, sent.model_dump_json().encode(), (), 0)
    if issubclass(kind, Event) and not HOMES[kind].outside:
        assert wire.decode(record) == sent
    else:
        assert wire.read(kind, wire.unwrap(record)) == sent


def test_a_system_need_not_say_what_its_record_says_by_itself() -> None:
    account = {name: value for name, value in examples(TaskFinished)["erased"].items() if name not in FILLED_IN}
    record = Record("privacy.task-results", 0, 0, None, json.dumps(account).encode(), (), 0)

    assert Draft202012Validator(shape(TaskFinished)).is_valid(account)
    assert isinstance(wire.decode(record), TaskFinished)


def test_every_kind_of_answer_is_shown() -> None:
    shown = {body["kind"] for _, body in bodies("RequesterAnswered")}

    assert shown == set(AnswerKind)


def test_every_kind_of_reply_is_shown() -> None:
    shown = {body["type"] for _, body in bodies("ClientReplied")}

    assert shown == {"received", "instruct", "completed", "refused", "not_ours"}


def bodies(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    return (
        (path.name, json.loads(path.read_text("utf-8")))
        for path in sorted(EXAMPLES.rglob("*.json"))
        if path.parent.name == name
    )


@pytest.mark.parametrize(("kind", "body"), ALL)
def test_an_example_names_nobody_there_is(kind: type[BaseModel], body: dict[str, Any]) -> None:
    text = json.dumps(body)
    domains = re.findall(r"@([\w.-]+)", text)
    phones = re.findall(r'"\+[\d ]+"', text)

    assert all(re.fullmatch(r"(.*\.)?example(\.(org|com|net))?", domain) for domain in domains)
    assert all(re.search(r"555 01\d\d", phone) for phone in phones)
    assert "http" not in text
