from datetime import timedelta
from typing import Any

import pytest

from schemas.events import (
    ContactWarned,
    DeadlineExtended,
    PartWaiting,
    RequestAmended,
    RequestClosed,
    RequestReleased,
    RequestSettled,
    TaskAssigned,
)
from schemas.values import Action, AnswerKind, Ending, Outcome, Party, Reason, Right, Waiting
from services.fulfiller.decide.result import ForgedToken, NoOutcome, UnknownPart
from tests.support.desk import Desk, with_windows
from tests.support.values import (
    ACCESS_REQUEST,
    DAYS,
    LAST_MOMENT,
    NOON,
    REQUEST,
    SUBJECT,
    a_failure,
    a_release,
    a_result,
    a_verdict,
    an_accepted,
    an_answer,
    an_opt_out,
    around,
    located,
    told,
)

ACCOUNTS, BILLING = "own/system:accounts", "own/system:billing"
AFTER = f"after:{ACCESS_REQUEST}"
CONFIRMATION = "own/hold:confirmation"


def a_desk(right: Right = Right.DELETE, **fields: Any) -> Desk:
    """A request whose requester was verified."""
    return Desk(an_accepted(right, **fields), a_verdict())


def test_nothing_is_asked_of_systems_before_somebody_is_verified() -> None:
    desk = Desk(an_accepted())

    assert desk.told == []
    assert desk.part("own/verification").party is Party.PERSON


def test_systems_are_asked_in_their_declared_order_and_the_register_last() -> None:
    desk = a_desk().finish()

    assert desk.systems() == ["billing", "accounts", "suppress"]
    assert [task.action for task in desk.all(TaskAssigned)] == [Action.ERASE, Action.ERASE, Action.APPLY]
    assert {task.subjects[0] for task in desk.all(TaskAssigned)} == {SUBJECT}


def test_an_export_asks_all_at_once_and_makes_the_package_last() -> None:
    desk = a_desk(Right.KNOW_SPECIFIC)
    asked_first = desk.systems()

    assert asked_first == ["accounts", "billing"]
    assert desk.finish().systems() == ["accounts", "billing", "package"]
    assert desk.one(RequestSettled).package


@pytest.mark.parametrize("right", [Right.SHINE_THE_LIGHT, Right.SERVICE_PROVIDER_LIST])
def test_what_the_brand_answers_for_everybody_asks_no_system_and_makes_no_package(right: Right) -> None:
    desk = Desk(an_accepted(right, verify=False, parts=[], subjects=[SUBJECT]))

    assert desk.systems() == []
    assert desk.one(RequestSettled).ending is Ending.FULFILLED
    assert not desk.one(RequestSettled).package


def test_a_correction_makes_no_package_and_no_note() -> None:
    assert a_desk(Right.CORRECT).finish().systems() == ["accounts", "billing"]


def test_an_opt_out_is_noted_and_told_at_once_whatever_its_systems_do() -> None:
    desk = Desk(an_opt_out(subjects=[SUBJECT]))
    note, web = desk.all(TaskAssigned)
    desk.hear(a_result(note, Outcome.APPLIED))

    assert (web.system, note.system) == ("web", "suppress")
    assert desk.one(RequestSettled).parts.keys() == {"own/suppress"}
    assert desk.hear(a_result(web, Outcome.NOT_FOUND)).one(RequestClosed).parts.keys() == {
        "own/suppress",
        "own/system:web",
    }


def test_the_end_tells_what_became_of_every_part() -> None:
    desk = a_desk().finish()

    settled, closed = desk.one(RequestSettled), desk.one(RequestClosed)
    assert (settled.ending, settled.subject) == (Ending.FULFILLED, SUBJECT)
    assert closed.parts.keys() == {"own/verification", ACCOUNTS, BILLING, "own/suppress", "own/directory"}
    assert desk.state.closed
    assert desk.state.due_at is None


