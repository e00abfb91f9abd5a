"""The catalogue is whole: every class has its one topic, and services read and write what it says, no more, no less."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from schemas import events
from schemas.base import Event
from schemas.shapes import examples, travelling
from schemas.topics import (
    CATALOGUE,
    CLIENT,
    SERVICES,
    STAGES,
    SYSTEM,
    UPSTREAM,
    WORKERS,
    Topic,
    home_of,
    read_by,
    topic_of,
)
from schemas.values import Value
from services.kernel.house import House, open_house
from services.kernel.keys import FileKeyStore
from tests.support.source import ROOT, modules, tree

TOPICS = {topic.name: topic for topic in CATALOGUE}
KINDS = {kind.__name__: kind for kind in travelling()}

MUST_HEAR = {
    "privacy.requests": {"intake"},
    "privacy.answers": {"intake"},
    "privacy.status.<source>": {UPSTREAM},
    "privacy.accepted": {"verifier", "fulfiller", "notifier"},
    "privacy.answered": {"verifier", "fulfiller", "notifier"},
    "privacy.waiting": {"notifier"},
    "privacy.verified": {"fulfiller", "notifier"},
    "privacy.unverified": {"fulfiller", "notifier"},
    "privacy.tasks.<system>": {"fulfiller", SYSTEM},
    "privacy.task-results": {"fulfiller"},
    "privacy.task-exports": {"fulfiller"},
    "privacy.clients.<client>.requests": {CLIENT},
    "privacy.client-replies": {"fulfiller"},
    "privacy.client-heard": {"fulfiller"},
    "privacy.handed-over": {"notifier"},
    "privacy.decisions": {"verifier", "fulfiller", "intake"},
    "privacy.decided": {"ops"},
    "privacy.deadlines": {"intake", "notifier", "fulfiller"},
    "privacy.released": {"fulfiller"},
    "privacy.settled": {"notifier", "intake"},
    "privacy.closed": {"notifier", "intake", "verifier", "fulfiller"},
    "privacy.warned": {"fulfiller", "ops"},
    "privacy.notified": {"ops"},
    "privacy.directory": {"intake"},
    "privacy.parked.<service>": {"ops"},
    "privacy.repairs": {"ops"},
    "privacy.audit-roots": {"ops"},
    "privacy.policies": {"upstream"},
}
"""For each fact, who cannot do their work without hearing of it."""
COMPACTED = {"privacy.status.<source>", "privacy.policies"}
PRIVATE = {
    "privacy.requests", "privacy.answers", "privacy.task-exports", "privacy.clients.<client>.requests",
    "privacy.directory",
}  # fmt: skip
"""What holds people's own words or data: nobody reads it but its addressee, not even operators."""


def test_every_class_has_one_topic_and_every_topic_its_classes() -> None:
    kinds = list(travelling())

    assert len(kinds) == len(set(kinds)) == len(KINDS)
    assert all(topic.classes for topic in CATALOGUE)
    assert len(TOPICS) == len(CATALOGUE)


def leaves(kind: type[BaseModel]) -> set[type[BaseModel]]:
    """The classes below one that nothing is built upon, as far as the language declares them."""
    below = [other for other in kind.__subclasses__() if other.__module__.startswith("schemas.")]
    return set().union(*map(leaves, below)) if below else {kind}


def test_every_event_that_is_declared_travels() -> None:
    events_that_travel = {kind for kind in travelling() if issubclass(kind, Event)}

    assert leaves(Event) == events_that_travel
    assert set(travelling()) - events_that_travel <= leaves(Value)


def test_classes_that_share_a_topic_are_told_apart_by_their_type() -> None:
    for topic in CATALOGUE:
        tags = [kind.model_fields["type"].default for kind in topic.classes if len(topic.classes) > 1]
        assert len(tags) == len(set(tags))


def test_every_fact_is_heard_by_whoever_must_hear_of_it_and_by_operators() -> None:
    assert set(MUST_HEAR) == set(TOPICS)
    for name, topic in TOPICS.items():
        operators = set() if name in PRIVATE else {"ops"}
        assert set(topic.readers) == MUST_HEAR[name] | operators, name


def test_writers_and_readers_are_services_or_the_outside() -> None:
    known = {*SERVICES, UPSTREAM, CLIENT, SYSTEM}

    for topic in CATALOGUE:
        assert {*topic.writers, *topic.readers} <= known
        assert topic.writers
        assert topic.readers
        assert topic.outside == bool({UPSTREAM, CLIENT, SYSTEM} & set(topic.writers))


def test_names_are_lower_case_with_dots_and_hyphens() -> None:
    assert all(re.fullmatch(r"privacy(\.([a-z]+(-[a-z]+)*|<[a-z]+>))+", topic.name) for topic in CATALOGUE)


@pytest.mark.parametrize(("name", "expected"), [
    ("privacy.tasks.billing", "privacy.tasks.<system>"),
    ("privacy.clients.birch-outfitters.requests", "privacy.clients.<client>.requests"),
    ("privacy.status.webform", "privacy.status.<source>"),
    ("privacy.parked.intake", "privacy.parked.<service>"),
    ("privacy.task-results", "privacy.task-results"),
])  # fmt: skip
def test_a_full_name_leads_to_its_row(name: str, expected: str) -> None:
    assert topic_of(name).name == expected


