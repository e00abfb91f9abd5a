"""Every alarm fires on the running system when something is wrong, and what its runbook says ends it.

One Prometheus, one system: everything is put wrong together, and mended one after the other. What takes days is aged in
the register's tables, what takes minutes is cut short in the rules; metrics, rules and commands are the product's own.
"""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import psycopg
import pytest
from kafka import KafkaProducer
from kafka.admin import ACLFilter, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType
from prometheus_client import start_http_server
from typer.testing import CliRunner

from bench.system import System
from schemas.topics import SERVICES
from services.kernel.migrate import upgrade
from services.kernel.tokens import case_id, case_key, request_id
from services.ops import clients, parked
from services.ops.cli import app
from services.ops.kafka import Publisher, admin
from services.ops.provision import client_topic
from services.ops.register import process, store
from services.ops.register.meters import Meters
from services.ops.register.process import Register, trust_of
from services.ops.register.settings import Settings
from stack.ports import free_port
from tests.support.alarms import Prometheus, alarms, panels, prometheus
from tests.support.ledger import Ledger
from tests.support.servers import TestServers
from tests.support.shop import Desk, Shop, open_shop
from tests.support.source import ROOT
from tests.support.story import accepted, an_id

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not installed"),
]
"""Where Prometheus is, every alarm is tried; only where there is none it is left out, and pytest says so."""
FIRES_WITHIN_S, ENDS_WITHIN_S = 40.0, 30.0
QUICK = "opt_out_sale_share"


@dataclass
class Trouble:
    """Something wrong: by which labels its alarm is known, and what its runbook has one do."""

    mend: Callable[[], object]
    labels: Mapping[str, str] = field(default_factory=dict)

    def among(self, firing: list[Mapping[str, str]], alarm: str) -> bool:
        wanted = {"alertname": alarm, **self.labels}.items()
        return any(wanted <= labels.items() for labels in firing)


class Stand:
    """A system in which things go wrong."""

    def __init__(self, system: System, db: psycopg.Connection[Any]) -> None:
        self.system, self.db, self._publisher = system, db, Publisher(system.found.access())
        self._asking = KafkaProducer(**system.found.access("webform").settings())
        self.shop = open_shop(system, "willow")
        self.silent = self.handed_over(self.shop)
        self.child, self.forgotten, self.gone = (self.submit(right) for right in ("inquiry", "complaint", QUICK))
        self.submit("delete")
        self.unread = self.submit("inquiry", subject={"emails": [f"{uuid4().hex}@no-mailbox.example"]})
        nowhere = {"emails": [f"{uuid4().hex}@no-mailbox.example"]}
        self.used = {share: self.submit("inquiry") for share in (50, 80, 95)}
        self.old = self.submit("delete", brand="firstmile", subject=nowhere)

    def submit(self, right: str, **fields: Any) -> str:
        name = f"alarm-{uuid4().hex[:12]}"
        body = {"submission_id": name, "source": "webform", "brand": "parcelwise", "rights": [right],
                "subject": {"emails": [f"{name}@example.net"]}, "residence": {"country": "US", "region": "CA"},
                "message": "A question.", **fields}  # fmt: skip
        self.write("privacy.requests", json.dumps(body).encode())
        key = self.system.found.keys.derive("ids")
        return str(request_id(key, case_id(key, "webform", name), right))

    def handed_over(self, shop: Shop) -> str:
        desk = Desk(self.system, cast("Any", None), self._asking)
        return desk.asks(shop.ships_to(f"Wim {shop.id.title()}"), QUICK)

    def write(self, topic: str, value: bytes) -> None:
        self._publisher.send(topic, value, key=b"any")

    def run(self, *words: str, at: Path | None = None, exits: int = 0) -> str:
        """A command, as an operator types it, about this system or the one whose folder is given."""
        told = CliRunner().invoke(app, [*words, "--data", str(at or self.system.found.endpoints.data_dir)])
        assert told.exit_code == exits, (words, told.output, told.exception)
        return str(told.output)

    def ages(self, change: str, *about: str) -> None:
        """Let time have passed over something of ours, as soon as it is there."""
        deadline = time.monotonic() + 30
        while not self.db.execute(cast("Any", change), list(about)).rowcount:
            assert time.monotonic() < deadline, f"nothing to age: {change}"
            time.sleep(0.1)

    def forge(self, count: int) -> None:
        """Replies of a client without the token it was given."""
        said = {"client": self.shop.id, "handover_id": str(uuid4()), "reply_token": "0" * 32, "type": "completed"}
        with closing(Publisher(self.shop.access)) as theirs:
            theirs.send_all([("privacy.client-replies", None, json.dumps(said).encode(), [])] * count)

    def close(self) -> None:
        self._publisher.close()
        self._asking.close()


