"""What comes to an impostor from a running system is the same whether the person exists or not."""

import json
import time
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest

from bench.oracle import observed
from bench.system import System
from schemas.values import Verb
from services.ops.decisions import decide
from services.ops.kafka import read_all

pytestmark = pytest.mark.integration
EACH = 6


@pytest.fixture(scope="module")
def seen(system: System) -> Any:
    return observed(system, EACH, 30.0, 7)


def test_letters_and_statuses_do_not_tell_who_is_known(seen: Any) -> None:
    known, unknown = seen

    assert {what: len(times) for what, times in known.times.items()} == dict.fromkeys(unknown.times, EACH)
    assert dict(known.texts) == dict(unknown.texts)
    assert {what.split()[0] for what in known.texts} == {"acknowledgement", "proof_needed", "unverified"}


def events(system: System, topic: str, **fields: Any) -> list[dict[str, Any]]:
    """The events of a topic that say so."""
    found = [json.loads(record.value or b"{}") for record in read_all(system.found.access(), [topic])]
    return [event for event in found if fields.items() <= event.items()]


def until(done: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 60
    while not (found := done()):
        assert time.monotonic() < deadline, "it did not come in time"
        time.sleep(0.1)
    return found


@pytest.mark.usefixtures("seen")
def test_who_is_believed_after_the_public_end_is_served_at_the_contact_on_file_alone(system: System) -> None:
    shown = [wait for wait in events(system, "privacy.waiting", part="own/review") if wait["why"] == "not_enough"]
    request = shown[-1]["request_id"]
    decision = decide(system.found, Verb.APPROVE, request, part="own/review", by="avery")

    def told() -> dict[str, str]:
        about = events(system, "privacy.closed", type="RequestAmended", request_id=request)
        return {event["part"]: event["end"]["outcome"] for event in about}

    until(lambda: "own/package" in told())
    assert decision["applied"]
    assert told() | {"own/review": "verified", "own/verification": "verified", "own/package": "exported"} == told()
    letters = until(lambda: list(_amended(system, request)))
    assert all(to.endswith("@example.org") for to in letters)


def _amended(system: System, request: str) -> list[str]:
    """To whom the letters went that amend what a request's maker was told."""
    mails = [message_from_bytes(path.read_bytes()) for path in Path(system.described["mail_dir"]).glob("*.eml")]
    about = (request, "amended")
    return [str(m["To"]) for m in mails if (m["X-Rightsbus-Request"], m["X-Rightsbus-Letter"]) == about]