@pytest.mark.parametrize("name", ["privacy.tasks.", "privacy.tasks.a.b", "privacyXrequests", "x.privacy.requests", ""])
def test_a_name_of_no_row_is_an_error(name: str) -> None:
    with pytest.raises(KeyError):
        topic_of(name)


def test_an_events_home_is_completed_from_its_own_fields() -> None:
    parked = events.Parked.model_validate(examples(events.Parked)["forged-token"])

    assert home_of(parked) == "privacy.parked.fulfiller"


def test_partitions_retention_and_policy_are_what_each_topic_needs() -> None:
    for name, topic in TOPICS.items():
        config = topic.config()
        ordered = name.startswith("privacy.clients.") or name == "privacy.audit-roots"
        assert topic.partitions == (1 if ordered else 6), name
        assert config["cleanup.policy"] == ("compact" if name in COMPACTED else "delete"), name
        assert ("retention.ms" in config) == (not topic.compacted), name
        assert ("segment.ms" in config) == (topic.personal == "yes"), name
        assert (config.get("message.timestamp.type") == "LogAppendTime") == topic.outside, name


def test_the_most_an_outsider_can_send_still_fits_when_it_is_parked() -> None:
    largest = max(topic.max_bytes for topic in CATALOGUE if topic.outside)
    sealed_and_in_base64_twice = largest * 16 // 9

    assert sealed_and_in_base64_twice + 65_536 < topic_of("privacy.parked.intake").max_bytes


def settings_of(service: str, folder: Path) -> Any:
    keys = folder / "keys"
    FileKeyStore(keys).create()
    kind = import_module(f"services.{service}.settings").Settings
    return kind(
        kafka_bootstrap="localhost:1", kafka_username=service, kafka_password="none", keys_dir=keys,
        database_url="postgresql://localhost:1/none", policies_dir=ROOT / "policies", print_dir=folder,
        smtp_url="smtp://localhost:1",
    )  # fmt: skip


@pytest.fixture
def house_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], House]:
    monkeypatch.setenv("SAMPLE_DATABASE_URL", "postgresql+psycopg://localhost:1/none")
    return lambda service: open_house(service, settings_of(service, tmp_path))


@pytest.mark.parametrize("service", WORKERS)
def test_a_worker_subscribes_to_what_the_catalogue_says_it_reads(
    service: str, house_of: Callable[[str], House]
) -> None:
    house = house_of(service)
    import_module(f"services.{service}.app").build(house)

    subscribed = {name for agent in house.app.agents.values() for name in agent.channel.topics}
    rows = {topic_of(name).name for name in subscribed}
    assert rows == {topic.name for topic in read_by(service)}
    assert subscribed - set(TOPICS) == {name for name in subscribed if topic_of(name).field}


@dataclass
class Source:
    """The classes a package's code makes, by the ways there are of making an event."""

    folder: str
    made: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for path in modules(self.folder):
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.Call):
                    self.made |= {name for name in made_by(node) if name in KINDS}


def made_by(call: ast.Call) -> Iterator[str]:
    """`Kind.after(…)`, `Kind(…)`, and whatever kinds are handed to something called `tell` or `tell_of`."""
    match call:
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="after")):
            yield name
        case ast.Call(func=ast.Attribute(attr="tell" | "tell_of") | ast.Name(id="tell"), args=handed):
            yield from (one.id for one in handed if isinstance(one, ast.Name))
        case ast.Call(func=ast.Name(id=name)):
            yield name


def made_in(service: str) -> set[str]:
    own = Source(f"services/{service}").made
    return own | Source("services/kernel").made if service in WORKERS else own


def homes(kinds: set[str]) -> dict[str, Topic]:
    found: Mapping[str, Topic] = {kind.__name__: topic for topic in CATALOGUE for kind in topic.classes}
    return {found[kind].name: found[kind] for kind in kinds if issubclass(KINDS[kind], Event)}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_makes_what_the_catalogue_says_it_writes(service: str) -> None:
    made = homes(made_in(service))

    assert set(made) == {topic.name for topic in CATALOGUE if service in topic.writers}, (
        f"services/{service} makes events of other topics than schemas/topics.py lets it write"
    )


def test_every_event_is_made_by_somebody() -> None:
    made = set().union(*(made_in(service) for service in SERVICES))
    from_outside = {kind.__name__ for topic in CATALOGUE if topic.outside for kind in topic.classes}

    assert set(KINDS) - made - from_outside == set()


def test_a_stage_within_another_service_parks_under_that_services_name() -> None:
    schemas_of_stages = re.findall(
        r'Blueprint\(\s*"([a-z]+)"', "\n".join(p.read_text("utf-8") for p in modules("services"))
    )

    assert set(schemas_of_stages) - {*SERVICES} == set(STAGES)
    assert set(STAGES.values()) <= set(SERVICES)
