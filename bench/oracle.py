"""Whether an impostor can tell, from outside, if a person exists: letters, statuses, and the time to each of them.

As many requests in the name of people there are as of people nobody knows, in random order: a name and a phone number,
too little for what is asked. All are answered wrongly, none is verified. Letters must be the same but for references,
statuses the same. Two-sample Kolmogorov-Smirnov tests, corrected by Holm for their number, must not tell the times
apart: one test for each status and letter, and one for all of them together. By the same rule they must tell the sides
apart once 50 ms are added to everything one side saw, as a look-up that takes longer would: a run in which they do not
proves nothing. Requests come so slowly that none waits for another: what drowns in a queue would be found in none.
"""

import argparse
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any, Final

from kafka import KafkaProducer

from bench import load, throughput
from bench.apart import Side, compare, lines
from bench.load import Submission
from bench.system import System, running
from rules.normalise import normalise
from schemas.values import PointKind
from services.ops.kafka import Follower
from stack.demo.login import client_settings
from stack.sample.people import Human

WITHIN_S: Final = 60.0
"""How long after the last request everything is waited for."""
REQUEST: Final = "X-Rightsbus-Request"
LAST: Final = "unverified"
"""The letter that ends it."""
_REFERENCE: Final = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{32}\b|\b\d\d:\d\d UTC")


def run(argv: Sequence[str]) -> int:
    """Print what was compared and what tells the two apart; 1 when something does, or when 50 ms would not."""
    parser = argparse.ArgumentParser(prog="bench oracle", description=__doc__)
    parser.add_argument("--requests", type=int, default=500, help="requests on each side")
    parser.add_argument("--rate", type=float, default=6.0, help="requests sent per second")
    parser.add_argument("--seed", type=int, default=throughput.SEED)
    args = parser.parse_args(argv)
    with running(12 * args.requests + 500) as system:
        sides = observed(system, args.requests, args.rate, args.seed)
    verdict = compare(*sides, expected=args.requests)
    print(json.dumps({"machine": throughput.machine(), "requests_each": args.requests, **verdict}, indent=2))
    print("\n".join(lines(verdict)))
    for line in verdict["wrong"]:
        print(f"FAILED: {line}", file=sys.stderr)
    print(f"exit {(code := int(bool(verdict['wrong'])))}")
    return code


def observed(system: System, number: int, rate: float, seed: int) -> tuple[Side, Side]:
    """Ask for both halves in random order, answer what is asked, and watch until every one has ended."""
    people = load.holders(system.humans)[-number:]
    unused = _unused(system.humans)
    asked = [(True, _asks(h)) for h in people]
    asked += [(False, _asks(h, phone)) for h, phone in zip(people, unused, strict=False)]
    random.Random(seed).shuffle(asked)
    watch = Watch(system)
    try:
        for at, (_, body) in enumerate(asked):
            watch.send(body)
            watch.until_time(watch.began + (at + 1) / rate)
        watch.until_ended(len(asked))
    finally:
        watch.close()
    sides = {True: Side(), False: Side()}
    exists = {body["submission_id"]: exists for exists, body in asked}
    names = {body["submission_id"]: body["subject"]["name"] for _, body in asked}
    for name, what, ms in watch.statuses:
        sides[exists[name]].times[f"status {what}"].append((watch.sent_ms[name], ms - watch.sent_ms[name]))
    for name, what, ms, text in _all_letters(system, watch.names):
        sides[exists[name]].times[f"letter {what}"].append((watch.sent_ms[name], ms - watch.sent_ms[name]))
        sides[exists[name]].texts[what][masked(text, names[name])] += 1
    return sides[True], sides[False]


def _all_letters(system: System, names: Mapping[str, str]) -> list[tuple[str, str, float, str]]:
    """The letters of everybody, once the last one has left; what is not there by then never came."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        found = list(_letters(system, names))
        last = {name for name, what, *_ in found if what.startswith(LAST)}
        if len(last) == len(names) or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def masked(text: str, name: str) -> str:
    """A letter without its references: the request's id, codes, the hour it waits until, the name it is written to."""
    return _REFERENCE.sub("#", text.replace(name, "#"))


