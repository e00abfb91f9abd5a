"""Every measurement of speed in one run: what travels, what cannot be beaten on this machine, and the rules alone."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import floor, throughput
from bench.system import running


def run(argv: Sequence[str]) -> int:
    """Measure, write `bench/results/all.json`; `--quick` takes under three minutes."""
    parser = argparse.ArgumentParser(prog="python -m bench all", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer requests of each kind")
    parser.add_argument("--out", type=Path, default=throughput.RESULTS / "all.json")
    given = parser.parse_args(argv)
    requests, idle, messages = (300, 10, 10_000) if given.quick else (2_000, 40, 50_000)
    found: dict[str, Any] = {
        "machine": throughput.machine(), "seed": throughput.SEED, "versions": throughput.versions(),
    }  # fmt: skip
    with running(throughput.people_for(requests, idle)) as system:
        found |= throughput.measure(system, requests, idle)
    found |= floor.measure(messages)
    given.out.parent.mkdir(exist_ok=True)
    given.out.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    print(json.dumps(found, indent=2))
    return 0 if throughput.all_ended(found) else 1
