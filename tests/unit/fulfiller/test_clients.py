from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.clients import ClientHeard
from schemas.events import (
    ClientRecall,
    ClientReminder,
    ClientRequest,
    ClientResult,
    CorrectedValue,
    HandedOver,
    OfferedPoint,
    PartWaiting,
    ReplyError,
    RequestAmended,
    RequestClosed,
    RequestSettled,
    TaskAssigned,
)
from schemas.values import Action, AnswerKind, Ending, Group, Mode, Outcome, Party, PointKind, Right, Verb, Waiting
from services.fulfiller.decide import Packet
from services.fulfiller.decide.result import ForgedToken, UnknownPart
from services.fulfiller.decide.state import Part
from tests.support.desk import Desk
from tests.support.values import (
    DAYS,
    LAST_MOMENT,
    NOON,
    REQUEST,
    SUBJECT,
    a_decision,
    a_failure,
    a_reply,
    a_result,
    a_verdict,
    an_accepted,
    an_answer,
    around,
    located,
    of,
    told,
)
from tests.support.world import handover_id, reply_token

ACORN = "client:acorn/handover"
COMPLETE_BY = LAST_MOMENT - 7 * DAYS
CONFIRM_BY = datetime(2026, 3, 10, 6, 59, 59, 999999, tzinfo=UTC)
"""Five business days behind NOON, in California."""


def handed(*more: Any, named: bool = True, mode: Mode = Mode.FORWARD, **fields: Any) -> Desk:
    """A request that lies with acorn."""
    return Desk(an_accepted(clients=[located(named=named, mode=mode)], **fields), *more)


def test_a_client_gets_its_request_at_once_whatever_the_own_part_waits_for() -> None:
    desk = handed()

    request, handover = desk.one(ClientRequest), desk.one(HandedOver)
    assert (request.client, request.handover_id, request.right) == (
        "acorn",
        handover_id("acorn", REQUEST),
        Right.DELETE,
    )
    assert (request.identified_by, request.verified_by_us) == ([Group.EMAIL, Group.NAME], False)
    assert (request.confirm_by, request.complete_by) == (CONFIRM_BY, COMPLETE_BY)
    assert (handover.part, handover.parcel_named) == (ACORN, True)


def test_the_hand_over_waits_for_that_client_to_confirm() -> None:
    waiting = handed().one(PartWaiting)

    assert (waiting.part, waiting.party, waiting.who) == (ACORN, Party.CLIENT, "acorn")
    assert (waiting.waiting, waiting.until) == (Waiting.REPLY, CONFIRM_BY)


def test_a_packet_holds_what_fits_this_client_and_nothing_else() -> None:
    mine = Packet(
        (OfferedPoint(kind=PointKind.EMAIL, value="ada.quill@example.org"),), (CorrectedValue(field="phone", new="1"),)
    )
    other = Packet((OfferedPoint(kind=PointKind.PHONE, value="+18015550123"),))
    facts = around("acorn", "birch-co", packets={(REQUEST, "acorn"): mine, (REQUEST, "birch-co"): other})
    both = [located("acorn"), located("birch-co")]
    desk = Desk(an_accepted(clients=both, right=Right.CORRECT), facts=facts)

    packets = {event.client: (tuple(event.points), tuple(event.corrections)) for event in desk.all(ClientRequest)}
    assert packets == {"acorn": (mine.points, mine.corrections), "birch-co": (other.points, ())}


def test_a_new_value_is_told_only_to_who_is_asked_to_correct() -> None:
    packet = Packet((), (CorrectedValue(field="phone", new="1"),), residence="US-UT")
    facts = around("acorn", packets={(REQUEST, "acorn"): packet})
    told = Desk(an_accepted(clients=[located()], right=Right.DELETE), facts=facts).one(ClientRequest)

    assert (told.corrections, told.residence) == ([], "US-UT")


def test_a_client_is_asked_once_however_often_it_is_located() -> None:
    again = an_answer(AnswerKind.POINTS, clients=[located(named=True)])

    assert len(handed(again).all(ClientRequest)) == 1


