"""How many accesses and deletions a second are fulfilled, from the submission to the last part's end.

Two scenarios. `paired` is what a published tool was measured with on the same tables: no verification, no mail, no
register. Intake and fulfiller run alone, and who asks is said by the bench as soon as a request is accepted. `full` is
everything: verification by points, letters by mail, the register.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

import psycopg

from bench.load import Seen, Sender
from bench.ship import PEOPLE, asks, shipping, subject_of
from bench.system import System
from bench.throughput import RESULTS, SEED, machine, spread, versions
from schemas import wire
from schemas.events import RequestAccepted, RequestVerified
from schemas.values import Assurance
from services.ops.kafka import Follower, Publisher

SCENARIOS: Final = {"paired": ("intake", "fulfiller"), "full": ()}
KINDS: Final = ("access", "deletion")
WITHIN_S: Final = 120.0
_MASKED: Final = "SELECT count(*) FROM ship.recipient WHERE email IS NULL AND name IS NULL AND phone IS NULL"
_PACKAGES: Final = "SELECT count(*) FROM vault.items WHERE starts_with(name, 'package-note:')"


def run(argv: Sequence[str]) -> int:
    """Measure; returns 0 when every request came to its end and the rows say so."""
    parser = argparse.ArgumentParser(prog="python -m bench fulfil", description=__doc__)
    parser.add_argument("--scenario", choices=[*SCENARIOS, "both"], default="both")
    parser.add_argument("--requests", type=int, default=500, help="accesses, and as many deletions")
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--out", type=Path, default=RESULTS / "fulfil.json")
    given = parser.parse_args(argv)
    results: dict[str, Any] = {"machine": machine(), "seed": SEED, "versions": versions()}
    for name in SCENARIOS if given.scenario == "both" else (given.scenario,):
        with shipping(SCENARIOS[name], given.people) as system:
            results[name] = measure(system, given.requests, verified=name == "paired")
    given.out.parent.mkdir(exist_ok=True)
    given.out.write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    print(json.dumps(results, indent=2))
    return int(any(results[name]["wrong"] for name in SCENARIOS if name in results))


def measure(system: System, number: int, *, verified: bool) -> dict[str, Any]:
    """Figures per kind of request; times in milliseconds. A few requests before them warm everything up."""
    watcher = Watcher(system, says_who=verified)
    sender = Sender(system, Seen())
    warm, wrong = max(4, number // 20), list[str]()
    found: dict[str, Any] = {
        "services": sorted(system.pids()),
        "people": _count(system, "SELECT count(*) FROM ship.recipient"),
    }
    for index, kind in enumerate(KINDS):
        first = 1 + index * (number + warm)
        watcher.travel(sender, kind, range(first, first + warm))
        before = system.cpu_s()
        took, span_s = watcher.travel(sender, kind, range(first + warm, first + warm + number))
        used = system.cpu_s()
        cost = {name: round(1000 * (used[name] - before.get(name, 0.0)) / number, 2) for name in used}
        rate = round(len(took) / span_s, 1) if took else 0.0
        found[kind] = {"requests": number, "ended": len(took), "requests_per_s": rate, **spread(took),
                       "max_ms": max(took, default=0), "cpu_ms_per_request": cost}  # fmt: skip
        wrong += [f"{kind}: {len(took)} of {number} ended"] if len(took) < number else []
    for what, query in (("rows masked", _MASKED), ("packages made", _PACKAGES)):
        found[what.replace(" ", "_")] = count = _count(system, query)
        wrong += [f"{what}: {count}, not {number + warm}"] if count != number + warm else []
    watcher.close()
    sender.close()
    return found | {"wrong": wrong, "peak_memory_mib": system.peak_memory()}


def _count(system: System, query: str) -> int:
    with psycopg.connect(system.found.endpoints.database_url) as db:
        [(count,)] = db.execute(query).fetchall()
    return int(count)


@dataclass(slots=True)
class Watcher:
    """Follows what is accepted and closed; with `says_who` it says of each who asks, in the verifier's place."""

    system: System
    says_who: bool
    names: dict[str, str] = field(default_factory=dict)
    closed_ms: dict[str, int] = field(default_factory=dict)
    _follower: Follower = field(init=False)
    _publisher: Publisher = field(init=False)

    def __post_init__(self) -> None:
        """Connect, as the administrator."""
        access = self.system.found.access()
        self._follower = Follower(access, ["privacy.accepted", "privacy.closed"])
        self._publisher = Publisher(access)

    def travel(self, sender: Sender, kind: str, numbers: range) -> tuple[list[int], float]:
        """Send requests of these people at once and wait for all ends: how long each took, in ms, and all, in s."""
        submissions = [asks(kind, number) for number in numbers]
        started, sent = int(time.time() * 1000), time.monotonic()
        sent_ms = {one["submission_id"]: started for one in submissions}
        sender.send(submissions)
        while time.monotonic() - sent < WITHIN_S and not sent_ms.keys() <= self.closed_ms.keys():
            self._look()
        ends = [self.closed_ms[name] for name in sent_ms if name in self.closed_ms]
        return sorted(end - started for end in ends), (max(ends, default=started) - started) / 1000 or 1.0

    def _look(self) -> None:
        verdicts = []
        for record in self._follower.poll(50):
            event = json.loads(record.value or b"{}")
            if record.topic == "privacy.accepted":
                self.names[event["request_id"]] = event["submission_id"]
                verdicts += [verdict(self.system, event)] if self.says_who else []
            elif event["type"] == "RequestClosed" and event["ending"] == "fulfilled":
                self.closed_ms.setdefault(self.names.get(event["request_id"], ""), record.at_ms)
        if verdicts:
            self._publisher.send_all(verdicts)

    def close(self) -> None:
        """Stop watching."""
        self._follower.close()
        self._publisher.close()


def verdict(system: System, event: dict[str, Any]) -> tuple[str, bytes | None, bytes, Any]:
    """The record that says who asks, in the verifier's place: whom the submission's own name ends with."""
    accepted = RequestAccepted.model_validate(event)
    number = int(accepted.submission_id.rpartition("-")[2])
    told = RequestVerified(
        event_id=uuid5(NAMESPACE_OID, accepted.request_id), occurred_at=accepted.occurred_at, seq=1,
        request_id=accepted.request_id, case_id=accepted.case_id, subject=subject_of(system, number), groups=[],
        assurance=Assurance.REASONABLY_HIGH,
    )  # fmt: skip
    return wire.encode(told, source="rightsbus/bench")