def requests_late(stand: Stand) -> Trouble:
    stand.ages("UPDATE ops.requests SET respond_by = current_date - 9 WHERE request_id = %s AND brand IS NOT NULL",
               stand.child)  # fmt: skip
    denied = ("decide", "deny", stand.child, "--reason", "manifestly_unfounded", "--basis", "INC-1")
    return Trouble(lambda: stand.run(*denied), {"brand": "parcelwise"})


def requests_due_soon(stand: Stand) -> Trouble:
    soon = "UPDATE ops.requests SET respond_by = current_date + 2 WHERE request_id = %s AND brand IS NOT NULL"
    stand.ages(soon, stand.old)
    chosen = ("--due-within", "5d", "--brand", "firstmile")
    return Trouble(
        lambda: stand.run("decide", "deny", *chosen, "--reason", "suspected_fraud", "--basis", "INC-1"),
        {"brand": "firstmile"},
    )


def past(share: int, days: int, left: int) -> Callable[[Stand], Trouble]:
    def provoke(stand: Stand) -> Trouble:
        dates = f"received_at = now() - interval '{days} days', respond_by = current_date + {left}"
        stand.ages(f"UPDATE ops.requests SET {dates} WHERE request_id = %s", stand.used[share])  # noqa: S608  ours
        done = ("decide", "done", stand.used[share], "--part", "answer", "--basis", "INC-1")
        return Trouble(lambda: stand.run(*done), {"brand": "parcelwise"})

    return provoke


def acknowledgements_late(stand: Stand) -> Trouble:
    late = "UPDATE ops.requests SET acknowledge_by = current_date - 3 WHERE request_id = %s AND brand IS NOT NULL"
    stand.ages(late, stand.old)
    told = ("register", "delivered", stand.old, "acknowledgement", "--way", "app", "--reason", "INC-1")
    return Trouble(lambda: stand.run(*told), {"brand": "firstmile"})


def parts_overdue(stand: Stand) -> Trouble:
    stand.ages("UPDATE ops.parts SET until = now() - interval '1 hour' WHERE request_id = %s AND part = 'answer' "
               "AND wait_order > 0", stand.forgotten)  # fmt: skip
    done = ("decide", "done", stand.forgotten, "--part", "answer", "--basis", "INC-1")
    return Trouble(lambda: stand.run(*done), {"party": "operator"})


def operator_awaited(stand: Stand) -> Trouble:
    bulk = ("decide", "done", "--waiting-for", "operator", "--waiting", "answer", "--basis", "INC-1")
    return Trouble(lambda: stand.run(*bulk), {"waiting": "answer"})


def records_parked(stand: Stand) -> Trouble:
    stand.write("privacy.task-results", b"[]")

    def discard() -> None:
        stand.run("parked", "discard", *(str(row["event_id"]) for row in parked.lying(stand.db)), "--reason", "INC-1")

    return Trouble(discard, {"service": "fulfiller", "stage": "decode"})


def letters_undelivered(stand: Stand) -> Trouble:
    told = ("register", "delivered", stand.unread, "acknowledgement", "--way", "telephone", "--reason", "INC-1")
    return Trouble(lambda: stand.run(*told), {"letter": "acknowledgement"})


def handover_silent(stand: Stand) -> Trouble:
    stand.ages("UPDATE ops.handovers SET handed_at = now() - interval '8 days' WHERE request_id = %s "
               "AND handed_at IS NOT NULL", stand.silent)  # fmt: skip
    said = ("clients", "reply", stand.shop.id, "received", stand.shop.calls(stand.silent))
    return Trouble(lambda: stand.run(*said), {"client": stand.shop.id})


def forged_replies(stand: Stand) -> Trouble:
    stand.forge(8)
    return Trouble(lambda: stand.run("clients", "disable", stand.shop.id))


def outbox_left(stand: Stand) -> Trouble:
    shop = open_shop(stand.system, "sallow")
    with admin(stand.system.found.access()) as broker:
        broker.delete_topics([client_topic(shop.id)])
    stand.handed_over(shop)
    return Trouble(lambda: stand.run("topics", "create"), {"stage": "fulfiller"})


