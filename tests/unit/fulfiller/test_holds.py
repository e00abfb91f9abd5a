from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from schemas.events import (
    ClientRequest,
    ClockPaused,
    ContactWarned,
    DecisionApplied,
    PartWaiting,
    RequestClosed,
    RequestSettled,
    TaskAssigned,
)
from schemas.values import AnswerKind, Ending, Medium, Outcome, Party, PointKind, Reason, Right, Verb, Waiting
from tests.support.desk import Desk, with_windows
from tests.support.values import (
    DAYS,
    ENDS_AT,
    NOON,
    SUBJECT,
    a_decision,
    a_failure,
    a_verdict,
    an_accepted,
    an_answer,
    an_opt_out,
    around,
    located,
    of,
    told,
)

MANDATE, DETAIL = "own/hold:mandate", "own/hold:detail"
HOLDS = [(MANDATE, Waiting.MANDATE, AnswerKind.MANDATE), (DETAIL, Waiting.DETAIL, AnswerKind.DETAIL)]


@pytest.mark.parametrize(("name", "waiting", "kind"), HOLDS)
def test_nothing_is_done_or_passed_on_while_it_is_open_whether_somebody_was_sent_for(name, waiting, kind) -> None:
    accepted = an_accepted(parts=[name, "own/verification"], clients=[located(named=True)])
    desk = Desk(accepted, a_verdict(), facts=around("acorn"))

    [asked] = [event for event in desk.all(PartWaiting) if event.part == name]
    assert (asked.party, asked.waiting) == (Party.PERSON, waiting)
    assert (desk.systems(), desk.all(ClientRequest)) == ([], [])
    desk.hear(an_answer(kind))
    assert desk.outcome(name) is Outcome.ANSWERED
    assert desk.systems() == ["billing"]
    assert len(desk.all(ClientRequest)) == 1


@pytest.mark.parametrize(("name", "waiting", "kind"), HOLDS)
@pytest.mark.parametrize("accepted", [an_accepted, an_opt_out])
def test_what_is_never_proven_ends_with_nothing_done(name, waiting, kind, accepted) -> None:
    desk = (
        Desk(accepted(parts=[name], clients=[located(named=True)], verify=False), facts=around("acorn")).wake().wake()
    )

    [settled] = of(RequestSettled, desk.told)
    assert settled.ending is Ending.EXPIRED
    assert desk.now > NOON
    assert (desk.systems(), desk.all(ClientRequest)) == ([], [])
    assert desk.hear(an_answer(kind)).systems() == []
    assert waiting in {event.waiting for event in desk.all(PartWaiting)}


def test_a_mandate_that_was_heard_of_before_the_request_counts() -> None:
    desk = Desk(an_answer(AnswerKind.MANDATE), an_accepted(parts=[MANDATE, "own/verification"]), a_verdict())

    assert desk.outcome(MANDATE) is Outcome.ANSWERED
    assert desk.systems() == ["billing"]


def test_where_nobody_may_act_for_the_person_the_claim_is_not_covered() -> None:
    desk = Desk(an_accepted(Right.DELETE, granted=False, verify=False, parts=[], law_why="law_grants"))

    assert desk.one(RequestSettled).reason is Reason.CLAIM_NOT_COVERED


def test_categories_instead_of_the_pieces_are_what_systems_and_package_are_asked_for() -> None:
    verdict = a_verdict().model_copy(update={"instead": Right.KNOW_CATEGORIES})
    desk = Desk(an_accepted(Right.KNOW_SPECIFIC), verdict).finish()

    assert {task.right for task in desk.all(TaskAssigned)} == {Right.KNOW_CATEGORIES}
    assert desk.outcome("own/pieces") is Outcome.DENIED
    assert desk.one(RequestSettled).ending is Ending.PARTIALLY_FULFILLED
    assert desk.one(RequestSettled).package


# ------------------------------------------------------------------------------------- windows, reminders, ends

