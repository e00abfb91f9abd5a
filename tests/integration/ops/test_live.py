"""Operators at a running system: what it shows, what they repair and decide, what they can prove."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from kafka.admin import ConfigResource, ConfigResourceType, MemberToRemove
from typer.testing import CliRunner

from bench.system import System
from schemas import wire
from schemas.events import RequestAccepted
from schemas.topics import topic_of
from schemas.values import Reason, Verb
from services.kernel.origin import with_origin
from services.kernel.tokens import case_id, request_id
from services.ops import diagnostics, doctor, parked, reports, traces
from services.ops.audit.roots import roots
from services.ops.audit.seal import seal, signing_key
from services.ops.audit.verify import verify
from services.ops.cli import app
from services.ops.decisions import decide
from services.ops.kafka import Publisher, admin, read_all
from services.ops.lag import Lag
from services.ops.register import queries, store
from services.ops.register.gauges import Gauges
from services.ops.register.keeping import now
from services.ops.register.process import publish_roots
from services.ops.register.queries import Filter
from services.ops.register.settings import GROUP
from services.ops.traces import Trace, all_topics
from stack.ports import wait_for
from tests.support.story import accepted

pytestmark = pytest.mark.integration
HAND = parked.Hand("avery", "INC-1")
WITHIN_S = 45.0


@pytest.fixture
def db(system: System) -> Iterator[psycopg.Connection[Any]]:
    with system.found.connect() as connection:
        yield connection


def until(condition: Callable[[], Any], within_s: float = WITHIN_S) -> Any:
    """What the condition gives as soon as it holds."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)
    return found


def publish(system: System, topic: str, value: bytes, *, user: str = "admin", key: bytes = b"any") -> None:
    with closing(Publisher(system.found.access(user))) as publisher:
        publisher.send(topic, value, key=key)


def submit(system: System, right: str, *, source: str = "webform", **fields: Any) -> str:
    """Publish a request of an unknown person; returns its id."""
    submission = f"ops-{uuid4().hex[:12]}"
    body = {"submission_id": submission, "source": source, "brand": "parcelwise", "rights": [right],
            "subject": {"emails": [f"{submission}@example.net"]}, "residence": {"country": "US", "region": "CA"},
            "message": "A question.", **fields}  # fmt: skip
    publish(system, "privacy.requests", json.dumps(body).encode())
    key = system.found.keys.derive("ids")
    return str(request_id(key, case_id(key, source, submission), right))


def known(db: psycopg.Connection[Any], request: str) -> dict[str, Any] | None:
    return queries.request(db, request)


def waits(db: psycopg.Connection[Any], request: str) -> set[str]:
    return {row["part"] for row in queries.waits(db, Filter()) if row["request_id"] == request}


def lying(db: psycopg.Connection[Any], **wanted: Any) -> list[dict[str, Any]]:
    return [row for row in parked.lying(db) if all(row[name] == value for name, value in wanted.items())]


def caught_up(system: System) -> None:
    """Wait until every group has processed everything."""
    with closing(Lag(system.found.access())) as lag:
        until(lambda: not [one for one in lag.behind(int(time.time() * 1000)) if one.messages])


def noticed(system: System, group: str) -> None:
    """Let the broker notice at once that whoever was killed is gone, instead of after the session's ten seconds."""
    with admin(system.found.access()) as client:
        members = client.describe_groups([group])[group]["members"]
        client.remove_group_members(group, [MemberToRemove(member_id=one["member_id"]) for one in members])


def rightsbus(system: System, *words: str) -> Any:
    return CliRunner().invoke(app, [*words, "--data", str(system.found.endpoints.data_dir)])


# ------------------------------------------------------------------------------------------------- what is shown


def test_a_request_is_in_the_register_soon_after_it_was_sent(system: System, db: psycopg.Connection[Any]) -> None:
    request = submit(system, "inquiry")

    until(lambda: waits(db, request) == {"answer"})
    told = rightsbus(system, "register", "list", "--waiting-for", "operator", "--right", "inquiry", "--json")
    [row] = [row for row in json.loads(told.output) if row["request_id"] == request]
    assert (row["party"], row["waiting"], row["late"]) == ("operator", "answer", False)


