"""Hundreds of deletions over twelve systems of every temper, and a fulfiller that is killed again and again.

Two systems are slow, one is down at first, one always fails, one answers twice, one answers after the close; six are as
they should be. Every request must end with each system's own outcome, the failing one named to an operator, nothing
lost, nothing done twice.
"""

import argparse
import asyncio
import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

import psutil
import psycopg

from bench.drill import Account
from bench.fulfil import verdict
from bench.load import Seen, Sender
from bench.ship import asks
from bench.system import System
from bench.tempers import ALL, BROKEN, LATE, TWICE, Participants, Tempers, crowd
from services.kernel.clock import Clock
from services.ops.kafka import Follower, Publisher

LATER: Final = timedelta(days=60)
"""Behind the last day to answer."""
WITHIN_S: Final = 420.0
TOPICS: Final = ("privacy.accepted", "privacy.waiting", "privacy.closed", "privacy.parked.fulfiller")


def run(argv: Sequence[str]) -> int:
    """Drill; returns 0 when everything came out as it must."""
    parser = argparse.ArgumentParser(prog="python -m bench fanout", description=__doc__)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--down-s", type=float, default=60.0, help="how long the one system is down")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(argv)
    with crowd(given.requests, given.down_s) as (system, tempers):
        account = drill(system, tempers, given.requests, given.kills, given.seed)
    return account.tell("every system answered for itself")


def drill(system: System, tempers: Tempers, requests: int, kills: int, seed: int) -> Account:
    """Send deletions, kill the fulfiller meanwhile, let the last day pass, hear the late one; give the account."""
    account, seen, others = Account(), Heard(system), Participants(system)
    sender, started = Sender(system, Seen()), time.monotonic()
    sender.send([asks("deletion", number) for number in range(1, requests + 1)])
    _kill(system, kills, random.Random(seed), lambda: _look(seen, others))
    good = (len(ALL) - 3) * requests
    done = _until(seen, others, lambda: _worked(seen, others, requests) and sum(tempers.erased.values()) >= good)
    account.expect("all that could be done was done in time", done, must=True)
    account.figures["seconds until then"] = round(time.monotonic() - started, 1)
    asyncio.run(_later(system))
    account.expect("all closed", _until(seen, others, lambda: len(seen.ends) >= requests), must=True)
    others.speak_late()
    account.expect("all amended", _until(seen, others, lambda: len(seen.amended) >= requests), must=True)
    _take(account, seen, tempers, requests)
    for one in (seen, others, sender):
        one.close()
    return account


def _kill(system: System, kills: int, draw: random.Random, look: Callable[[], None]) -> None:
    """Kill the fulfiller so often, at random moments while it runs."""
    for _ in range(kills):
        moment = time.monotonic() + draw.uniform(0.5, 2.5)
        while time.monotonic() < moment or "fulfiller" not in system.pids():
            look()
        psutil.Process(system.pids()["fulfiller"]).send_signal(signal.SIGKILL)


def _worked(seen: "Heard", others: Participants, requests: int) -> bool:
    """Everybody was asked, and the failing system is with an operator for every request."""
    late = {task.task_id for task in others.kept}
    return seen.operators[BROKEN] >= requests and len(late) >= requests


def _look(seen: "Heard", others: Participants) -> None:
    seen.look()
    others.look()


def _until(seen: "Heard", others: Participants, done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WITHIN_S
    while not done() and time.monotonic() < deadline:
        _look(seen, others)
    return done()


async def _later(system: System) -> None:
    async with await psycopg.AsyncConnection.connect(system.found.endpoints.database_url, autocommit=True) as conn:
        await Clock.advance(conn, LATER)


def _take(account: Account, seen: "Heard", tempers: Tempers, requests: int) -> None:
    must = dict.fromkeys(ALL, "erased") | {BROKEN: "failed", LATE: "failed"}
    wrong = Counter(name for ends in seen.ends.values() for name, end in must.items() if ends.get(name) != end)
    account.expect("ends that are not their system's own", dict(wrong), {})
    account.expect("wholes", dict(seen.wholes), {"partially_fulfilled": requests})
    account.expect("named to an operator", dict(seen.operators), {BROKEN: requests})
    account.expect("erased more than once", sum(times > 1 for times in tempers.erased.values()), 0)
    account.expect("amended", dict(Counter(seen.amended.values())), {(LATE, "erased"): requests})
    account.expect("parked", seen.parked, 0)
    account.figures["systems"] = f"{len(ALL)}, {TWICE} answering twice"


@dataclass(slots=True)
class Heard:
    """What the fulfiller told: how each request ended, who was named to an operator, what was amended."""

    system: System
    ends: dict[str, dict[str, str]] = field(default_factory=dict)
    wholes: Counter[str] = field(default_factory=Counter)
    operators: Counter[str] = field(default_factory=Counter)
    amended: dict[str, tuple[str, str]] = field(default_factory=dict)
    parked: int = 0
    _known: set[tuple[str, str]] = field(default_factory=set)
    _follower: Follower = field(init=False)
    _publisher: Publisher = field(init=False)

    def __post_init__(self) -> None:
        """Connect, as the administrator."""
        access = self.system.found.access()
        self._follower, self._publisher = Follower(access, TOPICS), Publisher(access)

    def look(self) -> None:
        """Take in what came; say of each accepted request who asks."""
        verdicts = []
        for record in self._follower.poll(30):
            event = json.loads(record.value or b"{}")
            if record.topic == TOPICS[0]:
                verdicts.append(verdict(self.system, event))
            elif record.topic == TOPICS[-1]:
                self.parked += 1
            else:
                self._hear(event)
        if verdicts:
            self._publisher.send_all(verdicts)

    def _hear(self, event: dict[str, Any]) -> None:
        request = event["request_id"]
        match event["type"]:
            case "PartWaiting" if event["party"] == "operator" and (request, event["who"]) not in self._known:
                self._known.add((request, event["who"]))
                self.operators[event["who"]] += 1
            case "RequestClosed" if request not in self.ends:
                self.wholes[event["ending"]] += 1
                self.ends[request] = {name.partition(":")[2]: end["outcome"] for name, end in event["parts"].items()}
            case "RequestAmended":
                self.amended[request] = event["part"].partition(":")[2], event["end"]["outcome"]

    def close(self) -> None:
        """Stop listening."""
        self._follower.close()
        self._publisher.close()
