"""The names that upstream apps rely on. A change here is a new contract."""

import pytest
from pydantic import BaseModel

from schemas.public import (
    Agent,
    Declaration,
    RequesterAnswered,
    RequestStatusChanged,
    RequestSubmitted,
    Residence,
    Subject,
    WaitingFor,
)
from schemas.values import FINAL, AnswerKind, Problem, Role, Status

NAMES: dict[type[BaseModel], str] = {
    RequestSubmitted: "submission_id source brand received_at channel rights role agent subject residence context "
    "merchant_named declaration corrections period media prompted authentication refers_to "
    "locale message",
    Agent: "name email mandate",
    Subject: "name emails phones addresses account_number order_numbers tracking_numbers transactions",
    Residence: "country region",
    Declaration: "signed_name signed_at text_version",
    RequesterAnswered: "source answer_id request_id case_id kind answer_token "
    "subject declaration mandate rights corrections code accepted message",
    RequestStatusChanged: "source submission_id case_id request_id right status reason expected_by waiting_for "
    "ask_again_from problems done seq answer_id event_id occurred_at causation_id",
    WaitingFor: "kind until",
    Problem: "field rule",
}


@pytest.mark.parametrize("kind", NAMES)
def test_the_fields_are_the_promised_ones(kind: type[BaseModel]) -> None:
    assert set(kind.model_fields) == set(NAMES[kind].split())


def test_statuses_are_those_of_the_data_rights_protocol_and_one_for_what_was_none() -> None:
    drp = {"open", "in_progress", "fulfilled", "denied", "revoked", "expired"}

    assert set(Status) == drp | {"rejected"}
    assert set(FINAL) == set(Status) - {"open", "in_progress"}


def test_roles_and_answers_are_the_promised_ones() -> None:
    assert set(Role) == {"subject", "agent", "parent", "client_staff"}
    assert set(AnswerKind) >= {
        "points", "declaration", "mandate", "detail", "confirmation", "fee_consent", "withdrawal", "not_me",
    }  # fmt: skip


def test_only_the_least_must_be_said() -> None:
    needed = {name for name, field in RequestSubmitted.model_fields.items() if field.is_required()}

    assert needed == {"submission_id", "source", "brand", "subject"}
