"""Broker and database away, at the start and in the middle: workers wait, say so, and go on. On servers of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.ops.kafka import Access
from stack.embedded import Embedded
from tests.support.children import wait_until
from tests.support.town import Town, a_town, failures, in_order

pytestmark = pytest.mark.integration

PART = 60
SLOWLY = {"TWO_STAGES_SLOW_S": "0.2", "RIGHTSBUS_BATCH_MOST": "10"}


@pytest.fixture
def servers_of_its_own(tmp_path: Path) -> Iterator[Embedded]:
    found = Embedded(tmp_path, echo=lambda _: None)
    found.broker.start()
    found.database.start()
    yield found
    found.stop()


@pytest.fixture
def town(servers_of_its_own: Embedded, tmp_path: Path) -> Iterator[Town]:
    broker = servers_of_its_own.broker
    access = Access(broker.bootstrap, broker.admin.username, broker.admin.password, prefix="away.")
    with a_town(access, servers_of_its_own.database.url(), tmp_path) as found:
        yield found


def test_workers_wait_for_what_is_away_say_so_and_go_on(servers_of_its_own: Embedded, town: Town) -> None:
    broker, database = servers_of_its_own.broker, servers_of_its_own.database
    everything = failures(4 * PART, requests=20)
    parts = iter([everything[at : at + PART] for at in range(0, len(everything), PART)])
    arrived = 0

    def all_arrive(extra: Callable[[], bool] = lambda: True) -> None:
        wait_until(lambda: town.letters() == arrived and extra(), every_s=0.2)

    def send() -> None:
        nonlocal arrived
        town.produce(next(parts))
        arrived += PART

    # away at the start, one after the other
    send()
    broker.stop()
    database.stop()
    workers = [town.start(name, **SLOWLY) for name in ("verifier", "notifier")]
    for worker in workers:
        worker.says("waiting", stage="database")
    database.start()
    town.reconnect()
    for worker in workers:
        worker.says("waiting", stage="broker")
    broker.start()
    all_arrive()

    # the database goes while messages come
    database.stop()
    send()
    for worker in workers:
        worker.says("waiting", stage="clock")
    workers[0].says("waiting", stage="verifier")
    database.start()
    town.reconnect()
    all_arrive()

    # the broker goes while messages are on their way
    send()
    wait_until(lambda: town.ask("SELECT count(*) FROM verifier.inbox")[0] > arrived - PART)
    broker.stop()
    workers[0].says("waiting", stage="verifier", cause="BrokerAway")
    broker.start()
    all_arrive()

    # it is all well again
    send()
    all_arrive(lambda: town.left() == [0, 0, 0, 0])
    assert town.passed("verifier") == in_order(everything)
    assert [worker.terminate(within_s=10) for worker in workers] == [0, 0]
    assert town.committed("verifier") == len(everything)
    assert not [line for worker in workers for line in worker.lines("crashed")]
