from typing import Any

import pytest

from rules.matching import Candidate
from schemas.events import RequestAccepted, RequestSettled
from schemas.public import RequestStatusChanged
from schemas.values import AnswerKind, Outcome, PointKind, Population, Problem, Right, Status
from services.intake.decide.answer import MOST_ANSWERS, MOST_TRIES, SubmissionGone
from services.intake.decide.reading import Answer
from services.intake.decide.submit import UnknownSource
from services.kernel import tokens
from tests.support.intake import CASE_ID, Window, a_submission, an_answer_of, request
from tests.support.values import DAYS, NOON, a_close, a_record, an_end, an_id, told
from tests.support.world import KEY, answer_token

NAME, EMAIL, PHONE, PARCEL = PointKind.NAME, PointKind.EMAIL, PointKind.PHONE, PointKind.TRACKING_NUMBER
ACCESS, OPT_OUT, TEXT = Right.KNOW_SPECIFIC, Right.OPT_OUT_SALE_SHARE, Right.UNCLASSIFIED
MORE: dict[str, Any] = {"subject": {"phones": ["+18015550123"]}}
NOT_YOURS = [("request_id", "must name a request of yours")]
ENDED = [("request_id", "must name a request that has not ended; ask anew in a new submission")]
WRONG = [("answer_token", "must be the one from the letter about this request")]


def ended(right: Right = Right.DELETE) -> Any:
    """The public end of a request."""
    return told(
        RequestSettled, request_id=request(right), ending="fulfilled", parts={"answer": an_end(Outcome.ANSWERED)}
    )


def closed(right: Right = Right.DELETE) -> Any:
    return a_close().model_copy(update={"request_id": request(right)})


def a_text() -> Any:
    return a_submission(rights=[], message="Please stop.")


def test_further_points_go_into_the_vault_and_their_kinds_into_the_event() -> None:
    answer = an_answer_of("points", **MORE)
    window = Window(a_submission(), answer)

    [recorded] = window.recorded()
    assert (recorded.request_id, recorded.kind, recorded.given) == (request(), AnswerKind.POINTS, [PHONE])
    assert {f"answer:{answer.event_id}", f"subject:{answer.event_id}"} <= window.vault.keys()


def test_an_answer_to_the_case_is_recorded_for_every_request_that_runs() -> None:
    window = Window(a_submission("delete", "access"), ended(), an_answer_of("points", case_id=CASE_ID, **MORE))

    assert [event.request_id for event in window.recorded()] == [request(ACCESS)]


def test_the_same_answer_again_is_the_same_and_another_under_its_id_a_conflict() -> None:
    window = Window(a_submission(), an_answer_of("points", **MORE))
    again = window.hear(an_answer_of("points", copy=2, **MORE)).last
    window.hear(an_answer_of("points", subject={"phones": ["+18015550188"]}))

    assert again == ()
    assert window.problems() == [("answer_id", "was used before with different content")]


def test_a_withdrawal_that_was_written_twice_is_not_refused() -> None:
    window = Window(a_submission(), an_answer_of("withdrawal"), an_answer_of("withdrawal", copy=2))

    assert window.last == ()


@pytest.mark.parametrize("kind", ["confirmation", "fee_consent", "withdrawal", "not_me"])
def test_what_changes_something_needs_the_token_of_its_letter(kind: str) -> None:
    for token in (None, "0" * 32, answer_token(request(), "other", 1), answer_token(request(ACCESS), kind, 1)):
        window = Window(a_submission(), an_answer_of(kind, answer_token=token))
        assert window.problems() == WRONG
        assert window.state.used == frozenset()

    assert len(Window(a_submission(), an_answer_of(kind)).recorded()) == 1


@pytest.mark.parametrize("number", [2, 3])
def test_the_token_of_a_later_round_is_good_too(number: int) -> None:
    token = answer_token(request(), "confirmation", number)

    assert len(Window(a_submission(), an_answer_of("confirmation", answer_token=token)).recorded()) == 1