def test_what_was_kept_and_why_is_in_the_end() -> None:
    kept = {
        "retained": [
            {"category": "commercial", "code": "exception_legal_obligation", "citation": "26 USC 6001", "count": 3}
        ]
    }
    desk = a_desk()
    desk.hear(a_result(desk.one(TaskAssigned), Outcome.RETAINED, **kept)).finish()

    end = desk.one(RequestSettled).parts[BILLING]
    assert (end.outcome, end.retained[0].citation, end.retained[0].count) == (Outcome.RETAINED, "26 USC 6001", 3)
    assert desk.one(RequestSettled).ending is Ending.PARTIALLY_FULFILLED


def test_nothing_found_anywhere_is_fulfilled() -> None:
    assert a_desk(Right.CORRECT).finish(Outcome.NOT_FOUND).one(RequestSettled).ending is Ending.FULFILLED


def test_a_failed_system_waits_for_an_operator_until_the_last_day_and_holds_up_what_comes_after() -> None:
    desk = a_desk()
    desk.hear(a_result(desk.one(TaskAssigned), Outcome.FAILED, reason="no_connection"))

    [waiting] = desk.last
    assert isinstance(waiting, PartWaiting)
    assert (waiting.party, waiting.waiting, waiting.who) == (Party.OPERATOR, Waiting.TASK, "billing")
    assert waiting.until == desk.state.due_at == LAST_MOMENT
    assert desk.systems() == ["billing"]


def test_on_the_last_day_what_failed_ends_as_failed_and_the_rest_is_still_done() -> None:
    desk = a_desk()
    desk.hear(a_result(desk.one(TaskAssigned), Outcome.FAILED, reason="no_connection")).wake()

    assert desk.outcome(BILLING) is Outcome.FAILED
    assert desk.why(BILLING) == "no_connection"
    assert desk.all(TaskAssigned)[-1].deadline == LAST_MOMENT + DAYS
    assert desk.finish().one(RequestClosed).ending is Ending.PARTIALLY_FULFILLED


def test_a_system_that_never_answers_ends_as_failed() -> None:
    desk = a_desk(Right.CORRECT).wake()

    assert desk.why(BILLING) == "no_answer_in_time"
    assert desk.one(RequestClosed).ending is Ending.FAILED


def test_the_failure_of_an_older_attempt_says_nothing_new() -> None:
    desk = a_desk()
    task = desk.one(TaskAssigned)
    desk.state = desk.state.with_part(BILLING, attempt=2)

    assert desk.hear(a_result(task, Outcome.FAILED)).last == ()


@pytest.mark.parametrize("outcome", [Outcome.RETAINED, Outcome.FAILED, Outcome.NOT_FOUND])
def test_a_second_result_changes_nothing_once_the_system_has_spoken(outcome: Outcome) -> None:
    desk = a_desk()
    task = desk.one(TaskAssigned)
    desk.hear(a_result(task, Outcome.ERASED)).hear(a_result(task, outcome))

    assert desk.outcome(BILLING) is Outcome.ERASED
    assert desk.all(RequestAmended) == []


def test_a_result_after_the_close_is_an_amendment_of_what_the_person_was_told() -> None:
    desk = a_desk(Right.CORRECT)
    task = desk.all(TaskAssigned)[0]
    desk.wake().hear(a_result(task, Outcome.CORRECTED))

    amended = desk.one(RequestAmended)
    assert (amended.part, amended.end.outcome, amended.told_otherwise) == (ACCOUNTS, Outcome.CORRECTED, True)


def test_a_late_failure_amends_nothing() -> None:
    desk = a_desk(Right.CORRECT)
    task = desk.all(TaskAssigned)[0]

    assert desk.wake().hear(a_result(task, Outcome.FAILED)).last == ()


def test_late_results_of_an_opt_out_tell_the_person_nothing() -> None:
    desk = Desk(an_opt_out())
    note, web = desk.all(TaskAssigned)
    desk.hear(a_result(note, Outcome.APPLIED)).wake().hear(a_result(web, Outcome.APPLIED))

    assert not desk.one(RequestAmended).told_otherwise


