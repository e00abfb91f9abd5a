"""One journey per right and per hold, all at once, through real workers to their end."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from bench.system import System
from schemas import wire
from schemas.audit import PolicyChanged
from schemas.events import OperatorDecided, RequestClosed, RequestSettled
from schemas.values import Right
from services.kernel.clock import new_id
from services.kernel.tokens import case_id, request_id
from services.ops.kafka import Follower, Publisher
from stack.demo.letters import Mailbox
from stack.sample.people import Human, Kind

pytestmark = pytest.mark.integration

SOURCE, RUN = "webform", uuid4().hex[:8]
WITHIN_S = 150.0
BRANDS = {("firstmile", "2020-01-01"), ("desktopshipper", "2022-10-10")}
CALIFORNIA, VIRGINIA, OREGON = ({"country": "US", "region": region} for region in ("CA", "VA", "OR"))
ONTARIO = {"country": "CA", "region": "ON"}
DECLARED = {"declaration": {"signed_name": "as given", "signed_at": "2026-06-01T12:00:00Z", "text_version": "1"}}
MANDATE = {"mandate": {"kind": "signed_permission", "signed_at": "2026-06-01T12:00:00Z"}}
AGENT = {"role": "agent", "agent": {"name": "Brook Law LLP", "email": "office@brook.example"}}
TWO, THREE = ("emails", "phones"), ("emails", "phones", "account_number")
YES, NO = {"kind": "confirmation"}, {"kind": "confirmation", "accepted": False}
PAYS, DECLINES = {"kind": "fee_consent"}, {"kind": "fee_consent", "accepted": False}
CORRECTED = {"corrections": [{"field": "phone", "new": "+18015550123"}]}
CITED = {"reason": "excessive", "basis": "11 CCR 7023(h)"}


@dataclass(frozen=True)
class Journey:
    """Who asks what; what is said when a letter comes, what an operator decides; how it and its parts end."""

    right: str
    ending: str = "fulfilled"
    points: tuple[str, ...] = TWO
    home: Mapping[str, str] = field(default_factory=lambda: CALIFORNIA)
    brand: str = "parcelwise"
    more: Mapping[str, Any] = field(default_factory=dict)
    on_letter: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    decides: Mapping[str, Any] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    of: str = ""
    """Whose person asks: the journey of that name's; by default one's own."""
    about: str = ""
    """The journey this is an appeal of; it is sent when that one has closed."""


def upheld(part: str = "answer", verb: str = "approve", **more: Any) -> dict[str, Any]:
    return {"verb": verb, "part": part, **more}


DELETED = "partially_fulfilled"
"""A customer's bills are kept as the law has it."""
MAIL = ("emails",)

