from typing import Any

import pytest

from schemas.clients import ClientHeard
from schemas.events import ClientResult, PartWaiting, ReplyError, TaskAssigned
from schemas.values import Mode, Outcome, Party, Problem, Waiting
from services.fulfiller.decide import Reply
from services.fulfiller.decide.result import UnknownPart
from tests.support.desk import Desk
from tests.support.values import LAST_MOMENT, NOON, REQUEST, a_failure, a_reply, an_accepted, an_id, located, told

ACORN = "client:acorn/handover"


def heard(said: str, **fields: Any) -> ClientHeard:
    return told(ClientHeard, said, **{"client": "acorn", "said": said, "by": "webhook", **fields})


def handed(*more: object, mode: Mode = Mode.FORWARD) -> Desk:
    return Desk(an_accepted(clients=[located(mode=mode)]), *more)


@pytest.mark.parametrize(("said", "outcome"), [
    ("completed", Outcome.COMPLETED), ("refused", Outcome.REFUSED), ("not_ours", Outcome.NOT_OURS),
])  # fmt: skip
def test_a_word_that_came_another_way_ends_the_part_as_a_reply_does(said: str, outcome: Outcome) -> None:
    assert handed(heard(said, reason="not_a_customer")).outcome(ACORN) is outcome


def test_received_by_webhook_is_received() -> None:
    desk = handed(heard("received"))

    assert (desk.part(ACORN).received, desk.part(ACORN).party) == (True, Party.CLIENT)


def test_a_client_can_instruct_in_answer_to_a_webhook() -> None:
    desk = handed(a_failure(), heard("instruct"), mode=Mode.ACT_FOR_ME).finish()

    assert {task.client for task in desk.all(TaskAssigned)} == {"acorn"}
    assert len(desk.all(ClientResult)) == 1


def test_who_cannot_be_reached_waits_for_an_operator_until_the_last_moment() -> None:
    desk = handed(heard("unreachable", by="delivery"))
    waiting = desk.all(PartWaiting)[-1]

    assert (waiting.party, waiting.waiting, waiting.until) == (Party.OPERATOR, Waiting.REVIEW, LAST_MOMENT)


def test_a_client_that_has_answered_or_is_acted_for_is_not_called_unreachable() -> None:
    done = handed(a_reply("completed"), heard("unreachable", by="delivery"))
    acting = handed(a_reply("instruct"), heard("unreachable", by="delivery"), mode=Mode.ACT_FOR_ME)

    assert done.outcome(ACORN) is Outcome.COMPLETED
    assert acting.part(ACORN).party is Party.SYSTEM


def test_a_word_of_a_client_that_was_never_asked_is_unknown() -> None:
    with pytest.raises(UnknownPart):
        handed(heard("completed", client="birch-co"))
    with pytest.raises(UnknownPart):
        Desk(heard("completed"))


def test_a_client_that_can_be_reached_another_way_answers_after_all() -> None:
    desk = handed(heard("unreachable", by="delivery"), heard("completed", by="operator"))

    assert desk.outcome(ACORN) is Outcome.COMPLETED


def wrong(client: str = "acorn", count: int = 1) -> Reply:
    problems = tuple(Problem(field=f"field{n}", rule="must be given") for n in range(count))
    return Reply(an_id("wrong", client), NOON, REQUEST, None, problems, client)


def test_a_reply_that_breaks_rules_is_answered_field_by_field_and_changes_nothing() -> None:
    before = handed()
    after = handed(wrong(count=2))

    assert [(e.client, e.field) for e in after.all(ReplyError)] == [("acorn", "field0"), ("acorn", "field1")]
    assert after.part(ACORN) == before.part(ACORN)


def test_an_endless_list_of_problems_is_cut_short() -> None:
    assert len(handed(wrong(count=20)).all(ReplyError)) == 5


def test_nobody_is_told_of_a_client_that_was_never_asked() -> None:
    with pytest.raises(UnknownPart):
        handed(wrong("birch-co"))