def test_a_client_located_by_a_later_answer_is_asked_then() -> None:
    desk = Desk(an_accepted(), an_answer(AnswerKind.POINTS, clients=[located(named=True)]))

    assert desk.one(ClientRequest).client == "acorn"


def test_a_parcel_named_later_makes_the_hand_over_known_to_whoever_asked() -> None:
    desk = handed(an_answer(AnswerKind.POINTS, clients=[located(named=True)]), named=False)

    assert [event.parcel_named for event in desk.all(HandedOver)] == [False, True]
    assert len(desk.all(ClientRequest)) == 1


def test_that_a_parcel_was_named_is_never_forgotten() -> None:
    desk = handed(an_answer(AnswerKind.POINTS, clients=[located(named=False)]), a_failure())

    assert desk.state.named == ["acorn"]
    assert desk.all(RequestSettled) == []


@pytest.mark.parametrize(("kind", "outcome", "ending"), [
    ("completed", Outcome.COMPLETED, Ending.FULFILLED),
    ("refused", Outcome.REFUSED, Ending.UNVERIFIED),
    ("not_ours", Outcome.NOT_OURS, Ending.UNVERIFIED),
])  # fmt: skip
def test_a_clients_word_ends_its_part(kind: str, outcome: Outcome, ending: Ending) -> None:
    reason: dict[str, Any] = {"reason": "not_a_customer"} if kind == "refused" else {}
    desk = handed(a_failure(), a_reply(kind, **reason))

    assert desk.outcome(ACORN) is outcome
    assert desk.one(RequestSettled).ending is ending


def test_received_keeps_waiting_for_the_end() -> None:
    desk = handed(a_reply("received"))

    assert desk.part(ACORN).received
    assert (desk.last, desk.wake().now) == ((), CONFIRM_BY)
    assert [(w.party, w.until) for w in of(PartWaiting, desk.last)] == [(Party.CLIENT, COMPLETE_BY)]


@pytest.mark.parametrize("kind", ["received", "completed", "refused", "not_ours", "instruct"])
def test_a_reply_said_twice_counts_once(kind: str) -> None:
    reason: dict[str, Any] = {"reason": "not_a_customer"} if kind == "refused" else {}
    once = handed(a_reply(kind, **reason), mode=Mode.ACT_FOR_ME)
    before = once.state.but(version=0)
    twice = once.hear(a_reply(kind, number=2, **reason))

    assert twice.state.but(version=0) == before
    assert twice.last == ()


def test_another_word_after_the_first_end_changes_nothing() -> None:
    desk = handed(a_reply("refused", reason="not_a_customer"), a_reply("completed", number=2))

    assert desk.outcome(ACORN) is Outcome.REFUSED


def test_a_reply_with_another_clients_token_is_forged_and_changes_nobody() -> None:
    desk = Desk(an_accepted(clients=[located("acorn"), located("birch-co")]), facts=around("acorn", "birch-co"))
    before = desk.state
    token = reply_token(ACORN, REQUEST, "acorn")

    with pytest.raises(ForgedToken):
        desk.hear(a_reply("completed", "birch-co", reply_token=token))
    assert desk.state == before


def test_a_reply_of_a_client_that_was_never_asked_is_unknown() -> None:
    with pytest.raises(UnknownPart):
        handed().hear(a_reply("completed", "birch-co"))


def test_a_reply_about_a_request_nobody_knows_is_unknown() -> None:
    with pytest.raises(UnknownPart):
        Desk(a_reply("completed"))


def test_one_clients_silence_keeps_no_other_waiting() -> None:
    facts = around("acorn", "birch-co")
    clients = [located("acorn", named=True), located("birch-co", named=True)]
    desk = Desk(an_accepted(clients=clients), a_reply("completed", "birch-co"), facts=facts)

    assert desk.outcome("client:birch-co/handover") is Outcome.COMPLETED
    assert desk.outcome(ACORN) is None


