from typing import Any

import pytest

from schemas.events import DeadlineReached, RequestAccepted, RequestSettled
from schemas.public import RequestSubmitted
from schemas.values import AnswerKind, Ending, Right, Verb
from services.intake.app import keys
from services.intake.decide import DESTROY
from services.intake.decide.answer import SubmissionGone
from services.intake.decide.reading import Submission
from services.kernel.tokens import case_key
from tests.support.intake import CASE_ID, Window, a_submission, an_answer_of, request
from tests.support.scenes import asks
from tests.support.values import DAYS, NOON, REQUEST, a_close, a_decision, an_id, of, told
from tests.support.world import SOURCE, case_of

APPEAL = REQUEST
"""The appeal is a request of another case."""


def upheld(right: Right = Right.DELETE) -> RequestSettled:
    return told(RequestSettled, request_id=APPEAL, ending=Ending.FULFILLED, parts={}, reopens=request(right))


def denied(right: Right = Right.DELETE) -> Any:
    ended = {"request_id": request(right), "case_id": CASE_ID, "ending": Ending.DENIED}
    return a_close().model_copy(update=ended)


def appealing(about: str, *, at: Any = NOON) -> Submission:
    body = RequestSubmitted.model_validate({"source": SOURCE, **asks("appeal", "appeal"), "refers_to": about})
    return Submission(an_id("appeal"), at, SOURCE, "appeal", case_of("appeal"), "d", body)


def test_an_upheld_appeal_is_heard_of_by_both_cases() -> None:
    assert keys(upheld()) == [case_key(APPEAL), case_key(CASE_ID)]
    assert keys(appealing(request())) == [case_key(case_of("appeal")), case_key(CASE_ID)]
    assert keys(a_submission()) == [case_key(CASE_ID)]


def test_an_upheld_appeal_takes_the_request_up_again_in_its_case_with_a_clock_of_its_own() -> None:
    window = Window(a_submission())
    window.now = NOON + 40 * DAYS
    first = window.accepted()
    event = upheld().model_copy(update={"occurred_at": window.now})
    [again] = of(RequestAccepted, window.hear(event).last)

    assert (again.right, again.case_id, again.upheld_by) == (Right.DELETE, CASE_ID, APPEAL)
    assert again.request_id not in {first.request_id, APPEAL}
    assert again.clock.receipt_date == window.now.date()
    assert again.clock.respond_by == first.clock.respond_by + 40 * DAYS
    assert (again.verify, again.points_needed) == (first.verify, first.points_needed)


def test_it_is_taken_up_once_however_often_it_is_told() -> None:
    window = Window(a_submission(), upheld())

    assert window.hear(upheld()).last == ()
    assert len(window.all(RequestAccepted)) == 2


def test_shares_of_its_time_are_counted_from_its_own_beginning() -> None:
    window = Window(a_submission(), denied())
    window.now = NOON + 20 * DAYS
    window.hear(upheld().model_copy(update={"occurred_at": window.now})).wake()

    [reached] = of(DeadlineReached, window.last)
    assert reached.percent == 50
    assert window.now > NOON + 42 * DAYS


def test_what_was_signed_before_need_not_be_signed_again() -> None:
    declaration = {"signed_name": "Ada Brook", "signed_at": NOON, "text_version": "1"}
    access = Right.KNOW_SPECIFIC
    window = Window(a_submission("access"), an_answer_of("declaration", access, declaration=declaration))

    assert not window.accepted(access).declared
    assert of(RequestAccepted, window.hear(upheld(access)).last)[0].declared


def test_a_case_is_kept_while_an_appeal_may_still_take_it_up() -> None:
    window = Window(a_submission(), denied())
    usual = window.state.destroy_at
    assert usual
    window.hear(appealing(request()))

    assert window.last == ()
    assert window.state.destroy_at
    assert window.state.destroy_at > usual + 40 * DAYS
    later = window.hear(upheld()).hear(upheld())
    assert later.state.destroy_at is None


def test_an_appeal_of_nothing_known_or_another_kind_of_message_keeps_nothing() -> None:
    window = Window(a_submission(), denied())
    before = window.state
    asking = appealing(request())
    assert asking.body

    window.hear(appealing(APPEAL))
    assert window.state.destroy_at == before.destroy_at
    complaint = asking.body.model_copy(update={"rights": [Right.COMPLAINT]})
    assert window.hear(Submission(an_id("c"), NOON, SOURCE, "c", case_of("c"), "d", complaint)).state.destroy_at == (
        before.destroy_at
    )


def test_what_is_gone_for_good_cannot_be_taken_up() -> None:
    window = Window(a_submission(), denied()).wake()
    assert [effect.kind for effect in window.effects] == [DESTROY]

    with pytest.raises(SubmissionGone):
        window.hear(upheld())


def test_answers_reach_the_request_that_was_taken_up() -> None:
    window = Window(a_submission(), denied(), upheld())
    again = window.all(RequestAccepted)[-1].request_id
    answer = an_answer_of("points", subject={"emails": ["ada@example.org"]}, request_id=again)

    assert [one.request_id for one in window.hear(answer).recorded()] == [again]
    assert window.recorded()[0].kind is AnswerKind.POINTS


HOMES = {"ontario": {"country": "CA", "region": "ON"}, "california": {"country": "US", "region": "CA"},
         "france": {"country": "FR"}}  # fmt: skip


@pytest.mark.parametrize(("home", "appeal", "refusal"), [
    ("ontario", True, True), ("california", True, False), ("france", True, False)])  # fmt: skip
def test_a_missed_day_opens_the_brands_appeal_and_is_a_refusal_where_the_law_says_so(home, appeal, refusal) -> None:
    window = Window(a_submission(residence=HOMES[home])).wake().wake().wake().wake()

    [missed] = of(DeadlineReached, window.last)
    assert (missed.missed, missed.appeal, missed.refusal) == (True, appeal, refusal)
    assert not any(event.appeal or event.refusal for event in window.all(DeadlineReached)[:-1])


def test_a_day_missed_for_others_alone_opens_nothing() -> None:
    settled = told(RequestSettled, request_id=request(), case_id=CASE_ID, ending=Ending.FULFILLED, parts={})
    window = Window(a_submission(), settled).wake().wake().wake().wake()

    [missed] = of(DeadlineReached, window.last)
    assert (missed.missed, missed.appeal) == (True, False)


def test_decisions_about_appeals_are_none_of_intakes() -> None:
    window = Window(a_submission())

    assert window.hear(a_decision(Verb.APPROVE, "answer", request_id=request())).last == ()