class Hook(BaseHTTPRequestHandler):
    """A webhook that answers again."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def effects_fail(stand: Stand) -> Trouble:
    port = free_port()
    shop = open_shop(stand.system, "privet", url=f"http://127.0.0.1:{port}/requests")
    stand.handed_over(shop)

    def answer() -> None:
        lane = ("--lane", f"client/{shop.id}")
        [row] = json.loads(stand.run("effects", "list", *lane, "--json"))
        assert (row["stage"], row["kind"], row["waiting"]) == ("fulfiller", "client_post", 1)
        server = HTTPServer(("127.0.0.1", port), Hook)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stand.run("effects", "retry", *lane)

    return Trouble(answer, {"stage": "fulfiller", "kind": "client_post"})


def dependency_away(stand: Stand) -> Trouble:
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'rightsbus/fulfiller'"
    for _ in range(10):
        stand.db.execute(cut)
        time.sleep(0.2)

    def look() -> None:
        found = {row["what"]: row["ok"] for row in json.loads(stand.run("doctor", "--json", exits=1))}
        assert found["database"]
        assert found["broker"]

    return Trouble(look)


def not_projected(stand: Stand) -> Trouble:
    stand.write("privacy.decided", b'{"type": "DecisionApplied"}')
    return Trouble(lambda: stand.run("register", "rebuild"), {"topic": "privacy.decided"})


def keys_overdue(stand: Stand) -> Trouble:
    """The case was over long ago, and intake has lost sight of it."""
    stand.ages("UPDATE intake.state SET body = body || '{\"destroy_at\": null}' WHERE id = %s "
               "AND body->>'destroy_at' IS NOT NULL", case_key(stand.gone))  # fmt: skip
    stand.ages("UPDATE ops.requests SET closed_at = now() - interval '90 days' WHERE request_id = %s "
               "AND closed_at IS NOT NULL", stand.gone)  # fmt: skip

    def destroy() -> None:
        listed = [row["case_key"] for row in json.loads(stand.run("retention", "keys", "--json"))]
        assert listed == [case_key(stand.gone)]
        stand.run("retention", "keys", "--apply")

    return Trouble(destroy, {"brand": "parcelwise"})


def history_unsigned(stand: Stand) -> Trouble:
    return Trouble(lambda: stand.run("audit", "seal"))


def worker_hangs(stand: Stand) -> Trouble:
    """A worker that hangs falls behind and answers nobody."""
    os.kill(stand.system.pids()["verifier"], signal.SIGSTOP)
    for _ in range(3):
        stand.submit("inquiry")
    return Trouble(lambda: stand.run("restart", "verifier", "--within", "0.2"), {"process": "verifier"})


def lag_old(_: Stand) -> Trouble:
    """What the hanging worker does not read; started again, it catches up."""
    return Trouble(lambda: None, {"group": "verifier"})


TOGETHER: dict[str, Callable[[Stand], Trouble]] = {
    "ProcessDown": worker_hangs, "LagOld": lag_old,
    "ForgedReplies": forged_replies, "RecordsParked": records_parked, "OutboxLeft": outbox_left,
    "EffectsFail": effects_fail, "LettersUndelivered": letters_undelivered,
    "HandoverSilent": handover_silent, "RequestsLate": requests_late, "PartsOverdue": parts_overdue,
    "RequestsPastHalf": past(50, 30, 20), "RequestsPast80": past(80, 45, 7), "RequestsPast95": past(95, 60, 1),
    "KeysOverdue": keys_overdue, "AcknowledgementsLate": acknowledgements_late, "RequestsDueSoon": requests_due_soon,
    "OperatorAwaited": operator_awaited, "HistoryUnsigned": history_unsigned, "DependencyAway": dependency_away,
    "NotProjected": not_projected,
}  # fmt: skip
"""What can be wrong at once; mended in this order: a rebuild, at the end, makes young again what was aged."""


@dataclass
class Seen:
    """What was seen of each alarm, and which panels had nothing to show."""

    fired: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    empty: list[str] = field(default_factory=list)


def register_blind(stand: Stand) -> Trouble:
    """Without its rights the register cannot see how far services are; setting up again gives them back."""
    group = ResourcePattern(ResourceType.GROUP, f"{stand.system.found.prefix}notifier")
    with admin(stand.system.found.access()) as broker:
        broker.delete_acls([ACLFilter("User:ops", None, ACLOperation.ANY, ACLPermissionType.ANY, group)])
    return Trouble(lambda: stand.run("topics", "create"))


def mend(troubles: Mapping[str, Trouble], server: Prometheus, ended: set[str]) -> None:
    """Do what each runbook says, one after the other, and see each alarm end."""
    mended: dict[str, Trouble] = {}
    for name, trouble in troubles.items():
        trouble.mend()
        mended[name] = trouble
        note(server.firing(), mended, ended, fires=False)
    watch(server, troubles, ended, fires=False)


def note(firing: list[Mapping[str, str]], troubles: Mapping[str, Trouble], noted: set[str], *, fires: bool) -> None:
    noted.update(name for name, one in troubles.items() if one.among(firing, name) is fires)


def watch(server: Prometheus, troubles: Mapping[str, Trouble], noted: set[str], *, fires: bool) -> None:
    """Note each alarm as soon as it fires, or does not any more."""
    look, within_s = (server.fired, FIRES_WITHIN_S) if fires else (server.firing, ENDS_WITHIN_S)
    deadline = time.monotonic() + within_s
    while not troubles.keys() <= noted and time.monotonic() < deadline:
        note(look(), troubles, noted, fires=fires)
        time.sleep(0.25)


class Other:
    """A register of its own database, whose history somebody edited; its metrics are served as any other's."""

    def __init__(self, system: System, urls: tuple[str, str], folder: Path) -> None:
        url, self._backup = urls
        self.folder, self.meters = folder, Meters()
        endpoints, keys = system.found.endpoints, system.found.keys
        replace(endpoints, data_dir=folder, database_url=url).save()
        shutil.copy(endpoints.data_dir / "logins.json", folder)
        with store.connection(self._backup) as kept:
            Ledger(kept, keys, trust_of(keys)).take(accepted(an_id("edited")), accepted(an_id("other")))
        settings: dict[str, Any] = {
            "kafka_bootstrap": "127.0.0.1:1", "kafka_username": "ops", "kafka_password": "none",
            "keys_dir": endpoints.keys_dir, "database_url": url, "policies_dir": ROOT / "policies",
        }  # fmt: skip
        self._url, self._register = url, Register(Settings(**settings), keys, self.meters)

    def keep_house(self) -> None:
        with store.connection(self._url) as db:
            self._register.keep_house(db)

    def broken(self, stand: Stand) -> Trouble:
        """All of it came from a backup; then an entry was edited, and it is not signed until that one came, too."""
        restore = ("audit", "restore", "--from", self._backup, "--apply", "--json")
        assert len(json.loads(stand.run(*restore, at=self.folder))) == 2
        with store.connection(self._url) as db:
            db.execute("UPDATE ops.audit SET leaf = %s WHERE n = 1 AND chain = (SELECT min(id) FROM ops.chains)",
                       [bytes(32)])  # fmt: skip
        self.keep_house()

        def mend() -> None:
            assert len(json.loads(stand.run(*restore, at=self.folder))) == 1
            self.keep_house()

        return Trouble(mend)


