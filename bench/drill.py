"""Kill the services with SIGKILL while thousands of requests travel, and count what was lost or done twice.

Each service is killed at random moments; the supervisor starts it again. At the end every request must have come to
its own end, every row must be gone once, every hand-over and every letter must be there once. A letter may leave again
when the crash fell between its leaving and our note of it, at most once per kill.
"""

import argparse
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from typing import Final

import psutil
import psycopg

from bench import load
from bench.load import Seen, Sender, Submission, Watcher
from bench.system import System, running
from services.clients.names import Handovers
from services.ops.kafka import read_all

SERVICES: Final = ("intake", "verifier", "fulfiller", "notifier")
ENDS: Final = {"del": "fulfilled", "out": "fulfilled", "par": "fulfilled", "str": "denied"}
"""How each kind of request publicly ends, by the first letters of its name."""
SPARED: Final = 20
"""The last so many people are left to others who share the system."""
SHARES: Final = {"del": 0.6, "out": 0.15, "par": 0.15, "str": 0.1}


@dataclass(slots=True)
class Account:
    """What the drill found, line by line; empty `wrong` is a pass."""

    figures: dict[str, object] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def expect(self, what: str, found: object, must: object) -> None:
        """Note a figure, and complain when it is not what it must be."""
        self.figures[what] = found
        if found != must:
            self.wrong.append(f"{what}: {found}, not {must}")

    def at_most(self, what: str, found: int, most: int) -> None:
        """Note a figure that has an upper bound."""
        self.figures[what] = f"{found} (at most {most})"
        if found > most:
            self.wrong.append(f"{what}: {found}, more than {most}")

    def tell(self, good: str) -> int:
        """Print all figures and what is wrong, or this sentence; returns how much is wrong."""
        for what, found in self.figures.items():
            print(f"{what:44} {found}")
        for sentence in self.wrong:
            print(f"WRONG: {sentence}")
        print(f"{len(self.wrong)} things are wrong" if self.wrong else good)
        return len(self.wrong)


def run(argv: Sequence[str]) -> int:
    """Drill; returns 0 when nothing was lost and nothing done twice."""
    parser = argparse.ArgumentParser(prog="python -m bench drill", description=__doc__)
    parser.add_argument("--requests", type=int, default=5_000)
    parser.add_argument("--kills", type=int, default=2, help="times each service is killed")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args(argv)
    with running(11 * given.requests + 200) as system:
        account = drill(system, given.requests, given.kills, given.seed)
    return account.tell("nothing lost, nothing done twice")


def drill(system: System, requests: int, kills: int, seed: int, within_s: float = 600.0) -> Account:
    """Send so many requests, kill each service so often while they travel, and take the account."""
    draw, account = random.Random(seed), Account()
    submissions = _mixed(system, requests, draw)
    watcher = Watcher(system)
    sender = Sender(system, watcher.seen)
    names = {submission["submission_id"] for submission in submissions}
    before, parked = _tally(system), {stage: left[2] for stage, left in _left(system, set()).items()}
    sender.send(submissions)
    started = time.monotonic()
    account.figures["killed"] = _kill(system, watcher, kills, draw)
    last_kill = time.monotonic()
    done = watcher.until(lambda seen: _ended(seen, names), within_s)
    account.figures["seconds in all"] = round(time.monotonic() - started, 1)
    account.figures["seconds from the last kill to the last end"] = round(time.monotonic() - last_kill, 1)
    account.expect("everything ended in time", done, must=True)
    _count_ends(watcher.seen, submissions, account)
    _count_rows(system, submissions, before, account)
    mine = {request for request, name in watcher.seen.requests.items() if name in names}
    _count_handovers(system, mine, sum(name.startswith("par") for name in names), account)
    _count_letters(system, watcher, mine, kills * len(SERVICES), account)
    _count_left(system, watcher, mine, parked, account)
    watcher.close()
    sender.close()
    return account


def _mixed(system: System, requests: int, draw: random.Random) -> list[Submission]:
    people, parcels = load.holders(system.humans)[-SPARED::-1], load.recipients(system.humans)[::-1]
    counts = {kind: round(requests * share) for kind, share in SHARES.items()}
    own = iter(people)
    mixed = [
        *load.deletions([next(own) for _ in range(counts["del"])]),
        *load.opt_outs([next(own) for _ in range(counts["out"])]),
        *load.strangers([next(own) for _ in range(counts["str"])]),
        *load.handovers(parcels[: counts["par"]]),
    ]
    draw.shuffle(mixed)
    return mixed


def _kill(system: System, watcher: Watcher, kills: int, draw: random.Random) -> str:
    """Kill every service so often, in a random order, at random moments while requests travel."""
    victims = [service for service in SERVICES for _ in range(kills)]
    draw.shuffle(victims)
    for service in victims:
        moment = time.monotonic() + draw.uniform(0.3, 2.0)
        watcher.until(lambda _, moment=moment: time.monotonic() > moment, 5)  # type: ignore[misc]
        watcher.until(lambda _, service=service: service in system.pids(), 30)  # type: ignore[misc]
        psutil.Process(system.pids()[service]).send_signal(signal.SIGKILL)
    return ", ".join(victims)


def _ended(seen: Seen, names: set[str]) -> bool:
    """Publicly ended, and closed inside; a hand-over stays open until its client replies."""
    if len(seen.ends.keys() & names) < sum(not name.startswith("par") for name in names):
        return False
    closed = {seen.requests.get(request) for request in seen.closed_ms}
    handed = {seen.requests.get(request) for request in seen.handed}
    return all(name in (handed if name.startswith("par") else closed) for name in names)


