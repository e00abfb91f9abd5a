"""A silent server is noticed, said once, started again when it is ours, and said to be back."""

import time
from pathlib import Path

import pytest

from stack.embedded import Embedded
from stack.errors import StackError
from stack.ports import wait_for
from stack.watch import Server, Watch, database_answers, kafka_answers, servers


def looks(server: Server, times: int) -> list[str]:
    said: list[str] = []
    for _ in range(times):
        server.look(said.append)
    return said


def test_one_silent_look_is_not_said() -> None:
    answers = iter([False, True])

    assert looks(Server("Kafka", lambda: next(answers), None), 2) == []


def test_a_real_server_that_is_silent_is_said_once_and_said_back() -> None:
    answers = iter([False, False, False, True])
    server = Server("PostgreSQL", lambda: next(answers), None)

    assert looks(server, 4) == ["PostgreSQL does not answer; workers wait for it", "PostgreSQL answers again"]
    assert server.answering


def test_an_embedded_server_is_started_again_but_not_hammered() -> None:
    starts = []
    server = Server("Kafka", lambda: False, lambda: starts.append(time.monotonic()))

    assert looks(server, 5) == ["Kafka does not answer; starting it again"]
    assert len(starts) == 1


def test_a_start_that_fails_is_said_without_a_trace() -> None:
    def fails() -> None:
        message = "no room on the disk"
        raise StackError(message)

    said = looks(Server("Kafka", lambda: False, fails), 2)

    assert said[-1] == "Kafka could not be started: no room on the disk"


def test_nobody_at_an_address_does_not_answer() -> None:
    assert not kafka_answers("127.0.0.1:1,127.0.0.1:2")
    assert not database_answers("postgresql://127.0.0.1:1/none")


@pytest.mark.integration
def test_killed_servers_come_back_by_themselves(tmp_path: Path) -> None:
    said: list[str] = []
    embedded = Embedded(tmp_path, echo=lambda _: None)
    watch = Watch(servers(embedded, embedded.start()), said.append)
    watch.start()
    try:
        embedded.database.kill()
        embedded.broker.kill()
        embedded.mail.kill()

        names = ("Kafka", "PostgreSQL", "the mail sink")
        assert wait_for(lambda: all(f"{name} answers again" in said for name in names), within_s=40)
    finally:
        watch.end()
        embedded.stop()