CONFIRMATION, DECLARATION, FEE = "own/hold:confirmation", "own/hold:declaration", "own/hold:fee"
WINDOWS = {"confirmation": 10 * DAYS, "declaration": 4 * DAYS, "detail": 7 * DAYS, "fee": 6 * DAYS}
WARNED = told(ContactWarned, sent=True)


def too_often(beyond: str) -> Any:
    return a_verdict().model_copy(update={"beyond": beyond, "beyond_by": "Va. Code 59.1-577(B)(3)"})


def confirmed_desk(**fields: Any) -> Desk:
    return Desk(an_accepted(brand="shipdesk", **fields), a_verdict(), facts=facts())


def signed_desk() -> Desk:
    return Desk(an_accepted(Right.KNOW_SPECIFIC, parts=[DECLARATION, "own/verification"]), facts=facts())


def fee_desk(right: Right = Right.KNOW_SPECIFIC) -> Desk:
    return Desk(an_accepted(right), too_often("fee"), WARNED, facts=facts())


def facts() -> Any:
    return with_windows(around("acorn"), **WINDOWS)


def held_desk(name: str) -> Desk:
    return Desk(an_accepted(parts=[name, "own/verification"]), facts=facts())


HELD = {
    CONFIRMATION: (confirmed_desk, 10 * DAYS), DECLARATION: (signed_desk, 4 * DAYS), FEE: (fee_desk, 6 * DAYS),
    DETAIL: (lambda: held_desk(DETAIL), 7 * DAYS), MANDATE: (lambda: held_desk(MANDATE), 7 * DAYS),
}  # fmt: skip


@pytest.mark.parametrize("name", HELD)
def test_each_hold_has_its_own_window_one_reminder_in_its_middle_and_an_end(name: str) -> None:
    desk, window = HELD[name][0](), HELD[name][1]

    desk.wake()
    first, again = [event for event in desk.all(PartWaiting) if event.part == name]
    assert (desk.now, first.until, again.until) == (NOON + window / 2, NOON + window, NOON + window)
    assert (first.round, again.round) == (1, 2)
    desk.wake()
    assert desk.now == NOON + window
    assert desk.outcome(name) is (Outcome.UNVERIFIED if name == DECLARATION else Outcome.EXPIRED)
    assert len([event for event in desk.all(PartWaiting) if event.part == name]) == 2


@pytest.mark.parametrize("name", [CONFIRMATION, FEE, DETAIL, MANDATE])
def test_silence_does_nothing_and_ends_as_expired(name: str) -> None:
    desk = HELD[name][0]().wake().wake()

    assert desk.systems() == []
    assert desk.one(RequestSettled).ending is Ending.EXPIRED


def test_nobody_is_reminded_of_what_was_answered() -> None:
    desk = confirmed_desk().hear(an_answer(AnswerKind.CONFIRMATION)).finish()

    assert desk.state.closed
    assert [event.round for event in desk.all(PartWaiting) if event.part == CONFIRMATION] == [1]


# ------------------------------------------------------------------------------------------------- declaration


def test_a_declaration_that_is_signed_ends_its_wait_and_proof_is_still_needed() -> None:
    desk = signed_desk().hear(an_answer(AnswerKind.DECLARATION))

    assert desk.outcome(DECLARATION) is Outcome.ANSWERED
    assert desk.systems() == []


def test_a_declaration_that_comes_late_still_counts() -> None:
    desk = signed_desk().wake().wake().hear(an_answer(AnswerKind.DECLARATION))

    assert desk.outcome(DECLARATION) is Outcome.ANSWERED


def test_nobody_waits_for_a_signature_of_somebody_an_operator_vouched_for() -> None:
    desk = signed_desk().hear(a_verdict().model_copy(update={"by": "operator"})).hear(WARNED)

    assert desk.outcome(DECLARATION) is Outcome.UNNEEDED
    assert desk.systems() == ["accounts", "billing"]


