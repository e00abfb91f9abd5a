"""The register reads what the catalogue lets operators read, and nothing that is personal."""

import re

import pytest

from schemas.topics import CATALOGUE, Topic
from services.ops.register.reader import pattern


@pytest.mark.parametrize("topic", CATALOGUE, ids=lambda topic: topic.name)
@pytest.mark.parametrize("prefix", ["", "trial."])
def test_a_topic_is_read_only_if_operators_may(topic: Topic, prefix: str) -> None:
    name = prefix + topic.named("some-name")

    assert bool(re.match(pattern(prefix), name)) is ("ops" in topic.readers)


@pytest.mark.parametrize(
    "name", ["privacy.accepted.copy", "xprivacy.accepted", "privacy-accepted", "__consumer_offsets"]
)
def test_topics_of_others_are_left_alone(name: str) -> None:
    assert not re.match(pattern(""), name)


def test_nothing_personal_is_read() -> None:
    personal = [topic.name for topic in CATALOGUE if topic.personal == "yes" and "ops" in topic.readers]

    assert personal == []
