"""Workers as processes on real Kafka and PostgreSQL: killed, asked to stop, fed by crooks."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from services.ops.kafka import Access
from tests.support import crooked
from tests.support.children import nursery, wait_until
from tests.support.servers import TestBroker
from tests.support.town import PARKED, Town, a_town, failures, in_order, make_topics

pytestmark = pytest.mark.integration

MOST_MEMORY = 200
"""MiB that a worker may ever hold."""
FLOOD = 30
IN_HAND = """SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'idle in transaction' AND application_name <> 'test'"""


@pytest.fixture
def town(broker: TestBroker, topic_prefix: str, database_url: str, tmp_path: Path) -> Iterator[Town]:
    access = Access(broker.bootstrap, broker.admin.username, broker.admin.password, prefix=topic_prefix)
    with a_town(access, database_url, tmp_path) as found:
        yield found


def peak_memory(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    if not status.is_file():
        return psutil.Process(pid).memory_info().rss / 2**20
    [line] = [line for line in status.read_text("ascii").splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024


def firsts(events: list[dict[str, Any]]) -> dict[str, list[tuple[int, str]]]:
    """Of each request's events on a topic the first of each, in order, with the version that told it."""
    found: dict[str, dict[str, int]] = {}
    for event in events:
        found.setdefault(event["request_id"], {}).setdefault(event["event_id"], event["seq"])
    return {request: [(seq, name) for name, seq in ids.items()] for request, ids in found.items()}


def test_workers_killed_in_the_middle_of_a_batch_lose_nothing_and_double_nothing(town: Town) -> None:
    events = failures(400, requests=40)
    env = {"TWO_STAGES_SLOW_S": "0.1", "RIGHTSBUS_BATCH_MOST": "20"}
    workers = [town.start("verifier", **env), town.start("verifier", **env), town.start("notifier", **env)]
    for worker in workers:
        worker.says("started")
    town.produce(events)
    wait_until(lambda: town.letters() > 20)
    survivor = workers.pop(1)
    for worker in workers:
        worker.kill()
    handled = town.letters()
    again = town.start("notifier")
    wait_until(lambda: town.letters() == len(events))
    wait_until(lambda: town.left() == [0, 0, 0, 0])

    assert handled < len(events)
    assert town.passed("verifier") == in_order(events)
    told = firsts(town.read("privacy.handed-over"))
    assert all(order == sorted(order) for order in told.values())
    assert town.passed("notifier") == {request: [name for _, name in order] for request, order in told.items()}
    assert len({event["event_id"] for event in town.read("privacy.notified")}) == len(events)
    for worker in (survivor, again):
        assert peak_memory(worker.pid) < MOST_MEMORY


def test_a_worker_asked_to_stop_finishes_its_batch_commits_and_exits_well(town: Town) -> None:
    events = failures(30, requests=30)
    worker = town.start("verifier", TWO_STAGES_SLOW_S="2")
    worker.says("started")
    town.produce(events)
    wait_until(lambda: town.ask(IN_HAND)[0])

    assert worker.terminate(within_s=10) == 0
    done = sum(map(len, town.passed("verifier").values()))
    assert 0 < done == town.committed("verifier") == len(town.read("privacy.handed-over"))
    again = town.start("verifier")
    again.says("started")
    wait_until(lambda: town.passed("verifier") == in_order(events))
    wait_until(lambda: sum(line["messages"] for line in again.lines("batch_handled")) == len(events) - done)
    assert again.terminate(within_s=10) == 0
    assert town.committed("verifier") == len(events)


def test_a_worker_wrongly_set_up_says_what_is_missing_and_ends(
    broker: TestBroker, database_url: str, tmp_path: Path
) -> None:
    with nursery(tmp_path, {"DATABASE_URL": database_url}) as children:
        bare = children.start("tests.support.two_stages", "verifier")
        login = {"KAFKA_BOOTSTRAP": broker.bootstrap, "KAFKA_USERNAME": "nobody", "KAFKA_PASSWORD": "nothing"}
        empty = children.start("tests.support.two_stages", "notifier", RIGHTSBUS_KEYS_DIR=str(tmp_path), **login)

        assert [bare.ends(within_s=60), empty.ends(within_s=60)] == [2, 2]
    for name in ("KAFKA_BOOTSTRAP", "KAFKA_PASSWORD", "RIGHTSBUS_KEYS_DIR"):
        assert name in bare.text
    assert "the database has no tables of ours" in empty.text
    assert "Traceback" not in bare.text + empty.text


def test_what_crooks_send_and_topics_that_are_missing_hold_up_nobody(town: Town) -> None:
    worker = town.start("verifier")
    batches = crooked.with_nameless_header(), crooked.gzip_bomb(150_000_000), crooked.well_packed(2)
    assert asyncio.run(crooked.hand_in(town.access, "privacy.task-results", 0, *batches)) == [0, 0, 0]
    events = failures(20, requests=10)
    town.produce(events)
    worker.says("message_refused", topic=PARKED)
    wait_until(lambda: town.passed("verifier") == in_order(events))
    wait_until(lambda: len(town.read("privacy.handed-over")) == len(events))

    assert town.left() == [4, 0, 0, 0]
    flood = crooked.a_batch(b"x" * 1_000_000)
    asyncio.run(crooked.hand_in(town.access, "privacy.task-results", 1, *[bytes(flood)] * FLOOD))
    wait_until(lambda: town.left() == [4 + FLOOD, 0, 0, 0])
    make_topics(town.access, PARKED)
    wait_until(lambda: town.left() == [0, 0, 0, 0])
    parked = sorted(town.read(PARKED), key=lambda event: (event["partition"], event["offset"]))
    assert [event["offset"] for event in parked if event["partition"] == 0] == [0, 1, 2, 3]
    assert [event["problems"] for event in parked[:2]] == [["the whole: UnicodeDecodeError"], ["the whole: ValueError"]]
    assert len(parked) == 4 + FLOOD
    assert peak_memory(worker.pid) < MOST_MEMORY
    assert worker.terminate(within_s=10) == 0