def test_an_unsigned_declaration_never_waits_longer_than_the_request_itself() -> None:
    late = with_windows(around("acorn"), declaration=90 * DAYS)
    desk = Desk(an_accepted(Right.KNOW_SPECIFIC, parts=[DECLARATION, "own/verification"]), facts=late)

    [waiting] = [event for event in desk.all(PartWaiting) if event.part == DECLARATION]
    assert waiting.until == ENDS_AT
    desk.hear(a_failure()).wake().wake()
    assert desk.one(RequestSettled).ending is Ending.UNVERIFIED


# ------------------------------------------------------------------------------------------- how often, and fees


def test_what_was_answered_too_often_is_refused_with_the_rule_that_says_so() -> None:
    settled = Desk(an_accepted(Right.KNOW_SPECIFIC), too_often("refuse")).one(RequestSettled)

    assert (settled.ending, settled.reason) == (Ending.DENIED, Reason.TOO_MANY_REQUESTS)
    assert settled.parts["own/limit"].basis == "Va. Code 59.1-577(B)(3)"


def test_a_fee_is_asked_once_it_is_known_who_asks_and_nothing_is_done_before_the_yes() -> None:
    desk = fee_desk()

    [asked] = desk.all(PartWaiting)
    assert (asked.party, asked.waiting, asked.why) == (Party.PERSON, Waiting.FEE, Reason.TOO_MANY_REQUESTS)
    assert desk.systems() == []
    assert desk.hear(an_answer(AnswerKind.FEE_CONSENT)).systems() == ["accounts", "billing"]
    assert desk.finish().one(RequestSettled).ending is Ending.FULFILLED


def test_who_declines_the_fee_is_told_so() -> None:
    settled = fee_desk().hear(an_answer(AnswerKind.FEE_CONSENT, accepted=False)).one(RequestSettled)

    assert (settled.ending, settled.reason) == (Ending.DENIED, Reason.FEE_DECLINED)


def test_an_answer_to_the_fee_that_is_heard_of_first_counts() -> None:
    desk = Desk(an_answer(AnswerKind.FEE_CONSENT), an_accepted(Right.KNOW_SPECIFIC), too_often("fee"), WARNED)

    assert desk.outcome(FEE) is Outcome.CONFIRMED


# ------------------------------------------------------------------------------------------------ an operator's


def hold(part: str | None, **fields: Any) -> Any:
    return a_decision(Verb.HOLD, part, **fields)


def refusal(desk: Desk) -> str | None:
    [applied] = of(DecisionApplied, desk.last)
    return None if applied.applied else applied.reason


def test_an_operator_asks_for_more_detail_before_anything_is_done() -> None:
    desk = Desk(an_accepted(), hold(DETAIL), a_verdict(), facts=facts())

    [asked] = [event for event in desk.all(PartWaiting) if event.part == DETAIL]
    assert (asked.party, asked.waiting, asked.why) == (Party.PERSON, Waiting.DETAIL, Reason.OTHER)
    assert desk.systems() == []
    assert desk.hear(an_answer(AnswerKind.DETAIL)).systems() == ["billing"]


def test_an_operator_asks_for_a_fee_where_a_request_is_excessive_or_unfounded() -> None:
    desk = Desk(an_accepted(Right.CORRECT), hold(FEE, reason=Reason.EXCESSIVE), a_verdict(), facts=facts())

    assert desk.systems() == []
    assert desk.hear(an_answer(AnswerKind.FEE_CONSENT)).systems() == ["accounts", "billing"]


@pytest.mark.parametrize(("part", "fields", "words"), [
    (None, {}, "needs a part"), ("own/system:billing", {}, "needs a part"), (CONFIRMATION, {}, "needs a part"),
    (FEE, {}, "that the law has a fee for"), (FEE, {"reason": Reason.OTHER}, "excessive"),
])  # fmt: skip
def test_a_hold_that_does_not_fit_is_refused_with_what_would(part, fields, words) -> None:
    why = refusal(Desk(an_accepted(), hold(part, **fields)))

    assert why
    assert words in why


