"""Effects on the outside: one id on every attempt, a lease that is kept up, and nobody held up by another's trouble."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
import structlog

from schemas.events import NoticeSent
from schemas.values import Letter
from services.kernel.decision import Effect
from services.kernel.effects import Again, Done, EffectPool, Performer, back_off
from services.kernel.errors import TransientError
from services.kernel.leases import Leased
from services.kernel.store import Stored
from tests.support.lab import Broker, Lab, a_message, a_request, a_stage

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

ONE, TWO, THREE = a_request("one"), a_request("two"), a_request("three")
SHORT = timedelta(milliseconds=150)


class Hand:
    """Performs effects as it is told, and remembers what it did."""

    def __init__(self, ends: Callable[[Leased], Any] | None = None) -> None:
        self.calls: list[list[Leased]] = []
        self.changed = asyncio.Condition()
        self.ends = ends or done

    async def __call__(self, effects: Sequence[Leased], _now: datetime) -> Sequence[Any]:
        async with self.changed:
            self.calls.append(list(effects))
            self.changed.notify_all()
        ends = [self.ends(effect) for effect in effects]
        return [await end if asyncio.iscoroutine(end) else end for end in ends]

    @property
    def did(self) -> list[str]:
        """The names of the effects performed, in order."""
        return [effect.name for call in self.calls for effect in call]

    async def calls_are(self, count: int) -> None:
        """Wait for so many calls."""
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: len(self.calls) >= count)


def done(effect: Leased) -> Done:
    ids = {"request_id": effect.request_id, "case_id": effect.case_id}
    return Done((NoticeSent.after(effect, datetime.now(UTC), letter=Letter.CLOSED, way="mail", to="given", **ids),))


@asynccontextmanager
async def pool(lab: Lab, hand: Hand, **more: Any) -> AsyncIterator[EffectPool]:
    """Run a pool of effects until the scene is over."""
    published: list[Stored] = []

    async def publish(stored: Sequence[Stored]) -> None:
        published.extend(stored)

    how = {name: more.pop(name) for name in ("most", "lanes") if name in more}
    given = {"poll_s": 0.01, "publish": publish, **more}
    works = EffectPool("verifier", lab.house, lab.store, performers={"letter": Performer(hand, **how)}, **given)
    running = asyncio.create_task(works.run())
    try:
        yield works
    finally:
        works.end()
        running.cancel()
        await asyncio.wait({running})


LEFT = "SELECT count(*) FROM effects"


async def test_an_effect_is_performed_once_and_told_in_the_transaction_that_strikes_it_off(worker: Lab) -> None:
    await worker.take(a_message(ONE, "effect"))
    hand = Hand()
    async with pool(worker, hand):
        await worker.until(LEFT, 0)

    assert hand.did == ["effect"]
    assert [topic for topic, _ in await worker.outbox()] == ["privacy.handed-over", "privacy.notified"]


async def test_a_decision_taken_twice_records_one_effect(worker: Lab) -> None:
    await worker.take(a_message(ONE, "effect"), a_message(ONE, "effect", twin="again"))

    assert await worker.rows(LEFT) == [1]


async def test_every_attempt_has_the_same_id_and_waits_longer(worker: Lab) -> None:
    await worker.take(a_message(ONE, "effect"))
    ids: list[tuple[UUID, int]] = []

    def end(effect: Leased) -> Any:
        ids.append((effect.id, effect.attempts))
        return Again(worker.house.clock()) if len(ids) < 3 else done(effect)

    async with pool(worker, Hand(end)):
        await worker.until(LEFT, 0)

    [name] = {effect_id for effect_id, _ in ids}
    assert name == Effect("letter", ONE, ONE, "effect", {}).id
    assert [attempts for _, attempts in ids] == [1, 2, 3]
    assert [back_off(n).total_seconds() for n in (1, 2, 3, 20)] == [1, 2, 4, 300]


async def test_a_look_is_no_attempt(worker: Lab) -> None:
    await worker.take(a_message(ONE, "effect"))
    seen: list[int] = []

    def end(effect: Leased) -> Any:
        seen.append(effect.attempts)
        return Again(worker.house.clock(), counted=False) if len(seen) < 3 else done(effect)

    async with pool(worker, Hand(end)):
        await worker.until(LEFT, 0)

    assert seen == [1, 1, 1]


async def test_one_that_raises_is_put_back_and_those_beside_it_are_done(
    worker: Lab, logged: list[structlog.typing.EventDict]
) -> None:
    await worker.take(*(a_message(ONE, f"effect{n}") for n in range(9)))

    def end(effect: Leased) -> Any:
        if effect.name == "effect4":
            raise ZeroDivisionError("Erika Mustermann")
        return done(effect)

    async with pool(worker, Hand(end)):
        await worker.until(LEFT, 1)
        await worker.until("SELECT name FROM effects WHERE leased_until IS NULL", "effect4")

    [(attempts, wait)] = await worker.rows("SELECT attempts, not_before - clock_timestamp() FROM effects")
    assert attempts == 1
    assert timedelta(0) < wait <= timedelta(seconds=1)
    assert {line["event"] for line in logged} == {"effect_failed"}


async def test_an_answer_that_cannot_be_told_costs_only_itself(worker: Lab) -> None:
    await worker.take(a_message(ONE, "effect0"), a_message(ONE, "effect1"))

    def end(effect: Leased) -> Any:
        return Done((object(),)) if effect.name == "effect0" else done(effect)  # type: ignore[arg-type]

    async with pool(worker, Hand(end)):
        await worker.until("SELECT name FROM effects WHERE leased_until IS NULL", "effect0")


async def test_surroundings_that_are_away_cost_all_one_attempt_and_no_more(worker: Lab) -> None:
    await worker.take(*(a_message(ONE, f"effect{n}") for n in range(5)))

    def end(_effect: Leased) -> Any:
        raise TransientError

    hand = Hand(end)
    async with pool(worker, hand):
        await worker.until("SELECT count(*) FROM effects WHERE leased_until IS NULL AND attempts = 1", 5)
    assert len(hand.calls) == 1


async def test_a_slow_lane_holds_up_no_other(worker: Lab) -> None:
    await worker.take(*(a_message(ONE, word) for word in ("effect/slow", "effect/quick", "effect2/slow")))
    let_go = asyncio.Event()

    async def slowly(effect: Leased) -> Done:
        await let_go.wait()
        return done(effect)

    hand = Hand(lambda effect: slowly(effect) if effect.lane == "slow" else done(effect))
    async with pool(worker, hand):
        await worker.until("SELECT DISTINCT lane FROM effects", "slow")
        await worker.take(a_message(TWO, "effect/quick"), a_message(TWO, "effect/slow"))
        await worker.until("SELECT count(*) FROM effects WHERE lane = 'quick'", 0)
        assert [len(call) for call in hand.calls if call[0].lane == "slow"] == [2]
        let_go.set()
        await worker.until(LEFT, 0)
    assert hand.did[-1] == "effect/slow"


async def test_no_more_lanes_are_worked_on_than_allowed(worker: Lab) -> None:
    await worker.take(*(a_message(ONE, f"effect/{n}") for n in range(9)))
    together, most = set[str](), []

    async def counted(effect: Leased) -> Done:
        together.add(effect.lane)
        most.append(len(together))
        await asyncio.sleep(0.01)
        together.discard(effect.lane)
        return done(effect)

    async with pool(worker, Hand(counted), lanes=3):
        await worker.until(LEFT, 0)
    assert max(most) == 3


async def test_of_a_lane_no_more_are_taken_at_once_than_allowed_and_the_oldest_first(worker: Lab) -> None:
    await worker.take(*(a_message(ONE, f"effect{n}") for n in range(7)))
    await worker.run("UPDATE effects SET not_before = not_before - make_interval(secs => right(name, 1)::int)")
    hand = Hand()
    async with pool(worker, hand, most=3):
        await worker.until(LEFT, 0)

    assert [len(call) for call in hand.calls] == [3, 3, 1]
    assert hand.did == [f"effect{n}" for n in range(6, -1, -1)]


async def test_what_is_not_due_yet_waits(worker: Lab) -> None:
    later = worker.house.clock() + timedelta(minutes=5)
    await worker.take(a_message(ONE, "effect"))
    await worker.run("UPDATE effects SET not_before = %s", later)
    hand = Hand()
    async with pool(worker, hand):
        await worker.take(a_message(TWO, "effect"))
        await worker.until(LEFT, 1)
    assert [effect.request_id for call in hand.calls for effect in call] == [TWO]


async def test_a_clock_that_cannot_be_trusted_performs_nothing(worker: Lab) -> None:
    await worker.take(a_message(ONE, "effect"))
    worker.house.clock.trusted = False
    hand = Hand()
    async with pool(worker, hand) as works:
        works.nudge()
        await asyncio.sleep(0.05)
        assert hand.calls == []
        worker.house.clock.trusted = True
        await worker.until(LEFT, 0)


async def test_a_heartbeat_keeps_the_lease_as_long_as_the_work_takes(worker: Lab, another: Lab) -> None:
    await worker.take(a_message(ONE, "effect"))
    let_go = asyncio.Event()

    async def slowly(effect: Leased) -> Done:
        await let_go.wait()
        return done(effect)

    mine, theirs = Hand(slowly), Hand()
    async with pool(worker, mine, lease=SHORT):
        await mine.calls_are(1)
        async with pool(another, theirs, lease=SHORT):
            await worker.until("SELECT clock_timestamp() > created_at + interval '0.6s' FROM effects", True)
            assert theirs.calls == []
        let_go.set()
        await worker.until(LEFT, 0)


async def test_a_heartbeat_survives_a_database_that_was_away(worker: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    await worker.take(a_message(ONE, "effect"))
    hand, let_go, third, beats = Hand(), asyncio.Event(), asyncio.Event(), []

    async def slowly(effect: Leased) -> Done:
        await let_go.wait()
        return done(effect)

    hand.ends = slowly
    async with pool(worker, hand, lease=SHORT) as works:
        renew = works._leases.renew

        async def faltering(*args: Any) -> None:
            beats.append(1)
            if len(beats) == 1:
                raise psycopg.OperationalError
            if len(beats) == 3:
                third.set()
            await renew(*args)

        monkeypatch.setattr(works._leases, "renew", faltering)
        await third.wait()
        let_go.set()
        await worker.until(LEFT, 0)


async def test_when_a_worker_dies_another_performs_under_the_same_id(worker: Lab, another: Lab) -> None:
    await worker.take(a_message(ONE, "effect"))
    mine, theirs = Hand(lambda _: asyncio.Event().wait()), Hand()
    async with pool(worker, mine, lease=SHORT):
        await mine.calls_are(1)
    async with pool(another, theirs):
        await worker.until(LEFT, 0)

    [[first]], [[second]] = mine.calls, theirs.calls
    assert (first.id, first.attempts, second.id, second.attempts) == (second.id, 1, first.id, 2)


async def test_what_was_performed_is_not_performed_again_because_the_database_was_away(
    worker: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    await worker.take(a_message(ONE, "effect"))
    hand, tries = Hand(), []
    async with pool(worker, hand) as works:
        really = works._leases.done

        async def faltering(*args: Any) -> set[UUID]:
            tries.append(1)
            if len(tries) < 3:
                raise psycopg.OperationalError
            return await really(*args)

        monkeypatch.setattr(works._leases, "done", faltering)
        await worker.until(LEFT, 0)
    assert (len(tries), hand.did) == (3, ["effect"])


async def test_a_result_that_cannot_be_sent_now_lies_in_the_outbox_and_nothing_is_performed_again(worker: Lab) -> None:
    await worker.take(a_message(ONE, "effect"))
    hand, broker = Hand(), Broker()
    broker.away = 1
    async with pool(worker, hand, publish=a_stage(worker, broker)._publish_or_leave):
        await worker.until(LEFT, 0)
    assert [topic for topic, _ in await worker.outbox()] == ["privacy.handed-over", "privacy.notified"]
    assert (hand.did, broker.sent) == (["effect"], [])


async def test_told_to_end_it_finishes_what_is_in_hand_and_takes_nothing_further(worker: Lab) -> None:
    await worker.take(a_message(ONE, "effect"))
    let_go = asyncio.Event()

    async def slowly(effect: Leased) -> Done:
        await let_go.wait()
        return done(effect)

    hand = Hand(slowly)
    async with pool(worker, hand) as works:
        await hand.calls_are(1)
        works.end()
        await worker.take(a_message(TWO, "effect"))
        let_go.set()
        await worker.until(LEFT, 1)
    assert hand.did == ["effect"]