RIGHTS = {
    "categories": Journey("know_categories", parts={"own/package": "exported"}),
    "access": Journey("know_specific", points=THREE, more=DECLARED, parts={"own/package": "exported"}),
    "portability": Journey("portability", points=THREE, more=DECLARED, parts={"own/package": "exported"}),
    "third parties": Journey("third_party_list", home=OREGON, parts={"own/package": "exported"}),
    "delete": Journey("delete", DELETED, parts={"own/system:accounts": "erased", "own/suppress": "applied"}),
    "correct": Journey("correct", points=THREE, on_letter={"detail_needed": {"kind": "detail", **CORRECTED}},
                       parts={"own/hold:detail": "answered", "own/system:accounts": "corrected"}),
    "no sale": Journey("opt_out_sale_share", parts={"own/suppress": "applied"}),
    "no ads": Journey("opt_out_targeted_ads", parts={"own/suppress": "applied"}),
    "no profiling": Journey("opt_out_profiling", home=VIRGINIA, parts={"own/suppress": "applied"}),
    "no marketing": Journey("opt_out_marketing", parts={"own/suppress": "applied"}),
    "no texts": Journey("opt_out_marketing", more={"media": ["sms"], "channel": "sms"},
                        parts={"own/suppress": "applied"}),
    "limit": Journey("limit_sensitive", parts={"own/suppress": "applied"}),
    "consent withdrawn": Journey("withdraw_consent", parts={"own/suppress": "applied"}),
    "opt in": Journey("opt_in_sale", points=MAIL, on_letter={"confirmation_asked": YES},
                      parts={"own/suppress": "applied"}),
    "shine the light": Journey("shine_the_light"),
    "deactivate": Journey("deactivate"),
    "providers": Journey("service_provider_list", more={"role": "client_staff"}),
    "complaint": Journey("complaint", decides=upheld(verb="done"), parts={"answer": "answered"}),
    "inquiry": Journey("inquiry", decides=upheld(verb="done"), parts={"answer": "answered"}),
    "minor": Journey("minor_report", DELETED, decides=upheld(), parts={"own/system:accounts": "erased"}),
    "refused": Journey("correct", "denied", decides={"verb": "deny", **CITED},
                       more=CORRECTED),
    "appeal": Journey("appeal", about="refused", of="refused", decides=upheld(), parts={"answer": "answered"}),
    "text": Journey("unclassified", more={"rights": [], "message": "Please stop writing to me."},
                    on_letter={"detail_needed": {"kind": "detail", "rights": ["opt_out_marketing"]}}),
}  # fmt: skip
ACCESS: dict[str, Any] = {"points": THREE, "more": DECLARED}
HOLDS = {
    "signed later": Journey("know_specific", points=THREE, parts={"own/hold:declaration": "answered"},
                            on_letter={"proof_needed": {"kind": "declaration", **DECLARED}}),
    "never signed": Journey("know_specific", "partially_fulfilled", points=THREE,
                            parts={"own/hold:declaration": "unverified", "own/pieces": "denied"}),
    "confirmed": Journey("delete", DELETED, brand="shipdesk", on_letter={"confirmation_asked": YES},
                         parts={"own/hold:confirmation": "confirmed"}),
    "whole account declined": Journey("delete", "denied", brand="shipdesk", on_letter={"confirmation_asked": NO}),
    "never said what is wrong": Journey("correct", "unverified", parts={"own/hold:detail": "expired"}),
    "never confirmed": Journey("delete", "expired", brand="shipdesk", parts={"own/hold:confirmation": "expired"}),
    "opt in, asked too soon": Journey("opt_in_sale", "expired", points=MAIL, more={"prompted": True}, of="no sale",
                                      about="no sale", parts={"own/hold:confirmation": "expired"}),
    "opt in regretted": Journey("opt_in_sale", "withdrawn", points=MAIL, on_letter={"confirmation_asked": NO}),
    "agent": Journey("delete", DELETED, more=AGENT, on_letter={"mandate_needed": {"kind": "mandate", **MANDATE},
                                "confirmation_asked": YES},
                     parts={"own/hold:mandate": "answered"}),
    "agent without mandate": Journey("delete", "expired", more=AGENT, parts={"own/hold:mandate": "expired"}),
    "spoken in Canada": Journey("know_specific", points=THREE, home=ONTARIO, more={**DECLARED, "channel": "phone"},
                                on_letter={"detail_needed": {"kind": "detail", "message": "In writing, then."}},
                                parts={"own/hold:detail": "answered"}),
    "more detail": Journey("delete", DELETED, decides=upheld("own/hold:detail", "hold"),
                           on_letter={"detail_needed": {"kind": "detail", "message": "All of it."}},
                           parts={"own/hold:detail": "answered"}),
    "fee": Journey("delete", DELETED, decides=upheld("own/hold:fee", "hold", reason="excessive"),
                   on_letter={"fee_asked": PAYS}, parts={"own/hold:fee": "confirmed"}),
    "fee declined": Journey("delete", "denied", decides=upheld("own/hold:fee", "hold", reason="excessive"),
                            on_letter={"fee_asked": DECLINES}, parts={"own/hold:fee": "denied"}),
}  # fmt: skip
OFTEN = {
    "often": Journey("know_specific", **ACCESS),
    "often, again": Journey("know_specific", **ACCESS, of="often", about="often"),
    "often, too often": Journey("know_specific", "denied", **ACCESS, of="often", about="often, again",
                                parts={"own/limit": "denied"}),
    "Virginia": Journey("know_specific", **ACCESS, home=VIRGINIA),
    "Virginia, again": Journey("know_specific", **ACCESS, home=VIRGINIA, of="Virginia", about="Virginia"),
    "Virginia, for a fee": Journey("know_specific", **ACCESS, home=VIRGINIA, of="Virginia", about="Virginia, again",
                                   on_letter={"fee_asked": PAYS}, parts={"own/hold:fee": "confirmed"}),
}  # fmt: skip
JOURNEYS = RIGHTS | HOLDS | OFTEN


