"""How many requests a second travel to their end on this machine, how long each takes, and what it costs in memory.

Everything is on: verification, letters by mail, real Kafka and PostgreSQL, all on one machine.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil

from bench import load
from bench.load import Sender, Submission, Watcher
from bench.system import System, running

RESULTS: Final = Path(__file__).parent / "results"
SEED: Final = 7
WITHIN_S: Final = 240.0


def run(argv: Sequence[str]) -> int:
    """Measure; returns 0 when every request came to its end."""
    parser = argparse.ArgumentParser(prog="python -m bench throughput", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000, help="requests of each kind")
    parser.add_argument("--idle", type=int, default=20, help="requests sent one after the other, for the idle latency")
    parser.add_argument("--out", type=Path, default=RESULTS / "throughput.json")
    given = parser.parse_args(argv)
    results: dict[str, Any] = {"machine": machine(), "seed": SEED, "versions": versions()}
    with running(people_for(given.requests, given.idle)) as system:
        results |= measure(system, given.requests, given.idle)
    given.out.parent.mkdir(exist_ok=True)
    given.out.write_text(json.dumps(results, indent=2) + "\n", "utf-8")
    print(json.dumps(results, indent=2))
    return 0 if all_ended(results) else 1


def people_for(requests: int, idle: int) -> int:
    """How many people a company needs so that nobody asks twice."""
    return 10 * (2 * requests + 3 * idle + 50)


def all_ended(results: dict[str, Any]) -> bool:
    """Whether every request of every kind came to its end."""
    kinds = [part for part in results.values() if isinstance(part, dict) and "requests_per_s" in part]
    return all(part["ended"] == part["requests"] for part in kinds)


def measure(system: System, number: int, idle: int) -> dict[str, Any]:
    """Figures per kind of request, of a running system; times in milliseconds, memory in MiB."""
    people, parcels = load.holders(system.humans), load.recipients(system.humans)
    warm, people = people[:idle], people[idle:]
    lonely, people = people[:idle], people[idle:]
    print(f"warming up, then {number} requests of each kind and {idle} one by one", flush=True)
    _travel(system, load.opt_outs(warm))
    found: dict[str, Any] = {"idle": _one_by_one(system, load.deletions(lonely))}
    found["opt_out"] = _travel(system, load.opt_outs(people[:number]))
    found["access"] = _travel(system, load.accesses(people[:number]))
    found["deletion"] = _travel(system, load.deletions(people[:number]))
    found["handover"] = _travel(system, load.handovers(parcels[:number]), handed=True)
    found["peak_memory_mib"] = system.peak_memory()
    return found


def _travel(system: System, submissions: list[Submission], *, handed: bool = False) -> dict[str, Any]:
    """Send all at once; what counts is the last one's end (for hand-overs: that it lies on the client's topic)."""
    watcher = Watcher(system)
    sender = Sender(system, watcher.seen)
    before = system.cpu_s()
    sender.send(submissions)
    watcher.until(lambda seen: len(seen.moments(handed=handed)) == len(submissions), WITHIN_S)
    ends = watcher.seen.moments(handed=handed)
    started = min(watcher.seen.sent_ms.values())
    took = watcher.seen.took_ms(handed=handed)
    watcher.close()
    sender.close()
    span_s = (max(ends.values(), default=started) - started) / 1000 or 1.0
    used = system.cpu_s()
    cost = {name: round(1000 * (used[name] - before.get(name, 0.0)) / len(submissions), 2) for name in used}
    rate = round(len(ends) / span_s, 1)
    told = {"requests": len(submissions), "ended": len(ends), "requests_per_s": rate, **spread(took)}
    return told | {"cpu_ms_per_request": cost}


def _one_by_one(system: System, submissions: list[Submission]) -> dict[str, Any]:
    watcher = Watcher(system)
    sender = Sender(system, watcher.seen)
    for count, submission in enumerate(submissions, 1):
        sender.send([submission])
        watcher.until(lambda seen, count=count: len(seen.moments()) == count, 30)  # type: ignore[misc]
    took = watcher.seen.took_ms()
    watcher.close()
    sender.close()
    return {"requests": len(submissions), "ended": len(took), **spread(took)}


def spread(took_ms: Sequence[float]) -> dict[str, float]:
    """Percentiles of times, in milliseconds."""
    if len(took_ms) < 2:  # noqa: PLR2004  quantiles need two
        return {"p50_ms": took_ms[0] if took_ms else 0.0}
    cuts = statistics.quantiles(took_ms, n=100, method="inclusive")
    return {"p50_ms": round(cuts[49]), "p95_ms": round(cuts[94]), "p99_ms": round(cuts[98])}


def machine() -> dict[str, Any]:
    """The machine measured on."""
    return {
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "system": platform.system(),
        "processor": platform.machine(),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def versions() -> dict[str, str]:
    """What was measured with."""
    named = ("faust-streaming", "aiokafka", "kafka-python", "psycopg", "pydantic")
    return {"python": platform.python_version(), **{name: version(name) for name in named}}
