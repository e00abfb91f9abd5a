"""What a client says unasked: an instruction about one recipient opens a request of its own; a question is answered."""

from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from rules import parts
from rules.choice import BRAND
from rules.clocks import receipt_date
from schemas.base import Event
from schemas.clients import ClientInstructed, Provider, ProvidersAsked, ServiceProviders
from schemas.events import Clock, ReplyError, RequestAccepted
from schemas.public import RequestSubmitted, Subject
from schemas.values import (
    Action,
    Assurance,
    Context,
    Group,
    Located,
    Mode,
    PointKind,
    Problem,
    Right,
    Role,
)
from services.fulfiller.decide.advance import conclude
from services.fulfiller.decide.draft import GRACE, Draft
from services.fulfiller.decide.facts import Facts, Instruction
from services.fulfiller.decide.reply import act
from services.fulfiller.decide.state import Fulfilment, Part
from services.kernel.decision import Decision, Effect

FORGET: Final = "forget_case"
"""The effect that destroys an instruction's data key; a request's own ends with its case, in intake."""
RESPOND: Final = timedelta(days=30)
"""Until when an instruction is carried out: our own promise, no law sets a time between processor and controller."""
STALE: Final = timedelta(days=30)
RIGHTS: Final = {Action.ERASE: Right.DELETE, Action.EXPORT: Right.KNOW_SPECIFIC, Action.CORRECT: Right.CORRECT}


def take_instruction(state: Fulfilment, event: Instruction, facts: Facts, now: datetime) -> Decision[Fulfilment]:
    """Carry out, answer, or say what is wrong. The same again is the same; other content under its id is an error."""
    body = event.body
    problems = list(event.problems) if body is None else _problems(state, event, facts)
    if body is None or problems:
        return Decision(state, tuple(_wrong(event, p, facts, now) for p in problems), due_at=state.due_at)
    if isinstance(body, ProvidersAsked):
        return Decision(state, (_providers(event, facts, now),), due_at=state.due_at)
    return Decision(state, due_at=state.due_at) if state.accepted else _open(state, event, body, (facts, now))


def _problems(state: Fulfilment, event: Instruction, facts: Facts) -> list[Problem]:
    found, body = [], event.body
    if event.client not in facts.enabled:
        found.append(("client", "is not registered, or disabled"))
    if body and not -GRACE < event.recorded_at - body.issued_at < STALE:
        found.append(("issued_at", f"must lie within the {STALE.days} days before it is sent"))
    if isinstance(body, ClientInstructed):
        if not event.sealed:
            found.append(("jose", "must be sealed to our key: it names a person"))
        if event.client not in facts.acting:
            found.append(("type", "only clients with `act_for_me` can instruct"))
        if body.brand not in facts.handbook.brands:
            found.append(("brand", f"must be one of {', '.join(sorted(facts.handbook.brands))}"))
        if state.digest not in {"", event.digest}:
            found.append(("instruction_id", "was used before for something else"))
    return [Problem(field=field, rule=rule) for field, rule in found]


def _wrong(event: Instruction, problem: Problem, facts: Facts, now: datetime) -> ReplyError:
    return ReplyError.after(
        event, now, on=problem.field, client=event.client, handover_id=facts.handover(event.client, event.request_id),
        field=problem.field, rule=problem.rule, instruction_id=event.instruction_id,
    )  # fmt: skip


def _providers(event: Instruction, facts: Facts, now: datetime) -> Event:
    """The service providers of the systems that hold records for clients (R18)."""
    gets: dict[tuple[str, str], set[str]] = {}
    for system in facts.systems.systems.values():
        if "client" in system.roles:
            for one in system.providers:
                held = one.categories or [held.category for held in system.held]
                gets.setdefault((one.name, one.contract), set()).update(held)
    return ServiceProviders.after(
        event, now, client=event.client, handover_id=facts.handover(event.client, event.request_id),
        instruction_id=event.instruction_id,
        providers=[Provider(name=n, contract=c, categories=sorted(got)) for (n, c), got in sorted(gets.items())],
    )  # fmt: skip


def _open(
    state: Fulfilment, event: Instruction, body: ClientInstructed, when: tuple[Facts, datetime]
) -> Decision[Fulfilment]:
    """Open a request whose only parts are that client's own."""
    facts, now = when
    accepted = _accepted(event, body, facts, now)
    part = Part(attempt=1, received=True)
    state = state.but(
        accepted=accepted, clients={event.client: accepted.clients[0]}, parts={parts.handover(event.client): part},
        told_named=frozenset({event.client}), planned=True, digest=event.digest,
    )  # fmt: skip
    draft = Draft(state, accepted, event, facts, now, [accepted])
    act(draft, event.client, body.action)
    conclude(draft)
    kept = draft.last_moment + 2 * GRACE + draft.windows.destroy_keys_after
    effect = Effect(FORGET, event.request_id, event.case_id, "once", {}, lane="vault", not_before=kept)
    secrets = {"submission": _submission(event, body)} if body.corrections else {}
    return Decision(
        draft.state, tuple(draft.events), (effect, *draft.effects), due_at=draft.state.due_at, secrets=secrets
    )


def _accepted(event: Instruction, body: ClientInstructed, facts: Facts, now: datetime) -> RequestAccepted:
    brand = facts.handbook.brands[body.brand]
    day = receipt_date(event.recorded_at, ZoneInfo(brand.timezone))
    located = Located(
        client=event.client, mode=Mode.ACT_FOR_ME, groups=_groups(body, facts), parcel_named=True,
        subjects=sorted(facts.whose.get(event.event_id, ())),
    )  # fmt: skip
    return RequestAccepted.after(
        event, now, source=event.client, submission_id=event.instruction_id, brand=brand.id,
        right=RIGHTS[body.action], role=Role.CLIENT_STAFF, channel="client", context=Context.UNKNOWN, locale="en",
        law=BRAND, law_why="client_instructed", granted=True, provisional=False,
        policy_version=brand.version_on(day), received_at=event.recorded_at,
        clock=Clock(receipt_date=day, respond_by=day + RESPOND, timezone=brand.timezone), verify=False,
        assurance=Assurance.NONE, points_needed=0, declaration_needed=False, parts=[], clients=[located],
        unverified_at=event.recorded_at, has_email=False, instructed_by=event.client,
    )  # fmt: skip


def _groups(body: ClientInstructed, facts: Facts) -> list[Group]:
    given = {
        PointKind.ORDER_NUMBER: body.whose.order_numbers,
        PointKind.TRACKING_NUMBER: body.whose.tracking_numbers,
        PointKind.EMAIL: body.whose.emails,
    }
    return sorted({facts.handbook.points.group_of(kind) for kind, values in given.items() if values})


def _submission(event: Instruction, body: ClientInstructed) -> bytes:
    """The values to set right, where the systems' tasks look for them."""
    said: dict[str, Any] = {"rights": [Right.CORRECT], "corrections": body.corrections, "subject": Subject()}
    return RequestSubmitted(
        submission_id=event.instruction_id, source=event.client, brand=body.brand, **said
    ).model_dump_json().encode()  # fmt: skip
