"""What a request does not say yet, and what is asked too soon."""

from datetime import date, timedelta
from typing import Any

import pytest

from schemas.events import RequestAccepted
from schemas.public import RequestSubmitted
from schemas.values import Medium, PointKind, Right
from services.intake.decide import Facts
from services.intake.decide.answer import SubmissionGone
from tests.support.intake import Window, a_submission, an_answer_of
from tests.support.values import NOON, SUBJECT, a_record, of

DETAIL = "own/hold:detail"
CALIFORNIA, VIRGINIA, WYOMING = ({"country": "US", "region": region} for region in ("CA", "VA", "WY"))
PHONE = {"field": "phone", "new": "+18015550123"}


def corrected(**more: Any) -> Any:
    return an_answer_of("detail", Right.CORRECT, **more)


def test_a_correction_that_does_not_say_what_is_wrong_is_held_until_it_does() -> None:
    accepted = Window(a_submission("correct")).accepted(Right.CORRECT)

    assert accepted.parts[0] == DETAIL
    assert (accepted.unsaid, accepted.verify, accepted.contested) == (True, True, [])


def test_one_that_says_it_is_not_and_neither_is_any_other_right() -> None:
    window = Window(a_submission("correct", "delete", corrections=[PHONE]))

    for accepted in window.all(RequestAccepted):
        assert DETAIL not in accepted.parts
        assert not accepted.unsaid
    assert window.accepted(Right.CORRECT).contested == [PointKind.PHONE]


def test_an_answer_that_names_the_field_says_what_is_contested_and_completes_the_submission() -> None:
    window = Window(a_submission("correct")).hear(corrected(corrections=[PHONE]))

    [recorded] = window.recorded()
    assert recorded.contested == [PointKind.PHONE]
    whole = RequestSubmitted.model_validate_json(window.vault["submission"])
    assert [one.model_dump(exclude_none=True) for one in whole.corrections] == [PHONE]
    assert whole.submission_id == "s"


def test_an_answer_that_does_not_is_sent_back_and_nothing_is_recorded() -> None:
    window = Window(a_submission("correct")).hear(corrected(message="It is all wrong."))

    assert window.problems() == [("corrections", "must say which field is wrong, and what would be right")]
    assert window.recorded() == []


def test_more_detail_later_changes_no_correction_that_was_said() -> None:
    window = Window(a_submission("correct"), corrected(corrections=[PHONE]))
    before = window.vault["submission"]
    window.hear(corrected(copy=2, answer_id="later", corrections=[{"field": "name", "new": "Ada Brook"}]))

    assert window.vault["submission"] == before
    assert [one.contested for one in window.recorded()] == [[]]


def test_what_can_no_longer_be_read_cannot_be_completed() -> None:
    window = Window(a_submission("correct"))
    window.vault.clear()

    with pytest.raises(SubmissionGone):
        window.hear(corrected(corrections=[PHONE]))


def test_marketing_is_stopped_by_what_was_named_and_other_rights_hear_nothing_of_it() -> None:
    window = Window(a_submission("opt_out_marketing", "opt_out_sale_share", media=["sms"]))

    assert window.accepted(Right.OPT_OUT_MARKETING).media == [Medium.SMS]
    assert window.accepted(Right.OPT_OUT_SALE_SHARE).media == []
    assert Window(a_submission("opt_out_marketing")).accepted(Right.OPT_OUT_MARKETING).media == []


def test_an_opt_out_says_from_when_somebody_may_be_asked_to_take_it_back() -> None:
    def told(right: str, home: dict[str, str]) -> date | None:
        return Window(a_submission(right, residence=home)).accepted(Right(right)).ask_again_from

    today = NOON.date()
    for right in ("opt_out_sale_share", "opt_out_targeted_ads", "limit_sensitive"):
        assert told(right, CALIFORNIA) == today.replace(year=today.year + 1)
    assert told("opt_out_marketing", CALIFORNIA) is None
    assert told("opt_out_sale_share", VIRGINIA) is None


class Asking(Window):
    """A window in which Ada's record is found, and it is known when she had opted out."""

    def __init__(self, event: Any, last: date | None) -> None:
        self.opted_out = {event.event_id: last} if last else {}
        super().__init__(event, found={event.event_id: (a_record(PointKind.EMAIL),)})

    def facts(self, event: Any) -> Facts:
        known = super().facts(event)
        return Facts(**{name: getattr(known, name) for name in Facts.__slots__} | {"opted_out": self.opted_out})


TODAY = NOON.date()
A_YEAR = TODAY.replace(year=TODAY.year - 1)


@pytest.mark.parametrize(
    ("home", "last", "reached"),
    [
        (CALIFORNIA, TODAY, []),
        (CALIFORNIA, A_YEAR + timedelta(days=1), []),
        (CALIFORNIA, A_YEAR, [SUBJECT]),
        (CALIFORNIA, None, [SUBJECT]),
        (VIRGINIA, TODAY, [SUBJECT]),
        (WYOMING, TODAY, [SUBJECT]),
    ],
    ids=["today", "within the year", "a year ago", "never", "no such law", "no law"],
)
def test_who_was_asked_for_an_opt_in_too_soon_is_not_reached_and_the_app_sees_no_difference(
    home: dict[str, str], last: date | None, reached: list[str]
) -> None:
    asked = a_submission("opt_in_sale", residence=home, prompted=True)
    accepted = Asking(asked, last).accepted(Right.OPT_IN_SALE)

    assert accepted.subjects == reached
    other = Asking(asked, None).accepted(Right.OPT_IN_SALE)
    assert accepted.model_dump(exclude={"subjects"}) == other.model_dump(exclude={"subjects"})


def test_what_the_person_wishes_of_their_own_accord_is_never_too_soon() -> None:
    own = a_submission("opt_in_sale", residence=CALIFORNIA)

    assert Asking(own, None).accepted(Right.OPT_IN_SALE).subjects == [SUBJECT]
    assert of(RequestAccepted, Asking(own, None).last)[0].granted