def test_status_names_every_process_and_its_lag_as_age(system: System) -> None:
    told = rightsbus(system, "status", "--json")

    rows = {row["process"]: row for row in json.loads(told.output)}
    assert rows.keys() == {"intake", "verifier", "fulfiller", "notifier", "ops"}
    assert {row["state"] for row in rows.values()} == {"running"}
    assert all(row["lag_s"] is not None for row in rows.values())


def test_a_trace_holds_every_event_of_its_request_and_no_other(system: System, db: psycopg.Connection[Any]) -> None:
    request = submit(system, "opt_out_sale_share")
    until(lambda: (known(db, request) or {}).get("closed_at"))

    with closing(Trace(system.found, request)) as trace:
        told = {(event["topic"], event["partition"], event["offset"]) for event in trace.events()}

    public = [name for name in all_topics(system.found) if topic_of(name).personal == "no"]
    lain = {
        (record.topic, record.partition, record.offset)
        for record in read_all(system.found.access(), public)
        if record.key == request.encode()
    }
    assert told >= lain
    assert {topic for topic, *_ in told - lain} <= {"privacy.task-results"}
    assert len(told) > 5


def test_a_trace_is_the_same_where_nothing_keeps_history(
    system: System, db: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = submit(system, "opt_out_sale_share")
    until(lambda: (known(db, request) or {}).get("closed_at"))
    caught_up(system)

    def told() -> list[tuple[Any, ...]]:
        with closing(Trace(system.found, request)) as trace:
            return [(e["topic"], e["partition"], e["offset"], e["type"], e["event_id"]) for e in trace.events()]

    remembered = told()
    monkeypatch.setattr(traces, "positions", lambda _: {})
    monkeypatch.setattr(traces, "_ENTRIES", "SELECT entry FROM ops.audit WHERE false AND case_key = ANY(%s)")
    read = [event for event in told() if event[0] != "privacy.task-results"]
    assert read == [event for event in remembered if event[0] != "privacy.task-results"]


def test_a_trace_waits_for_the_end_and_watch_shows_it_pass(system: System) -> None:
    argv = [sys.executable, "-c", "from services.ops.cli import main; main()", "watch", "--source", "webform"]
    argv += ["--data", str(system.found.endpoints.data_dir)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout
        os.set_blocking(watching.stdout.fileno(), False)
        seen: list[str] = []
        while not seen:  # it begins with what comes after it has begun
            submit(system, "opt_out_marketing")
            wait_for(lambda: _seen(watching.stdout, seen), within_s=2)
        request = submit(system, "opt_out_sale_share")
        traced = rightsbus(system, "trace", request, "--wait", "fulfilled", "--timeout", "40", "--json")
        until(lambda: _seen(watching.stdout, seen) and any("opt_out_sale_share  status=fulfilled" in s for s in seen))
        watching.send_signal(signal.SIGINT)

    assert traced.exit_code == 0, traced.output
    assert any((event["data"] or {}).get("status") == "fulfilled" for event in json.loads(traced.output))
    assert watching.returncode == 0


def _seen(stream: Any, lines: list[str]) -> bool:
    """Add what a process has written by now."""
    lines.extend(stream.readlines())
    return bool(lines)


def test_waiting_for_what_does_not_come_ends_with_1_and_says_so(system: System) -> None:
    told = rightsbus(system, "trace", str(uuid4()), "--wait", "fulfilled", "--timeout", "0.2")

    assert told.exit_code == 1
    assert "fulfilled did not come within 0.2 s" in told.output


def test_figures_reconcile_with_the_topics(system: System, db: psycopg.Connection[Any]) -> None:
    request = submit(system, "opt_out_sale_share")
    until(lambda: (known(db, request) or {}).get("settled_at"))
    caught_up(system)

    events = [wire.decode(record) for record in read_all(system.found.access(), ["privacy.accepted"])]
    lain = Counter((e.brand, e.law, e.right.value) for e in {e.event_id: e for e in events}.values()
                   if isinstance(e, RequestAccepted))  # fmt: skip
    rows = reports.figures(db, datetime(2000, 1, 1, tzinfo=UTC).date(), datetime(2100, 1, 1, tzinfo=UTC).date())
    assert {(row["brand"], row["law"], row["right"]): row["received"] for row in rows} == dict(lain)
    for row in rows:
        ends = ("complied_in_whole", "complied_in_part", "denied", "withdrawn_or_lapsed", "open")
        assert sum(row[name] for name in ends) == row["received"]


# --------------------------------------------------------------------------------------------- what is repaired


def test_a_record_of_an_unknown_app_ends_right_once_the_app_is_registered(
    system: System, db: psycopg.Connection[Any]
) -> None:
    source = f"app-{uuid4().hex[:8]}"
    sent = datetime.now(UTC)
    request = submit(system, "opt_out_targeted_ads", source=source)
    [row] = until(lambda: lying(db, service="intake", error="unknownsource"))
    system.found.add_source(source)

    parked.replay(system.found, str(row["event_id"]), HAND)

    told = until(lambda: (found := known(db, request)) and found["closed_at"] and found)
    assert abs(told["received_at"] - sent) < timedelta(seconds=30)
    until(lambda: not lying(db, event_id=row["event_id"]))
    with pytest.raises(parked.CannotReplay, match="was replayed before"):
        parked.replay(system.found, str(row["event_id"]), HAND)
    _again(system, row)
    assert _counted(system, request)["RequestAccepted"] == 1
    assert _counted(system, request)["RequestClosed"] == 1


def _again(system: System, row: dict[str, Any]) -> None:
    """Put the record back a second time, as an operator's tool that died half-way would; wait until it was read."""
    with system.found.connect() as db:
        record = parked.original(system.found, db, row)
    headers = with_origin(record, system.found.keys.derive("origin"))
    with closing(Publisher(system.found.access())) as publisher:
        publisher.send(record.topic, record.value or b"", key=record.key, headers=headers)
    caught_up(system)


def _counted(system: System, request: str) -> Counter[str]:
    with closing(Trace(system.found, request)) as trace:
        return Counter(event["type"] for event in trace.events())


def test_an_event_nobody_can_read_is_edited_put_back_and_handled_once(
    system: System, db: psycopg.Connection[Any]
) -> None:
    request = str(request_id(b"k", case_id(b"k", "story", uuid4().hex), "x"))
    event = accepted(request, right="opt_out_sale_share", verify=False, parts=[], law="US-CA-CCPA", brand="parcelwise")
    _, _, good, _ = wire.encode(event, source="rightsbus/test")
    publish(system, "privacy.accepted", good.replace(b'"opt_out_sale_share"', b'"teleport"'), key=request.encode())
    until(lambda: len(lying(db, topic="privacy.accepted", stage="decode")) == 3)
    rows = lying(db, topic="privacy.accepted", stage="decode")

    assert {row["service"] for row in rows} == {"verifier", "fulfiller", "notifier"}
    assert all("right" in problem for row in rows for problem in row["problems"])
    with pytest.raises(parked.CannotReplay, match=r"is not what privacy\.accepted carries"):
        parked.replay(system.found, str(rows[0]["event_id"]), HAND, b'{"type": "RequestAccepted"}')
    for row in rows:
        parked.replay(system.found, str(row["event_id"]), HAND, good)

    until(lambda: (known(db, request) or {}).get("closed_at"))
    caught_up(system)
    counted = _counted(system, request)
    assert (counted["RequestSettled"], counted["RequestClosed"]) == (1, 1)
    assert counted["TaskAssigned"] == counted["TaskFinished"]
    assert not lying(db, topic="privacy.accepted")


@pytest.mark.parametrize("value", [b"{]", json.dumps({"type": "TaskFinished", "request_id": str(uuid4()),
    "task_id": "t", "system": "billing", "part": "own/system:billing", "outcome": "erased",
    "reply_token": "f" * 32}).encode()], ids=["unreadable", "nobody was asked"])  # fmt: skip
def test_what_an_outsider_sent_for_nothing_is_shown_with_a_reason_and_given_up(
    system: System, db: psycopg.Connection[Any], value: bytes
) -> None:
    publish(system, "privacy.task-results", value)
    [row] = until(lambda: lying(db, topic="privacy.task-results", service="fulfiller"))

    record = parked.show(system.found, str(row["event_id"]), parked.Hand("blake", "INC-7"))
    parked.discard(system.found, str(row["event_id"]), HAND)

    assert record.value == value
    until(lambda: not lying(db, event_id=row["event_id"]))
    logged = until(lambda: (rows := db.execute("SELECT action, by, reason FROM ops.repairs WHERE parked_id = %s "
                                               "ORDER BY at", [row["event_id"]]).fetchall()) and rows)  # fmt: skip
    assert logged == [("RecordShown", "blake", "INC-7"), ("RecordDiscarded", "avery", "INC-1")]


def test_a_parked_record_is_seen_by_the_alarm_until_it_was_dealt_with(
    system: System, db: psycopg.Connection[Any]
) -> None:
    def parked_now() -> float:
        with closing(Gauges(system.found.endpoints.database_url, lambda: Lag(system.found.access("ops")), {})) as asked:
            families = {family.name: family for family in asked.collect()}
        return sum(sample.value for sample in families["rightsbus_parked_records"].samples)

    before = parked_now()
    publish(system, "privacy.task-results", b"[]")
    until(lambda: parked_now() == before + 1)
    [row] = lying(db, topic="privacy.task-results")
    told = rightsbus(system, "parked", "discard", str(row["event_id"])[:8], "--reason", "INC-9")
    assert told.exit_code == 0, told.output
    until(lambda: parked_now() == before)


# ---------------------------------------------------------------------------------------------- what is decided


def test_a_bulk_shows_first_decides_then_and_leaves_receipts(
    system: System, db: psycopg.Connection[Any], tmp_path: Path
) -> None:
    requests = {submit(system, "complaint") for _ in range(3)}
    until(lambda: all(waits(db, request) == {"answer"} for request in requests))
    chosen = ("--waiting", "answer", "--right", "complaint")
    file = tmp_path / "receipts.jsonl"

    shown = rightsbus(system, "decide", "done", *chosen, "--dry-run", "--json")
    assert {row["request_id"] for row in json.loads(shown.output)} >= requests
    assert all(waits(db, request) == {"answer"} for request in requests)
    done = rightsbus(system, "decide", "done", *chosen, "--by", "avery", "--basis", "INC-3", "--receipt", str(file))

    assert done.exit_code == 0, done.output
    receipts = [json.loads(line) for line in file.read_text().splitlines()]
    assert {receipt["request_id"] for receipt in receipts} >= requests
    assert {(r["verb"], r["by"], r["part"], r["applied"]) for r in receipts} == {("done", "avery", "answer", True)}
    until(lambda: all((known(db, request) or {}).get("closed_at") for request in requests))


def test_a_decision_that_does_not_fit_is_refused_with_the_reason(system: System, db: psycopg.Connection[Any]) -> None:
    request = submit(system, "inquiry")
    until(lambda: waits(db, request) == {"answer"})

    wrong_part = decide(system.found, Verb.SKIP, request, part="own/system:billing", by="avery")
    denied = decide(system.found, Verb.DENY, request, by="avery", reason=Reason.MANIFESTLY_UNFOUNDED, basis="INC-4")
    again = rightsbus(system, "decide", "deny", request, "--reason", "suspected_fraud", "--json")

    assert not wrong_part["applied"]
    assert "answer" in wrong_part["reason"]
    assert denied["applied"], denied
    assert again.exit_code == 1
    assert json.loads(again.output)[0]["reason"]


# ------------------------------------------------------------------------------------------------ what is proven


def test_history_holds_together_through_a_killed_register(system: System, db: psycopg.Connection[Any]) -> None:
    for _ in range(3):
        submit(system, "opt_out_sale_share")
    pid = system.pids()["ops"]
    os.kill(pid, signal.SIGKILL)
    noticed(system, GROUP)
    last = submit(system, "opt_out_sale_share")
    until(lambda: (known(db, last) or {}).get("closed_at"))

    assert system.pids()["ops"] != pid
    with store.connection(system.found.endpoints.database_url) as own:
        seal(own, system.found.keys, now(own))
        publish_roots(own, system.found.access("ops"))
        faults = verify(
            own, roots(own, system.found.access("ops")), signing_key(system.found.keys).public_key(), now(own)
        )
    assert faults == []
    gaps = """SELECT count(*) FROM (SELECT chain, count(*) AS lain, max((convert_from(entry, 'UTF8')::json->>'offset')
::bigint) - min((convert_from(entry, 'UTF8')::json->>'offset')::bigint) + 1 AS span FROM ops.audit a
JOIN ops.chains c ON c.id = a.chain WHERE topic NOT LIKE 'privacy.status.%%' GROUP BY chain) t WHERE lain <> span"""
    assert db.execute(gaps).fetchall() == [(0,)]


def test_a_rebuild_ends_in_the_tables_that_were_there(system: System, db: psycopg.Connection[Any]) -> None:
    caught_up(system)
    before = db.execute("SELECT request_id, ending, verdict, closed_at FROM ops.requests ORDER BY 1").fetchall()

    told = rightsbus(system, "register", "rebuild")

    assert told.exit_code == 0, told.output
    after = db.execute("SELECT request_id, ending, verdict, closed_at FROM ops.requests ORDER BY 1").fetchall()
    assert after[: len(before)] == before


# ------------------------------------------------------------------------------------------------- how it is set up


def test_the_doctor_finds_nothing_wrong_with_a_sound_installation(system: System) -> None:
    findings = {finding.what: finding for finding in doctor.examine(system.found)}

    wrong = {name: one for name, one in findings.items() if not one.ok and name not in {"disk", "parked records"}}
    assert wrong == {}
    assert len(findings) >= 15


def test_the_doctor_names_what_is_wrong_and_how_to_mend_it(system: System) -> None:
    key_file = system.found.endpoints.keys_dir / "keys.json"
    topic = ConfigResource(ConfigResourceType.TOPIC, "privacy.repairs", {"retention.ms": "1000"})
    sound = ConfigResource(ConfigResourceType.TOPIC, "privacy.repairs", topic_of("privacy.repairs").config())
    key_file.chmod(0o644)
    with admin(system.found.access()) as client:
        try:
            client.alter_configs([topic])
            told = rightsbus(system, "doctor", "--json")
        finally:
            key_file.chmod(0o600)
            client.alter_configs([sound])

    found = {row["what"]: row for row in json.loads(told.output)}
    assert told.exit_code == 1
    assert found["key file"]["mend"] == f"chmod 600 {key_file}"
    assert "privacy.repairs retention.ms=1000" in found["topic settings"]["found"]


def test_a_bundle_for_helpers_holds_no_address_and_no_password(system: System, tmp_path: Path) -> None:
    names = diagnostics.write(system.found, tmp_path / "bundle.zip")

    with zipfile.ZipFile(tmp_path / "bundle.zip") as bundle:
        text = b"".join(bundle.read(name) for name in names).decode()
    assert {"versions.json", "doctor.json", "lag.json", "logs/intake.jsonl"} <= set(names)
    secrets = [system.found.endpoints.admin.password, *system.found.outside_logins().values()]
    assert not [secret for secret in secrets if secret and secret in text]
    assert "@example.net" not in text