def test_a_token_is_spent_once() -> None:
    window = Window(
        a_submission(), an_answer_of("confirmation"), an_answer_of("confirmation", answer_id="b", accepted=False)
    )

    assert window.problems() == [("answer_token", "was used before")]
    assert window.state.used == {f"{request()}/confirmation/1"}


def test_a_token_that_is_given_needlessly_is_checked_all_the_same() -> None:
    assert Window(a_submission(), an_answer_of("points", answer_token="0" * 32, **MORE)).problems() == WRONG


def test_a_withdrawal_speaks_for_the_request_of_its_letter_alone() -> None:
    token = answer_token(request(ACCESS), "withdrawal", 1)
    window = Window(a_submission("delete", "access"), an_answer_of("withdrawal", case_id=CASE_ID, answer_token=token))

    assert [event.request_id for event in window.recorded()] == [request(ACCESS)]


def test_not_me_stops_every_request_of_the_case() -> None:
    window = Window(a_submission("delete", "access"), an_answer_of("not_me"))

    assert {event.request_id for event in window.recorded()} == {request(), request(ACCESS)}


@pytest.mark.parametrize("over", [[ended()], [ended(), closed()], [closed()]], ids=["settled", "both", "closed"])
@pytest.mark.parametrize("kind", ["points", "withdrawal", "confirmation"])
def test_nothing_can_be_answered_once_the_end_was_told(kind: str, over: list[Any]) -> None:
    more = MORE if kind == "points" else {}

    assert Window(a_submission(), *over, an_answer_of(kind, **more)).problems() == ENDED


def test_not_me_is_heard_even_after_the_end() -> None:
    window = Window(a_submission(), ended(), closed(), an_answer_of("not_me"))

    assert [event.request_id for event in window.recorded()] == [request()]


def test_nothing_is_kept_of_what_is_said_after_the_data_key_was_destroyed() -> None:
    window = Window(a_submission(), closed()).wake()
    kept = set(window.vault)
    window.hear(an_answer_of("not_me"))

    assert window.state.destroyed
    assert set(window.vault) == kept
    assert len(window.recorded()) == 1


@pytest.mark.parametrize("answer", [
    an_answer_of("points", by="other-app", **MORE),
    an_answer_of("points", OPT_OUT, **MORE),
    an_answer_of("points", case_id=request(), **MORE),
], ids=["another app's case", "a right not asked", "a request as a case"])  # fmt: skip
def test_an_answer_to_what_is_not_ones_own_is_refused_without_saying_why_not(answer: Answer) -> None:
    assert Window(a_submission(), answer).problems() == NOT_YOURS


def test_an_answer_to_a_case_nobody_opened_is_refused_alike() -> None:
    assert Window(an_answer_of("points", **MORE)).problems() == NOT_YOURS


def test_a_rejection_names_the_answer_and_no_request() -> None:
    [status] = Window(an_answer_of("points", **MORE)).last

    assert isinstance(status, RequestStatusChanged)
    assert (status.status, status.answer_id, status.request_id) == (Status.REJECTED, "a-points", None)


def test_what_could_not_be_read_is_answered_with_what_was_wrong() -> None:
    problem = Problem(field="kind", rule="must be one of …")
    unreadable = Answer(an_id("bad"), NOON, "webform", "a", CASE_ID, CASE_ID, "", None, (problem,))

    assert Window(unreadable).problems() == [("kind", "must be one of …")]


def test_an_app_nobody_registered_cannot_be_answered() -> None:
    with pytest.raises(UnknownSource):
        Window(a_submission(), an_answer_of("points", by="stranger", **MORE))


def test_there_is_an_end_to_answers_about_one_case() -> None:
    window = Window(a_submission())
    window.state = window.state.but(heard={f"a-{number}": "x" for number in range(MOST_ANSWERS)})
    window.hear(an_answer_of("points", **MORE))

    assert window.problems() == [("answer_id", "at most 200 answers about one case")]


