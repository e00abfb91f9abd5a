"""The four ordinary ways in which Faust 0.15.3 loses messages: each happens as shipped, and cannot with our transport.

In each scene a worker meets a trouble and ends; another one without the trouble reads on, and a last message shows
that it has read everything it was going to read. All eight scenes are played at once.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import CoordinatorNotAvailableError

from services.ops.kafka import Access, Publisher, read_all
from tests.support.children import Child, Nursery, nursery, wait_until
from tests.support.loss import CANNOT_SEND, HANGS, RAISES, RAISES_UNACKED, SAFE, STOCK, TROUBLES
from tests.support.servers import TestBroker
from tests.support.town import admin

pytestmark = pytest.mark.integration

FIRST, CONTROL, LAST = range(5), 7, 9
SAME, OTHER = b"a", b"d"
"""Keys of partition 0 and 1 of two."""
CRASHED = 1


@dataclass(frozen=True)
class Outcome:
    """What a worker in trouble handled, acknowledged and sent; what the next one handled, and what was sent in all."""

    handled: list[int]
    committed: int
    sent: int
    read_on: list[int]
    sent_in_all: int


@dataclass
class Scene:
    """One trouble in one way."""

    access: Access
    nursery: Nursery
    trouble: str
    mode: str

    def play(self) -> Outcome:
        """Let a worker meet the trouble, and another one read on."""
        publish(self.access, f"{self.name}.in", *FIRST)
        worker = self.start()
        if self.mode == STOCK:
            wait_until(lambda: self.committed() == len(FIRST), every_s=0.3)
        elif self.trouble == HANGS:
            wait_until(lambda: self.handled(worker) == [1, 2, 3, 4])
            publish(self.access, f"{self.name}.in", CONTROL, key=OTHER)
            wait_until(lambda: self.committed(1) == 1, every_s=0.3)
        else:
            assert worker.ends(within_s=90) == CRASHED
        worker.kill()
        before = self.handled(worker), self.committed(), self.sent()
        if self.trouble == CANNOT_SEND and self.mode == SAFE:
            self.mend()
        publish(self.access, f"{self.name}.in", LAST)
        after = self.start(TROUBLE_OVER="yes")
        wait_until(lambda: LAST in self.handled(after))
        return Outcome(*before, sorted({*self.handled(after)} & {*FIRST}), self.sent())

    @property
    def name(self) -> str:
        """The group, and the beginning of its topics."""
        return f"{self.trouble}.{self.mode}"

    def start(self, **env: str) -> Child:
        """Start a worker."""
        return self.nursery.start("tests.support.loss", self.trouble, self.mode, **env)

    def handled(self, worker: Child) -> list[int]:
        """Which messages a worker has handled, in order."""
        found = [int(line.split()[1]) for line in worker.text.splitlines() if line.startswith("handled ")]
        return [number for number in found if number != CONTROL]

    def committed(self, partition: int = 0) -> int:
        """How far the group has acknowledged."""
        group = self.access.prefix + self.name
        with admin(self.access) as client:
            try:
                found = client.list_group_offsets([group])[group]
            except CoordinatorNotAvailableError:
                return 0
        place = found.get(TopicPartition(f"{group}.in", partition))
        return max(0, place.offset) if place else 0

    def sent(self) -> int:
        """How many messages it has sent."""
        return len(list(read_all(self.access, [f"{self.name}.out"])))

    def mend(self) -> None:
        """Let the output topic take what it refused."""
        wider = {"max.message.bytes": "1000000"}
        name = f"{self.access.prefix}{self.name}.out"
        with admin(self.access) as client:
            client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=wider)])


def publish(access: Access, topic: str, *numbers: int, key: bytes = SAME) -> None:
    publisher = Publisher(access)
    publisher.send_all([(topic, key, b"%d" % number, []) for number in numbers])
    publisher.close()


Played = Callable[[str, str], Outcome]


@pytest.fixture(scope="module")
def played(broker: TestBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    access = Access(broker.bootstrap, broker.admin.username, broker.admin.password, prefix="losses.")
    env = {
        "KAFKA_BOOTSTRAP": access.bootstrap,
        "KAFKA_USERNAME": access.username,
        "KAFKA_PASSWORD": access.password,
        "RIGHTSBUS_TOPIC_PREFIX": access.prefix,
    }
    names = [(trouble, mode) for trouble in TROUBLES for mode in (STOCK, SAFE)]
    with admin(access) as client:
        for end, limit in (("in", "1000000"), ("out", "1000")):
            settings = {"num_partitions": 2, "replication_factor": 1, "configs": {"max.message.bytes": limit}}
            client.create_topics({f"losses.{trouble}.{mode}.{end}": settings for trouble, mode in names})
    with nursery(tmp_path_factory.mktemp("losses"), env) as children, ThreadPoolExecutor(len(names)) as pool:
        scenes: dict[tuple[str, str], Future[Outcome]] = {
            name: pool.submit(Scene(access, children, *name).play) for name in names
        }
        yield lambda trouble, mode: scenes[trouble, mode].result()
    broker.delete_topics(access.prefix)


@pytest.mark.parametrize("trouble", [RAISES, RAISES_UNACKED])
def test_as_shipped_a_message_whose_handler_raises_is_lost(played: Played, trouble: str) -> None:
    assert played(trouble, STOCK) == Outcome([0, 1, 3, 4], committed=5, sent=0, read_on=[], sent_in_all=0)


@pytest.mark.parametrize("trouble", [RAISES, RAISES_UNACKED])
def test_with_us_a_handler_that_raises_ends_the_worker_and_the_next_one_gets_the_message(
    played: Played, trouble: str
) -> None:
    outcome = played(trouble, SAFE)

    assert outcome.handled == [0, 1]
    assert outcome.committed <= 2
    assert set(outcome.read_on) >= {2, 3, 4}


def test_as_shipped_the_offset_jumps_over_an_unfinished_message_and_a_crash_loses_it(played: Played) -> None:
    assert played(HANGS, STOCK) == Outcome([1, 2, 3, 4], committed=5, sent=0, read_on=[], sent_in_all=0)


def test_with_us_the_offset_waits_for_the_unfinished_message_and_a_crash_repeats_it(played: Played) -> None:
    assert played(HANGS, SAFE) == Outcome([1, 2, 3, 4], committed=0, sent=0, read_on=[0, 1, 2, 3, 4], sent_in_all=0)


def test_as_shipped_a_message_that_could_not_be_sent_is_forgotten(played: Played) -> None:
    outcome = played(CANNOT_SEND, STOCK)

    assert outcome == Outcome([0, 1, 2, 3, 4], committed=5, sent=0, read_on=[], sent_in_all=0)


def test_with_us_a_message_that_could_not_be_sent_keeps_its_cause_until_it_can(played: Played) -> None:
    assert played(CANNOT_SEND, SAFE) == Outcome([], committed=0, sent=0, read_on=[0, 1, 2, 3, 4], sent_in_all=6)