@pytest.fixture(scope="module")
def seen(
    servers: TestServers, system: System, module_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seen]:
    """Everything goes wrong, is seen, and is mended, once for all the tests below."""
    port, found, before = free_port(), Seen(), set(system.found.names("clients"))
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for publishing in ("publish_roots", "announce"):
            patch.setattr(process, publishing, lambda *_: 0)
        urls = module_database_url, stack.enter_context(servers.fresh_database("backup_of_history"))
        for url in urls:
            upgrade(url)
        other = Other(system, urls, tmp_path_factory.mktemp("other"))
        server, thread = start_http_server(port, addr="127.0.0.1", registry=other.meters.registry)
        stack.callback(thread.join)
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        db = stack.enter_context(psycopg.connect(system.found.endpoints.database_url, autocommit=True))
        folder = tmp_path_factory.mktemp("prometheus")
        asks = stack.enter_context(prometheus(system.found.endpoints.data_dir, folder, {"other": port}))
        stand = stack.enter_context(closing(Stand(system, db)))
        everything(stand, other, asks, found)
        yield found
    for client in set(system.found.names("clients")) - before:
        clients.remove(system.found, client, escalate=True)


def everything(stand: Stand, other: Other, asks: Prometheus, found: Seen) -> None:
    unseen = {"HistoryBroken": other.broken(stand), "RegisterBlind": register_blind(stand)}
    watch(asks, unseen, found.fired, fires=True)
    mend(unseen, asks, found.ended)
    troubles = {name: provoke(stand) for name, provoke in TOGETHER.items()}
    watch(asks, troubles, found.fired, fires=True)
    empty = {name: query for name, query in panels() if not asks.value(query)}
    mend(troubles, asks, found.ended)
    found.empty = [name for name, query in empty.items() if not asks.value(query)]


@pytest.mark.parametrize("alarm", alarms())
def test_an_alarm_fires_when_it_is_so_and_ends_when_its_runbook_was_followed(seen: Seen, alarm: str) -> None:
    assert alarm in seen.fired
    assert alarm in seen.ended


def test_every_panel_of_the_dashboards_shows_something(seen: Seen) -> None:
    assert seen.empty == []


def test_promtool_finds_nothing_wrong_with_rules_and_pages_of_metrics(seen: Seen, system: System) -> None:
    assert not seen.empty
    argv = [str(ROOT / "deploy" / "prometheus" / "check"), "--data", str(system.found.endpoints.data_dir)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("metrics of port") == len(SERVICES)
