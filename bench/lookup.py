"""What a look-up costs, and that it costs the same however many people there are.

Per size a directory is made, and the same people are looked up in it: by what they would say of themselves, and by
half-true and untrue claims. Counted are the pages PostgreSQL touches and the time until the candidates are there, warm.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import psycopg

from bench.crowd import BRAND, fill, subject_of
from rules.finding import finders
from services.directory.digests import Digests
from services.directory.lookup import CROWD, FIND, lookup
from services.directory.offered import Offered, merge, offered
from services.kernel.keys import FileKeyStore
from services.kernel.migrate import upgrade
from stack.database import Database

ASKED: Final = 400
BATCH: Final = 200
ROUNDS: Final = 5
WORST_RATIO: Final = 1.5
Asked = Mapping[str, Offered]
type_conn = psycopg.AsyncConnection[Any]


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one look-up in a directory of `people`: pages touched, and µs alone and in a batch."""

    people: int
    pages: float
    alone_us: float
    batched_us: float

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"{self.people:>10,} people   {self.pages:5.1f} pages   alone p50 {self.alone_us:6.0f} µs   "
            f"in batches of {BATCH} {self.batched_us:5.0f} µs"
        )


def run(argv: Sequence[str]) -> int:
    """Print the cost per size; 1 when the largest directory costs half as much again as the smallest."""
    parser = argparse.ArgumentParser(prog="bench lookup", description=run.__doc__)
    parser.add_argument("--people", type=int, nargs="+", default=[10_000, 1_000_000], help="sizes to compare")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="rightsbus-", ignore_cleanup_errors=True) as folder:
        costs = measure(Path(folder), sorted(set(args.people)))
    first, last = costs[0], costs[-1]
    ratios = {"pages": last.pages / first.pages, "p50": last.alone_us / first.alone_us}
    if len(costs) > 1:
        print("largest to smallest: " + ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items()))
    wrong = [name for name, ratio in ratios.items() if ratio >= WORST_RATIO]
    if wrong:
        print(f"FAILED: {' and '.join(wrong)} must stay under {WORST_RATIO}", file=sys.stderr)
    return int(bool(wrong))


def measure(folder: Path, sizes: Sequence[int]) -> list[Cost]:
    """Make a directory of each size, and look the same people up in all of them, turn about."""
    keys, database = FileKeyStore(folder / "keys"), Database(folder / "postgres", echo=lambda _: None)
    keys.create()
    database.start()
    try:
        urls = {count: _made(database.create(f"people_{count}"), keys, count) for count in sizes}
        costs = asyncio.run(_costs(urls, keys, claims(min(sizes))))
    finally:
        database.stop()
    for cost in costs:
        print(cost)
    return costs


def _made(url: str, keys: FileKeyStore, count: int) -> str:
    started = perf_counter()
    upgrade(url)
    with psycopg.connect(url, autocommit=True) as db:
        fill(db, Digests(keys), count)
    print(f"{count:>10,} people made in {perf_counter() - started:.0f} s", file=sys.stderr)
    return url


def claims(smallest: int) -> dict[str, Offered]:
    """The same claims for every size: true ones, ones true of two people each, and ones true of nobody."""
    asked = {}
    for at in range(ASKED):
        mine, other = subject_of(at * 7 % smallest), subject_of((at * 7 + 1) % smallest)
        said = (
            mine,
            mine.model_copy(update={"emails": other.emails}),
            mine.model_copy(update={"emails": [f"nobody{at}@example.net"], "phones": [], "account_number": None}),
        )[at % 3]
        asked[str(at)] = merge(BRAND, offered(said))
    return asked


async def _costs(urls: Mapping[int, str], keys: FileKeyStore, asked: Asked) -> list[Cost]:
    names = list(asked)
    single = [{name: asked[name]} for name in names]
    batches = [{name: asked[name] for name in names[at : at + BATCH]} for at in range(0, len(names), BATCH)]
    async with AsyncExitStack() as opened:
        conns = {
            count: await opened.enter_async_context(await psycopg.AsyncConnection.connect(url, autocommit=True))
            for count, url in urls.items()
        }
        alone, batched = await _medians(conns, keys, single), await _medians(conns, keys, batches)
        pages = {
            count: [await pages_of(conn, Digests(keys), o) for o in asked.values()] for count, conn in conns.items()
        }
    return [Cost(n, statistics.mean(pages[n]), alone[n] * 1e6, batched[n] / BATCH * 1e6) for n in urls]


async def _medians(conns: Mapping[int, type_conn], keys: FileKeyStore, questions: Sequence[Asked]) -> dict[int, float]:
    """Seconds a question takes in each directory, once warm.

    They are asked turn about, so that a busy moment of the machine is no one directory's alone.
    """
    times: dict[int, list[float]] = {count: [] for count in conns}
    for question in [*questions] * (ROUNDS + 1):
        for count, conn in conns.items():
            started = perf_counter()
            await lookup(conn, question, keys)
            times[count].append(perf_counter() - started)
    return {count: statistics.median(taken[len(questions) :]) for count, taken in times.items()}


async def pages_of(conn: type_conn, digests: Digests, offer: Offered) -> float:
    """Pages the one query of a look-up touches, in memory or not."""
    wanted = [digests.point(digests.newest(), BRAND, label, key) for label, key in finders(offer.keys(1))]
    explain = f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {FIND}"
    [[[plan]]] = await (await conn.execute(explain.encode(), [wanted, CROWD, CROWD])).fetchall()
    return float(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])