def test_a_client_that_does_not_confirm_is_reminded_and_then_an_operator_decides() -> None:
    desk = handed(a_failure()).wake()
    reminded = desk.now
    waiting = desk.wake().all(PartWaiting)[-1]

    assert (reminded, desk.now) == (CONFIRM_BY - 3 * DAYS, CONFIRM_BY)
    assert [(r.waiting_for, r.until) for r in desk.all(ClientReminder)] == [("received", CONFIRM_BY)]
    assert (waiting.party, waiting.waiting, waiting.who, waiting.until) == (
        Party.OPERATOR, Waiting.REPLY, "acorn", LAST_MOMENT,
    )  # fmt: skip
    assert desk.wake().outcome(ACORN) is Outcome.FAILED


def test_a_client_that_confirms_too_late_leaves_the_request_with_the_operator_and_may_still_end_it() -> None:
    desk = handed(a_failure()).wake().wake().hear(a_reply("received"))

    assert (desk.part(ACORN).party, desk.part(ACORN).received) == (Party.OPERATOR, True)
    assert desk.hear(a_reply("completed", number=2)).outcome(ACORN) is Outcome.COMPLETED


def test_a_client_asked_again_must_confirm_again() -> None:
    desk = handed(a_reply("received"), a_decision(Verb.RETRY, ACORN))

    assert (desk.part(ACORN).received, desk.part(ACORN).until) == (False, CONFIRM_BY)
    assert desk.hear(a_reply("received", number=2)).wake().part(ACORN).until == COMPLETE_BY


def test_a_client_with_little_time_is_reminded_halfway() -> None:
    late = COMPLETE_BY - 2 * DAYS
    desk = Desk(an_accepted(clients=[located()]), now=late).wake()

    assert (desk.now, desk.one(ClientReminder).until) == (late + DAYS, COMPLETE_BY)


def heard(said: str) -> ClientHeard:
    return told(ClientHeard, said, client="acorn", said=said, by="delivery")


@pytest.mark.parametrize("said", ["delivered", "received", "completed"])
@pytest.mark.parametrize("named", [True, False])
def test_that_it_was_passed_on_is_said_only_once_it_has_arrived(said: str, *, named: bool) -> None:
    desk = Desk(an_accepted(clients=[located(named=named)]), facts=around("acorn", direct=False))
    before = desk.all(HandedOver)
    desk.hear(heard(said)).hear(heard("received"))

    assert before == []
    assert [event.parcel_named for event in desk.all(HandedOver)] == [named]


def test_a_parcel_named_while_the_request_is_on_its_way_changes_nothing_until_it_has_arrived() -> None:
    desk = Desk(an_accepted(clients=[located()]), facts=around("acorn", direct=False))
    desk.hear(an_answer(AnswerKind.POINTS, clients=[located(named=True)]))
    before = desk.all(HandedOver)

    assert before == []
    assert [event.parcel_named for event in desk.hear(heard("delivered")).all(HandedOver)] == [True]


def test_of_a_client_that_cannot_be_reached_it_is_never_said_that_it_has_the_request() -> None:
    desk = Desk(an_accepted(clients=[located(named=True)]), heard("unreachable"), facts=around("acorn", direct=False))

    assert desk.wake().all(HandedOver) == []


def test_delivered_is_no_word_of_the_client() -> None:
    desk = Desk(an_accepted(clients=[located()]), heard("delivered"), facts=around("acorn", direct=False))

    assert (desk.part(ACORN).received, desk.part(ACORN).until) == (False, CONFIRM_BY)


def test_what_was_sent_before_arrivals_were_noted_has_arrived() -> None:
    stored = Part(attempt=1).model_dump(exclude={"arrived"})

    assert (Part.model_validate(stored).arrived, Part.model_validate({}).arrived) == (True, False)


def test_a_client_that_has_confirmed_is_reminded_of_the_end_alone() -> None:
    desk = handed(a_failure(), a_reply("received")).wake().wake()

    assert desk.now == COMPLETE_BY - 3 * DAYS
    assert (desk.one(ClientReminder).waiting_for, desk.one(ClientReminder).until) == ("completed", COMPLETE_BY)


