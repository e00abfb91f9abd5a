"""Lag is the age of the oldest unprocessed record, found by asking for offsets at times."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.ops.lag import OLDEST_MS, Behind, oldest, times_at

NOW = 1_780_000_000_000


@dataclass
class Told:
    offset: int
    timestamp: int


def a_broker(times: Mapping[str, list[int]]) -> Any:
    def ask(wanted: Mapping[str, int]) -> dict[str, Told | None]:
        answers: dict[str, Told | None] = {}
        for part, at in wanted.items():
            later = [Told(offset, when) for offset, when in enumerate(times[part]) if when >= at]
            answers[part] = min(later, key=lambda told: told.offset, default=None)
        return answers

    return ask


@given(
    gaps=st.lists(st.integers(0, 900_000), min_size=1, max_size=30),
    data=st.data(),
)
def test_the_time_of_the_record_at_a_position_is_found(gaps: list[int], data: st.DataObject) -> None:
    times = [NOW - sum(gaps[index:]) for index in range(len(gaps))]
    position = data.draw(st.integers(0, len(times) - 1))

    found = times_at(a_broker({"part": times}), {"part": position}, NOW)

    assert found == {"part": times[position]}


def test_several_partitions_are_asked_about_together() -> None:
    asked = []
    broker = a_broker({"a": [NOW - 5_000], "b": [NOW - 70_000, NOW - 60_000]})

    def counting(wanted: Mapping[str, int]) -> Any:
        asked.append(len(wanted))
        return broker(wanted)

    assert times_at(counting, {"a": 0, "b": 1}, NOW) == {"a": NOW - 5_000, "b": NOW - 60_000}
    assert len(asked) < 40
    assert asked[0] == 2


def test_a_record_that_claims_to_be_ancient_counts_as_old_as_a_topic_can_be() -> None:
    found = times_at(a_broker({"part": [0, NOW]}), {"part": 0}, NOW)

    assert found == {"part": NOW - OLDEST_MS}


def test_the_worst_topic_of_a_group_is_the_one_named() -> None:
    rows = [Behind("intake", "a", 9, 1.0), Behind("intake", "b", 1, 7.0), Behind("notifier", "a", 0, 0.0)]

    assert {group: one.topic for group, one in oldest(rows).items()} == {"intake": "b", "notifier": "a"}
