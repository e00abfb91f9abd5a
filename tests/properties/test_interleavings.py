"""Invariant 12: every interleaving across topics and every repetition ends in the same state and tells the same."""

from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.compare import differences, outcome
from tests.support.orders import ORDERS, Order
from tests.support.scenes import Scene, scenes
from tests.support.world import World

SCENES = {scene.name: scene for scene in scenes()}


@cache
def expected(name: str) -> dict[str, Any]:
    scene = SCENES[name]
    world = World(scene.setting)
    scene.play(world, iter(()))
    return outcome(world)


@pytest.mark.parametrize("scene", SCENES.values(), ids=str)
@given(chosen=ORDERS, inbox=st.booleans())
@settings(max_examples=8, deadline=None)
def test_every_order_and_repetition_ends_in_the_same_state_and_tells_the_same(
    scene: Scene, chosen: Order, inbox: bool
) -> None:
    world = World(scene.setting, inbox=inbox)

    scene.play(world, iter(chosen))

    assert differences(expected(scene.name), outcome(world)) == []