def located_by(answer: Answer, *found: Candidate, first: tuple[Candidate, ...] = (), right: str = "delete") -> Window:
    start = a_submission(right)
    return Window(start, answer, found={start.event_id: first, answer.event_id: found})


def recipient(*kinds: PointKind) -> Candidate:
    return a_record(*kinds, client="acorn", population=Population.RECIPIENT)


def test_a_client_located_by_an_answer_is_told_with_it_once() -> None:
    answer, more = an_answer_of("points", **MORE), an_answer_of("points", answer_id="b", **MORE)
    window = located_by(answer, recipient(EMAIL, PHONE))
    [first] = window.recorded()
    window.found[more.event_id] = (recipient(EMAIL, PHONE),)
    window.hear(more)

    assert [one.client for one in first.clients] == ["acorn"]
    assert window.recorded()[0].clients == []


def test_a_parcel_named_later_is_news_although_its_client_was_known() -> None:
    answer = an_answer_of("points", subject={"tracking_numbers": ["TRACK-1"]})
    window = located_by(answer, recipient(NAME, EMAIL, PARCEL), first=(recipient(NAME, EMAIL),))

    [told_now] = window.recorded()[0].clients
    assert told_now.parcel_named
    assert window.state.clients == {"acorn": True}


def test_a_preference_is_passed_on_only_when_a_parcel_is_named() -> None:
    answer = an_answer_of("points", OPT_OUT, **MORE)

    assert located_by(answer, recipient(EMAIL, PHONE), right="opt_out_sale_share").recorded()[0].clients == []
    assert len(located_by(answer, recipient(NAME, PARCEL), right="opt_out_sale_share").recorded()[0].clients) == 1


def test_a_text_that_is_explained_opens_the_requests_it_meant() -> None:
    window = Window(a_text(), an_answer_of("detail", TEXT, rights=["delete", "access"]))

    assert {event.right for event in window.all(RequestAccepted)} == {TEXT, Right.DELETE, ACCESS}
    assert window.accepted().received_at == NOON
    assert window.recorded()[0].right is Right.DELETE


def test_an_explanation_that_names_no_right_is_refused() -> None:
    window = Window(a_text(), an_answer_of("detail", TEXT, message="As I said."))

    assert window.problems() == [("rights", "must name what is wanted: the request itself does not")]


def test_an_explanation_may_add_no_right_to_a_request_that_names_its_own() -> None:
    window = Window(a_submission("access"), an_answer_of("detail", ACCESS, rights=["delete"]))

    assert [event.right for event in window.all(RequestAccepted)] == [ACCESS]


def test_an_explanation_of_a_text_that_can_no_longer_be_read_is_not_lost_silently() -> None:
    window = Window(a_text())
    window.vault.clear()

    with pytest.raises(SubmissionGone):
        window.hear(an_answer_of("detail", TEXT, rights=["delete"]))


def test_a_code_is_good_once() -> None:
    code = tokens.code(KEY, request(), "code", 1)
    window = Window(a_submission(), an_answer_of("code", code=code))
    recorded = window.recorded()
    window.hear(an_answer_of("code", answer_id="b", code=code))

    assert [event.kind for event in recorded] == [AnswerKind.CODE]
    assert window.problems() == [("code", "must be the code that was sent, tried five times at most")]


def test_after_five_wrong_codes_the_right_one_is_wrong_too() -> None:
    window = Window(a_submission())
    for number in range(MOST_TRIES):
        window.hear(an_answer_of("code", answer_id=f"w-{number}", code=f"{number:08}"))
    window.hear(an_answer_of("code", code=tokens.code(KEY, request(), "code", 1)))

    assert window.recorded() == []
    assert window.problems()[0][0] == "code"


def test_time_does_not_stop_answers_while_the_request_runs() -> None:
    window = Window(a_submission())
    window.now += 40 * DAYS

    assert len(window.hear(an_answer_of("points", **MORE)).recorded()) == 1