def test_a_silent_client_waits_for_an_operator_and_then_ends_as_failed() -> None:
    desk = handed(a_failure(), a_reply("received")).wake().wake().wake()
    waiting = desk.all(PartWaiting)[-1]

    assert (waiting.party, waiting.waiting, waiting.who, waiting.until) == (
        Party.OPERATOR,
        Waiting.REPLY,
        "acorn",
        LAST_MOMENT,
    )
    assert desk.wake().outcome(ACORN) is Outcome.FAILED
    assert desk.state.closed


def test_a_client_that_answers_after_the_close_amends_what_was_told() -> None:
    desk = handed(a_failure(), a_reply("received")).wake().wake().wake().wake()
    desk.hear(a_reply("completed"))

    assert desk.one(RequestAmended).end.outcome is Outcome.COMPLETED
    assert desk.one(RequestAmended).told_otherwise


def test_a_late_answer_of_a_client_nobody_named_is_told_to_nobody_outside() -> None:
    desk = handed(a_failure(), a_reply("received"), named=False).wake().wake().wake().wake()
    desk.hear(a_reply("completed"))

    assert not desk.one(RequestAmended).told_otherwise


def test_the_public_end_does_not_wait_for_a_client_nobody_named_and_does_not_tell_of_it() -> None:
    desk = handed(a_failure(), named=False)

    assert desk.one(RequestSettled).parts.keys() == {"own/verification"}
    assert desk.all(RequestClosed) == []
    assert desk.hear(a_reply("completed")).one(RequestClosed).parts.keys() == {"own/verification", ACORN}


def test_the_public_end_waits_for_a_client_whose_parcel_was_named() -> None:
    desk = handed(a_failure())

    assert desk.all(RequestSettled) == []
    assert desk.hear(a_reply("completed")).one(RequestSettled).ending is Ending.FULFILLED


def test_a_client_that_only_refers_is_not_asked() -> None:
    desk = handed(mode=Mode.REFER_ONLY)

    assert desk.outcome(ACORN) is Outcome.REFERRED
    assert desk.all(ClientRequest) == []
    assert desk.all(HandedOver) == []


def test_a_client_that_cannot_be_reached_waits_for_an_operator_and_holds_up_nobody() -> None:
    desk = Desk(an_accepted(clients=[located("acorn"), located("gone")]), facts=around("acorn"))
    waiting = next(event for event in desk.all(PartWaiting) if event.who == "gone")

    assert (waiting.party, waiting.waiting, waiting.until) == (Party.OPERATOR, Waiting.REVIEW, LAST_MOMENT)
    assert [event.client for event in desk.all(ClientRequest)] == ["acorn"]


def test_more_than_twenty_clients_wait_for_an_operator() -> None:
    names = [f"shop-{number}" for number in range(21)]
    crowd = Desk(an_accepted(clients=[located(name) for name in names]), facts=around(*names))
    few = Desk(an_accepted(clients=[located(name) for name in names[:20]]), facts=around(*names))

    assert crowd.all(ClientRequest) == []
    assert {(w.party, w.waiting) for w in crowd.all(PartWaiting)} == {(Party.OPERATOR, Waiting.REVIEW)}
    assert len(few.all(ClientRequest)) == 20


def test_an_operator_lets_one_of_many_clients_be_asked() -> None:
    names = [f"shop-{number}" for number in range(21)]
    desk = Desk(an_accepted(clients=[located(name) for name in names]), facts=around(*names))
    desk.hear(a_decision(Verb.APPROVE, "client:shop-3/handover"))

    assert desk.one(ClientRequest).client == "shop-3"


def test_a_withdrawal_recalls_what_lies_with_clients() -> None:
    desk = handed(an_answer(AnswerKind.WITHDRAWAL))

    assert (desk.one(ClientRecall).client, desk.one(ClientRecall).reason) == ("acorn", "withdrawn")
    assert desk.outcome(ACORN) is Outcome.WITHDRAWN
    assert desk.one(RequestSettled).ending is Ending.WITHDRAWN


