"""A bundle for whoever helps: what runs, how it is set up, what goes wrong. Free of personal data by construction.

Nothing is copied that could hold a value: of log lines only named fields, of tables only counts, of settings only those
that are no secret.
"""

import json
import platform
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import psycopg
from kafka.errors import KafkaError

from services.kernel.clock import Clock
from services.kernel.errors import RightsbusError
from services.ops import doctor
from services.ops.installation import Installation
from services.ops.lag import Lag
from services.ops.register import queries
from stack import supervise

LINES: Final = 2_000
LOG_FIELDS: Final = (
    "timestamp", "level", "service", "event", "stage", "logger", "cause", "error", "at", "attempt", "messages", "kind",
    "lane", "place", "topic", "partition", "offset", "stages", "rows", "again_in_s",
)  # fmt: skip
"""What is copied of a log line; none of these ever holds a value."""
PACKAGES: Final = ("rightsbus", "faust-streaming", "aiokafka", "kafka-python", "psycopg", "pydantic", "cryptography")
_COUNTED: Final = ("requests", "parts", "handovers", "letters", "decisions", "rejections", "parked", "audit", "roots")


def write(found: Installation, out: Path) -> list[str]:
    """Write the bundle; returns the names of what is in it."""
    parts = dict(_parts(found))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in parts.items():
            bundle.writestr(name, content if isinstance(content, str) else json.dumps(content, indent=1, default=str))
    out.chmod(0o600)
    return list(parts)


def _parts(found: Installation) -> Iterator[tuple[str, Any]]:
    yield "versions.json", _versions()
    yield (
        "doctor.json",
        [{"what": one.what, "ok": one.ok, "found": one.found, "mend": one.mend} for one in doctor.examine(found)],
    )
    yield "processes.json", _processes(found)
    yield "lag.json", _lag(found)
    yield "register.json", _register(found)
    for log in sorted((found.endpoints.data_dir / "logs").glob("*.log")):
        if log.stem not in {"kafka", "mail", "supervisor"}:
            yield f"logs/{log.stem}.jsonl", "".join(_lines(log))


def _versions() -> dict[str, Any]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return {"python": platform.python_version(), "system": platform.platform(), "at": Clock.real(), **found}


def _processes(found: Installation) -> Mapping[str, Any]:
    state = supervise.report(found.endpoints.data_dir) or {"workers": {}, "servers": {}}
    kept = ("state", "restarts", "since", "last_exit")
    return {name: {field: told[field] for field in kept} for name, told in state["workers"].items()}


def _lag(found: Installation) -> Any:  # noqa: ANN401  rows, or why there are none
    try:
        with closing(Lag(found.access())) as lag:
            rows = lag.behind(int(Clock.real().timestamp() * 1000))
        return [{"group": r.group, "topic": r.topic, "messages": r.messages, "age_s": r.age_s} for r in rows]
    except (KafkaError, RightsbusError) as error:
        return {"away": type(error).__name__}


def _register(found: Installation) -> Mapping[str, Any]:
    try:
        with found.connect() as db:
            rows = {name: db.execute(f"SELECT count(*) FROM ops.{name}").fetchall()[0][0] for name in _COUNTED}  # noqa: S608  ours
            waits = db.execute("SELECT party, waiting, count(*) FROM ops.waits GROUP BY 1, 2 ORDER BY 1, 2").fetchall()
            parked = db.execute("SELECT service, stage, error, count(*) FROM ops.parked WHERE lies GROUP BY 1, 2, 3")
            return {"rows": rows, "counts": queries.counts(db), "waits": waits, "parked": parked.fetchall()}
    except (psycopg.Error, RightsbusError) as error:
        return {"away": type(error).__name__}


def _lines(log: Path) -> Iterator[str]:
    """The last lines of a log, the named fields of each."""
    for line in log.read_text("utf-8", errors="replace").splitlines()[-LINES:]:
        try:
            told = json.loads(line)
        except ValueError:
            continue
        if isinstance(told, dict):
            yield json.dumps({name: told[name] for name in LOG_FIELDS if name in told}, default=str) + "\n"
