"""What the contact on file is sent before anything is shown, and what comes back, through a running system."""

import json
import re
import time
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from bench.load import DECLARED, Sender, Submission, Watcher
from bench.system import System
from services.ops.kafka import read_all
from stack.sample.people import Human

pytestmark = pytest.mark.integration
CODE = re.compile(r"^Code: (\d{8})$", re.MULTILINE)
NOT_ME = re.compile(r"^Not-me code: ([0-9a-f]{32})$", re.MULTILINE)


def somebody(system: System, brand: str, number: int) -> Human:
    """An account holder no other test asks for."""
    holders = [h for h in system.humans if h.brand == brand and h.account and h.email and h.locale.startswith("en")]
    return [h for h in holders if not h.second_account and not h.shipments and h.number > 3_600][number]


def asks(name: str, h: Human, right: str, **subject: Any) -> Submission:
    return {
        "submission_id": name, "source": "webform", "brand": h.brand, "rights": [right], "locale": "en-US",
        "residence": {"country": "US", "region": "WY"}, "declaration": DECLARED, "subject": {"name": h.name, **subject},
    }  # fmt: skip


class Desk:
    """One app that submits and answers, and one eye on everybody's mail."""

    def __init__(self, system: System) -> None:
        self.watcher, self._folder = Watcher(system), Path(system.described["mail_dir"])
        self.sender = Sender(system, self.watcher.seen)

    def wait(self, done: Callable[[], Any], within_s: float = 60) -> Any:
        deadline = time.monotonic() + within_s
        while not (found := done()):
            assert time.monotonic() < deadline, "it did not come in time"
            self.watcher.look(50)
        return found

    def request(self, submission: str) -> str | None:
        return next((r for r, name in self.watcher.seen.requests.items() if name == submission), None)

    def letter(self, submission: str, kind: str) -> tuple[str, str] | None:
        """To whom a letter about a submission went, and its text."""
        for path in sorted(self._folder.glob("*.eml"), reverse=True):
            message = message_from_bytes(path.read_bytes(), policy=policy.default)
            body = message.get_body(("plain",))
            if body and (message["X-Rightsbus-Letter"], message["X-Rightsbus-Request"]) == (
                kind,
                self.request(submission),
            ):
                return str(message["To"]), body.get_content().replace("\r\n", "\n")
        return None

    def answer(self, submission: str, **said: str) -> None:
        body = {"source": "webform", "answer_id": "a", "request_id": self.request(submission), **said}
        self.sender._producer.send("privacy.answers", value=json.dumps(body).encode())

    def end(self, submission: str) -> str:
        return str(self.wait(lambda: self.watcher.seen.ends.get(submission)))


@pytest.fixture(scope="module")
def desk(system: System) -> Desk:
    return Desk(system)


def test_a_release_waits_for_the_letter_to_the_contact_on_file(system: System, desk: Desk) -> None:
    h = somebody(system, "shipdesk", 1)
    said = {"emails": ["typed@example.net", h.email], "phones": [h.phone], "account_number": h.account}
    desk.sender.send([asks("warned", h, "know_specific", **said)])
    ended, (to, text) = desk.end("warned"), desk.wait(lambda: desk.letter("warned", "notice"))

    assert (ended, to) == ("fulfilled", h.email)
    assert NOT_ME.search(text)
    mine = [record for record in read_all(system.found.access(), ["privacy.warned", "privacy.tasks.accounts"])
            if (record.key or b"").decode() == desk.request("warned")]  # fmt: skip
    assert [record.topic for record in sorted(mine, key=lambda r: r.at_ms)] == [
        "privacy.warned", "privacy.tasks.accounts",
    ]  # fmt: skip


def test_this_was_not_me_from_the_contact_on_file_stops_a_deletion(system: System, desk: Desk) -> None:
    h = somebody(system, "shipdesk", 2)
    desk.sender.send([asks("stopped", h, "delete", emails=["typed.too@example.net"], phones=[h.phone],
                           account_number=h.account)])  # fmt: skip
    to, text = desk.wait(lambda: desk.letter("stopped", "confirmation_asked"))
    token = NOT_ME.search(text)
    assert token
    desk.answer("stopped", kind="not_me", answer_token=token[1])

    assert (desk.end("stopped"), to) == ("denied", h.email)


def test_a_code_sent_to_the_contact_on_file_is_the_point_that_was_missing(system: System, desk: Desk) -> None:
    h = somebody(system, "parcelwise", 3)
    desk.sender.send([asks("coded", h, "know_specific", emails=["new.mailbox@example.net"], phones=[h.phone])])
    to, text = desk.wait(lambda: desk.letter("coded", "code"))
    code = CODE.search(text)
    assert code
    desk.answer("coded", kind="code", code=code[1])

    assert (desk.end("coded"), to) == ("fulfilled", h.email)
    assert desk.wait(lambda: desk.letter("coded", "closed"))[0] == h.email