def _asks(h: Human, phone: str | None = None) -> Submission:
    """Access in somebody's name: what fits one record is too little, what fits none is as much."""
    kind = "nobody" if phone else "known"
    return {
        "submission_id": f"oracle-{kind}-{h.number}", "source": load.SOURCE, "brand": "parcelwise",
        "rights": ["know_specific"], "residence": {"country": "US", "region": "WY"}, "locale": "en-US",
        "declaration": load.DECLARED,
        "subject": {"name": f"Nemo {h.number}" if phone else h.name, "emails": [f"{kind}.{h.number}@example.net"],
                    "phones": [phone or h.phone]},
    }  # fmt: skip


def _unused(humans: Sequence[Human]) -> Iterator[str]:
    """Phone numbers that can exist and that nobody in the sample has."""
    taken = {h.phone[2:5] for h in humans}
    for area in (area for area in map(str, range(201, 990)) if area not in taken):
        if normalise(PointKind.PHONE, f"+1{area}5550100"):
            yield from (f"+1{area}55501{end:02}" for end in range(100))


class Watch:
    """One upstream app: sends, answers what it is asked, and notes every status with its moment."""

    def __init__(self, system: System) -> None:
        login = system.described["kafka"]["upstream"]
        settings = client_settings(system.found.endpoints.bootstrap, login["username"], login["password"])
        self._producer = KafkaProducer(linger_ms=0, **settings)
        self._follower = Follower(system.found.access("ops"), [f"privacy.status.{load.SOURCE}"])
        self.began, self.sent_ms = time.monotonic(), dict[str, float]()
        self.statuses: list[tuple[str, str, float]] = []
        self.names: dict[str, str] = {}
        self._ended, self._answered, self._seen = set[str](), set[str](), Counter[tuple[str, str]]()

    def send(self, body: Submission) -> None:
        """Publish one submission, and note when."""
        self.sent_ms[body["submission_id"]] = time.time() * 1000
        self._producer.send("privacy.requests", value=json.dumps(body).encode())

    def until_time(self, moment: float) -> None:
        """Watch until then."""
        while (left := moment - time.monotonic()) > 0:
            self._look(int(min(left, 0.02) * 1000) + 1)

    def until_ended(self, number: int) -> None:
        """Watch until every request has ended.

        Raises:
            TimeoutError: some have not, long after they should have.
        """
        deadline = time.monotonic() + WITHIN_S
        while len(self._ended) < number:
            if time.monotonic() > deadline:
                message = f"{number - len(self._ended)} of {number} requests have not ended"
                raise TimeoutError(message)
            self._look(100)

    def _look(self, wait_ms: int) -> None:
        for record in self._follower.poll(wait_ms):
            event = json.loads(record.value or b"{}")
            name = event.get("submission_id")
            if name not in self.sent_ms:
                continue
            self.names[event["request_id"]] = name
            waits = (event.get("waiting_for") or {}).get("kind")
            what = "/".join(filter(None, (event["status"], event.get("reason"), waits)))
            self._seen[name, what] += 1
            self.statuses.append((name, f"{what} {self._seen[name, what]}", record.at_ms))
            self._react(name, event, waits)

    def _react(self, name: str, event: Mapping[str, Any], waits: str | None) -> None:
        if event["status"] in load.FINAL:
            self._ended.add(name)
        if waits and name not in self._answered:
            self._answered.add(name)
            wrong = {"order_numbers": ["ORDER-THAT-NEVER-WAS"]}
            body = {"source": load.SOURCE, "answer_id": "wrong", "request_id": event["request_id"], "kind": "points",
                    "subject": wrong}  # fmt: skip
            self._producer.send("privacy.answers", value=json.dumps(body).encode())

    def close(self) -> None:
        """Stop sending and watching."""
        self._producer.close()
        self._follower.close()


def _letters(system: System, names: Mapping[str, str]) -> Iterable[tuple[str, str, float, str]]:
    """Every letter that went to whoever asked: of which submission, which letter, when in ms, its text."""
    seen = Counter[tuple[str, str]]()
    for path in sorted(Path(system.described["mail_dir"]).glob("*.eml")):
        letter = message_from_bytes(path.read_bytes())
        name, what = names.get(letter[REQUEST] or ""), str(letter["X-Rightsbus-Letter"])
        if name and str(letter["To"]).endswith("@example.net"):
            seen[name, what] += 1
            yield name, f"{what} {seen[name, what]}", int(path.name.split("-")[0]) / 1e6, _text(letter)


def _text(letter: Message) -> str:
    payload = letter.get_payload(decode=True)
    body = payload.decode() if isinstance(payload, bytes) else str(payload)
    return f"{letter['Subject']}\n{body}"