def test_nothing_is_recalled_that_was_never_sent_or_has_ended() -> None:
    unsent = Desk(an_accepted(clients=[located("gone")]), an_answer(AnswerKind.WITHDRAWAL))
    ended = handed(a_reply("completed"), an_answer(AnswerKind.WITHDRAWAL))

    assert unsent.all(ClientRecall) == ended.all(ClientRecall) == []


def test_after_a_withdrawal_no_further_client_is_asked() -> None:
    more = an_answer(AnswerKind.POINTS, clients=[located("acorn")])

    assert Desk(an_answer(AnswerKind.WITHDRAWAL), an_accepted(), more).all(ClientRequest) == []


def instructed(**fields: Any) -> Desk:
    """Acorn, whom we act for, has told us to act."""
    return handed(a_failure(), a_reply("instruct", **fields), mode=Mode.ACT_FOR_ME)


@pytest.mark.parametrize(("right", "said", "action"), [
    (Right.DELETE, {}, Action.ERASE), (Right.CORRECT, {}, Action.CORRECT), (Right.KNOW_SPECIFIC, {}, Action.EXPORT),
    (Right.DELETE, {"action": "export"}, Action.EXPORT)])  # fmt: skip
def test_an_instruction_runs_on_that_clients_records_alone(right: Right, said: dict[str, Any], action: Action) -> None:
    desk = handed(a_failure(), a_reply("instruct", **said), mode=Mode.ACT_FOR_ME, right=right)

    task = desk.one(TaskAssigned)
    assert (task.part, task.client, task.action) == ("client:acorn/system:shipments", "acorn", action)
    assert task.subjects == [f"{SUBJECT[:-1]}b"]


def test_the_client_is_told_what_came_of_its_instruction_and_its_part_ends() -> None:
    desk = instructed().finish()

    assert desk.systems() == ["shipments", "suppress"]
    assert desk.one(ClientResult).parts.keys() == {"client:acorn/system:shipments"}
    assert desk.outcome(ACORN) is Outcome.COMPLETED


def test_an_instruction_whose_system_fails_waits_for_an_operator_and_is_reported_all_the_same() -> None:
    desk = instructed()
    desk.hear(a_result(desk.one(TaskAssigned), Outcome.FAILED)).wake().finish()

    assert desk.one(ClientResult).parts["client:acorn/system:shipments"].outcome is Outcome.FAILED
    assert desk.state.closed


@pytest.mark.parametrize("mode", [Mode.FORWARD, Mode.REFER_ONLY])
def test_who_has_not_given_us_that_right_cannot_instruct(mode: Mode) -> None:
    desk = handed(mode=Mode.FORWARD)
    desk.state = desk.state.but(clients={"acorn": located(mode=mode)})
    desk.hear(a_reply("instruct"))

    assert (desk.one(ReplyError).field, desk.one(ReplyError).client) == ("type", "acorn")
    assert desk.all(TaskAssigned) == []


def test_a_verified_person_and_a_client_are_served_side_by_side() -> None:
    desk = handed(a_verdict(), named=False)

    assert [task.client for task in desk.all(TaskAssigned)] == [None]
    assert desk.finish().one(RequestSettled).ending is Ending.FULFILLED


def test_a_hand_over_late_in_the_period_still_gives_the_client_a_moment() -> None:
    late = LAST_MOMENT - timedelta(hours=1)
    desk = Desk(an_accepted(clients=[located()]), now=late)

    assert desk.one(ClientRequest).complete_by == late + timedelta(minutes=1)
    assert desk.one(ClientRequest).confirm_by == LAST_MOMENT


def test_the_clients_of_a_request_nobody_has_accepted_wait_for_it() -> None:
    early = told(type(an_answer(AnswerKind.POINTS)), kind=AnswerKind.POINTS, clients=[located("acorn")])
    desk = Desk(early)

    assert desk.told == []
    assert desk.hear(an_accepted()).one(ClientRequest).client == "acorn"
    assert desk.now == NOON