def test_a_result_with_another_token_is_forged_and_changes_nothing() -> None:
    desk = a_desk()
    before = desk.state

    with pytest.raises(ForgedToken):
        desk.hear(a_result(desk.one(TaskAssigned), reply_token="0" * 32))
    assert desk.state == before


@pytest.mark.parametrize("part", ["own/system:web", "own/verification", ACCOUNTS])
def test_a_result_nobody_asked_for_is_unknown(part: str) -> None:
    desk = a_desk()

    with pytest.raises(UnknownPart):
        desk.hear(a_result(desk.one(TaskAssigned), part=part))


def test_a_result_about_a_request_nobody_knows_is_unknown() -> None:
    task = a_desk().one(TaskAssigned)

    with pytest.raises(UnknownPart):
        Desk(a_result(task))


@pytest.mark.parametrize(
    "outcome", [Outcome.VERIFIED, Outcome.WITHDRAWN, Outcome.DENIED, Outcome.COMPLETED, Outcome.SKIPPED]
)
def test_a_system_can_only_say_what_systems_do(outcome: Outcome) -> None:
    desk = a_desk()

    with pytest.raises(NoOutcome):
        desk.hear(a_result(desk.one(TaskAssigned), outcome))


def test_who_stays_unproven_ends_unverified_without_any_system_asked() -> None:
    desk = Desk(an_accepted(), a_failure())

    settled = desk.one(RequestSettled)
    assert (settled.ending, settled.reason) == (Ending.UNVERIFIED, Reason.INSUF_VERIFICATION)
    assert desk.state.closed
    assert desk.systems() == []


def test_of_two_verdicts_the_first_stands() -> None:
    assert Desk(an_accepted(), a_failure(), a_verdict()).systems() == []
    assert Desk(a_verdict(), a_failure(), an_accepted()).systems() == ["billing"]


def test_without_a_verdict_the_request_ends_by_itself_behind_its_last_day() -> None:
    desk = Desk(an_accepted()).wake()

    assert desk.now == LAST_MOMENT + DAYS
    assert desk.one(RequestClosed).ending is Ending.FAILED


@pytest.mark.parametrize(("why", "reason"), [
    ("no_law_applies", Reason.OUTSIDE_JURISDICTION), ("law_does_not_grant", Reason.CLAIM_NOT_COVERED)])  # fmt: skip
def test_what_neither_law_nor_promise_grants_is_denied_at_once(why: str, reason: Reason) -> None:
    desk = Desk(an_accepted(granted=False, law_why=why, verify=False, parts=[]))

    assert (desk.one(RequestClosed).ending, desk.one(RequestClosed).reason) == (Ending.DENIED, reason)


def test_a_brand_that_asks_twice_waits_for_the_yes() -> None:
    desk = a_desk(brand="shipdesk")

    waiting = desk.one(PartWaiting)
    assert (waiting.part, waiting.waiting, waiting.until) == (CONFIRMATION, Waiting.CONFIRMATION, NOON + 10 * DAYS)
    assert desk.systems() == []
    assert desk.hear(an_answer(AnswerKind.CONFIRMATION)).systems() == ["billing"]


def test_a_no_ends_the_deletion_as_declined() -> None:
    desk = a_desk(brand="shipdesk").hear(an_answer(AnswerKind.CONFIRMATION, accepted=False))

    settled = desk.one(RequestSettled)
    assert (settled.ending, settled.reason) == (Ending.DENIED, Reason.WHOLE_ACCOUNT_DECLINED)


def test_silence_ends_the_deletion_as_expired() -> None:
    assert a_desk(brand="shipdesk").wake().wake().one(RequestClosed).ending is Ending.EXPIRED


def test_the_first_of_two_answers_to_one_question_counts() -> None:
    desk = a_desk(brand="shipdesk")
    desk.hear(an_answer(AnswerKind.CONFIRMATION)).hear(an_answer(AnswerKind.CONFIRMATION, 2, accepted=False))

    assert desk.outcome(CONFIRMATION) is Outcome.CONFIRMED


