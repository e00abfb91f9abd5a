"""Sending: of one topic and key one after the other, and what a topic refuses holds up nothing else."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    TopicAuthorizationFailedError,
)

from services.kernel import publisher as module
from services.kernel.errors import BrokerAway
from services.kernel.publisher import Publisher
from services.kernel.store import Outgoing, Stored

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Producer:
    """Stands in for Faust's producer and aiokafka's at once: a topic answers as it is told."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, bytes]] = []
        self.answers: dict[str, Callable[[], Any]] = {}
        self.missing: set[str] = set()
        self.forbidden: set[str] = set()
        self.dropped = 0
        self.asked = 0
        self.client = self.cluster = self

    async def connected(self) -> "Producer":
        return self

    async def drop(self, producer: "Producer") -> None:
        assert producer is self
        self.dropped += 1

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return None if topic in self.missing | self.forbidden else {0}

    @property
    def unauthorized_topics(self) -> set[str]:
        return self.forbidden

    def add_topic(self, topic: str) -> None:
        assert topic.startswith("p.")

    async def force_metadata_update(self) -> bool:
        self.asked += 1
        return True

    async def send(self, topic: str, value: bytes, *, key: bytes, headers: Any) -> asyncio.Future[Any]:
        self.sent.append((topic, key, value))
        future = asyncio.get_running_loop().create_future()
        answer = self.answers.get(topic, lambda: None)()
        if isinstance(answer, asyncio.Future):
            return answer
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
        return future


@pytest.fixture
def producer() -> Producer:
    return Producer()


@pytest.fixture
def publish(producer: Producer) -> Publisher:
    return Publisher(SimpleNamespace(producer=producer), "p.")  # type: ignore[arg-type]


def rows(*told: tuple[str, str]) -> list[Stored]:
    return [Stored(n, Outgoing(topic, key.encode(), b"%d" % n, [])) for n, (topic, key) in enumerate(told)]


async def test_all_that_is_confirmed_is_said(publish: Publisher, producer: Producer) -> None:
    assert await publish(rows(("a", "k"), ("a", "l"), ("b", "k"))) == [0, 1, 2]
    assert producer.sent == [("p.a", b"k", b"0"), ("p.a", b"l", b"1"), ("p.b", b"k", b"2")]


async def test_the_next_message_of_a_key_waits_for_the_one_before(publish: Publisher, producer: Producer) -> None:
    first = asyncio.get_running_loop().create_future()
    producer.answers["p.a"] = lambda: first if len(producer.sent) == 1 else None
    sending = asyncio.create_task(publish(rows(("a", "k"), ("a", "k"), ("a", "l"), ("a", "k"))))
    await asyncio.wait({sending}, timeout=0.02)

    assert [value for *_, value in producer.sent] == [b"0", b"2"]
    first.set_result(None)
    assert sorted(await sending) == [0, 1, 2, 3]
    assert [value for *_, value in producer.sent] == [b"0", b"2", b"1", b"3"]


async def test_a_missing_topic_keeps_its_messages_and_no_others(publish: Publisher, producer: Producer) -> None:
    producer.missing = {"p.a"}

    assert await publish(rows(("a", "k"), ("b", "k"), ("a", "k"))) == [1]
    assert publish.refused() == ["a"]
    asked = producer.asked
    producer.missing = set()
    assert await publish(rows(("a", "k"))) == []
    assert producer.asked == asked


async def test_a_topic_just_made_is_found(
    publish: Publisher, producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REFUSED_FOR_S", 0.0)
    producer.missing = {"p.a"}
    assert await publish(rows(("a", "k"))) == []
    producer.missing = set()

    assert await publish(rows(("a", "k"))) == [0]
    assert publish.refused() == []


@pytest.mark.parametrize("where", ["metadata", "answer"])
async def test_a_topic_that_is_not_ours_keeps_its_messages(publish: Publisher, producer: Producer, where: str) -> None:
    if where == "metadata":
        producer.forbidden = {"p.a"}
    producer.answers["p.a"] = TopicAuthorizationFailedError

    assert await publish(rows(("a", "k"), ("b", "k"))) == [1]
    assert publish.refused() == ["a"]
    assert producer.dropped == (where == "answer")


async def test_one_message_too_large_stays_with_its_followers_and_its_topic_goes_on(
    publish: Publisher, producer: Producer
) -> None:
    producer.answers["p.a"] = lambda: MessageSizeTooLargeError() if producer.sent[-1][1] == b"k" else None

    assert await publish(rows(("a", "k"), ("a", "l"), ("a", "k"))) == [1]
    assert publish.refused() == []
    assert [value for *_, value in producer.sent] == [b"0", b"1"]


@pytest.mark.parametrize("error", [KafkaConnectionError, OutOfOrderSequenceNumber])
async def test_a_failed_connection_is_given_up_and_said(
    publish: Publisher, producer: Producer, error: type[Exception]
) -> None:
    producer.answers["p.a"] = error

    with pytest.raises(BrokerAway, match=error.__name__):
        await publish(rows(("a", "k"), ("b", "k")))
    assert producer.dropped == 1


async def test_a_broker_that_does_not_answer_is_not_waited_for_for_ever(
    publish: Publisher, producer: Producer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONFIRM_WITHIN_S", 0.01)
    producer.answers["p.a"] = asyncio.get_running_loop().create_future

    with pytest.raises(BrokerAway, match="TimeoutError"):
        await publish(rows(("a", "k")))
    assert producer.dropped == 1


async def test_no_connection_is_said(publish: Publisher, producer: Producer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away() -> Producer:
        raise KafkaConnectionError

    monkeypatch.setattr(producer, "connected", away)

    with pytest.raises(BrokerAway, match="no connection"):
        await publish(rows(("a", "k")))