def test_what_has_begun_is_held_no_more() -> None:
    assert refusal(Desk(an_accepted(), a_verdict(), hold(DETAIL)))


def test_a_brand_without_an_estimate_asks_no_fee() -> None:
    assert "an estimate" in (
        refusal(Desk(an_accepted(brand="bare"), hold(FEE, reason=Reason.EXCESSIVE), facts=bare())) or ""
    )


def bare() -> Any:
    """Facts in which one more brand has no fees."""
    found = around("acorn")
    brands = dict(found.handbook.brands)
    brands["bare"] = brands["parcelwise"].model_copy(update={"id": "bare", "fees": None})
    return replace(found, handbook=replace(found.handbook, brands=brands))


# ------------------------------------------------------------------------------------------------------ two steps


def test_who_does_not_want_the_whole_account_gone_is_told_so() -> None:
    settled = confirmed_desk().hear(an_answer(AnswerKind.CONFIRMATION, accepted=False)).one(RequestSettled)

    assert (settled.ending, settled.reason) == (Ending.DENIED, Reason.WHOLE_ACCOUNT_DECLINED)


def test_an_opt_in_takes_two_steps_and_no_proof() -> None:
    accepted = an_accepted(Right.OPT_IN_SALE, verify=False, parts=[], points_needed=0, subjects=[SUBJECT])
    desk = Desk(accepted, facts=facts())

    [asked] = desk.all(PartWaiting)
    assert (asked.waiting, asked.until) == (Waiting.CONFIRMATION, NOON + timedelta(days=10))
    assert desk.systems() == []
    desk.hear(an_answer(AnswerKind.CONFIRMATION))
    assert set(desk.systems()) == {"web", "suppress"}
    assert {task.right for task in desk.all(TaskAssigned)} == {Right.OPT_IN_SALE}


def test_who_does_not_confirm_an_opt_in_is_opted_in_to_nothing() -> None:
    accepted = an_accepted(Right.OPT_IN_SALE, verify=False, parts=[], points_needed=0, subjects=[SUBJECT])
    no = Desk(accepted, facts=facts()).hear(an_answer(AnswerKind.CONFIRMATION, accepted=False))
    silent = Desk(accepted, facts=facts()).wake().wake()

    assert (no.systems(), no.one(RequestSettled).ending) == ([], Ending.WITHDRAWN)
    assert (silent.systems(), silent.one(RequestSettled).ending) == ([], Ending.EXPIRED)


def test_categories_that_pieces_became_reach_as_far_back_as_categories_do() -> None:
    since, whole = NOON.date() - 365 * DAYS, NOON.date() - 900 * DAYS
    accepted = an_accepted(Right.KNOW_SPECIFIC, since=whole, fallback=Right.KNOW_CATEGORIES, fallback_since=since)
    lower = a_verdict().model_copy(update={"instead": Right.KNOW_CATEGORIES})

    assert {task.since for task in Desk(accepted, lower, WARNED).all(TaskAssigned)} == {since}
    assert {task.since for task in Desk(accepted, a_verdict(), WARNED).all(TaskAssigned)} == {whole}


@pytest.mark.parametrize("pauses", [[Waiting.DETAIL], []])
def test_where_more_detail_stops_the_clock_it_is_said_for_how_long(pauses: list[Waiting]) -> None:
    desk = Desk(an_accepted(parts=[DETAIL, "own/verification"], pauses=pauses), facts=facts())
    desk.now = NOON + 3 * DAYS
    desk.hear(an_answer(AnswerKind.DETAIL)).hear(an_answer(AnswerKind.DETAIL, 2))

    stood = [(event.waiting, event.since, event.until) for event in desk.all(ClockPaused)]
    assert stood == ([(Waiting.DETAIL, NOON, NOON + 3 * DAYS)] if pauses else [])