def test_only_deletions_are_asked_twice() -> None:
    desk = a_desk(Right.KNOW_SPECIFIC, brand="shipdesk").hear(told(ContactWarned, sent=True))

    assert CONFIRMATION not in desk.state.parts
    assert desk.systems() == ["accounts", "billing"]


def test_a_waiting_period_passes_before_the_deletion_begins() -> None:
    desk = Desk(an_accepted(), facts=with_windows(around(), waiting_period=3 * DAYS)).hear(a_verdict())
    waiting = desk.one(PartWaiting)

    assert (waiting.part, waiting.waiting, waiting.until) == ("own/wait", Waiting.PERIOD, NOON + 3 * DAYS)
    assert desk.systems() == []
    assert desk.wake().systems() == ["billing"]


def test_a_deletion_waits_for_the_access_asked_with_it() -> None:
    desk = Desk(an_accepted(parts=["own/verification", AFTER]), a_verdict())
    waiting = desk.one(PartWaiting)

    assert (waiting.part, waiting.waiting, waiting.who) == (AFTER, Waiting.REQUEST, "fulfiller")
    assert waiting.until == LAST_MOMENT + 7 * DAYS
    assert desk.systems() == []
    assert desk.hear(a_release()).systems() == ["billing"]


def test_a_release_that_comes_before_the_request_is_not_forgotten() -> None:
    assert Desk(a_release(), an_accepted(parts=["own/verification", AFTER]), a_verdict()).systems() == ["billing"]


def test_an_access_releases_the_deletion_when_its_own_work_is_done() -> None:
    desk = a_desk(Right.KNOW_SPECIFIC, releases=[ACCESS_REQUEST])
    before = desk.all(RequestReleased)
    desk.finish()

    released = desk.one(RequestReleased)
    assert before == []
    assert (released.request_id, released.by) == (ACCESS_REQUEST, REQUEST)


def test_a_release_does_not_wait_for_what_clients_do_with_the_access() -> None:
    desk = a_desk(Right.KNOW_SPECIFIC, releases=[ACCESS_REQUEST], clients=[located()]).finish()

    assert desk.one(RequestReleased).by == REQUEST
    assert not desk.state.closed


def test_a_text_is_held_for_detail_and_ends_answered_or_expired() -> None:
    held = an_accepted(Right.UNCLASSIFIED, verify=False, parts=["own/hold:detail"])
    waiting = Desk(held).one(PartWaiting)

    assert (waiting.party, waiting.waiting, waiting.until) == (Party.PERSON, Waiting.DETAIL, NOON + 7 * DAYS)
    assert Desk(held, an_answer(AnswerKind.DETAIL)).one(RequestClosed).ending is Ending.FULFILLED
    assert Desk(held).wake().wake().one(RequestClosed).ending is Ending.EXPIRED


def test_what_a_person_must_answer_waits_for_an_operator_until_the_last_day() -> None:
    desk = Desk(an_accepted(Right.APPEAL, verify=False, parts=["answer"]))

    waiting = desk.one(PartWaiting)
    assert (waiting.party, waiting.waiting, waiting.until) == (Party.OPERATOR, Waiting.ANSWER, LAST_MOMENT)


def test_an_extension_lengthens_what_waits_for_the_last_day_and_says_so() -> None:
    desk = a_desk()
    desk.hear(a_result(desk.one(TaskAssigned), Outcome.FAILED))
    longer = LAST_MOMENT.date() + timedelta(days=44)
    desk.hear(told(DeadlineExtended, respond_by=longer, reason="other"))

    [waiting] = desk.last
    assert isinstance(waiting, PartWaiting)
    assert (waiting.part, waiting.party) == (BILLING, Party.OPERATOR)
    assert waiting.until == LAST_MOMENT + 45 * DAYS == desk.state.due_at
