"""All four decisions wired together by values alone: no Kafka, no PostgreSQL, no clock.

Per key the order within a topic is kept, between topics there is none; what is delivered, performed or woken next is
the caller's choice. Time moves only when the caller says so.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, cast
from uuid import NAMESPACE_URL, UUID, uuid5

from pydantic_core import to_json

from connectors.datamap import DataMap, Told
from rules import parts
from rules.handbook import Handbook
from rules.matching import Candidate, Matched
from rules.names import NameFit
from rules.points import Throttled
from schemas.base import Due, Event
from schemas.events import (
    ClientReplied,
    ContactWarned,
    NoticeSent,
    OfferedPoint,
    OperatorDecided,
    RequestSettled,
    TaskFinished,
)
from schemas.public import RequestSubmitted, Subject
from schemas.topics import SYSTEM, home_of, topic_of
from schemas.values import Action, Letter, Mode, Outcome, PointKind, Population, Right
from schemas.wire import Record
from services.directory.offered import Offered, merge, offered, raw_points, without_points
from services.fulfiller import decide as fulfiller
from services.fulfiller.decide.task import TASK, TaskRun, take_up
from services.intake import decide as intake
from services.intake.app import keys as intake_keys
from services.intake.decide.reading import Answer, Reader, Submission
from services.kernel import tokens
from services.kernel.decision import Decision, Effect, State, Tally
from services.kernel.policies import load_handbook
from services.notifier import decide as notifier
from services.verifier import decide as verifier
from tests.support.source import ROOT

KEY = b"k" * 32
START = datetime(2026, 3, 2, 12, tzinfo=UTC)
SOURCE = "webform"
WINDOWS = {
    "proof": timedelta(days=5),
    "unverified_end": timedelta(days=14),
    "confirmation": timedelta(days=10),
    "waiting_period": timedelta(0),
    "detail": timedelta(days=7),
    "declaration": timedelta(days=6),
    "fee": timedelta(days=5),
    "destroy_keys_after": timedelta(days=30),
}
STATES: dict[str, type[State]] = {
    "intake": intake.Case,
    "verifier": verifier.Verification,
    "fulfiller": fulfiller.Fulfilment,
    "tasks": TaskRun,
    "notifier": notifier.Correspondence,
}
MOST_STEPS = 5_000
Log = tuple[str, str]
"""A topic and a key: what keeps its order."""


@cache
def handbook() -> Handbook:
    """The real policies, with windows of whole days."""
    real = load_handbook(ROOT / "policies")
    brands = {
        name: brand.model_copy(update={"windows": brand.windows.model_copy(update=WINDOWS)})
        for name, brand in real.brands.items()
        if name in {"parcelwise", "shipdesk"}
    }
    return Handbook(**{**{f: getattr(real, f) for f in real.__dataclass_fields__}, "brands": brands})


@cache
def points_of(raw: bytes | str) -> Offered:
    """What a statement offers; the same statement is normalised once."""
    return offered(Subject.model_validate_json(raw))


@cache
def spoken(raw: bytes) -> list[tuple[PointKind, str, Any]]:
    """Every point of a statement as given."""
    return raw_points(Subject.model_validate_json(raw), "US")


@dataclass(frozen=True)
class Task:
    """What a system does, and after which others."""

    action: Action
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Systems:
    """A data map of two systems that hold the company's data, one of clients' records, and maybe one of copies."""

    copies: bool = False

    def plan(
        self, *, brand: str, right: Right, client: str | None, population: Population | None = None
    ) -> dict[str, Task]:
        """What each system does for a right."""
        if population is Population.RECIPIENT:
            return {"insight": Task(Action.ERASE)} if self.copies and right is Right.DELETE else {}
        if client:
            action = {Right.DELETE: Action.ERASE, Right.CORRECT: Action.CORRECT}.get(right, Action.EXPORT)
            return {"shipments": Task(action)}
        if right is Right.DEACTIVATE:
            return {}
        if right.startswith("opt_"):
            return {"web": Task(Action.APPLY)}
        action = {Right.DELETE: Action.ERASE, Right.CORRECT: Action.CORRECT}.get(right, Action.EXPORT)
        return {"accounts": Task(action, ("billing",) if right is Right.DELETE else ()), "billing": Task(action)}

    def told(self, right: Right, *, brand: str, acting: Iterable[str], client: str | None = None) -> dict[str, Told]:
        """A service provider and a third party told to delete; the third party, of opt-outs from sales, too."""
        if not self.copies or client or (right is Right.DELETE and "accounts" not in acting):
            return {}
        action = Action.ERASE if right is Right.DELETE else Action.APPLY
        found = {parts.provider("meadow-mail"): Told(action, "mail", ("accounts",), timedelta(days=10))}
        third = {parts.third_party("harbor-ads"): Told(action, "ads-desk", ("web",), timedelta(days=10))}
        if right is Right.DELETE:
            return found | third
        return third if right is Right.OPT_OUT_SALE_SHARE else {}


SYSTEMS, WITH_COPIES = cast(DataMap, _Systems()), cast(DataMap, _Systems(copies=True))


@dataclass(frozen=True)
class Person:
    """One record of the directory."""

    subject: str
    says: Subject
    population: Population = Population.ACCOUNT_HOLDER
    client: str | None = None

    def candidate(self, points: frozenset[tuple[PointKind, str]], names: Sequence[str]) -> Candidate | None:
        """This record against what was offered; None when nothing is alike."""
        held = points_of(self.says.model_dump_json()).points
        matched = sorted((kind for kind, normal in held & points), key=str)
        if not matched:
            return None
        mine = (self.says.name or "").casefold()
        fit = NameFit.UNKNOWN if not names else NameFit.EXACT if mine in {n.casefold() for n in names} else NameFit.NONE
        found = tuple(Matched(kind, "accounts", None) for kind in matched)
        return Candidate(self.subject, self.population, self.client, found, fit)


@dataclass
class Setting:
    """Who and what surrounds the services: records, clients, systems, and how everybody reacts.

    `on_letter` answers letters by name, `on_request` a client's requests, `does` a system's task at its n-th attempt.
    """

    people: Sequence[Person] = ()
    modes: Mapping[str, Mode] = field(default_factory=dict)
    disabled: frozenset[str] = frozenset()
    on_letter: Mapping[str, Callable[["World", Effect], dict[str, Any] | None]] = field(default_factory=dict)
    on_request: Mapping[str, Sequence[str]] = field(default_factory=dict)
    does: Mapping[str, Sequence[Outcome]] = field(default_factory=dict)
    windows: Mapping[str, timedelta] = field(default_factory=dict)
    throttled: bool = False
    """Whether failed tries add up, as they do where every message is heard once."""


@dataclass(frozen=True)
class Parked:
    """A message nobody could work on."""

    service: str
    error: str


class World:
    """The services, their memories, and everything in flight."""

    def __init__(self, setting: Setting, *, inbox: bool = True) -> None:
        self.setting, self.now, self.inbox = setting, START, inbox
        self.states: dict[str, dict[str, State]] = {name: {} for name in STATES}
        self.due: dict[tuple[str, str], datetime] = {}
        self.seen: set[tuple[str, UUID]] = set()
        self.logs: dict[Log, list[Any]] = {}
        self.cursors: dict[tuple[str, Log], int] = {}
        self.ready: dict[tuple[str, Log], None] = {}
        self.delivered: list[tuple[str, Any]] = []
        self.effects: dict[UUID, Effect] = {}
        self.done: set[UUID] = set()
        self.vault: dict[tuple[str, str], bytes] = {}
        self.events: dict[UUID, tuple[str, Any]] = {}
        self.after: dict[UUID, int] = {}
        self.letters: dict[str, tuple[datetime, Effect]] = {}
        self.parked: list[Parked] = []
        self.copies: dict[UUID, UUID] = {}
        self.counted: dict[str, int] = {}
        brands = {n: b.model_copy(update={"windows": b.windows.model_copy(update=dict(setting.windows))})
                  for n, b in handbook().brands.items()}  # fmt: skip
        self.handbook = Handbook(
            **{**{f: getattr(handbook(), f) for f in Handbook.__dataclass_fields__}, "brands": brands}
        )

    # ---------------------------------------------------------------------------------------- what outsiders write

    def submit(self, body: dict[str, Any]) -> None:
        """An app publishes a submission."""
        self.record("privacy.requests", {"source": SOURCE, **body})

    def answer(self, body: dict[str, Any]) -> None:
        """An app publishes an answer."""
        self.record("privacy.answers", {"source": SOURCE, **body})

    def reply(self, body: dict[str, Any], *, copy: int = 0) -> None:
        """A client publishes a reply."""
        event_id = uuid5(NAMESPACE_URL, f"{sorted(body.items())}/{copy}")
        said = ClientReplied.model_validate(body)
        self.append(
            "privacy.client-replies", str(event_id), fulfiller.Reply(event_id, self.now, body["request_id"], said)
        )

    def record(self, topic: str, body: dict[str, Any], *, copy: int = 0) -> None:
        """Append a record to one of intake's topics; its place, and so its identity, follows from what it says."""
        raw = to_json(body)
        offset = int.from_bytes(hashlib.sha256(raw + bytes([copy])).digest()[:7])
        record = Record(topic, 0, offset, None, raw, (), int(self.now.timestamp() * 1000))
        self.append(topic, str(offset), READER(record))

    def decide(self, request_id: str, verb: str, **fields: Any) -> None:
        """An operator decides."""
        event_id = uuid5(NAMESPACE_URL, f"{request_id}/{verb}/{sorted(fields.items())}")
        case_id = self.case_of(request_id)
        about = {"event_id": event_id, "occurred_at": self.now, "request_id": request_id, "case_id": case_id}
        decided = OperatorDecided.model_validate({**about, "verb": verb, "by": "ops", **fields})
        self.append("privacy.decisions", request_id, decided)

    # ------------------------------------------------------------------------------------------------- the bus

    def append(self, topic: str, key: str, event: Any) -> None:
        """Put a message at the end of its log."""
        log = (topic, key)
        self.logs.setdefault(log, []).append(event)
        for reader in readers(topic):
            self.ready[reader, log] = None

    def publish(self, service: str, event: Event) -> None:
        """Publish what a service tells; on a topic outsiders write, identity comes from the place."""
        self.events.setdefault(event.event_id, (service, event))
        self.after.setdefault(event.event_id, len(self.delivered))
        topic = home_of(event)
        if topic_of(topic).outside:
            event = event.model_copy(update={"event_id": uuid5(event.event_id, "placed"), "seq": 0})
        self.append(topic, event.request_id or str(event.event_id), event)

    def actions(self) -> list[tuple[str, Any]]:
        """What can happen next."""
        due = [("wake", at) for at, moment in self.due.items() if moment <= self.now]
        return [
            *(("deliver", one) for one in self.ready),
            *(("perform", one) for one in self.effects if one not in self.done),
            *due,
        ]

    def act(self, action: tuple[str, Any]) -> None:
        """Let one thing happen."""
        kind, what = action
        if kind == "deliver":
            self._deliver(*what)
        elif kind == "perform":
            self._perform(self.effects[what])
        else:
            self.wake(*what)

    def drain(self, choices: Iterator[int]) -> None:
        """Let things happen in the order chosen until nothing is left to happen at this moment."""
        for _ in range(MOST_STEPS):
            actions = self.actions()
            if not actions:
                return
            choice = next(choices, 0)
            if choice % 5 == 4 and self.delivered:
                self._again(choice // 5)
            else:
                self.act(actions[choice // 5 % len(actions)])
        raise AssertionError("it never comes to rest")

    def run_out(
        self,
        choices: Iterator[int],
        until: datetime | None = None,
        at_rest: Callable[["World"], None] = lambda _: None,
    ) -> None:
        """Let time pass, moment by moment, until nothing waits for a moment any more."""
        for _ in range(MOST_STEPS):
            self.drain(choices)
            at_rest(self)
            moment = min(self.due.values(), default=None)
            if moment is None or (until and moment > until):
                self.now = max(self.now, until or self.now)
                return
            self.now = max(self.now, moment)
        raise AssertionError("time never runs out")

    def _deliver(self, reader: str, log: Log) -> None:
        at = self.cursors.get((reader, log), 0)
        event = self.logs[log][at]
        self.cursors[reader, log] = at + 1
        if at + 1 == len(self.logs[log]):
            del self.ready[reader, log]
        if reader.startswith("client:"):
            self._client_reads(reader.removeprefix("client:"), event)
        else:
            self.delivered.append((reader, event))
            self.handle(reader, event)

    def _again(self, choice: int) -> None:
        """Deliver something once more: as the same record, or, on a topic outsiders write, written twice."""
        reader, event = self.delivered[choice % len(self.delivered)]
        if isinstance(event, Submission | Answer | TaskFinished | fulfiller.Reply) and choice % 2 == 0:
            copy = _copied(event, len(self.copies))
            self.copies[copy.event_id] = event.event_id
            event = copy
        self.handle(reader, event)

    def wake(self, service: str, state_id: str) -> None:
        """Wake one state, as the kernel does when its time has come."""
        state = self.states[service][state_id]
        moment = self.due[service, state_id]
        self.handle(service, Due.of(state_id, state.version, moment), [state_id])
        assert self.due.get((service, state_id)) != moment, f"{service} wakes for nothing"

    # ---------------------------------------------------------------------------------------- what services do

    def handle(self, service: str, event: Any, ids: Sequence[str] | None = None) -> None:
        """Take one message through a service's step."""
        if self.inbox and (service, event.event_id) in self.seen:
            return
        self.seen.add((service, event.event_id))
        for state_id in ids or _keys(service, event):
            state = self.states[service].get(state_id) or STATES[service].stub(state_id)
            try:
                decision = self._decide(service, state, event)
            except Exception as error:
                if not type(error).__module__.startswith("services."):
                    raise
                self.parked.append(Parked(service, type(error).__name__))
                continue
            self._commit(service, state, decision)

    def _decide(self, service: str, state: Any, event: Any) -> Decision[Any]:
        match service:
            case "intake":
                return intake.decide(state, event, self._intake_facts(event), self.now)
            case "verifier":
                facts = verifier.Facts(
                    self.handbook.brands, self.handbook.points, {state.id: self.candidates(state.id)},
                    asking={state.id: self._asking(state.id)} if self.setting.throttled else {},
                    aimed={person.subject: f"record/{person.subject}" for person in self.setting.people},
                    tally=Tally(dict(self.counted)),
                )  # fmt: skip
                return verifier.decide(state, event, facts, self.now)
            case "fulfiller":
                return fulfiller.decide(state, event, self._fulfiller_facts(state.id), self.now)
            case "tasks":
                return take_up(state, event, None, self.now)
            case _:
                return notifier.decide(state, event, None, self.now)

    def _commit(self, service: str, before: State, decision: Decision[Any]) -> None:
        version = before.version + 1
        if decision.state is not before or decision.due_at is not None:
            self.states[service][before.id] = decision.state.but(version=version)
            self.due.pop((service, before.id), None)
            if decision.due_at:
                self.due[service, before.id] = decision.due_at
        if self.setting.throttled:
            self.counted.update(Tally(self.counted).adding(decision.counters).counted)
        for name, secret in decision.secrets.items():
            self.vault[tokens.case_key(before.id), name] = secret
        for effect in decision.effects:
            self.effects.setdefault(effect.id, effect)
        for event in decision.events:
            self.publish(service, event.model_copy(update={"seq": version}))

    # ---------------------------------------------------------------------------------------- what surrounds them

    def _perform(self, effect: Effect) -> None:
        self.done.add(effect.id)
        if effect.kind == TASK:
            self._carry_out(effect)
        elif effect.kind == notifier.LETTER:
            self._send(effect)
        elif effect.kind == intake.ERASE:
            mine = tokens.case_key(effect.case_id)
            kept = ("submission", "subject:0")
            self.vault = {
                at: without_points(value) if at[0] == mine else value
                for at, value in self.vault.items() if at[0] != mine or at[1] in kept
            }  # fmt: skip
        elif effect.kind == intake.DESTROY:
            gone = tokens.case_key(effect.case_id)
            self.vault = {at: value for at, value in self.vault.items() if at[0] != gone}

    def _carry_out(self, effect: Effect) -> None:
        body = effect.body
        does = self.setting.does.get(body["system"], ())
        attempt = body["attempt"]
        outcome = does[min(attempt, len(does)) - 1] if does else USUAL[body["action"]]
        told = TaskFinished.after(
            _Cause(effect.id), self.now, request_id=effect.request_id, case_id=effect.case_id, task_id=body["task_id"],
            system=body["system"], part=body["part"], attempt=attempt, outcome=outcome,
            reason="no_connection" if outcome is Outcome.FAILED else None, reply_token=body["reply_token"],
            counts={"directory": 1} if (body["system"], body["right"]) == ("suppress", "delete") else {},
        )  # fmt: skip
        self.publish("tasks", told)

    def _send(self, effect: Effect) -> None:
        self.letters[f"{effect.request_id}/{effect.name}"] = self.now, effect
        told = NoticeSent.after(
            _Cause(effect.id), self.now, letter=effect.body["letter"], way="mail", to=effect.body["to"],
            request_id=effect.request_id, case_id=effect.case_id,
        )  # fmt: skip
        self.publish("notifier", told)
        if effect.body["letter"] == Letter.NOTICE:
            ids = {"request_id": effect.request_id, "case_id": effect.case_id}
            self.publish("notifier", ContactWarned.after(_Cause(effect.id), self.now, sent=True, **ids))
        react = self.setting.on_letter.get(effect.name)
        said = react(self, effect) if react else None
        if said:
            self.answer({"answer_id": f"a-{effect.request_id[-4:]}-{effect.name.replace('/', '-')}", **said})

    def _client_reads(self, client: str, message: Any) -> None:
        if message.type != "request":
            return
        for index, kind in enumerate(self.setting.on_request.get(client, ())):
            reason = {"reason": "not_a_customer"} if kind == "refused" else {}
            body = {
                "client": client,
                "handover_id": message.handover_id,
                "request_id": message.request_id,
                "type": kind,
            }
            self.reply({**body, "reply_token": message.reply_token, **reason}, copy=index * 1000)

    def fulfilment(self, request_id: str) -> fulfiller.Fulfilment:
        """What the fulfiller knows of a request."""
        return cast(fulfiller.Fulfilment, self.states["fulfiller"][request_id])

    def heard_before(self, service: str, event: Event, other: Event) -> bool:
        """Whether a service had heard one event when another was told."""
        return (service, event) in self.delivered[: self.after[other.event_id]]

    def case_of(self, request_id: str) -> str:
        """The case of a request known to intake; the id itself where there is none."""
        case = self.states["intake"].get(tokens.case_key(request_id))
        return getattr(case, "case_id", None) or request_id

    def _asking(self, request_id: str) -> dict[Throttled, str]:
        """Under what a failed try of a request counts: itself, its app, and the first address typed."""
        raw = self.vault.get((tokens.case_key(request_id), "submission"))
        if raw is None:
            return {}
        said = RequestSubmitted.model_validate_json(raw)
        typed = f"requester/{next(iter(said.subject.emails), None)}"
        names = {Throttled.REQUEST: f"request/{request_id}", Throttled.SOURCE: f"source/{said.source}"}
        return {**names, Throttled.REQUESTER: typed}

    def said(self, some_id: str) -> list[bytes]:
        """Everything the person of a case has said of themself, as it lies in the vault."""
        mine = tokens.case_key(some_id)
        return [raw for (case, name), raw in sorted(self.vault.items()) if case == mine and name.startswith("subject:")]

    def candidates(self, some_id: str, *more: str) -> tuple[Candidate, ...]:
        """The directory's candidates for everything said so far."""
        offer = merge("any", *(points_of(raw) for raw in [*self.said(some_id), *more]))
        found = (person.candidate(offer.points, offer.names) for person in self.setting.people)
        return tuple(sorted((one for one in found if one), key=lambda c: c.subject))

    def _intake_facts(self, event: Any) -> intake.Facts:
        found: dict[UUID, tuple[Candidate, ...]] = {}
        submitted: dict[UUID, RequestSubmitted] = {}
        if isinstance(event, RequestSettled) and event.reopens:
            found[event.event_id] = self.candidates(event.reopens)
            raw = self.vault.get((tokens.case_key(event.reopens), "submission"))
            submitted |= {event.event_id: RequestSubmitted.model_validate_json(raw)} if raw else {}
        if isinstance(event, Submission | Answer) and event.body:
            more = [event.body.subject.model_dump_json()] if event.body.subject else []
            found[event.event_id] = self.candidates(event.case_id, *more)
            raw = self.vault.get((tokens.case_key(event.case_id), "submission"))
            if raw:
                submitted[event.event_id] = RequestSubmitted.model_validate_json(raw)
        return intake.Facts(
            handbook=self.handbook, sources=frozenset({SOURCE, "other"}), modes=self.setting.modes,
            name=lambda case, right: str(tokens.request_id(KEY, UUID(case), right)), token=answer_token,
            code=lambda request, number: tokens.code(KEY, request, "code", number), same=tokens.matches,
            found=found, submitted=submitted,
        )  # fmt: skip

    def _fulfiller_facts(self, request_id: str) -> fulfiller.Facts:
        packets = {}
        said = [point for raw in self.said(request_id) for point in spoken(raw)]
        for person in self.setting.people:
            if person.client:
                held = points_of(person.says.model_dump_json()).points
                points = tuple(OfferedPoint(kind=k, value=v) for k, normal, v in said if (k, normal) in held)
                packets[request_id, person.client] = fulfiller.Packet(points)
        enabled = {p.client for p in self.setting.people if p.client} - self.setting.disabled
        return fulfiller.Facts(
            handbook=self.handbook, systems=WITH_COPIES, token=reply_token, same=tokens.matches, handover=handover_id,
            packets=packets, enabled=frozenset(enabled), direct=frozenset(enabled),
        )  # fmt: skip


USUAL = {Action.ERASE: Outcome.ERASED, Action.EXPORT: Outcome.EXPORTED, Action.CORRECT: Outcome.CORRECTED,
         Action.APPLY: Outcome.APPLIED}  # fmt: skip
READER = Reader(
    name_case=lambda source, submission: str(tokens.case_id(KEY, source, submission)),
    digest=lambda content: hashlib.sha256(content).hexdigest(),
)


@dataclass(frozen=True)
class _Cause:
    event_id: UUID


def request_of(submission_id: str, right: Right) -> str:
    """The id of the request a submission leads to."""
    return str(tokens.request_id(KEY, tokens.case_id(KEY, SOURCE, submission_id), right))


def case_of(submission_id: str) -> str:
    """The id of the case a submission opens."""
    return str(tokens.case_id(KEY, SOURCE, submission_id))


def answer_token(request: str, kind: str, number: int) -> str:
    """The token a letter holds."""
    return tokens.answer_token(KEY, request, kind, number)


def handover_id(client: str, request: str) -> str:
    """What a request is called towards a client."""
    return str(uuid5(UUID(request), client))


def reply_token(part: str, request: str, addressee: str) -> str:
    """The token an addressee was given."""
    return tokens.reply_token(KEY, part, request, addressee)


@cache
def readers(topic: str) -> tuple[str, ...]:
    """Who reads a topic in this world, as the catalogue says; a client reads its own."""
    row = topic_of(topic)
    if row.name == "privacy.tasks.<system>":
        return ("tasks",) if SYSTEM in row.readers else ()
    if row.name == "privacy.clients.<client>.requests":
        return (f"client:{topic.split('.')[2]}",)
    return tuple(name for name in row.readers if name in STATES)


def _keys(service: str, event: Any) -> list[str]:
    return list(intake_keys(event)) if service == "intake" else [event.request_id]


def _copied(event: Any, number: int) -> Any:
    event_id = uuid5(event.event_id, f"copy/{number}")
    if isinstance(event, TaskFinished):
        return event.model_copy(update={"event_id": event_id})
    return type(event)(**{**{f: getattr(event, f) for f in event.__dataclass_fields__}, "event_id": event_id})
