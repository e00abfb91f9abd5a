"""Weeks pass on the running system: a hold is reminded of and ends, a clock stands still, a day is missed and appealed.

Time only goes forward, for everybody: nothing that needs a whole system comes after this file.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from typer.testing import CliRunner

from bench.system import System
from schemas import wire
from schemas.base import Event
from schemas.events import (
    ClockPaused,
    DeadlineExtended,
    DeadlineReached,
    DecisionApplied,
    PartWaiting,
    RequestAccepted,
    RequestClosed,
)
from schemas.values import Ending, Outcome
from services.kernel.tokens import case_id, request_id
from services.ops.cli import app
from services.ops.kafka import Follower, Publisher

pytestmark = pytest.mark.integration

SOURCE, BRAND, WITHIN_S = "webform", "desktopshipper", 40.0
"""A real brand: its windows are days."""
TOPICS = ["privacy.accepted", "privacy.waiting", "privacy.deadlines", "privacy.closed", "privacy.decided"]
ONTARIO, KENT, UTAH = {"country": "CA", "region": "ON"}, {"country": "GB"}, {"country": "US", "region": "UT"}
CORRECTIONS = [{"field": "email", "new": "new@example.org"}]
E = TypeVar("E", bound=Event)


class Weeks:
    """One app, one operator and one eye on everything, while time is moved."""

    def __init__(self, system: System, follower: Follower, publisher: Publisher) -> None:
        self.system, self.follower, self.publisher, self.run = system, follower, publisher, uuid4().hex[:8]
        self.seen: list[Event] = []

    def ask(self, name: str, right: str, home: dict[str, str], **more: Any) -> str:
        """Submit; returns the request's id."""
        submission = f"weeks-{self.run}-{name}"
        body = {"submission_id": submission, "source": SOURCE, "brand": BRAND, "rights": [right], "residence": home,
                "subject": {"emails": [f"{submission}@example.net"]}, "message": "Please.", **more}  # fmt: skip
        self.publisher.send("privacy.requests", json.dumps(body).encode(), key=b"any")
        key = self.system.found.keys.derive("ids")
        return str(request_id(key, UUID(str(case_id(key, SOURCE, submission))), right))

    def answer(self, request: str, **said: Any) -> None:
        body = {"source": SOURCE, "answer_id": uuid4().hex, "request_id": request, **said}
        self.publisher.send("privacy.answers", json.dumps(body).encode(), key=b"any")

    def run_command(self, *words: str) -> None:
        told = CliRunner().invoke(app, [*words, "--data", str(self.system.found.endpoints.data_dir)])
        assert told.exit_code == 0, (words, told.output, told.exception)

    def all(self, kind: type[E], request: str) -> list[E]:
        return [event for event in self.seen if isinstance(event, kind) and event.request_id == request]

    def until(self, done: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + WITHIN_S
        while not (found := done()):
            assert time.monotonic() < deadline, "it did not come in time"
            self.seen += [wire.decode(record) for record in self.follower.poll(100)]
        return found

    def letters(self, request: str, kind: str) -> list[str]:
        """The texts of the letters of a kind about a request."""
        found = []
        for file in sorted(Path(self.system.described["mail_dir"]).glob("*.eml")):
            message = message_from_bytes(file.read_bytes(), policy=policy.default)
            body = message.get_body(("plain",))
            if body and (message["X-Rightsbus-Request"], message["X-Rightsbus-Letter"]) == (request, kind):
                found.append(str(body.get_content()))
        return found


@pytest.fixture(scope="module")
def weeks(system: System) -> Iterator[Weeks]:
    """Three moves forward, with what is said and done in between."""
    with (
        closing(Follower(system.found.access("ops"), TOPICS, at_end=True)) as follower,
        closing(Publisher(system.found.access())) as publisher,
    ):
        yield Weeks(system, follower, publisher)


@pytest.mark.timeout(180)
def test_a_hold_is_reminded_of_and_ends_a_clock_stands_still_and_a_missed_day_is_appealed(weeks: Weeks) -> None:
    held, paused = weeks.ask("held", "correct", UTAH), weeks.ask("paused", "correct", KENT)
    missed = weeks.ask("missed", "inquiry", ONTARIO)
    weeks.until(lambda: all(weeks.all(PartWaiting, one) for one in (held, paused, missed)))
    first = weeks.all(RequestAccepted, paused)[0].clock.respond_by

    weeks.run_command("clock", "advance", "8d")
    again = weeks.until(lambda: [one for one in weeks.all(PartWaiting, held) if one.round == 2])
    weeks.until(lambda: len(weeks.letters(held, "detail_needed")) == 2)
    weeks.answer(paused, kind="detail", corrections=CORRECTIONS)
    [stood] = weeks.until(lambda: weeks.all(ClockPaused, paused))
    [moved] = weeks.until(lambda: weeks.all(DeadlineExtended, paused))
    weeks.run_command("clock", "advance", "8d")
    [ended] = weeks.until(lambda: weeks.all(RequestClosed, held))
    half = weeks.until(lambda: weeks.all(DeadlineReached, missed))
    weeks.run_command("clock", "advance", "16d")
    [late] = weeks.until(lambda: weeks.all(RequestClosed, missed))

    assert [one.why for one in again] == ["unsaid"]
    assert "which field" in weeks.letters(held, "detail_needed")[1]
    assert (ended.ending, ended.parts["own/hold:detail"].outcome) == (Ending.EXPIRED, Outcome.EXPIRED)
    days = (stood.until.date() - stood.since.date()).days
    assert days == 8
    assert moved.respond_by == first + timedelta(days=days)
    assert (late.ending, late.parts["answer"].outcome) == (Ending.FAILED, Outcome.FAILED)
    assert [one.percent for one in half] == [50]
    _tells_what_can_be_done(weeks, missed)
    _is_appealed(weeks, missed)


def _tells_what_can_be_done(weeks: Weeks, missed: str) -> None:
    [text] = weeks.until(lambda: weeks.letters(missed, "closed"))

    assert "By law this counts as a refusal (PIPEDA" in text
    assert "you can appeal" in text


def _is_appealed(weeks: Weeks, missed: str) -> None:
    """The appeal is upheld by an operator, and the question is taken up again in its case, with a time of its own."""
    appeal = weeks.ask("appeal", "appeal", ONTARIO, refers_to=missed)
    weeks.until(lambda: weeks.all(PartWaiting, appeal))
    first, now = (weeks.all(RequestAccepted, one)[0].clock.receipt_date for one in (missed, appeal))
    weeks.run_command("decide", "approve", appeal, "--part", "answer")
    again = weeks.until(lambda: [e for e in weeks.seen if isinstance(e, RequestAccepted) and e.upheld_by == appeal])

    assert (now - first).days in {32, 33}
    assert [one.applied for one in weeks.all(DecisionApplied, appeal)] == [True]
    assert [one.case_id for one in again] == [weeks.all(RequestAccepted, missed)[0].case_id]
    assert again[0].received_at > datetime.now(UTC) + timedelta(days=31)
