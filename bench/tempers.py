"""Twelve systems of every temper: nine that erase, sooner or later, one that never does, two that read their tasks."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import psycopg
from joserfc.jwk import ECKey

from bench.fulfil import SCENARIOS
from bench.ship import row_of, trial
from bench.system import System
from schemas import wire
from schemas.events import TaskAssigned, TaskFinished
from schemas.values import Outcome
from services.directory.load import load
from services.directory.rows import person_of
from services.ops.cli.run import tell_systems
from services.ops.installation import SYSTEMS_FILE, Installation
from services.ops.kafka import Follower, Publisher
from stack.files import write_json

QUICK: Final = ("ash", "beech", "cedar", "elm", "fir", "hazel")
SLOW: Final = ("snail", "tortoise")
DOWN, BROKEN, TWICE, LATE = "sleeper", "grump", "echo", "laggard"
BY_HTTP: Final = (*QUICK, *SLOW, DOWN, BROKEN)
ALL: Final = (*BY_HTTP, TWICE, LATE)
SLOW_S: Final = 0.2
_HTTP: Final = """
  {name}:
    connector: http
    url_env: FANOUT_{variable}
    brands: [parcelwise]
    populations: [account_holder]
    rights: [delete]
    concurrency: 8
    attempts: {attempts}
    first_wait_s: 0.5
    longest_wait_s: 4
    holds: [{{name: person, category: identifiers, source: the person, purposes: [provide_services]}}]
    options:
      record_key: recipient_id
      find: {{method: GET, path: "/{name}/{{{{ key.recipient_id }}}}"}}
      erase: {{method: DELETE, path: "/{name}/{{{{ key.recipient_id }}}}"}}
"""
_OWN: Final = """
  {name}:
    connector: participant
    brands: [parcelwise]
    populations: [account_holder]
    rights: [delete]
    holds: [{{name: person, category: identifiers, source: the person, purposes: [provide_services]}}]
    options: {{jwk: {jwk}}}
"""


class Tempers:
    """The systems reached by HTTP, in one server: what each still holds, and what was erased of it how often."""

    def __init__(self, people: int, down_s: float) -> None:
        self.held = {(system, str(n)) for system in BY_HTTP for n in range(1, people + 1)}
        self.erased: Counter[tuple[str, str]] = Counter()
        self._down_s, self._up_at, self._lock = down_s, 0.0, threading.Lock()

    def answer(self, method: str, system: str, person: str) -> int:
        """The HTTP status of one request."""
        if system in SLOW:
            time.sleep(SLOW_S)
        with self._lock:
            self._up_at = self._up_at or time.monotonic() + self._down_s
            if system == BROKEN or (system == DOWN and time.monotonic() < self._up_at):
                return 503
            there = (system, person) in self.held
            if there and method == "DELETE":
                self.held.remove((system, person))
                self.erased[system, person] += 1
            return 200 if there else 404


@contextmanager
def serving(tempers: Tempers) -> Iterator[str]:
    """Serve them on a free port; gives the address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _reply(self) -> None:
            _, system, person = (*self.path.split("/"), "", "")[:3]
            self.send_response(tempers.answer(self.command, system, person) if system else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_DELETE = _reply  # noqa: N815  the library's names

        def log_message(self, *_: Any) -> None:  # noqa: ANN401  the library's own
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: Any) -> None:  # noqa: ANN401  as above
            """Whoever was killed while it asked says no more."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def data_map() -> str:
    """The twelve systems, as text."""
    jwk = json.dumps(ECKey.generate_key("P-256").as_dict(private=False))
    entries = [
        _HTTP.format(name=name, variable=name.upper(), attempts=2 if name == BROKEN else 200) for name in BY_HTTP
    ]
    return "systems:" + "".join([*entries, *(_OWN.format(name=name, jwk=jwk) for name in (TWICE, LATE))])


@contextmanager
def crowd(people: int, down_s: float) -> Iterator[tuple[System, Tempers]]:
    """A running system with intake and fulfiller alone, and the twelve systems."""
    tempers = Tempers(people, down_s)
    with serving(tempers) as url:

        def fill(found: Installation) -> None:
            rows = (row_of(number, system) for number in range(1, people + 1) for system in ALL)
            with psycopg.connect(found.endpoints.database_url, autocommit=True) as db:
                load(db, (person_of(number, row) for number, row in enumerate(rows, 1)), found.keys)
            addresses = {f"FANOUT_{name.upper()}": url for name in BY_HTTP}
            write_json(found.endpoints.data_dir / SYSTEMS_FILE, addresses)
            tell_systems(found)
            for name in (TWICE, LATE):
                found.add_system(name)

        with trial(data_map(), fill, SCENARIOS["paired"]) as system:
            yield system, tempers


@dataclass(slots=True)
class Participants:
    """The two systems that read their tasks themselves. One says everything twice, one only when it is asked to."""

    system: System
    kept: list[TaskAssigned] = field(default_factory=list)
    _readers: dict[str, Follower] = field(init=False)
    _writer: Publisher = field(init=False)

    def __post_init__(self) -> None:
        """Log in as they do."""
        access = {name: self.system.found.access(name) for name in (TWICE, LATE)}
        self._readers = {name: Follower(one, [f"privacy.tasks.{name}"]) for name, one in access.items()}
        self._writer = Publisher(access[TWICE])

    def look(self) -> None:
        """Take tasks, and answer those that are answered at once."""
        for name, reader in self._readers.items():
            tasks = [TaskAssigned.model_validate_json(record.value or b"") for record in reader.poll(20)]
            if name == LATE:
                self.kept += tasks
            else:
                self._say([finished(task, again=again) for task in tasks for again in (False, True)])

    def speak_late(self) -> None:
        """Answer what was left unanswered."""
        self._say([finished(task) for task in {task.task_id: task for task in self.kept}.values()])

    def _say(self, told: Sequence[TaskFinished]) -> None:
        if told:
            self._writer.send_all([wire.encode(event, source="bench/participant") for event in told])

    def close(self) -> None:
        """Log out."""
        for reader in self._readers.values():
            reader.close()
        self._writer.close()


def finished(task: TaskAssigned, *, again: bool = False) -> TaskFinished:
    """A participant's word on its task: the first one, or another one `again`."""
    outcome = Outcome.NOT_FOUND if again else Outcome.ERASED
    return TaskFinished.after(
        task, task.occurred_at, on=f"{task.part}/{outcome}", task_id=task.task_id,
        request_id=task.request_id, case_id=task.case_id, system=task.system, part=task.part, attempt=task.attempt,
        outcome=outcome, counts={} if again else {"identifiers": 1}, reply_token=task.reply_token,
    )  # fmt: skip
