"""What a measurement sends, and how it watches until everything has ended."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kafka import KafkaProducer

from bench.system import System
from services.ops.kafka import Follower
from stack.demo.login import client_settings
from stack.sample.people import Human, Kind

SOURCE: Final = "webform"
FINAL: Final = frozenset({"fulfilled", "denied", "revoked", "expired", "rejected"})
DECLARED: Final = {"signed_name": "as given", "signed_at": "2026-06-01T12:00:00Z", "text_version": "2026-01"}

Submission = dict[str, Any]


def _ask(name: str, h: Human, right: str, subject: Submission, **more: Any) -> Submission:  # noqa: ANN401
    return {
        "submission_id": name, "source": SOURCE, "brand": "parcelwise", "rights": [right], "subject": subject,
        "residence": {"country": "US", "region": h.region}, "locale": "en-US", **more,
    }  # fmt: skip


def holders(humans: Iterable[Human]) -> list[Human]:
    """Account holders of the brand that asks nobody twice, who can be told apart and reached by mail."""
    return [
        h for h in humans
        if h.brand == "parcelwise" and h.account and h.email and not h.second_account and not h.shipments
    ]  # fmt: skip


def recipients(humans: Iterable[Human]) -> list[Human]:
    """People of that brand who get parcels of one client that forwards."""
    return [
        h for h in humans if h.brand == "parcelwise" and h.kind is Kind.RECIPIENT and h.shipments[0].client[0] != "c"
    ]


def deletions(humans: Sequence[Human]) -> list[Submission]:
    """Deletions of account holders, each proven by name, e-mail and phone."""
    return [_ask(f"del-{h.number}", h, "delete", _known(h)) for h in humans]


def accesses(humans: Sequence[Human]) -> list[Submission]:
    """Access to specific pieces: three points and a declaration."""
    return [
        _ask(f"acc-{h.number}", h, "know_specific", _known(h) | {"account_number": h.account}, declaration=DECLARED)
        for h in humans
    ]


def opt_outs(humans: Sequence[Human]) -> list[Submission]:
    """Opt-outs of account holders: no proof needed."""
    return [_ask(f"out-{h.number}", h, "opt_out_sale_share", {"emails": [h.email]}) for h in humans]


def handovers(humans: Sequence[Human]) -> list[Submission]:
    """Deletions by recipients who name their parcel: passed on to its sender."""
    return [
        _ask(f"par-{h.number}", h, "delete", {"name": h.name, "tracking_numbers": [h.shipments[0].tracking_number]})
        for h in humans
    ]


def strangers(humans: Sequence[Human]) -> list[Submission]:
    """Deletions in an account holder's name with points that do not fit: never verified."""
    return [
        _ask(f"str-{h.number}", h, "delete", {"name": h.name, "emails": [f"stranger.{h.number}@example.net"]})
        for h in humans
    ]


def _known(h: Human) -> Submission:
    return {"name": h.name, "emails": [h.email], "phones": [h.phone]}


@dataclass(slots=True)
class Seen:
    """What was heard of each submission: when sent, its public end and when, and its parts once closed."""

    sent_ms: dict[str, int] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)
    ended_ms: dict[str, int] = field(default_factory=dict)
    requests: dict[str, str] = field(default_factory=dict)
    parts: dict[str, dict[str, str]] = field(default_factory=dict)
    closed_ms: dict[str, int] = field(default_factory=dict)
    handed: dict[str, int] = field(default_factory=dict)

    def moments(self, *, handed: bool = False) -> dict[str, int]:
        """When each submission sent from here was closed, or handed over."""
        told = self.handed if handed else self.closed_ms
        named = {self.requests.get(request, ""): at for request, at in told.items()}
        return {name: at for name, at in named.items() if name in self.sent_ms}

    def took_ms(self, *, handed: bool = False) -> list[int]:
        """From sending to that moment, sorted."""
        return sorted(at - self.sent_ms[name] for name, at in self.moments(handed=handed).items())


class Watcher:
    """Follows statuses, hand-overs and closings as an operator's tool does."""

    TOPICS: Final = (f"privacy.status.{SOURCE}", "privacy.closed", "privacy.handed-over")

    def __init__(self, system: System) -> None:
        self._follower = Follower(system.found.access("ops"), list(self.TOPICS))
        self.seen = Seen()

    def look(self, wait_ms: int = 100) -> None:
        """Take in what came."""
        for record in self._follower.poll(wait_ms):
            event = json.loads(record.value or b"{}")
            if record.topic == "privacy.closed":
                self._closed(event, record.at_ms)
            elif record.topic == "privacy.handed-over":
                self.seen.handed[event["request_id"]] = record.at_ms
            else:
                self._status(event, record.at_ms)

    def _status(self, event: dict[str, Any], at_ms: int) -> None:
        submission = event.get("submission_id")
        if not submission:
            return
        if event.get("request_id"):
            self.seen.requests[event["request_id"]] = submission
        if event["status"] in FINAL and submission not in self.seen.ends:
            self.seen.ends[submission] = event["status"]
            self.seen.ended_ms[submission] = at_ms

    def _closed(self, event: dict[str, Any], at_ms: int) -> None:
        if event["type"] == "RequestClosed":
            self.seen.closed_ms.setdefault(event["request_id"], at_ms)
            self.seen.parts[event["request_id"]] = {name: end["outcome"] for name, end in event["parts"].items()}

    def until(self, done: Callable[[Seen], bool], within_s: float) -> bool:
        """Watch until it is so, or time is up; says which."""
        deadline = time.monotonic() + within_s
        while not done(self.seen):
            if time.monotonic() > deadline:
                return False
            self.look()
        return True

    def close(self) -> None:
        """Stop watching."""
        self._follower.close()


class Sender:
    """Publishes submissions as the upstream app does."""

    def __init__(self, system: System, seen: Seen) -> None:
        login = system.described["kafka"]["upstream"]
        settings = client_settings(system.found.endpoints.bootstrap, login["username"], login["password"])
        self._producer, self._seen = KafkaProducer(linger_ms=5, **settings), seen

    def send(self, submissions: Iterable[Submission]) -> None:
        """Send all as fast as the broker takes them; returns when every one is confirmed."""
        sent = []
        for submission in submissions:
            name = submission["submission_id"]
            self._seen.sent_ms[name] = int(time.time() * 1000)
            sent.append(
                self._producer.send("privacy.requests", key=name.encode(), value=json.dumps(submission).encode())
            )
        self._producer.flush()
        for future in sent:
            future.get(timeout=30)

    def close(self) -> None:
        """Stop sending."""
        self._producer.close()