class Office:
    """Sends what is due, answers letters, decides, and follows everything to its end."""

    def __init__(self, system: System) -> None:
        self.system, self.key = system, system.found.keys.derive("ids")
        self.ids = {name: self.named(name, one.right) for name, one in JOURNEYS.items()}
        self.names = {request: name for name, request in self.ids.items()}
        self.again = self.named("refused", f"correct/{self.ids['appeal']}")
        self.closed: dict[str, RequestClosed] = {}
        self.settled: dict[str, RequestSettled] = {}
        self.sent: set[str] = set()
        self.answered: set[tuple[str, str]] = set()
        self.written: set[tuple[str, str]] = set()
        self.people = dict(zip([n for n, one in JOURNEYS.items() if not one.of], self._humans(), strict=False))

    def named(self, name: str, right: str) -> str:
        case = case_id(self.key, SOURCE, submission(name))
        return str(request_id(self.key, UUID(str(case)), right))

    def _humans(self) -> Iterator[Human]:
        late = [h for h in self.system.humans if h.number > 3_000 and h.kind is Kind.CUSTOMER and h.email]
        by_brand = {brand: iter([h for h in late if h.brand == brand and not h.second_account]) for brand in
                    ("parcelwise", "shipdesk")}  # fmt: skip
        for one in (one for one in JOURNEYS.values() if not one.of):
            yield next(by_brand[one.brand])

    def work(self, publisher: Publisher, mailbox: Mailbox, follower: Follower) -> None:
        for name, one in JOURNEYS.items():
            if name not in self.sent and (not one.about or self.ids[one.about] in self.closed):
                self.send(publisher, name, one)
        for letter in mailbox.new():
            name = self.names.get(letter.request_id, "")
            self.written.add((name, letter.letter))
            said = JOURNEYS[name].on_letter.get(letter.letter) if name else None
            if said and (name, letter.letter) not in self.answered:
                self.answered.add((name, letter.letter))
                self.answer(publisher, name, letter.letter, {**said, "answer_token": letter.code})
        for record in follower.poll(200):
            event = wire.decode(record)
            if isinstance(event, RequestClosed):
                self.closed[event.request_id] = event
            elif isinstance(event, RequestSettled):
                self.settled[event.request_id] = event

    def send(self, publisher: Publisher, name: str, one: Journey) -> None:
        self.sent.add(name)
        h = self.people[one.of or name]
        known = {"emails": [h.email], "phones": [h.phone], "account_number": h.account}
        body = {
            "submission_id": submission(name), "source": SOURCE, "brand": one.brand, "rights": [one.right],
            "subject": {"name": h.name, **{kind: known[kind] for kind in one.points}}, "residence": one.home,
            "refers_to": self.ids[one.about] if one.right == "appeal" else None, **one.more,
        }  # fmt: skip
        publisher.send("privacy.requests", json.dumps(body).encode(), key=name.encode())
        if one.decides:
            decided = OperatorDecided(event_id=new_id(), occurred_at=datetime.now(UTC), request_id=self.ids[name],
                                      case_id=self.ids[name], by="avery", **one.decides)  # fmt: skip
            topic, key, value, headers = wire.encode(decided, source="rightsbus/ops")
            publisher.send(topic, value, key=key, headers=headers)

    def answer(self, publisher: Publisher, name: str, letter: str, said: Mapping[str, Any]) -> None:
        token = {} if said["kind"] in {"declaration", "mandate", "detail"} else {"answer_token": said["answer_token"]}
        body = {"source": SOURCE, "answer_id": f"{submission(name)}-{letter}", "request_id": self.ids[name],
                **{k: v for k, v in said.items() if k != "answer_token"}, **token}  # fmt: skip
        publisher.send("privacy.answers", json.dumps(body).encode(), key=name.encode())

    def left(self) -> list[str]:
        return [name for name, request in self.ids.items() if request not in self.closed]


