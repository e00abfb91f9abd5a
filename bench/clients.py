"""A thousand merchants and twenty thousand people who got their parcels: is each request handed over, to each, once?

Three phases, each timed: set-up (merchants registered, people loaded), hand-over (until the last packet lies on its
topic), reply (every merchant says that it is done, until the last of these parts has ended). One merchant is disabled,
one never answers: their own parts wait, and nobody else's. Each parcel has a number of its own, so that a packet with
another's shows. `--clients` and `--requests` set the size, `--within` bounds each phase: what is not there by then is
missing, and the run fails and says so. How far it is, is told every ten seconds.
"""

import argparse
import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.buyers import Buyer, buyers
from bench.load import Seen, Sender
from bench.silence import silence
from bench.system import System, running
from bench.throughput import RESULTS, SEED, machine, versions
from services.clients.registry import Client
from services.directory.load import load
from services.directory.rows import person_of
from services.ops import clients
from services.ops.kafka import Follower, Publisher, read_all
from services.ops.provision import client_topic

AT_ONCE: Final = 200
"""Merchants registered in one call."""
DISABLED, SLOW = "merchant-00003", "merchant-00005"
REPLIES: Final = "privacy.client-replies"
TOLD_EVERY_S, ASKED_EVERY_S = 10.0, 2.0
_ENDED: Final = """SELECT count(*) FROM fulfiller.state, jsonb_each(body->'parts') AS p (name, part)
WHERE name LIKE 'client:%/handover' AND part->'end'->>'outcome' = 'completed'"""


def run(argv: Sequence[str]) -> int:
    """Measure; returns 0 when everything was handed over exactly once and nobody was delayed by another."""
    parser = argparse.ArgumentParser(prog="python -m bench clients", description=__doc__)
    parser.add_argument("--clients", type=int, default=1_000)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--within", type=float, default=900.0, help="seconds for each phase")
    parser.add_argument("--out", type=Path, default=RESULTS / "clients.json")
    given = parser.parse_args(argv)
    results: dict[str, Any] = {"machine": machine(), "seed": SEED, "versions": versions()}
    with running(200) as system, silence() as url:
        results |= measure(system, (given.clients, given.requests, given.within), url)
    given.out.parent.mkdir(exist_ok=True)
    given.out.write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    print(json.dumps(results, indent=2))
    wrong = verdict(results)
    print("\n".join(wrong) or "everything handed over once, nobody delayed")
    return 1 if wrong else 0


def verdict(found: dict[str, Any]) -> list[str]:
    """What is not as it must be."""
    must = {
        "a hand-over is missing": found["handed_over"] == found["expected"] == found["packets"],
        "a part whose merchant has answered has not ended": found["answered"] == found["packets"],
        "a hand-over was told or sent twice": found["told_again"] == found["packets_again"] == 0,
        "a packet holds another merchant's parcel, or not its own": found["strangers"] == 0,
        "a request of the disabled merchant does not wait for an operator": found["waiting_for_operator"]
        == found["of_disabled"],
        "registering one more merchant took a second or more": found["one_more_s"] < 1.0,
        "the merchant registered last got nothing without a restart": found["one_more_handed_over"],
    }
    return [what for what, true in must.items() if not true]


def measure(system: System, size: tuple[int, int, float], url: str) -> dict[str, Any]:
    """Figures of one run of so many clients and requests, in so many seconds; times in seconds, memory in MiB."""
    number, requests, within_s = size
    names = [f"merchant-{n:05}" for n in range(number)]
    people = buyers(requests, names, SEED)
    registered_s, loaded_s = _register(system, names, url), _load(system, people)
    per_client = Counter(merchant for buyer in people for merchant in buyer.merchants)
    expected = sum(n for name, n in per_client.items() if name not in {DISABLED, SLOW})
    tell(f"set-up took {registered_s + loaded_s:.0f} s: {number} merchants, {requests} requests, "
         f"{sum(per_client.values())} hand-overs")  # fmt: skip
    _one_more(system, "merchant-first")
    watcher = HandOvers(system)
    found = _travel(system, people, watcher, (expected, within_s))
    packets = list(_packets(system, [name for name in names if name != SLOW]))
    watcher.close()
    found |= _on_topics(packets) | _reply(system, packets, within_s)
    one_more_s, handed = _one_more(system, "merchant-late")
    return {
        "clients": number, "requests": requests, "expected": expected,
        "of_slow": per_client[SLOW], "of_disabled": per_client[DISABLED],
        "set_up": {"registered_s": round(registered_s, 2), "directory_s": round(loaded_s, 2)}, **found,
        "one_more_s": round(one_more_s, 3), "one_more_handed_over": handed,
        "peak_memory_mib": system.peak_memory(), "cpu_s": {k: round(v, 1) for k, v in system.cpu_s().items()},
    }  # fmt: skip


def tell(sentence: str) -> None:
    """Say how far it is, with the time."""
    print(time.strftime("%H:%M:%S"), sentence, flush=True)


def _register(system: System, names: Sequence[str], url: str) -> float:
    started = time.monotonic()
    for at in range(0, len(names), AT_ONCE):
        some = names[at : at + AT_ONCE]
        clients.add(system.found, [_client(name, url) for name in some])
        tell(f"set-up: {at + len(some)} of {len(names)} merchants registered")
    took = time.monotonic() - started
    clients.disable(system.found, DISABLED)
    return took


def _client(name: str, url: str) -> Client:
    slow = name == SLOW
    return Client(
        name, name, f"privacy@{name}.example", transport="webhook" if slow else "topic", url=url if slow else None
    )


