"""Plays the sample: sends every submission, answers as each person would, and follows all to their end."""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from kafka import KafkaConsumer, KafkaProducer

from stack.demo.board import Board, Row
from stack.demo.letters import Arrived, Mailbox
from stack.demo.login import client_settings
from stack.sample.requests import SOURCE, Script

POLL_MS: Final = 100

Closed = Callable[[], Iterable[tuple[str, Mapping[str, str]]]]
"""Gives (request, how each part ended) of requests closed since it was last asked."""
Deny = Callable[[str], None]
"""An operator denies one request."""


class Play:
    """The upstream app and the people behind it."""

    def __init__(self, found: Mapping[str, Any], scripts: list[Script], closed: Closed, deny: Deny) -> None:
        login = found["kafka"]["upstream"]
        self._settings = client_settings(found["kafka"]["bootstrap"], login["username"], login["password"])
        self._mailbox = Mailbox(Path(found["mail_dir"]))
        self._letters: list[Arrived] = []
        self._closed, self._deny = closed, deny
        self._said: set[str] = set()
        self._since_ms = 0
        self.scripts, self.board = scripts, Board(scripts)

    def run(self, show: Callable[[], None], within_s: float) -> bool:
        """Send all, react until everything has ended; False when that takes longer than `within_s`."""
        deadline, self._since_ms = time.monotonic() + within_s, int(time.time() * 1000)
        consumer = KafkaConsumer(
            f"privacy.status.{SOURCE}", group_id=f"{SOURCE}.demo", auto_offset_reset="earliest",
            enable_auto_commit=False, fetch_max_wait_ms=POLL_MS, **self._settings,
        )  # fmt: skip
        producer = KafkaProducer(**self._settings)
        try:
            self._send(producer)
            while self.board.missing() and time.monotonic() < deadline:
                self._hear(consumer)
                self._react(producer)
                show()
        finally:
            producer.close()
            consumer.close()
        return not self.board.missing()

    def _send(self, producer: KafkaProducer) -> None:
        for script in self.scripts:
            raw = script.value if isinstance(script.value, bytes) else json.dumps(script.value).encode()
            headers = [("ce_source", SOURCE.encode())]
            key = (script.submission_id or script.name).encode()
            producer.send("privacy.requests", value=raw, key=key, headers=headers).get(timeout=30)
            self.board.sent(script, time.time())

    def _hear(self, consumer: KafkaConsumer) -> None:
        for records in consumer.poll(timeout_ms=POLL_MS).values():
            for record in (one for one in records if one.timestamp >= self._since_ms):
                self.board.told(json.loads(record.value), record.timestamp / 1000)
        for request_id, parts in self._closed():
            self.board.closed(request_id, parts)
        self._letters.extend(self._mailbox.new())

    def _react(self, producer: KafkaProducer) -> None:
        for row in self.board.rows:
            script = row.script
            if script.name in self._said or row.request_id is None:
                continue
            if script.denied:
                self._said.add(script.name)
                self._deny(row.request_id)
            elif body := self._answer(row):
                self._said.add(script.name)
                self.board.answered(script)
                said = {"source": SOURCE, "answer_id": f"{script.name}-1", "request_id": row.request_id, **body}
                producer.send("privacy.answers", value=json.dumps(said).encode()).get(timeout=30)

    def _answer(self, row: Row) -> dict[str, Any] | None:
        """What the person says now, if it is time: they were asked for it, or hold the letter with the code."""
        later = row.script.later
        if later is None or (later.asked_for and row.waiting_for != later.asked_for):
            return None
        if later.code_from is None:
            return later.body
        letter = next(
            (one for one in self._letters if (one.request_id, one.letter) == (row.request_id, later.code_from)), None
        )
        return later.body | {"answer_token": letter.code} if letter else None
