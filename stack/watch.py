"""Do the broker and the database still answer? An embedded one that died is started again."""

import os
import threading
import time
from collections.abc import Callable, Iterable

import psycopg

from stack import ports
from stack.embedded import Embedded
from stack.endpoints import Endpoints
from stack.errors import StackError

Echo = Callable[[str], None]
EVERY_S = 1.0
_SILENT_LOOKS = 2
_AGAIN_EVERY_S = 10.0


def kafka_answers(bootstrap: str) -> bool:
    """Say whether one of the brokers accepts connections."""
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        if ports.answers(int(port), host, within_s=2):
            return True
    return False


def database_answers(url: str) -> bool:
    """Say whether the database answers a question."""
    try:
        with psycopg.connect(url, connect_timeout=2) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.Error:
        return False


class Server:
    """One server that is looked at again and again; says when it falls silent and when it is back."""

    def __init__(self, name: str, answers: Callable[[], bool], start: Callable[[], object] | None) -> None:
        self.name = name
        self.answering = True
        self.since = time.time()
        self._answers = answers
        self._start = start
        self._silent = 0
        self._tried_at = -_AGAIN_EVERY_S

    def look(self, echo: Echo) -> None:
        """Look once; try to start it when it is ours and silent."""
        if self._answers():
            self._silent = 0
            if not self.answering:
                self._becomes(answering=True)
                echo(f"{self.name} answers again")
            return
        self._silent += 1
        if self._silent < _SILENT_LOOKS:
            return
        if self.answering:
            self._becomes(answering=False)
            echo(f"{self.name} does not answer" + ("; starting it again" if self._start else "; workers wait for it"))
        self._try_to_start(echo)

    def _becomes(self, *, answering: bool) -> None:
        self.answering, self.since = answering, time.time()

    def _try_to_start(self, echo: Echo) -> None:
        if self._start is None or time.monotonic() - self._tried_at < _AGAIN_EVERY_S:
            return
        self._tried_at = time.monotonic()
        try:
            self._start()
        except StackError as problem:
            echo(f"{self.name} could not be started: {problem}")


def servers(embedded: Embedded, endpoints: Endpoints) -> list[Server]:
    """Name what a system stands on; real servers are only looked at."""
    ours = {name: not os.environ.get(name) for name in ("KAFKA_BOOTSTRAP", "DATABASE_URL", "SMTP_URL")}
    found = [
        Server(
            "Kafka",
            lambda: kafka_answers(endpoints.bootstrap),
            embedded.broker.start if ours["KAFKA_BOOTSTRAP"] else None,
        ),
        Server(
            "PostgreSQL",
            lambda: database_answers(endpoints.database_url),
            embedded.database.start if ours["DATABASE_URL"] else None,
        ),
    ]
    if ours["SMTP_URL"]:
        found.append(Server("the mail sink", lambda: embedded.mail.pid is not None, embedded.mail.start))
    return found


class Watch(threading.Thread):
    """Looks at every server in turn, beside whatever else goes on, until told to end."""

    def __init__(self, watched: Iterable[Server], echo: Echo) -> None:
        super().__init__(name="watch", daemon=True)
        self.watched = list(watched)
        self._echo = echo
        self._ended = threading.Event()

    def run(self) -> None:
        """Look until `end` is called."""
        while not self._ended.wait(EVERY_S):
            for server in self.watched:
                server.look(self._echo)

    def end(self) -> None:
        """Stop looking; returns when the last look is over."""
        self._ended.set()
        self.join()

    def report(self) -> dict[str, dict[str, object]]:
        """Give its part of `run.json`."""
        return {server.name: {"answers": server.answering, "since": server.since} for server in self.watched}
