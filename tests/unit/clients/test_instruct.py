from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connectors.datamap import compile_map
from schemas.clients import ClientInstructed, ProvidersAsked, ServiceProviders
from schemas.events import (
    ClientRequest,
    ClientResult,
    HandedOver,
    ReplyError,
    RequestAccepted,
    RequestClosed,
    TaskAssigned,
)
from schemas.public import RequestSubmitted
from schemas.values import Action, Mode, Outcome, Problem, Right
from services.fulfiller.decide import Facts, Fulfilment, Instruction, decide
from services.fulfiller.decide.instruct import FORGET, RESPOND
from tests.support.desk import Desk
from tests.support.values import CASE, DAYS, NOON, REQUEST, SUBJECT, an_id, around, of

THEIRS = (SUBJECT, f"{SUBJECT[:-1]}b")
BODY = {
    "client": "acorn", "instruction_id": "ticket-1", "issued_at": NOON, "brand": "parcelwise", "action": "erase",
    "whose": {"order_numbers": ["CE-1"]},
}  # fmt: skip
MAP = """
systems:
  shipments:
    connector: sql
    url_env: X
    brands: [parcelwise]
    roles: {client: "held for the client"}
    tables:
      - {name: recipient, record_key: r, key_column: id, client_column: client, use: client, category: identifiers,
         source: clients, purposes: [provide_services], erase: delete, fields: {name: {category: identifiers}}}
    providers:
      - {name: Example Carrier, contract: "agreement of 2025-01-15", categories: [shipment_recipient]}
      - {name: Example Hosting, contract: "agreement of 2024-06-01"}
  accounts:
    connector: sql
    url_env: X
    brands: [parcelwise]
    tables:
      - {name: account, record_key: a, key_column: id, category: identifiers, source: people, purposes: [x],
         erase: delete, fields: {name: {category: identifiers}}}
    providers:
      - {name: Example Bank, contract: "agreement of 2023-01-01"}
"""


def an_instruction(number: int = 1, *, sealed: bool = True, digest: str = "d1", **fields: Any) -> Instruction:
    """Acorn wants its records of one recipient erased, unless it is said to want something else."""
    body = ClientInstructed.model_validate({**BODY, **fields})
    return Instruction(
        an_id("instruction", number), NOON, REQUEST, CASE, "acorn", "ticket-1", body, sealed=sealed, digest=digest
    )


def acting(event: Instruction | None = None, *clients: str) -> Facts:
    """Facts in which acorn is a client we act for, and the instruction is about two records."""
    whose = {event.event_id: THEIRS} if event else {}
    return replace(around("acorn"), acting=frozenset(clients or ("acorn",)), whose=whose)


def instructed(event: Instruction) -> Desk:
    return Desk(event, facts=acting(event))


def test_an_instruction_opens_a_request_of_its_own_and_runs_on_that_clients_records_alone() -> None:
    desk = instructed(an_instruction())

    accepted, task = desk.one(RequestAccepted), desk.one(TaskAssigned)
    assert (accepted.instructed_by, accepted.source, accepted.submission_id) == ("acorn", "acorn", "ticket-1")
    assert (accepted.right, accepted.verify, accepted.channel) == (Right.DELETE, False, "client")
    assert (task.part, task.action, task.client) == ("client:acorn/system:shipments", Action.ERASE, "acorn")
    assert task.subjects == sorted(THEIRS)


def test_nothing_is_handed_over_or_told_to_anybody_outside() -> None:
    desk = instructed(an_instruction()).finish()

    assert (desk.all(ClientRequest), desk.all(HandedOver)) == ([], [])


def test_the_client_hears_what_came_of_it_under_its_own_id_and_the_request_closes() -> None:
    desk = instructed(an_instruction()).finish()

    result = desk.one(ClientResult)
    assert (result.instruction_id, list(result.parts)) == ("ticket-1", ["client:acorn/system:shipments"])
    assert desk.systems() == ["shipments", "suppress"]
    assert {name: end.outcome for name, end in desk.one(RequestClosed).parts.items()} == {
        "client:acorn/handover": Outcome.COMPLETED,
        "client:acorn/directory": Outcome.ERASED,
        "client:acorn/suppress": Outcome.APPLIED,
        "client:acorn/system:shipments": Outcome.ERASED,
    }