def submission(name: str) -> str:
    return f"law-{RUN}-{name}".replace(" ", "-").replace(",", "")


@pytest.fixture(scope="module")
def office(system: System) -> Office:
    """Every journey, sent in one burst and followed to its end."""
    found = Office(system)
    deadline = time.monotonic() + WITHIN_S
    topics = ["privacy.closed", "privacy.settled"]
    with (
        closing(Follower(system.found.access("ops"), topics, at_end=True)) as follower,
        closing(Publisher(system.found.access())) as publisher,
    ):
        mailbox = Mailbox(Path(system.described["mail_dir"]))
        while (found.left() or found.again not in found.closed) and time.monotonic() < deadline:
            found.work(publisher, mailbox, follower)
    return found


def test_there_is_a_journey_for_every_right() -> None:
    assert {one.right for one in RIGHTS.values()} == set(Right)


@pytest.mark.parametrize("name", JOURNEYS)
def test_a_journey_comes_to_the_end_it_must_have(office: Office, name: str) -> None:
    journey, closed = JOURNEYS[name], office.closed.get(office.ids[name])

    assert closed, "it did not end in time"
    ends = {part: end.outcome.value for part, end in closed.parts.items()}
    assert closed.ending == journey.ending, ends
    assert {part: ends.get(part) for part in journey.parts} == dict(journey.parts)
    assert {letter for told, letter in office.answered if told == name} == set(journey.on_letter)


def test_an_upheld_appeal_is_carried_out_as_a_new_request_of_the_first_case(office: Office) -> None:
    assert office.settled[office.ids["appeal"]].reopens == office.ids["refused"]
    assert office.closed[office.again].parts["own/system:accounts"].outcome == "corrected"


def test_who_reported_a_minor_is_told_nothing_of_what_was_done(office: Office) -> None:
    assert office.settled[office.ids["minor"]].parts.keys() == {"answer"}


def test_nobody_is_erased_for_sharing_a_telephone_with_a_minor(system: System, office: Office) -> None:
    minor = office.people["minor"]
    beside = {h.account for h in system.humans if h.phone == minor.phone and h.account and h is not minor}

    assert beside
    with psycopg.connect(system.found.endpoints.database_url) as db:
        rows = db.execute("SELECT id FROM accounts.account WHERE id = ANY(%s)", [[minor.account, *beside]]).fetchall()
    assert {account for (account,) in rows} == beside


def test_who_was_asked_for_an_opt_in_too_soon_after_opting_out_is_not_written_to(office: Office) -> None:
    assert ("opt in", "confirmation_asked") in office.written
    assert ("opt in, asked too soon", "acknowledgement") in office.written
    assert ("opt in, asked too soon", "confirmation_asked") not in office.written


def test_marketing_stops_by_texts_alone_where_only_these_were_named(system: System, office: Office) -> None:
    stopped = [office.people[name].visitor for name in ("no texts", "no marketing")]
    marks = "SELECT no_marketing, no_mailing, no_texts FROM web.preference WHERE visitor_id = %s"
    with psycopg.connect(system.found.endpoints.database_url) as db:
        texts, everything = (db.execute(marks, [visitor]).fetchone() for visitor in stopped)

    assert texts == (None, None, True)
    assert everything == (True, True, True)


def test_refusals_say_why(office: Office) -> None:
    reasons = {name: office.closed[office.ids[name]].reason for name, one in JOURNEYS.items() if one.ending == "denied"}

    assert reasons == {
        "refused": "excessive", "whole account declined": "whole_account_declined", "fee declined": "fee_declined",
        "often, too often": "too_many_requests",
    }  # fmt: skip


def test_an_upstream_app_hears_of_every_policy_that_is_in_force(system: System) -> None:
    deadline, found = time.monotonic() + WITHIN_S, set[tuple[str, str]]()
    with closing(Follower(system.found.access("webform"), ["privacy.policies"])) as follower:
        while len(found) < len(BRANDS) and time.monotonic() < deadline:
            events = [wire.decode(record) for record in follower.poll(200)]
            found |= {(event.brand, event.version) for event in events if isinstance(event, PolicyChanged)}

    assert found >= BRANDS