def _count_ends(seen: Seen, sent: Sequence[Submission], account: Account) -> None:
    must = Counter(s["submission_id"][:3] for s in sent if not s["submission_id"].startswith("par"))
    names = {s["submission_id"] for s in sent}
    ends = Counter((name[:3], end) for name, end in seen.ends.items() if name in names)
    for kind, number in sorted(must.items()):
        account.expect(f"{kind}: ended {ENDS[kind]}", ends[kind, ENDS[kind]], number)
    otherwise = {name: end for name, end in seen.ends.items() if name in names and end != ENDS.get(name[:3], end)}
    account.figures["ended otherwise"] = otherwise
    account.expect("requests", sum(name in names for name in seen.requests.values()), len(sent))


def _tally(system: System) -> tuple[int, int, int]:
    """Accounts there are, erasures in the ledger, and distinct ones."""
    query = """SELECT (SELECT count(*) FROM accounts.account), count(*), count(DISTINCT task_id)
    FROM accounts.rightsbus_ledger WHERE receipt LIKE '%"erased"%'"""
    with psycopg.connect(system.found.endpoints.database_url) as db:
        there = db.execute("SELECT to_regclass('accounts.rightsbus_ledger')").fetchone()
        if there is None or there[0] is None:
            accounts = db.execute("SELECT count(*), 0, 0 FROM accounts.account").fetchone()
            return accounts or (0, 0, 0)
        return db.execute(query).fetchone() or (0, 0, 0)


def _count_rows(system: System, sent: Sequence[Submission], before: tuple[int, int, int], account: Account) -> None:
    """What was to be erased is gone, everybody else's is there, and each erasure is in the ledger once."""
    gone = [s["submission_id"][4:] for s in sent if s["submission_id"].startswith("del")]
    numbers = [f"AC-{70_000 + int(number)}" for number in gone]
    with psycopg.connect(system.found.endpoints.database_url) as db:
        left = db.execute("SELECT count(*) FROM accounts.account WHERE id = ANY(%s)", [numbers]).fetchone()
    after = _tally(system)
    account.expect("rows of deleted people left", left, (0,))
    account.expect("accounts gone", before[0] - after[0], len(gone))
    account.expect("erasures noted, and distinct ones", (after[1] - before[1], after[2] - before[2]), (len(gone),) * 2)


def _count_handovers(system: System, mine: set[str], must: int, account: Account) -> None:
    topics = {client["topic"]: client["id"] for client in system.described["clients"]}
    names = Handovers(system.found.keys)
    called = {names.name(client, request) for client in topics.values() for request in mine}
    keys = [(record.key or b"").decode() for record in read_all(system.found.access(), list(topics))]
    found = Counter(key for key in keys if key in called)
    account.expect("hand-overs on the clients' topics", len(found), must)
    account.figures["of them published again under the same id"] = sum(found.values()) - len(found)


def _count_letters(system: System, watcher: Watcher, mine: set[str], kills: int, account: Account) -> None:
    """Every letter the notifier decided on is there, by Message-ID; it may be there again once per kill."""
    folder, known = system.found.endpoints.mail_dir, dict[str, tuple[str, str]]()

    def letters() -> Counter[str]:
        for file in folder.glob("*.eml"):
            if file.name not in known:
                mail = message_from_bytes(file.read_bytes())
                known[file.name] = str(mail["X-Rightsbus-Request"]), str(mail["Message-ID"])
        return Counter(message for request, message in known.values() if request in mine)

    must = _decided(system, mine)
    watcher.until(lambda _: len(letters()) >= must, 120)
    found = letters()
    account.expect("letters", len(found), must)
    account.at_most("letters that left again", sum(found.values()) - len(found), kills)


def _decided(system: System, mine: set[str]) -> int:
    """How many letters these requests' correspondence holds; one without any address cannot leave."""
    query = """SELECT coalesce(sum(jsonb_array_length(body->'letters')), 0) FROM notifier.state
    WHERE id = ANY(%s) AND (body->'accepted'->>'has_email')::bool"""
    with psycopg.connect(system.found.endpoints.database_url) as db:
        found = db.execute(query, [sorted(mine)]).fetchone()
    return int(found[0]) if found else 0


def _left(system: System, mine: set[str]) -> dict[str, tuple[int, int, int]]:
    """Per stage: outbox rows, effects still to happen to these requests, parked messages."""
    found = {}
    with psycopg.connect(system.found.endpoints.database_url) as db:
        for stage in (*SERVICES, "tasks"):
            query = (
                f"SELECT (SELECT count(*) FROM {stage}.outbox), (SELECT count(*) FROM {stage}.effects "  # noqa: S608
                f"WHERE kind <> 'destroy_key' AND request_id = ANY(%s)), "
                f"(SELECT coalesce(sum(parked), 0) FROM {stage}.state)"
            )
            outbox, effects, parked = db.execute(query, [sorted(mine)]).fetchone() or (-1, -1, -1)
            found[stage] = int(outbox), int(effects), int(parked)
    return found


def _count_left(system: System, watcher: Watcher, mine: set[str], parked: dict[str, int], account: Account) -> None:
    """Nothing waits to be sent or done, and nothing lies parked that did not before."""
    watcher.until(lambda _: not any(any(left[:2]) for left in _left(system, mine).values()), 30)
    for stage, left in _left(system, mine).items():
        account.expect(f"{stage}: outbox, effects, parked left", left, (0, 0, parked[stage]))