def _load(system: System, people: Sequence[Buyer]) -> float:
    started, rows = time.monotonic(), [row for buyer in people for row in buyer.rows]
    with system.found.connect() as db:
        load(db, (person_of(number, row) for number, row in enumerate(rows, 1)), system.found.keys)
    return time.monotonic() - started


def _travel(system: System, people: Sequence[Buyer], watcher: "HandOvers", until: tuple[int, float]) -> dict[str, Any]:
    """Send everything at once; what counts is that the last request lies on its merchant's topic."""
    expected, within_s = until
    sender = Sender(system, Seen())
    started = time.monotonic()
    sender.send(buyer.asks() for buyer in people)
    done = watcher.until(Goal("hand-over", lambda: _count(watcher), expected), within_s)
    took = time.monotonic() - started
    watcher.until(Goal("hand-over", lambda: _count(watcher), expected + done), 2)
    sender.close()
    told = [times for (_, client), times in watcher.handed.items() if client != "merchant-first"]
    return {
        "handed_over": len(told), "told_again": sum(told) - len(told), "waiting_for_operator": len(watcher.operators),
        "hand_over": {"took_s": round(took, 1), "hand_overs_per_s": round(_count(watcher) / took, 1),
                      "requests_per_s": round(len(people) / took, 1)},
    }  # fmt: skip


def _reply(system: System, packets: Sequence[dict[str, Any]], within_s: float) -> dict[str, Any]:
    """Let every merchant but two say that it is done; what counts is that the last of these parts has ended."""
    started = told_at = time.monotonic()
    said = [{n: one[n] for n in ("client", "handover_id", "reply_token")} | {"type": "completed"} for one in packets]
    with contextlib.closing(Publisher(system.found.access())) as publisher, system.found.connect() as db:
        for at in range(0, len(said), AT_ONCE):
            publisher.send_all([(REPLIES, None, json.dumps(one).encode(), []) for one in said[at : at + AT_ONCE]])
        while (ended := db.execute(_ENDED).fetchall()[0][0]) < len(said) and time.monotonic() < started + within_s:
            if time.monotonic() - told_at >= TOLD_EVERY_S:
                told_at = time.monotonic()
                tell(f"reply: {ended} of {len(said)}, {ended / (told_at - started):.0f} a second")
            time.sleep(ASKED_EVERY_S)
    took = time.monotonic() - started
    return {"answered": ended, "reply": {"took_s": round(took, 1), "replies_per_s": round(ended / took, 1)}}


def _count(watcher: "HandOvers") -> int:
    """How much was handed over, the first merchant's trial left out."""
    return sum(client != "merchant-first" for _, client in watcher.handed)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a phase waits for: how much there is, and how much there must be."""

    phase: str
    count: Callable[[], int]
    wanted: int


class HandOvers:
    """Counts what was handed over, per request and merchant, and which merchants' parts wait for an operator."""

    def __init__(self, system: System) -> None:
        self._follower = Follower(system.found.access("ops"), ["privacy.handed-over", "privacy.waiting"])
        self.handed: Counter[tuple[str, str]] = Counter()
        self.operators: set[tuple[str, str]] = set()

    def until(self, goal: Goal, within_s: float) -> bool:
        """Watch until it is reached, or time is up; says which, and on the way how far it is."""
        started = told_at = time.monotonic()
        while (count := goal.count()) < goal.wanted and time.monotonic() < started + within_s:
            self._look()
            if time.monotonic() - told_at >= TOLD_EVERY_S:
                told_at = time.monotonic()
                tell(f"{goal.phase}: {count} of {goal.wanted}, {count / (told_at - started):.0f} a second")
        return goal.count() >= goal.wanted

    def close(self) -> None:
        """Stop watching."""
        self._follower.close()

    def _look(self) -> None:
        for record in self._follower.poll(100):
            event = json.loads(record.value or b"{}")
            if record.topic == "privacy.handed-over":
                self.handed[event["request_id"], event["client"]] += 1
            elif event["party"] == "operator" and event["part"].endswith("/handover"):
                self.operators.add((event["request_id"], event["part"]))


def _packets(system: System, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The requests that lie on the merchants' topics."""
    for record in read_all(system.found.access(), [client_topic(name) for name in names]):
        message = json.loads(record.value or b"{}")
        if message["type"] == "request":
            yield message


def _on_topics(packets: Iterable[dict[str, Any]]) -> dict[str, int]:
    """How many there are, and how many hold a parcel that is not that merchant's alone."""
    seen, strangers = Counter[tuple[str, str]](), 0
    for message in packets:
        seen[message["client"], message["handover_id"]] += 1
        numbers = [p["value"] for p in message["points"] if p["kind"] == "tracking_number"]
        strangers += not (len(numbers) == 1 and numbers[0].endswith(message["client"][-5:].upper()))
    return {"packets": len(seen), "packets_again": sum(seen.values()) - len(seen), "strangers": strangers}


def _one_more(system: System, name: str) -> tuple[float, bool]:
    """Register one more merchant while everything runs, and have a request handed over to it."""
    started = time.monotonic()
    clients.add(system.found, [Client(name, name, f"privacy@{name}.example")])
    took = time.monotonic() - started
    buyer = Buyer(900_000 + len(name), [name])
    _load(system, [buyer])
    watcher = HandOvers(system)
    sender = Sender(system, Seen())
    sender.send([buyer.asks()])
    handed = watcher.until(Goal(name, lambda: sum(client == name for _, client in watcher.handed), 1), 60)
    sender.close()
    watcher.close()
    return took, handed