def test_an_export_ends_in_a_package_that_goes_to_the_client() -> None:
    event = an_instruction(action="export")
    facts = replace(acting(event), packages={(REQUEST, "acorn"): b"zipped"})
    desk = Desk(event, facts=facts).finish()

    assert [task.system for task in desk.all(TaskAssigned)] == ["shipments", "package"]
    assert {task.right for task in desk.all(TaskAssigned)} == {Right.KNOW_SPECIFIC}
    assert desk.one(ClientResult).package == "emlwcGVk"


def test_a_correction_keeps_its_new_values_where_the_systems_look_for_them() -> None:
    event = an_instruction(action="correct", corrections=[{"field": "name", "new": "Ivo Lindqvist"}])
    decision = decide(Fulfilment.stub(REQUEST), event, acting(event), NOON)

    kept = RequestSubmitted.model_validate_json(decision.secrets["submission"])
    assert [(c.field, c.new) for c in kept.corrections] == [("name", "Ivo Lindqvist")]
    assert [task.action for task in of(TaskAssigned, decision.events)] == [Action.CORRECT]


def test_its_data_key_is_destroyed_once_everything_must_have_ended() -> None:
    event = an_instruction()
    [effect] = decide(Fulfilment.stub(REQUEST), event, acting(event), NOON).effects

    assert (effect.kind, effect.case_id) == (FORGET, CASE)
    assert effect.not_before is not None
    assert effect.not_before > NOON + RESPOND + 30 * DAYS


def test_the_same_instruction_again_is_the_same() -> None:
    desk = instructed(an_instruction())
    desk.hear(an_instruction(2))

    assert desk.last == ()
    assert len(desk.all(TaskAssigned)) == 1


def test_other_content_under_a_used_id_is_an_error() -> None:
    desk = instructed(an_instruction())
    desk.hear(an_instruction(2, digest="d2", action="export"))

    assert (desk.one(ReplyError).field, desk.one(ReplyError).instruction_id) == ("instruction_id", "ticket-1")
    assert len(desk.all(TaskAssigned)) == 1


@pytest.mark.parametrize(("event", "facts", "field"), [
    (an_instruction(sealed=False), acting(), "jose"),
    (an_instruction(brand="nobody"), acting(), "brand"),
    (an_instruction(issued_at=NOON - timedelta(days=31)), acting(), "issued_at"),
    (an_instruction(issued_at=NOON + timedelta(days=2)), acting(), "issued_at"),
    (an_instruction(), acting(None, "birch"), "type"),
    (an_instruction(), replace(acting(), enabled=frozenset()), "client"),
])  # fmt: skip
def test_an_instruction_that_may_not_be_given_is_answered_and_changes_nothing(
    event: Instruction, facts: Facts, field: str
) -> None:
    decision = decide(Fulfilment.stub(REQUEST), event, facts, NOON)

    assert [(e.client, e.field) for e in of(ReplyError, decision.events)] == [("acorn", field)]
    assert (decision.state, decision.effects, decision.secrets) == (Fulfilment.stub(REQUEST), (), {})


def test_what_breaks_a_rule_is_answered_field_by_field() -> None:
    problems = (Problem(field="action", rule="must be given"), Problem(field="brand", rule="must be given"))
    event = Instruction(an_id("x"), NOON, REQUEST, CASE, "acorn", "ticket-1", None, problems)
    decision = decide(Fulfilment.stub(REQUEST), event, acting(), NOON)

    assert [(e.field, e.rule) for e in of(ReplyError, decision.events)] == [(p.field, p.rule) for p in problems]


def test_a_client_learns_who_gets_data_held_for_clients_and_nothing_of_other_providers() -> None:
    asked = ProvidersAsked(client="acorn", instruction_id="q", issued_at=NOON)
    event = Instruction(an_id("q"), NOON, REQUEST, CASE, "acorn", "q", asked)
    facts = replace(acting(), systems=compile_map(MAP))
    [told] = of(ServiceProviders, decide(Fulfilment.stub(REQUEST), event, facts, NOON).events)

    assert [(p.name, p.categories) for p in told.providers] == [
        ("Example Carrier", ["shipment_recipient"]),
        ("Example Hosting", ["identifiers"]),
    ]


def test_only_who_lets_us_act_is_acted_for_whatever_was_agreed_before() -> None:
    event = an_instruction()
    desk = Desk(event, facts=replace(acting(event), acting=frozenset()))

    assert desk.all(TaskAssigned) == []
    assert Mode.ACT_FOR_ME not in {one.mode for one in desk.state.clients.values()}