# ------------------------------------------------------------------------------------------------------- agents


def with_permission(**fields: Any) -> Desk:
    return Desk(an_accepted(person_confirms=True, **fields), a_verdict(), facts=facts())


def test_whoever_shows_a_permission_alone_is_confirmed_by_the_person_directly() -> None:
    desk = with_permission()

    assert [event.waiting for event in desk.all(PartWaiting)] == [Waiting.CONFIRMATION]
    assert desk.systems() == []
    assert desk.hear(an_answer(AnswerKind.CONFIRMATION)).systems() == ["billing"]


def test_a_permission_shown_later_is_confirmed_too() -> None:
    later = an_answer(AnswerKind.MANDATE, person_confirms=True)
    desk = Desk(an_accepted(parts=[MANDATE, "own/verification"]), later, a_verdict(), facts=facts())

    assert desk.systems() == []
    assert CONFIRMATION in desk.state.pending()


def test_a_permission_the_person_never_gave_ends_the_request() -> None:
    settled = with_permission().hear(an_answer(AnswerKind.CONFIRMATION, accepted=False)).one(RequestSettled)

    assert (settled.ending, settled.reason) == (Ending.DENIED, Reason.INSUF_VERIFICATION)


@pytest.mark.parametrize("verb", [Verb.RELEASE, Verb.DONE])
def test_an_operator_lets_go_of_what_was_held(verb: Verb) -> None:
    desk = Desk(an_accepted(), hold(DETAIL), a_verdict(), facts=facts()).hear(a_decision(verb, DETAIL))

    assert desk.outcome(DETAIL) is Outcome.ANSWERED
    assert desk.systems() == ["billing"]


def test_systems_are_told_the_span_that_was_asked_for() -> None:
    first, last = NOON.date() - 700 * DAYS, NOON.date() - 300 * DAYS
    desk = Desk(an_accepted(Right.KNOW_SPECIFIC, since=first, until=last), a_verdict(), WARNED)

    assert {(task.since, task.until) for task in desk.all(TaskAssigned)} == {(first, last)}


def test_a_correction_that_says_nothing_is_held_asking_what_is_wrong_reminded_and_ended() -> None:
    desk = Desk(an_accepted(Right.CORRECT, unsaid=True, parts=[DETAIL, "own/verification"]), a_verdict(), facts=facts())
    [asked] = [event for event in desk.all(PartWaiting) if event.part == DETAIL]

    assert (asked.waiting, asked.why, asked.until) == (Waiting.DETAIL, "unsaid", NOON + WINDOWS["detail"])
    assert desk.systems() == []
    desk.wake()
    assert [(e.round, e.why) for e in of(PartWaiting, desk.last)] == [(2, "unsaid")]
    while not desk.state.closed:
        desk.wake()
    assert desk.outcome(DETAIL) is Outcome.EXPIRED
    assert (desk.one(RequestClosed).ending, desk.systems()) == (Ending.EXPIRED, [])


def test_once_it_says_so_it_goes_on_and_its_systems_correct() -> None:
    desk = Desk(an_accepted(Right.CORRECT, unsaid=True, parts=[DETAIL, "own/verification"]), a_verdict(), facts=facts())

    assert desk.hear(an_answer(AnswerKind.DETAIL, contested=[PointKind.PHONE])).systems()
    assert {task.right for task in desk.all(TaskAssigned)} == {Right.CORRECT}


def test_systems_and_clients_hear_by_what_marketing_stops() -> None:
    accepted = an_accepted(Right.OPT_OUT_MARKETING, verify=False, parts=[], points_needed=0, subjects=[SUBJECT],
                           media=[Medium.SMS], clients=[located(named=True)])  # fmt: skip
    desk = Desk(accepted, facts=facts())

    assert {tuple(task.media) for task in desk.all(TaskAssigned)} == {(Medium.SMS,)}
    assert desk.one(ClientRequest).media == [Medium.SMS]
