"""Which offset may be committed, and what becomes of connections: the parts of Faust this product replaced."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import faust.transport.drivers.aiokafka as driver
import pytest
from aiokafka.errors import CommitFailedError, KafkaConnectionError
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from services.kernel import transport
from services.kernel.transport import SafeConsumer, SafeProducer

PART, ELSEWHERE = TP("t", 0), TP("t", 1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Message:
    """A message as the consumer keeps it."""

    def __init__(self, offset: int, tp: TP = PART, value: bytes = b"") -> None:
        self.offset, self.tp, self.value, self.acked = offset, tp, value, False


class Consumer(SafeConsumer):
    """The consumer's bookkeeping without a broker."""

    def __init__(self, *assigned: TP) -> None:
        self._unacked_messages = set()
        self._acked = defaultdict(list)
        self._committed_offset = defaultdict(lambda: None)
        self._n_acked = self._in_hand = self._last = 0
        self._stopped = self._crashed = cast(Any, SimpleNamespace(is_set=lambda: False))
        self._assigned = set(assigned)

    def assignment(self) -> set[TP]:
        return self._assigned

    def hand_over(self, message: Any) -> Any:
        self._unacked_messages.add(message)
        return message

    def committable(self) -> int | None:
        offset = self._new_offset(PART)
        return offset if offset is not None and self._should_commit(PART, offset) else None


@given(st.integers(0, 1_000), st.lists(st.booleans(), min_size=1, max_size=30), st.data())
def test_no_offset_is_committed_past_an_unfinished_message(first: int, done: list[bool], data: st.DataObject) -> None:
    consumer: Any = Consumer(PART)
    messages = [consumer.hand_over(Message(first + n)) for n in range(len(done))]
    finished = [message for message, is_done in zip(messages, done, strict=True) if is_done]
    for message in data.draw(st.permutations(finished)):
        consumer.ack(message)

    unfinished = [message.offset for message in messages if not message.acked]
    expected = min(unfinished, default=first + len(done))
    assert consumer.committable() == (expected if finished else None)
    assert {message.offset for message in consumer._unacked_messages} == set(unfinished)


@given(st.lists(st.integers(0, 200), unique=True, min_size=1).map(sorted))
def test_offsets_that_are_missing_hold_up_nothing(offsets: list[int]) -> None:
    consumer: Any = Consumer(PART)
    for offset in offsets:
        consumer.ack(consumer.hand_over(Message(offset)))

    assert consumer.committable() == offsets[-1] + 1


def test_a_message_is_acknowledged_once_and_then_forgotten() -> None:
    consumer: Any = Consumer(PART)
    message = consumer.hand_over(Message(5))

    assert [consumer.ack(message), consumer.ack(message)] == [True, False]
    assert consumer._unacked_messages == set()
    assert consumer._acked == {PART: [5]}


def test_what_is_acknowledged_again_after_a_rebalance_is_forgotten_too() -> None:
    consumer: Any = Consumer(PART)
    for _ in range(2):
        consumer.ack(consumer.hand_over(Message(5)))

    assert consumer._unacked_messages == set()


def test_another_partitions_unfinished_message_holds_up_nothing() -> None:
    consumer: Any = Consumer(PART, ELSEWHERE)
    consumer.hand_over(Message(0, ELSEWHERE))
    consumer.ack(consumer.hand_over(Message(7)))

    assert consumer.committable() == 8


def test_partitions_that_are_no_longer_ours_are_not_committed() -> None:
    consumer: Any = Consumer(ELSEWHERE)
    consumer.ack(consumer.hand_over(Message(7)))

    assert consumer.committable() is None
    assert consumer._acked == {PART: []}


def test_a_message_of_an_earlier_assignment_takes_no_committed_offset_back() -> None:
    consumer: Any = Consumer(PART)
    consumer._committed_offset[PART] = 50
    consumer.ack(Message(7))

    assert consumer.committable() is None


@pytest.mark.anyio
async def test_a_commit_the_broker_did_not_take_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer, answers = cast(Any, Consumer(PART)), iter([False, True])

    async def commit(self: Any, offsets: dict[TP, int], _start: bool) -> bool:
        self._committed_offset.update(offsets)
        return next(answers)

    monkeypatch.setattr(driver.Consumer, "_commit_offsets", commit)
    consumer.ack(consumer.hand_over(Message(7)))
    assert await consumer._commit_offsets({PART: 8}) is False
    assert consumer.committable() == 8
    assert await consumer._commit_offsets({PART: 8}) is True
    assert consumer.committable() is None


