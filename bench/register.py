"""What the register's history costs, how fast a rebuild is, and whether it keeps up while everything is saturated.

First alone: requests are told as services tell them, in the shapes of the published examples, and taken by the
register's own code into a database of its own, without a broker. Then in a whole system that is sent more than it can
do: how old is the oldest record the register has not read, as its alarm `LagOld` sees it, from beginning to end?
"""

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import monotonic, perf_counter, time
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from bench import load
from bench.load import Sender, Watcher
from bench.system import System, running
from bench.throughput import machine
from schemas import events, wire
from schemas.base import Event
from schemas.shapes import examples
from schemas.wire import Record
from services.kernel.keys import FileKeyStore
from services.kernel.migrate import upgrade
from services.ops.lag import Lag, oldest
from services.ops.register import store
from services.ops.register.process import trust_of
from services.ops.register.settings import GROUP
from stack.database import Database

TOLD: Final[Sequence[type[Event]]] = (
    events.RequestAccepted, events.PartWaiting, events.RequestVerified, events.TaskAssigned, events.TaskAssigned,
    events.TaskAssigned, events.NoticeSent, events.RequestSettled, events.NoticeSent, events.RequestClosed,
)  # fmt: skip
"""What is told of one deletion in three systems, but the systems' own words."""
PARTITIONS: Final = 6
AT_ONCE: Final = 2_000
WITHIN_S: Final = 240.0
SLACK_S: Final = 5.0
"""What a batch more or less, and one look of a second, may add."""


def run(argv: Sequence[str]) -> int:
    """Print the figures; 1 when an entry was not projected, a rebuild differs in size, or lag grows without bound."""
    parser = argparse.ArgumentParser(prog="python -m bench register", description=__doc__)
    parser.add_argument("--requests", type=int, default=2_000, help="requests told to the register alone")
    parser.add_argument(
        "--travelling", type=int, default=1_200, help="requests sent at once to a whole system; 0: none"
    )
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="rightsbus-", ignore_cleanup_errors=True) as folder:
        found = {"alone": measure(Path(folder), given.requests)}
    if given.travelling:
        with running(13 * given.travelling + 500) as system:  # one of twelve can ask
            found["saturated"] = saturated(system, given.travelling)
    print(json.dumps({"machine": machine(), **found}, indent=2))
    wrong = verdict(found, given.requests)
    print("\n".join(wrong) or "everything projected, and the register keeps up")
    return int(bool(wrong))


def verdict(found: dict[str, Any], requests: int) -> list[str]:
    """What is not as it must be."""
    alone, travelled = found["alone"], found.get("saturated")
    must = {
        "an entry was not projected": alone["misfits"] == 0,
        "a rebuild ends in another number of requests": alone["requests_rebuilt"] == requests,
        "not every request came to its end": travelled is None or travelled["ended"] == travelled["requests"],
        "the register's lag grew without bound under load": travelled is None or travelled["bounded"],
    }
    return [what for what, true in must.items() if not true]


def saturated(system: System, requests: int) -> dict[str, Any]:
    """Send so many opt-outs and deletions at once, and look every second how many seconds the register is behind.

    Lag is bounded when it was no higher in the second half of the time than in the first, give or take a batch, and
    gone soon after the last request had ended.
    """
    people, half = load.holders(system.humans), requests // 2
    submissions = [*load.opt_outs(people[:half]), *load.deletions(people[half : 2 * half])]
    watcher, lags = Watcher(system), list[float]()
    sender = Sender(system, watcher.seen)
    with closing(Lag(system.found.access("ops"))) as lag, closing(watcher), closing(sender):
        started = monotonic()
        sender.send(submissions)
        while not watcher.until(lambda seen: len(seen.moments()) == len(submissions), 1.0):
            lags.append(_age(lag))
            if monotonic() - started > WITHIN_S:
                break
        took_s = monotonic() - started
        while _age(lag) > 0 and monotonic() - started < WITHIN_S:
            watcher.look(100)
        drained_s = monotonic() - started - took_s
        ended = len(watcher.seen.moments())
    return {
        "requests": len(submissions), "ended": ended, "requests_per_s": round(ended / took_s, 1),
        "lag_median_s": round(median(lags or [0.0]), 2), "lag_most_s": round(max(lags, default=0.0), 2),
        "lag_gone_after_s": round(drained_s, 2), "bounded": bounded(lags, drained_s),
    }  # fmt: skip


