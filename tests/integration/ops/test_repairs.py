"""Poison of each kind parked, mended and put back, and decisions, on the running system: the request ends right, once.

The kinds: what an outsider may not say (a client's reply, a system's result; an unknown app's request: `test_live`),
what nobody can decide as a state cannot be read (a record, and a waking), and what nobody can read (`test_live`).
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from typer.testing import CliRunner

from bench.system import System
from services.kernel.tokens import case_id, reply_token, request_id
from services.ops import clients, parked
from services.ops.cli import app
from services.ops.kafka import Publisher
from services.ops.register import queries
from services.ops.register.queries import Filter
from services.ops.traces import Trace
from tests.support.shop import Desk, Inbox, Shop, at_desk, open_shop

pytestmark = pytest.mark.integration
HAND = parked.Hand("avery", "INC-1")
QUICK = "opt_out_sale_share"


@pytest.fixture
def db(system: System) -> Iterator[psycopg.Connection[Any]]:
    with system.found.connect() as connection:
        yield connection


@pytest.fixture(scope="module")
def desk(system: System) -> Iterator[Desk]:
    yield from at_desk(system)


@pytest.fixture(scope="module")
def aspen(system: System) -> Iterator[Shop]:
    shop = open_shop(system, "aspen")
    yield shop
    clients.remove(system.found, shop.id, escalate=True)


@pytest.fixture
def at_aspen(aspen: Shop) -> Iterator[Inbox]:
    inbox = aspen.messages()
    yield inbox
    inbox.close()


def until(condition: Callable[[], Any], within_s: float = 45) -> Any:
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come to pass in time"
        time.sleep(0.05)
    return found


def rightsbus(system: System, *words: str) -> str:
    told = CliRunner().invoke(app, [*words, "--data", str(system.found.endpoints.data_dir)])
    assert told.exit_code == 0, (words, told.output, told.exception)
    return str(told.output)


def decided(system: System, *words: str) -> dict[str, Any]:
    """What became of a decision that is refused."""
    told = CliRunner().invoke(app, ["decide", *words, "--json", "--data", str(system.found.endpoints.data_dir)])
    assert told.exit_code == 1
    [row] = json.loads(told.output)
    return dict(row)


def submitted(system: System, right: str, email: str | None) -> str:
    """A request by e-mail; returns its id."""
    name = f"repair-{uuid4().hex[:12]}"
    body = {"submission_id": name, "source": "webform", "brand": "parcelwise", "rights": [right],
            "subject": {"emails": [email]}, "residence": {"country": "US", "region": "CA"}}  # fmt: skip
    with closing(Publisher(system.found.access())) as publisher:
        publisher.send("privacy.requests", json.dumps(body).encode(), key=b"any")
    key = system.found.keys.derive("ids")
    return str(request_id(key, case_id(key, "webform", name), right))


def told_of(system: System, request: str) -> list[dict[str, Any]]:
    with closing(Trace(system.found, request)) as trace:
        return list(trace.events())


def verbs(db: psycopg.Connection[Any], request: str) -> list[tuple[str, bool | None]]:
    """What the register knows to have been decided."""
    return [(row["verb"], row["applied"]) for row in (queries.request(db, request) or {})["decisions"]]


def counted(system: System, request: str) -> Counter[str]:
    return Counter(event["type"] for event in told_of(system, request))


def lying(db: psycopg.Connection[Any], known: set[Any], **wanted: Any) -> list[dict[str, Any]]:
    """What lies parked and was not known before."""
    rows = parked.lying(db)
    return [row for row in rows if row["event_id"] not in known and wanted.items() <= row.items()]


def test_a_reply_with_the_wrong_token_is_edited_put_back_and_ends_its_request_once(
    db: psycopg.Connection[Any], desk: Desk, aspen: Shop, at_aspen: Inbox, tmp_path: Path
) -> None:
    system = desk.system
    request, known = desk.asks(aspen.ships_to("Asta Aspenwood"), QUICK), {row["event_id"] for row in parked.lying(db)}
    message = at_aspen.about(aspen.calls(request))
    said = {name: message[name] for name in ("client", "handover_id")} | {"type": "completed"}
    aspen.write(said | {"reply_token": "0" * 32})
    [row] = until(lambda: lying(db, known, topic="privacy.client-replies"))
    file, identity = tmp_path / "reply.json", str(row["event_id"])

    assert (row["service"], row["request_id"]) == ("fulfiller", None)
    rightsbus(system, "parked", "show", identity, "--reason", "INC-1", "--out", str(file))
    file.write_text(json.dumps(json.loads(file.read_text()) | {"reply_token": message["reply_token"]}))
    rightsbus(system, "parked", "replay", identity, "--reason", "INC-1", "--value", str(file))

    assert desk.end(request)[f"client:{aspen.id}/handover"] == "completed"
    until(lambda: counted(system, request)["RequestClosed"])
    assert counted(system, request)["RequestClosed"] == 1
    assert not lying(db, known, topic="privacy.client-replies")


def test_a_result_with_the_wrong_token_is_edited_put_back_and_ends_its_part_once(
    system: System, db: psycopg.Connection[Any], tmp_path: Path
) -> None:
    known, file, part = {row["event_id"] for row in parked.lying(db)}, tmp_path / "result.json", "own/system:web"
    [*_, one] = (h for h in system.humans[:3_000] if h.brand == "parcelwise" and h.visitor and h.email)
    with db.transaction():
        db.execute("SELECT 1 FROM web.preference WHERE visitor_id = %s FOR UPDATE", [one.visitor])
        request = submitted(system, QUICK, one.email)  # the system does not come to answer
        task = until(lambda: [row for row in told_of(system, request) if (row.get("data") or {}).get("part") == part])
        said = {"request_id": request, "system": "web", "part": part, "outcome": "applied", "type": "TaskFinished",
                "task_id": task[0]["data"]["task_id"], "reply_token": "0" * 32}  # fmt: skip
        with closing(Publisher(system.found.access())) as publisher:
            publisher.send("privacy.task-results", json.dumps(said).encode(), key=request.encode())
        with system.found.connect() as other:
            [row] = until(lambda: lying(other, known, topic="privacy.task-results"))
            identity = str(row["event_id"])
            rightsbus(system, "parked", "show", identity, "--reason", "INC-1", "--out", str(file))
            good = reply_token(system.found.keys.derive("tokens"), part, request, "web")
            file.write_text(json.dumps(json.loads(file.read_text()) | {"reply_token": good}))
            rightsbus(system, "parked", "replay", identity, "--reason", "INC-1", "--value", str(file))
            until(lambda: (queries.request(other, request) or {})["closed_at"])

    until(lambda: counted(system, request)["TaskFinished"] > counted(system, request)["TaskAssigned"])
    ends = {row["part"]: row["outcome"] for row in (queries.request(db, request) or {})["parts"]}
    assert (row["error"], ends[part]) == ("forgedtoken", "applied")
    assert (counted(system, request)["RequestClosed"], counted(system, request)["RequestAmended"]) == (1, 0)
    assert not lying(db, known, topic="privacy.task-results")


def test_a_reply_is_not_put_back_as_what_its_topic_does_not_carry(
    system: System, db: psycopg.Connection[Any], aspen: Shop
) -> None:
    known = {row["event_id"] for row in parked.lying(db)}
    aspen.write({"type": "completed"})
    [row] = until(lambda: lying(db, known, topic="privacy.client-replies"))

    with pytest.raises(parked.CannotReplay, match="reply_token: must be given"):
        parked.replay(system.found, str(row["event_id"]), HAND, b'{"type": "completed", "client": "aspen"}')
    parked.discard(system.found, str(row["event_id"]), HAND)


@dataclass
class Spoilt:
    """A state that cannot be read for a while, and the waking that was parked for it."""

    db: psycopg.Connection[Any]
    request: str
    row: dict[str, Any]
    body: str
    due_at: datetime

    def mend(self) -> None:
        """What a deploy of the fix amounts to."""
        self.db.execute("UPDATE fulfiller.state SET body = %s WHERE id = %s", [self.body, self.request])


def spoil(db: psycopg.Connection[Any], request: str) -> Spoilt:
    """Let the state of a request that waits for its client alone be unreadable when it is woken, which is now."""
    left = """SELECT count(*) FROM jsonb_each((SELECT body->'parts' FROM fulfiller.state WHERE id = %s)) p
    WHERE p.value->'end' = 'null'"""
    until(lambda: db.execute(left, [request]).fetchone() == (1,))
    known = {row["event_id"] for row in parked.lying(db)}
    there = "SELECT body::text, due_at FROM fulfiller.state WHERE id = %s AND due_at IS NOT NULL"
    body, due_at = until(lambda: db.execute(there, [request]).fetchone())
    spoilt = "UPDATE fulfiller.state SET body = jsonb_set(body, '{accepted}', '7'), due_at = now() WHERE id = %s"
    db.execute(spoilt, [request])
    [row] = until(lambda: lying(db, known, topic=parked.WAKING, request_id=request))
    return Spoilt(db, request, row, body, due_at)


def test_a_waking_and_a_reply_that_meet_a_state_nobody_can_read_are_replayed_and_their_request_ends_right(
    system: System, db: psycopg.Connection[Any], desk: Desk, aspen: Shop, at_aspen: Inbox
) -> None:
    request = desk.asks(aspen.ships_to("Amalie Ast"), QUICK)
    message = at_aspen.about(aspen.calls(request))
    spoilt = spoil(db, request)
    identity, known = str(spoilt.row["event_id"]), {row["event_id"] for row in parked.lying(db)}
    aspen.write({n: message[n] for n in ("client", "handover_id", "reply_token")} | {"type": "completed"})
    [reply] = until(lambda: lying(db, known, topic="privacy.client-replies", request_id=request))
    spoilt.mend()

    with pytest.raises(parked.CannotReplay, match="no value to edit"):
        parked.replay(system.found, identity, HAND, b"{}")
    rightsbus(system, "parked", "replay", identity, "--reason", "INC-1")

    mended = "SELECT 1 FROM fulfiller.state WHERE id = %s AND parked = 1 AND due_at = %s"
    until(lambda: db.execute(mended, [request, spoilt.due_at]).fetchone())
    rightsbus(system, "parked", "replay", str(reply["event_id"]), "--reason", "INC-1")
    assert (reply["stage"], reply["error"]) == ("decide", "validationerror")
    assert desk.end(request)[f"client:{aspen.id}/handover"] == "completed"
    until(lambda: (queries.request(db, request) or {})["closed_at"])
    assert counted(system, request)["RequestClosed"] == 1


def test_a_waking_given_up_leaves_no_mark(
    system: System, db: psycopg.Connection[Any], desk: Desk, aspen: Shop, at_aspen: Inbox
) -> None:
    request = desk.asks(aspen.ships_to("Anselm Au"), QUICK)
    at_aspen.about(aspen.calls(request))
    spoilt = spoil(db, request)
    spoilt.mend()

    parked.discard(system.found, str(spoilt.row["event_id"]), HAND)

    assert db.execute("SELECT parked FROM fulfiller.state WHERE id = %s", [request]).fetchone() == (0,)


def test_an_operator_holds_a_request_and_lets_it_go_on(
    system: System, db: psycopg.Connection[Any], desk: Desk, aspen: Shop
) -> None:
    request = desk.asks(aspen.ships_to("Almut Ahorn"), "delete", parcel=False)

    def waits() -> dict[str, str]:
        return {r["part"]: r["waiting"] for r in queries.waits(db, Filter()) if r["request_id"] == request}

    until(waits)
    rightsbus(system, "decide", "hold", request, "--part", "own/hold:detail", "--by", "avery")
    until(lambda: waits().get("own/hold:detail") == "detail")
    rightsbus(system, "decide", "release", request, "--by", "avery")
    until(lambda: "own/hold:detail" not in waits())
    again = decided(system, "release", request)

    assert waits()
    assert (again["applied"], again["reason"][:21]) == (False, "release needs a part;")
    until(lambda: verbs(db, request) == [("hold", True), ("release", True), ("release", False)])


def test_an_operator_lengthens_the_time_once(
    system: System, db: psycopg.Connection[Any], desk: Desk, aspen: Shop, at_aspen: Inbox
) -> None:
    request = desk.asks(aspen.ships_to("Alma Auen"), "delete")
    at_aspen.about(aspen.calls(request))
    before = until(lambda: (queries.request(db, request) or {}).get("respond_by"))

    rightsbus(system, "decide", "extend", request, "--basis", "complexity", "--by", "avery")
    after = until(lambda: (queries.request(db, request) or {}).get("extended_to"))
    again = decided(system, "extend", request, "--basis", "complexity")

    assert after - before >= timedelta(days=30)
    assert not again["applied"]
    assert datetime.now(UTC).date() < after
