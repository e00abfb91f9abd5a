"""What must be said: nothing is lost, and of one key nothing overtakes, whoever sends it."""

import asyncio
from datetime import timedelta

import pytest
from pydantic_core import from_json

from services.kernel.errors import BrokerAway
from services.kernel.store import Outgoing
from tests.support.lab import Broker, Lab, a_message, a_request, a_stage

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

ONE, TWO = a_request("one"), a_request("two")
NOW = timedelta(0)


async def test_older_messages_of_a_key_come_first_and_no_others(worker: Lab) -> None:
    left = await worker.take(a_message(ONE, "a"), a_message(ONE, "b"), a_message(TWO, "x"))
    told = await worker.take(a_message(ONE, "c"))

    assert [row.id for row in told[:2]] == [row.id for row in left[:2]]
    assert [row.message.key.decode() for row in told] == [ONE] * 3
    assert [row.id for row in told] == sorted(row.id for row in told)


async def test_messages_keep_the_order_in_which_they_were_said(worker: Lab) -> None:
    words = [f"w{n}" for n in range(50)]
    told = await worker.take(*(a_message(ONE, word) for word in words))

    assert [from_json(row.message.value)["seq"] for row in told] == list(range(1, 51))
    assert [row.id for row in told] == sorted(row.id for row in told)
    [stored] = await worker.rows("SELECT array_agg(id ORDER BY id) FROM outbox")
    assert stored == [row.id for row in told]


async def test_a_row_is_sent_by_one_of_two_that_have_it_in_hand(worker: Lab, another: Lab) -> None:
    broker = Broker()
    mine, theirs = a_stage(worker, broker), a_stage(another, broker)
    stored = await worker.take(a_message(ONE, "a"), a_message(TWO, "b"))
    await asyncio.gather(*(stage.publish(stored) for stage in (mine, theirs, mine, theirs)))

    assert len(broker.sent) == 2
    assert await worker.outbox() == []


async def test_newer_messages_of_a_key_wait_until_the_older_one_is_confirmed(worker: Lab, another: Lab) -> None:
    slow = Broker()
    slow.ready.clear()
    stored = await worker.take(a_message(ONE, "a"))
    sending = asyncio.create_task(a_stage(worker, slow).publish(stored))
    await slow.asked.wait()
    newer = asyncio.create_task(another.take(a_message(ONE, "b")))
    other = await another.take(a_message(TWO, "x"))

    assert len(other) == 1
    assert not newer.done()
    slow.ready.set()
    await sending
    assert [row.id > stored[0].id for row in await newer] == [True]


async def test_what_a_dead_sender_held_comes_before_what_is_newer(worker: Lab, another: Lab) -> None:
    never, quick = Broker(), Broker()
    never.ready.clear()
    stored = await worker.take(a_message(ONE, "a"))
    sending = asyncio.create_task(a_stage(worker, never).publish(stored))
    await never.asked.wait()
    newer = asyncio.create_task(another.take(a_message(ONE, "b")))
    sending.cancel()
    await asyncio.wait({sending})
    await a_stage(another, quick).publish(await newer)

    assert quick.keys == [ONE, ONE]
    assert quick.sent[0].id == stored[0].id
    assert await worker.outbox() == []


async def test_a_broker_that_is_away_loses_nothing(worker: Lab) -> None:
    broker = Broker()
    broker.away = 2
    stage = a_stage(worker, broker)
    stored = await worker.take(a_message(ONE, "a"))
    for _ in range(2):
        with pytest.raises(BrokerAway):
            await stage.publish(stored)
        assert len(await worker.outbox()) == 1
    await stage.publish(stored)

    assert (len(broker.sent), await worker.outbox()) == (1, [])


async def test_what_is_left_behind_is_sent_when_nobody_else_does(worker: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker()
    stage = a_stage(worker, broker)
    told = await worker.take(*(a_message(ONE, word) for word in "abc"))
    assert await stage._tidy() is False
    monkeypatch.setattr("services.kernel.stage.ORPHANED", NOW)

    assert await stage._tidy() is True
    assert [row.id for row in broker.sent] == [row.id for row in told]
    assert await worker.outbox() == []


async def test_large_messages_left_behind_are_sent_a_few_at_a_time(
    worker: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.kernel.stage.ORPHANED", NOW)
    monkeypatch.setattr("services.kernel.store.MOST_SENT", 2_500)
    broker = Broker()
    stage = a_stage(worker, broker)
    await worker.store.say(worker.db, [Outgoing("privacy.closed", b"%d" % n, b"x" * 1_000, []) for n in range(7)])
    sizes = []
    while await stage._tidy():
        sizes.append(len(broker.sent))

    assert sizes == [3, 6, 7]
    assert broker.keys == [str(n) for n in range(7)]


async def test_messages_of_a_refused_topic_hold_up_no_others(worker: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.kernel.stage.ORPHANED", NOW)
    broker = Broker()
    broker.refuses = {"privacy.handed-over"}
    stage = a_stage(worker, broker)
    stored = await worker.take(a_message(ONE, "a"), a_message(TWO, "broken"))
    await stage.publish(stored)

    assert broker.keys == [TWO]
    assert await worker.outbox() == [("privacy.handed-over", ONE)]
    assert await stage._tidy() is False
    broker.refuses = set()
    assert await stage._tidy() is True
    assert await worker.outbox() == []


async def test_personal_messages_lie_sealed_and_leave_open(worker: Lab) -> None:
    broker = Broker()
    sealed = worker.house.sealer.seal(b"Erika Mustermann")
    stored = await worker.store.say(worker.db, [Outgoing("privacy.requests", b"k", sealed, [], sealed=True)])
    await a_stage(worker, broker).publish(stored)

    assert [row.message.value for row in broker.sent] == [b"Erika Mustermann"]
    assert await worker.outbox() == []