def bounded(lags: Sequence[float], drained_s: float) -> bool:
    """Whether lag stayed where it was: no growth from the first half to the second, and soon gone."""
    early, late = lags[: len(lags) // 2], lags[len(lags) // 2 :]
    return max(late, default=0.0) <= 1.5 * max(early, default=0.0) + SLACK_S and drained_s <= SLACK_S


def _age(lag: Lag) -> float:
    worst = oldest(lag.behind(int(time() * 1000))).get(GROUP)
    return worst.age_s if worst else 0.0


def measure(folder: Path, requests: int) -> dict[str, Any]:
    """Take so many requests, and rebuild; bytes per entry are the database's own, with indexes."""
    keys, database = FileKeyStore(folder / "keys"), Database(folder / "postgres", echo=lambda _: None)
    keys.create()
    database.start()
    try:
        url = database.create("register")
        upgrade(url)
        records = list(_records(requests))
        with store.connection(url) as db:
            return _measured(db, records, keys)
    finally:
        database.stop()


def _measured(db: store.Conn, records: Sequence[Record], keys: FileKeyStore) -> dict[str, Any]:
    trust, misfits, started = trust_of(keys), 0, perf_counter()
    for at in range(0, len(records), AT_ONCE):
        misfits += len(store.take(db, records[at : at + AT_ONCE], trust).misfits)
    took_s = perf_counter() - started
    sizes = {name: _bytes(db, name) for name in ("audit", "requests", "parts", "letters")}
    started = perf_counter()
    rebuilt = max(store.rebuild(db))
    rebuild_s = perf_counter() - started
    [(kept,)] = db.execute("SELECT count(*) FROM ops.requests").fetchall()
    return {
        "entries": len(records), "misfits": misfits, "taken_per_s": round(len(records) / took_s),
        "history_bytes_per_entry": round(sizes["audit"] / len(records)),
        "tables_bytes_per_request": round(sum(n for name, n in sizes.items() if name != "audit") / kept),
        "rebuilt": rebuilt, "rebuilt_per_s": round(rebuilt / rebuild_s), "requests_rebuilt": kept,
    }  # fmt: skip


def _bytes(db: store.Conn, table: str) -> int:
    [(size,)] = db.execute("SELECT pg_total_relation_size(('ops.' || %s)::regclass)", [table]).fetchall()
    return int(size)


def _records(requests: int) -> Iterator[Record]:
    """Every event of every request as it lies on its topic, requests interleaved."""
    shapes = [next(iter(examples(kind).values())) for kind in TOLD]
    offsets, at_ms = Counter[tuple[str, int]](), int(datetime.now(UTC).timestamp() * 1000)
    for number, (kind, shape) in enumerate(zip(TOLD, shapes, strict=True)):
        for request in range(requests):
            named = str(uuid5(NAMESPACE_URL, f"bench/{request}"))
            ids = {"event_id": uuid5(NAMESPACE_URL, f"{number}/{request}"), "request_id": named, "case_id": named}
            part = {"part": f"own/system:system-{number}"} if kind is events.TaskAssigned else {}
            event = kind.model_validate(shape | ids | part | {"seq": number + 1})
            topic, key, value, headers = wire.encode(event, source="rightsbus/bench")
            place = topic, request % PARTITIONS
            yield Record(*place, offsets[place], key, value, tuple(headers), at_ms)
            offsets[place] += 1
