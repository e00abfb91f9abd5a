"""What it costs to choose the law and count the dates of one request, with every law and brand compiled once.

The requests are spread over a day, over every place a law knows and some it does not, every right, context and brand.
Counted is processor time, so that what else the machine does is no part of it.
"""

import argparse
import random
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Final

from rules.choice import Question, choose
from rules.clocks import deadlines
from rules.handbook import Handbook
from schemas.values import Context, Right
from services.kernel.policies import load_handbook

POLICIES: Final = Path(__file__).parents[1] / "policies"
LIMIT_US: Final = 20.0
DAY: Final = datetime(2026, 3, 7, 8, tzinfo=UTC)
"""A day on which the clocks of the United States change."""

Asked = tuple[Question, datetime]
FIRST: Final = "US-CA-CCPA"


def run(argv: Sequence[str]) -> int:
    """Print microseconds per request, first and again; 1 when a request costs more than it may."""
    parser = argparse.ArgumentParser(prog="bench law", description=run.__doc__)
    parser.add_argument("--requests", type=int, default=100_000, help="how many requests")
    parser.add_argument("--seed", type=int, default=1, help="of their places, rights and times")
    args = parser.parse_args(argv)
    before = process_time()
    handbook = load_handbook(POLICIES)
    deadlines(handbook.laws[FIRST], Right.DELETE, DAY)  # the first count loads the calendar of holidays
    compiled_ms = (process_time() - before) * 1_000
    asked = requests(handbook, args.requests, args.seed)
    first, again = measure(handbook, asked), measure(handbook, asked)
    print(
        f"{len(handbook.laws)} laws and {len(handbook.brands)} brands read, and the calendar, in {compiled_ms:.0f} ms"
    )
    print(f"{args.requests} requests: {first:.1f} us each, {again:.1f} us when asked again; at most {LIMIT_US:g} us")
    if first > LIMIT_US:
        print(f"FAILED: {first:.1f} us is more than {LIMIT_US:g} us", file=sys.stderr)
        return 1
    return 0


def requests(handbook: Handbook, count: int, seed: int) -> list[Asked]:
    """Requests of one day, drawn from everything there is."""
    chance = random.Random(seed)
    places: list[tuple[str | None, str | None]] = [(law.country, law.region) for law in handbook.laws.values()]
    places += [(None, None), ("US", None), ("US", "NY"), ("US", "WA"), ("CA", "AB"), ("CA", None), ("BR", None)]
    brands, rights, contexts = list(handbook.brands), list(Right), list(Context)
    return [
        (
            Question(chance.choice(brands), chance.choice(rights), *chance.choice(places), chance.choice(contexts)),
            DAY + timedelta(seconds=chance.randrange(86_400)),
        )
        for _ in range(count)
    ]


def measure(handbook: Handbook, asked: Sequence[Asked]) -> float:
    """Microseconds of processor time per request."""
    before = process_time()
    for question, received_at in asked:
        choose(handbook, question, received_at)
    return (process_time() - before) * 1_000_000 / len(asked)