@pytest.mark.anyio
async def test_revoked_partitions_let_go_of_their_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    async def revoked(_self: Any, _gone: set[TP]) -> None:
        return None

    monkeypatch.setattr(driver.Consumer, "on_partitions_revoked", revoked)
    consumer: Any = Consumer(PART, ELSEWHERE)
    kept_by_streams = consumer._unacked_messages
    mine, other = consumer.hand_over(Message(7)), consumer.hand_over(Message(7, ELSEWHERE))
    await consumer.on_partitions_revoked({PART})

    assert kept_by_streams is consumer._unacked_messages
    assert consumer._unacked_messages == {other}
    assert consumer.ack(mine) is True


@pytest.mark.anyio
async def test_large_messages_wait_until_earlier_ones_are_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fetched(_self: Any, _timeout: float) -> AsyncIterator[tuple[TP, Message]]:
        for offset in range(9):
            yield PART, Message(offset, value=b"x" * (3 * transport.MOST_IN_HAND // 4))
        yield PART, Message(9, value=b"x" * 3 * transport.MOST_IN_HAND)
        yield PART, Message(10, value=b"small")

    monkeypatch.setattr(driver.Consumer, "getmany", fetched)
    consumer: Any = Consumer(PART)
    messages = consumer.getmany(1.0)
    held = [await anext(messages) for _ in range(3)]
    waiting = asyncio.ensure_future(anext(messages))
    await asyncio.wait({waiting}, timeout=0.05)

    assert not waiting.done()
    del held[0]
    reached = [(await waiting)[1].offset]
    held.clear()
    del waiting
    async for _, message in messages:
        reached.append(message.offset)
    assert reached == list(range(3, 11))


class Thread(transport._ConsumerThread):
    """The consumer's thread without a thread."""

    def __init__(self, *failures: Exception) -> None:
        self.failures, self.stopped = list(failures), 0
        self.commits: list[Any] = []
        self._consumer: Any = self

    def _ensure_consumer(self) -> Any:
        return self

    def assignment(self) -> set[TP]:
        return {PART}

    async def commit(self, offsets: Any) -> bool:
        if self.failures:
            raise self.failures.pop()
        self.commits.append(offsets)
        return True

    async def stop(self) -> None:
        self.stopped += 1


@pytest.mark.anyio
async def test_a_commit_that_fails_kills_nobody() -> None:
    thread: Any = Thread(KafkaConnectionError(), CommitFailedError())

    assert [await thread._commit({PART: 8, ELSEWHERE: 9}) for _ in range(3)] == [False, False, True]
    assert thread.commits == [{PART: 8}]


@pytest.mark.anyio
async def test_a_consumer_waits_for_a_broker_that_is_away_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[int] = []

    async def start(_self: Any) -> None:
        starts.append(1)
        if len(starts) < 3:
            raise KafkaConnectionError

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "on_start", start)
    monkeypatch.setattr(transport, "LONGEST_WAIT_S", 0.0)
    thread: Any = Thread()
    await thread.on_start()

    assert (len(starts), thread.stopped) == (3, 2)


class Connection:
    """A producer's connection that notes what becomes of it."""

    def __init__(self, *, works: bool = True) -> None:
        self.works = works
        self.told: list[Any] = []
        self.client = SimpleNamespace(close=self.close)
        self._sender = SimpleNamespace(sender_task=None)
        self._message_accumulator = SimpleNamespace(fail_all=self.told.append)

    async def start(self) -> None:
        await asyncio.sleep(0)
        if not self.works:
            raise KafkaConnectionError

    async def close(self) -> None:
        self.told.append("closed")


class Producer(SafeProducer):
    """Faust's producer without Faust."""

    def __init__(self, *connections: Connection) -> None:
        self._connecting = asyncio.Lock()
        self.connections = list(connections)

    def _new_producer(self, transactional_id: str | None = None) -> Any:
        return self.connections.pop(0)


@pytest.mark.anyio
async def test_many_who_want_to_send_share_one_connection() -> None:
    one = Connection()
    producer: Any = Producer(one)

    found = await asyncio.gather(*(producer.connected() for _ in range(5)))
    assert [connection is one for connection in found] == [True] * 5


@pytest.mark.anyio
async def test_a_connection_that_does_not_come_about_is_closed_and_another_one_is_tried() -> None:
    bad, good = Connection(works=False), Connection()
    producer: Any = Producer(bad, good)

    with pytest.raises(KafkaConnectionError):
        await producer.connected()
    assert bad.told[0] == "closed"
    assert await producer.connected() is good


@pytest.mark.anyio
async def test_a_failed_connection_is_given_up_once_and_whoever_waits_for_it_is_told() -> None:
    old, new = Connection(), Connection()
    producer: Any = Producer(old, new)
    failed = await producer.connected()
    await producer.drop(failed)
    current = await producer.connected()
    await producer.drop(failed)

    assert current is new
    assert await producer.connected() is new
    assert [type(told) for told in old.told] == [str, KafkaConnectionError]
