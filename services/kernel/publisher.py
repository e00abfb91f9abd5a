"""Sends what lies in the outbox and says what the broker confirmed; of one topic and key one after the other."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final, cast

import faust
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTopicError,
    KafkaConnectionError,
    KafkaError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from services.kernel.clock import monotonic
from services.kernel.errors import BrokerAway
from services.kernel.store import Stored
from services.kernel.transport import SafeProducer

log = structlog.get_logger()
CONFIRM_WITHIN_S: Final = 10.0
REFUSED_FOR_S: Final = 10.0
_LOOK_AFTER_S: Final = (0.0, 0.1, 0.3)
"""A topic just made is known everywhere within moments."""
_REFUSALS = (
    InvalidTopicError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
"""The broker is there and does not want this message: no reason to keep others waiting."""


class Publisher:
    """Sends by one app's producer. A topic that is not there, or not ours to write, holds up its own messages only."""

    def __init__(self, app: faust.App, prefix: str) -> None:
        self._app, self._prefix = app, prefix
        self._refused: dict[str, float] = {}

    def refused(self) -> list[str]:
        """The topics that took nothing a moment ago: sending to them again waits a little."""
        return [topic for topic, until in self._refused.items() if until > monotonic()]

    async def __call__(self, rows: Sequence[Stored]) -> list[int]:
        """Send rows, and return the ids of those the broker confirmed.

        A row that is refused stays where it is, and so do later ones of its topic and key.

        Raises:
            BrokerAway: not all were answered in time; sending all again is safe for readers.
        """
        ours = cast(SafeProducer, self._app.producer)
        try:
            producer = await ours.connected()
        except (KafkaError, TimeoutError) as error:
            raise BrokerAway(f"no connection ({type(error).__name__})") from error
        try:
            confirmed, spoilt = await self._send_all(producer, rows)
        except (KafkaError, TimeoutError) as error:
            await ours.drop(producer)
            raise BrokerAway(f"not all of {len(rows)} messages were confirmed ({type(error).__name__})") from error
        if spoilt:
            await ours.drop(producer)
        return confirmed

    async def _send_all(self, producer: AIOKafkaProducer, rows: Sequence[Stored]) -> tuple[list[int], bool]:
        """Also says whether the broker refused something: what the producer sends there next would be out of order."""
        confirmed, spoilt = list[int](), False
        stuck: set[tuple[str, bytes]] = set()
        for turn in _turns(rows):
            free = [row for row in turn if _lane(row) not in stuck]
            sent = [await self._send(producer, row) for row in free]
            if waiting := [future for future in sent if future is not None]:
                _, late = await asyncio.wait(waiting, timeout=CONFIRM_WITHIN_S)
                if late:
                    raise TimeoutError
            for row, future in zip(free, sent, strict=True):
                if future is not None and self._accepted(row, future.exception()):
                    confirmed.append(row.id)
                else:
                    stuck.add(_lane(row))
                    spoilt = spoilt or future is not None
        return confirmed, spoilt

    async def _send(self, producer: AIOKafkaProducer, row: Stored) -> asyncio.Future[Any] | None:
        m = row.message
        if not await self._takes(producer, m.topic):
            return None
        try:
            sending: asyncio.Future[Any] = await producer.send(
                self._prefix + m.topic, m.value, key=m.key, headers=m.headers
            )
        except _REFUSALS as error:
            self._refuse(m.topic, error)
            return None
        return sending

    async def _takes(self, producer: AIOKafkaProducer, topic: str) -> bool:
        """Whether a topic is there; asked at once, as the client's own way would wait for it and hold up the others."""
        if self._refused.get(topic, 0.0) > monotonic():
            return False
        client, name = producer.client, self._prefix + topic
        if client.cluster.partitions_for_topic(name) is not None:
            return True
        for pause_s in _LOOK_AFTER_S:
            await asyncio.sleep(pause_s)
            client.add_topic(name)
            if not await client.force_metadata_update():
                raise KafkaConnectionError
            if client.cluster.partitions_for_topic(name) is not None:
                return True
        ours = name not in client.cluster.unauthorized_topics
        self._refuse(topic, UnknownTopicOrPartitionError() if ours else TopicAuthorizationFailedError())
        return False

    def _accepted(self, row: Stored, error: BaseException | None) -> bool:
        if error is None:
            return True
        if not isinstance(error, _REFUSALS):
            raise error
        self._refuse(row.message.topic, error)
        return False

    def _refuse(self, topic: str, error: Exception) -> None:
        if not isinstance(error, MessageSizeTooLargeError):
            self._refused[topic] = monotonic() + REFUSED_FOR_S
        log.error("message_refused", topic=topic, cause=type(error).__name__)


def _lane(row: Stored) -> tuple[str, bytes]:
    return row.message.topic, row.message.key


def _turns(rows: Iterable[Stored]) -> list[list[Stored]]:
    """Rows in turns, so that each topic and key has one row in a turn and its next one in the next turn."""
    seen: Counter[tuple[str, bytes]] = Counter()
    turns: list[list[Stored]] = []
    for row in rows:
        turn = seen[_lane(row)]
        seen[_lane(row)] += 1
        if turn == len(turns):
            turns.append([])
        turns[turn].append(row)
    return turns
