"""What the register's history costs: entries taken a second, bytes kept for each, and how fast a rebuild is.

Requests are told as services tell them, in the shapes of the published examples, and taken by the register's own code
into a database of its own, without a broker.
"""

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from bench.throughput import machine
from schemas import events, wire
from schemas.base import Event
from schemas.shapes import examples
from schemas.wire import Record
from services.kernel.keys import FileKeyStore
from services.kernel.migrate import upgrade
from services.ops.register import store
from services.ops.register.process import trust_of
from stack.database import Database

TOLD: Final[Sequence[type[Event]]] = (
    events.RequestAccepted, events.PartWaiting, events.RequestVerified, events.TaskAssigned, events.TaskAssigned,
    events.TaskAssigned, events.NoticeSent, events.RequestSettled, events.NoticeSent, events.RequestClosed,
)  # fmt: skip
"""What is told of one deletion in three systems, but the systems' own words."""
PARTITIONS: Final = 6
AT_ONCE: Final = 2_000


def run(argv: Sequence[str]) -> int:
    """Print the figures; 1 when an entry was not projected, or the rebuilt tables differ in size."""
    parser = argparse.ArgumentParser(prog="python -m bench register", description=__doc__)
    parser.add_argument("--requests", type=int, default=2_000)
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="rightsbus-", ignore_cleanup_errors=True) as folder:
        found = measure(Path(folder), given.requests)
    print(json.dumps({"machine": machine(), **found}, indent=2))
    return int(found["misfits"] > 0 or found["requests_rebuilt"] != given.requests)


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
