"""Everything that is looked at, in the order a person would."""

import shutil
import smtplib
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
from kafka.errors import KafkaError

from connectors.datamap import compile_map
from rules.errors import PolicyProblem
from services.kernel.clock import MOST_SKEW, Clock
from services.kernel.errors import RightsbusError
from services.kernel.keys import FILE
from services.kernel.policies import load_handbook, read_policies
from services.ops.doctor import broker
from services.ops.doctor.finding import Finding
from services.ops.installation import Installation
from services.ops.lag import Lag, oldest
from services.ops.register.keeping import last_root, now
from stack import supervise

OLD_S: Final = 120.0
LEAST_FREE_BYTES: Final = 1_073_741_824
MAIL_WITHIN_S: Final = 5.0


def examine(found: Installation, progress: Callable[[str], None] = lambda _: None) -> list[Finding]:
    """Look at everything; a part that cannot be looked at is a finding of its own."""
    findings: list[Finding] = []
    for part in (_database, broker.look, _keys, _policies, _mail, _disk, _processes, _lag, _register):
        progress(part.__name__.strip("_"))
        findings += part(found)
    return findings


def _database(found: Installation) -> Iterator[Finding]:
    from services.kernel.migrate import current

    try:
        with found.connect() as db:
            version = db.info.parameter_status("server_version")
            yield Finding("database", f"PostgreSQL {version} answers")
            yield _clock(db)
        at, head = current(found.endpoints.database_url)
        mend = "" if at == head else "`rightsbus provision` brings the database to today's shape"
        yield Finding("migrations", f"at {at}, newest is {head}", mend)
    except (RightsbusError, psycopg.Error) as error:
        mend = "start it (`rightsbus up`), or correct DATABASE_URL"
        yield Finding("database", _said(error), mend)


def _clock(db: psycopg.Connection[Any]) -> Finding:
    [(theirs, ahead)] = db.execute(
        "SELECT clock_timestamp(), coalesce((SELECT ahead FROM kernel.clock), interval '0')"
    ).fetchall()
    apart = abs(Clock.real() - theirs)
    told = f"{apart.total_seconds():.1f} s apart from the database's" + (f", advanced by {ahead}" if ahead else "")
    mend = f"set both clocks by NTP: due work pauses beyond {MOST_SKEW.total_seconds():g} s"
    return Finding("clock", told, mend if apart > MOST_SKEW else "")


def _keys(found: Installation) -> Iterator[Finding]:
    file = found.endpoints.keys_dir / FILE
    try:
        epochs = found.keys.epochs()
    except RightsbusError as error:
        yield Finding("keys", _said(error), "`rightsbus keys create`, or restore the backup of the keys")
        return
    yield Finding("keys", f"{len(epochs)} epochs in {file}")
    mode = stat.S_IMODE(file.stat().st_mode)
    private = not mode & (stat.S_IRWXG | stat.S_IRWXO)
    yield Finding("key file", f"mode {mode:o}", "" if private else f"chmod 600 {file}")
    try:
        with found.connect() as db:
            used = {row[0] for row in db.execute("SELECT epoch FROM vault.keys UNION SELECT epoch FROM vault.records")}
    except (RightsbusError, psycopg.Error):
        return
    gone = sorted(used - set(epochs))
    mend = "restore the backup of the keys, or the cases under them cannot be read any more"
    yield Finding("epochs in use", f"gone: {', '.join(gone)}" if gone else "all there", mend if gone else "")


def _policies(found: Installation) -> Iterator[Finding]:
    try:
        handbook = load_handbook(found.policies)
        systems = compile_map(read_policies(found.policies)["systems.yaml"]).systems
        told = f"{len(handbook.laws)} laws, {len(handbook.brands)} brands, {len(systems)} systems"
        yield Finding("policies", told)
    except (RightsbusError, PolicyProblem, KeyError) as error:
        yield Finding("policies", _said(error), f"correct the file in {found.policies}")


def _mail(found: Installation) -> Iterator[Finding]:
    url = urlsplit(found.endpoints.smtp_url)
    where = f"{url.hostname}:{url.port}"
    try:
        with smtplib.SMTP(url.hostname or "", url.port or 25, timeout=MAIL_WITHIN_S) as server:
            server.noop()
        yield Finding("mail", f"{where} answers")
    except (OSError, smtplib.SMTPException) as error:
        yield Finding("mail", f"{where}: {type(error).__name__}", "start the mail server, or correct SMTP_URL")


def _disk(found: Installation) -> Iterator[Finding]:
    free = shutil.disk_usage(found.endpoints.data_dir).free
    mend = "" if free > LEAST_FREE_BYTES else "make room: a full disk stops broker and database"
    yield Finding("disk", f"{free / 2**30:.1f} GiB free under {found.endpoints.data_dir}", mend)


def _processes(found: Installation) -> Iterator[Finding]:
    state = supervise.report(found.endpoints.data_dir)
    if state is None:
        mend = "" if not found.embedded else "`rightsbus up --detach` starts the services"
        yield Finding("processes", "no supervisor of ours runs here", mend)
        return
    bad = [f"{name} {told['state']}" for name, told in state["workers"].items() if told["state"] != "running"]
    logs = found.endpoints.data_dir / "logs"
    told = ", ".join(bad) if bad else f"{len(state['workers'])} run"
    yield Finding("processes", told, f"the last words are in {logs}" if bad else "")


def _lag(found: Installation) -> Iterator[Finding]:
    try:
        with closing(Lag(found.access())) as lag:
            behind = oldest(lag.behind(int(Clock.real().timestamp() * 1000)))
    except (KafkaError, RightsbusError) as error:
        yield Finding("lag", _said(error), "see the broker")
        return
    late = [f"{group} {one.age_s:.0f} s on {one.topic}" for group, one in behind.items() if one.age_s > OLD_S]
    told = ", ".join(late) if late else f"no group has a record older than {OLD_S:g} s"
    yield Finding("lag", told, "see its log; more workers of it share the partitions" if late else "")


def _register(found: Installation) -> Iterator[Finding]:
    try:
        with found.connect() as db:
            [(parked, oldest_at)] = db.execute("SELECT count(*), min(parked_at) FROM ops.parked WHERE lies").fetchall()
            root, at = last_root(db), now(db)
    except (RightsbusError, psycopg.Error) as error:
        yield Finding("register", _said(error), "see the database")
        return
    told = f"{parked}, the oldest since {oldest_at:%Y-%m-%d %H:%M}" if parked else "none"
    yield Finding("parked records", told, "`rightsbus parked list`" if parked else "")
    fresh = root is not None and (at - root.sealed_at).total_seconds() < 26 * 3_600
    told = f"{root.sealed_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, root {root.number}" if root else "never"
    yield Finding("history signed", told, "" if fresh else "`rightsbus audit seal`; does the process `ops` run?")


def _said(error: Exception) -> str:
    """What went wrong: our own words, or the kind of fault."""
    return str(error) if isinstance(error, RightsbusError | PolicyProblem) else type(error).__name__
