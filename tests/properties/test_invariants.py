"""Invariants 1 and 7, and what the public sees, whatever races with whatever."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import AnswerRecorded, RequestSettled
from schemas.values import AnswerKind, Ending, Right
from tests.support.invariants import check, check_end, events
from tests.support.orders import ORDERS, Order
from tests.support.scenes import ACCESS, DELETE, Scene, answering, deciding, scenes
from tests.support.world import World

SCENES = scenes()
DELETIONS = [
    scene for scene in SCENES if scene.name.startswith(("delete own", "proof", "confirmed", "parcel named", "both"))
]
interruptions = st.lists(
    st.sampled_from(
        [
            answering("s", DELETE, "withdrawal"),
            answering("s", ACCESS, "withdrawal"),
            answering("s", DELETE, "not_me"),
            answering("s", DELETE, "confirmation", accepted=True),
            answering("s", DELETE, "confirmation", accepted=False),
            *(
                deciding("s", right, verb)
                for right in (DELETE, ACCESS)
                for verb in ("approve", "deny", "withdraw", "extend")
            ),
            deciding("s", DELETE, "deny", reason="suspected_fraud"),
            deciding("s", DELETE, "deny", part="own/system:accounts", reason="suspected_fraud"),
            *(deciding("s", DELETE, verb, part="own/system:accounts") for verb in ("retry", "skip", "done", "deny")),
            deciding("s", Right.DELETE, "skip", part="client:acorn/handover"),
            deciding("s", Right.DELETE, "retry", part="client:acorn/handover"),
        ]
    ),
    max_size=3,
)


@pytest.mark.parametrize("scene", SCENES, ids=str)
def test_at_every_rest_each_part_waits_for_somebody_named_until_a_day_that_was_told(scene: Scene) -> None:
    world = World(scene.setting)

    scene.play(world, iter(()), at_rest=check)

    check_end(world)


@given(scene=st.sampled_from(SCENES), chosen=ORDERS, more=interruptions, inbox=st.booleans())
@settings(max_examples=150, deadline=None)
def test_whatever_races_every_request_comes_to_one_end(
    scene: Scene, chosen: Order, more: list[Callable[[World], None]], inbox: bool
) -> None:
    world = World(scene.setting, inbox=inbox)

    race(world, [*scene.play.acts, *more], iter(chosen))

    check_end(world)


@given(scene=st.sampled_from(DELETIONS), chosen=ORDERS)
@settings(max_examples=100, deadline=None)
def test_a_withdrawal_heard_before_the_end_ends_the_request_as_withdrawn(scene: Scene, chosen: Order) -> None:
    world = World(scene.setting)

    race(world, [scene.play.acts[0], answering("s", DELETE, "withdrawal")], iter(chosen))

    check_end(world)
    [settled] = events(world, RequestSettled)
    for heard in events(world, AnswerRecorded):
        if heard.kind is AnswerKind.WITHDRAWAL and world.heard_before("fulfiller", heard, settled):
            assert settled.ending is Ending.WITHDRAWN


def race(world: World, acts: list[Callable[[World], None]], choices: Iterator[int]) -> None:
    """Let acts begin, and time pass, while messages are still in flight."""
    waiting = list(acts)
    for choice in choices:
        actions = world.actions()
        if waiting and (choice % 11 == 0 or not actions):
            waiting.pop(0)(world)
        elif choice % 13 == 0:
            world.now = max(world.now, min(world.due.values(), default=world.now + timedelta(hours=1)))
        elif actions:
            world.act(actions[choice // 13 % len(actions)])
    for act in waiting:
        act(world)
        world.drain(iter(()))
        check(world)
    world.run_out(iter(()), at_rest=check)
