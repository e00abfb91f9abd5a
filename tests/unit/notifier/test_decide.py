from datetime import date
from typing import Any

import pytest

from schemas.base import Event
from schemas.events import (
    DeadlineExtended,
    DeadlineReached,
    HandedOver,
    PartWaiting,
    RequestAmended,
    RequestSettled,
)
from schemas.public import RequestStatusChanged
from schemas.values import Ending, Letter, Outcome, Party, PointKind, Reason, Right, Status, Waiting
from services.kernel.decision import Effect
from services.notifier.decide import Correspondence, decide
from services.notifier.decide.letters import lane
from tests.support.values import (
    DAYS,
    LAST_DAY,
    NOON,
    REQUEST,
    SUBJECT,
    a_close,
    a_verdict,
    an_accepted,
    an_end,
    an_opt_out,
    of,
    told,
)

ACORN = "client:acorn/handover"


def overdue(**fields: Any) -> DeadlineReached:
    return told(DeadlineReached, percent=100, missed=True, respond_by=LAST_DAY, **fields)


class Counter:
    """A clerk's counter: events in, what was said kept."""

    def __init__(self, *events: Event) -> None:
        self.state = Correspondence.stub(REQUEST)
        self.statuses: list[RequestStatusChanged] = []
        self.sent: dict[str, Effect] = {}
        for event in events:
            self.hear(event)

    def hear(self, event: Event) -> "Counter":
        decision = decide(self.state, event, None, NOON)
        assert not self.sent.keys() & {effect.name for effect in decision.effects}
        self.state = decision.state
        self.statuses += of(RequestStatusChanged, decision.events)
        self.sent |= {effect.name: effect for effect in decision.effects}
        return self

    def public(self) -> list[tuple[Status, Reason | None]]:
        return [(status.status, status.reason) for status in self.statuses]

    def waits(self) -> Waiting | None:
        waiting_for = self.statuses[-1].waiting_for
        return waiting_for.kind if waiting_for else None

    def letter(self, name: str) -> dict[str, Any]:
        return dict(self.sent[name].body)


def asking(waiting: Waiting, part: str, number: int = 1, seq: int = 0, **fields: Any) -> PartWaiting:
    return told(
        PartWaiting,
        part,
        number,
        part=part,
        party=Party.PERSON,
        waiting=waiting,
        until=NOON,
        round=number,
        seq=seq,
        **fields,
    )


def proof(number: int = 1, **fields: Any) -> PartWaiting:
    return asking(Waiting.PROOF, "own/verification", number, kinds=[PointKind.PHONE], **fields)


CONFIRM = asking(Waiting.CONFIRMATION, "own/hold:confirmation")
DETAIL = asking(Waiting.DETAIL, "own/hold:detail")
TEXT = an_accepted(Right.UNCLASSIFIED, verify=False, parts=["own/hold:detail"])


def settled(ending: Ending = Ending.FULFILLED, reason: Reason | None = None, **fields: Any) -> RequestSettled:
    parts = fields.pop("parts", {"own/verification": an_end(Outcome.VERIFIED)})
    return told(RequestSettled, ending=ending, reason=reason, parts=parts, **fields)


def passed_on(client: str = "acorn", *, named: bool = True) -> HandedOver:
    part = f"client:{client}/handover"
    return told(HandedOver, client, part=part, client=client, handover_id=REQUEST, parcel_named=named)


def test_a_request_is_acknowledged_to_the_contact_given_with_its_date() -> None:
    counter = Counter(an_accepted())

    letter = counter.letter("acknowledgement")
    assert (letter["letter"], letter["to"], letter["subject"]) == (Letter.ACKNOWLEDGEMENT, "given", None)
    assert letter["respond_by"] == LAST_DAY.isoformat()
    assert counter.public() == [(Status.OPEN, None)]
    assert counter.statuses[0].expected_by == LAST_DAY


def test_nothing_is_said_before_the_request_is_known() -> None:
    counter = Counter(proof(), a_verdict(), passed_on())

    assert (counter.statuses, counter.sent) == ([], {})


def test_a_letter_to_the_contact_given_names_no_record_whatever_is_known_by_then() -> None:
    counter = Counter(a_verdict(), passed_on(), an_accepted())

    assert {counter.letter(name)["subject"] for name in ("acknowledgement", "passed_on/acorn")} == {None}


def test_a_browsers_signal_gets_a_status_and_no_letter() -> None:
    counter = Counter(an_opt_out(channel="gpc"), settled(parts={"own/suppress": an_end(Outcome.APPLIED)}))

    assert counter.public() == [(Status.OPEN, None), (Status.FULFILLED, None)]
    assert counter.sent == {}


def test_a_text_is_answered_by_asking_what_is_wanted() -> None:
    counter = Counter(TEXT, DETAIL)

    assert list(counter.sent) == ["detail/1"]
    assert counter.waits() is Waiting.DETAIL


def test_a_text_that_became_a_request_ends_without_a_letter_and_one_that_did_not_with_one() -> None:
    became = Counter(TEXT, settled(parts={"own/hold:detail": an_end(Outcome.ANSWERED)}))
    expired = Counter(TEXT, settled(Ending.EXPIRED, parts={"own/hold:detail": an_end(Outcome.EXPIRED)}))

    assert became.sent == {}
    assert expired.letter("end")["letter"] is Letter.CLOSED


def test_proof_is_asked_round_by_round_of_the_contact_given() -> None:
    counter = Counter(an_accepted(), proof(), proof(2))

    assert counter.letter("proof/1")["kinds"] == [PointKind.PHONE]
    assert [counter.letter(name)["to"] for name in ("proof/1", "proof/2")] == ["given", "given"]
    assert counter.public()[1:] == [(Status.IN_PROGRESS, Reason.NEED_USER_VERIFICATION)] * 2


def test_a_request_for_proof_that_is_overtaken_is_not_sent_any_more() -> None:
    assert "proof/1" not in Counter(an_accepted(), a_verdict(), proof()).sent
    assert "proof/1" not in Counter(an_accepted(), settled(Ending.WITHDRAWN), proof()).sent


def test_confirmation_is_asked_of_the_contact_on_file_alone() -> None:
    counter = Counter(an_accepted(), a_verdict(), CONFIRM)

    letter = counter.letter("confirmation/1")
    assert (letter["letter"], letter["to"], letter["subject"]) == (Letter.CONFIRMATION_ASKED, "on_file", SUBJECT)
    assert counter.waits() is Waiting.CONFIRMATION


def test_a_confirmation_waits_for_who_is_to_confirm() -> None:
    counter = Counter(an_accepted(), CONFIRM)
    before = dict(counter.sent)
    counter.hear(a_verdict())

    assert "confirmation/1" not in before
    assert counter.letter("confirmation/1")["subject"] == SUBJECT
    assert [status.status for status in counter.statuses] == [Status.OPEN, Status.IN_PROGRESS, Status.IN_PROGRESS]


def test_who_named_a_parcel_hears_that_the_request_was_passed_on_to_its_sender() -> None:
    counter = Counter(an_accepted(), passed_on())

    assert counter.letter("passed_on/acorn")["letter"] is Letter.PASSED_ON
    assert counter.letter("passed_on/acorn")["to"] == "given"


def test_who_named_none_hears_nothing_of_a_hand_over() -> None:
    counter = Counter(an_accepted(), passed_on(named=False))

    assert list(counter.sent) == ["acknowledgement"]
    assert counter.public() == [(Status.OPEN, None)]


@pytest.mark.parametrize(("ending", "reason", "status", "public", "letter"), [
    (Ending.FULFILLED, None, Status.FULFILLED, None, Letter.CLOSED),
    (Ending.PARTIALLY_FULFILLED, None, Status.FULFILLED, None, Letter.CLOSED),
    (Ending.DENIED, Reason.SUSPECTED_FRAUD, Status.DENIED, Reason.SUSPECTED_FRAUD, Letter.DENIED),
    (Ending.DENIED, Reason.WHOLE_ACCOUNT_DECLINED, Status.DENIED, Reason.OTHER, Letter.DENIED),
    (Ending.DENIED, None, Status.DENIED, Reason.OTHER, Letter.DENIED),
    (Ending.UNVERIFIED, Reason.INSUF_VERIFICATION, Status.DENIED, Reason.INSUF_VERIFICATION, Letter.UNVERIFIED),
    (Ending.UNVERIFIED, Reason.NO_MATCH, Status.DENIED, Reason.INSUF_VERIFICATION, Letter.UNVERIFIED),
    (Ending.WITHDRAWN, None, Status.REVOKED, None, Letter.WITHDRAWN),
    (Ending.EXPIRED, None, Status.EXPIRED, None, Letter.CLOSED),
    (Ending.FAILED, Reason.OTHER, Status.DENIED, Reason.OTHER, Letter.CLOSED),
])  # fmt: skip
def test_every_ending_has_its_status_its_public_reason_and_its_letter(
    ending: Ending, reason: Reason | None, status: Status, public: Reason | None, letter: Letter
) -> None:
    counter = Counter(an_accepted(), settled(ending, reason))

    assert counter.public()[-1] == (status, public)
    assert counter.letter("end")["letter"] is letter


@pytest.mark.parametrize("ending", [Ending.FULFILLED, Ending.DENIED, Ending.WITHDRAWN, Ending.EXPIRED])
def test_once_somebody_was_verified_the_end_goes_to_the_contact_on_file(ending: Ending) -> None:
    sure, unsure = Counter(an_accepted(), a_verdict(), settled(ending)), Counter(an_accepted(), settled(ending))

    assert (sure.letter("end")["to"], sure.letter("end")["subject"]) == ("on_file", SUBJECT)
    assert (unsure.letter("end")["to"], unsure.letter("end")["subject"]) == ("given", None)


def test_the_end_tells_what_was_done_and_what_was_kept_and_why() -> None:
    kept = [{"category": "commercial", "code": "exception_legal_obligation", "citation": "26 USC 6001", "count": 3}]
    parts = {"own/system:billing": an_end(Outcome.RETAINED, retained=kept), ACORN: an_end(Outcome.COMPLETED)}
    letter = Counter(an_accepted(), settled(parts=parts, subject=SUBJECT, package=True)).letter("end")

    assert letter["parts"]["own/system:billing"]["retained"][0]["citation"] == "26 USC 6001"
    assert letter["parts"][ACORN]["outcome"] == "completed"
    assert letter["package"] is True
    assert letter["to"] == "on_file"


@pytest.mark.parametrize("late", [
    proof(), CONFIRM, a_verdict(), passed_on(), settled(Ending.DENIED), a_close(),
    told(DeadlineExtended, respond_by=date(2026, 5, 31), reason="other"),
], ids=lambda event: type(event).__name__)  # fmt: skip
def test_a_final_status_is_never_followed_by_another(late: Event) -> None:
    counter = Counter(an_accepted(), settled(Ending.WITHDRAWN))
    counter.hear(late)

    assert counter.public()[-1] == (Status.REVOKED, None)


@pytest.mark.parametrize("first", [settled(), a_verdict(), proof(), CONFIRM], ids=lambda event: type(event).__name__)
def test_status_never_steps_back_whatever_comes_first(first: Event) -> None:
    rest = [
        event for event in (an_accepted(), proof(), a_verdict(), CONFIRM, settled()) if type(event) is not type(first)
    ]
    counter = Counter(first, *rest)

    order = [Status.OPEN, Status.IN_PROGRESS, Status.FULFILLED]
    ranks = [order.index(status.status) for status in counter.statuses]
    assert ranks == sorted(ranks)
    assert counter.statuses[-1].status is Status.FULFILLED


def test_an_end_heard_before_the_request_is_told_when_the_request_is_known() -> None:
    counter = Counter(settled(subject=SUBJECT), an_accepted())

    assert [status.status for status in counter.statuses] == [Status.OPEN, Status.IN_PROGRESS, Status.FULFILLED]
    assert set(counter.sent) == {"acknowledgement", "end"}


def test_more_time_is_told_by_letter_and_with_the_status_once() -> None:
    longer = told(DeadlineExtended, respond_by=date(2026, 5, 31), reason="other")
    counter = Counter(an_accepted(), proof(), longer, longer)

    assert counter.letter("extended/2026-05-31")["respond_by"] == "2026-05-31"
    assert [status.expected_by for status in counter.statuses] == [LAST_DAY, LAST_DAY, date(2026, 5, 31)]
    assert counter.statuses[-1].waiting_for == counter.statuses[-2].waiting_for


def test_a_share_of_time_that_passed_is_no_news_for_the_public() -> None:
    counter = Counter(an_accepted(), told(DeadlineReached, percent=95, respond_by=LAST_DAY))

    assert len(counter.statuses) == 1


def test_who_was_told_otherwise_hears_of_a_late_result_at_the_contact_on_file() -> None:
    late: dict[str, Any] = {"part": "own/system:billing", "end": an_end(Outcome.ERASED)}
    sure = Counter(an_accepted(), a_verdict(), settled(), told(RequestAmended, **late, told_otherwise=True))
    nobody = Counter(an_accepted(), settled(), told(RequestAmended, **late, told_otherwise=True))
    silent = Counter(an_accepted(), a_verdict(), settled(), told(RequestAmended, **late, told_otherwise=False))

    assert sure.letter("amended/own/system:billing")["to"] == "on_file"
    assert "amended/own/system:billing" not in {**nobody.sent, **silent.sent}


def test_of_two_words_about_one_part_the_later_counts() -> None:
    newer, older = proof(seq=2, declaration=True), proof(seq=1)
    counter = Counter(newer, older, an_accepted())

    assert counter.letter("proof/1")["declaration"] is True


def test_all_letters_of_a_request_leave_through_one_lane() -> None:
    counter = Counter(an_accepted(), proof(), settled())

    assert {effect.lane for effect in counter.sent.values()} == {f"mail/{lane(REQUEST)}"}


def test_a_letter_says_whether_the_right_is_a_choice() -> None:
    assert Counter(an_opt_out()).letter("acknowledgement")["choice"] is True
    assert Counter(an_accepted()).letter("acknowledgement")["choice"] is False


@pytest.mark.parametrize(
    "event", [an_accepted(), proof(), a_verdict(), passed_on(), settled()], ids=lambda e: type(e).__name__
)
def test_deciding_twice_says_the_same_and_once_said_nothing_more(event: Event) -> None:
    state = Counter(an_accepted(), proof()).state

    once, twice = decide(state, event, None, NOON), decide(state, event, None, NOON)
    again = decide(once.state, event, None, NOON)

    assert once == twice
    assert (again.events, again.effects, again.state) == ((), (), once.state)


@pytest.mark.parametrize("fields", [{"appeal": True}, {"refusal": True}])
def test_a_missed_day_that_opens_something_is_told_to_whoever_asked(fields: dict[str, bool]) -> None:
    counter = Counter(an_accepted(), overdue(**fields))

    letter = counter.sent[f"overdue/{LAST_DAY}"].body
    assert (letter["letter"], letter["to"], letter["respond_by"]) == (Letter.OVERDUE, "given", LAST_DAY.isoformat())


@pytest.mark.parametrize("events", [
    [an_accepted(), overdue()], [an_accepted(), settled(Ending.FULFILLED), overdue(appeal=True)],
    [an_accepted(channel="gpc"), overdue(appeal=True)]], ids=["opens nothing", "answered", "a signal"])  # fmt: skip
def test_no_letter_tells_of_a_missed_day_that_opens_nothing(events: list[Event]) -> None:
    assert not any(name.startswith("overdue") for name in Counter(*events).sent)


def test_what_whoever_decided_cites_reaches_the_letter() -> None:
    denied = an_end(Outcome.DENIED, reason=Reason.EXCEPTION_LEGAL_CLAIMS, basis="Civ. Code 1798.145(a)")
    other = an_end(Outcome.DENIED, reason=Reason.OTHER, basis="Z-1")
    end = settled(Ending.DENIED, reason=Reason.EXCEPTION_LEGAL_CLAIMS, parts={"answer": other, "own/stop": denied})

    assert Counter(an_accepted(), end).sent["end"].body["basis"] == "Civ. Code 1798.145(a)"


def test_that_an_appeal_takes_a_request_up_again_is_told_with_its_end() -> None:
    end = settled(Ending.FULFILLED, reopens=REQUEST)

    assert Counter(an_accepted(Right.APPEAL, verify=False), end).sent["end"].body["reopens"] is True


def waiting(what: Waiting, party: Party = Party.PERSON, number: int = 1, **fields: Any) -> PartWaiting:
    return told(PartWaiting, part=f"own/hold:{what}", party=party, waiting=what, until=NOON, round=number, **fields)


def test_a_fee_is_told_to_the_contact_on_file_with_the_reason() -> None:
    counter = Counter(an_accepted(), a_verdict(), waiting(Waiting.FEE, why="too_many_requests"))

    letter = counter.sent["fee/1"].body
    assert (letter["letter"], letter["to"], letter["why"]) == (Letter.FEE_ASKED, "on_file", "too_many_requests")
    assert counter.waits() is Waiting.FEE


def test_a_signature_asked_with_the_proof_is_reminded_of_and_not_any_more_once_it_is_known_who_asks() -> None:
    counter = Counter(an_accepted(), waiting(Waiting.DECLARATION))
    again = waiting(Waiting.DECLARATION, number=2)

    assert "declaration/1" not in counter.sent
    assert "declaration/2" not in Counter(an_accepted(), a_verdict(), again).sent
    assert counter.hear(again).sent["declaration/2"].body["to"] == "given"
    assert counter.public() == [(Status.OPEN, None)]


@pytest.mark.parametrize(("subjects", "sent"), [([SUBJECT], True), ([], False), ([SUBJECT, REQUEST], False)])
def test_a_second_yes_without_proof_is_asked_of_the_one_person_on_file_alone(subjects: list[str], sent: bool) -> None:
    asked = an_accepted(Right.OPT_IN_SALE, verify=False, parts=[], subjects=subjects)
    counter = Counter(asked, waiting(Waiting.CONFIRMATION))

    assert ("confirmation/1" in counter.sent) is sent
    assert counter.waits() is Waiting.CONFIRMATION
    assert not sent or counter.sent["confirmation/1"].body["subject"] == SUBJECT


def test_a_code_goes_to_the_contact_on_file_and_what_is_asked_says_nothing_of_it() -> None:
    counter = Counter(an_accepted(), proof(code_to=SUBJECT))
    asked, code = counter.letter("proof/1"), counter.letter("code/1")

    assert (code["letter"], code["to"], code["subject"], code["round"]) == (Letter.CODE, "on_file", SUBJECT, 1)
    assert (asked["to"], asked["subject"]) == ("given", None)
    assert asked == Counter(an_accepted(), proof()).letter("proof/1")


def test_no_code_is_sent_once_it_is_known_who_asks() -> None:
    assert "code/1" not in Counter(an_accepted(), a_verdict(), proof(code_to=SUBJECT)).sent


def test_the_contact_on_file_is_warned_and_the_public_sees_no_more_than_progress() -> None:
    notice = waiting(Waiting.NOTICE, Party.SYSTEM, who="notifier")
    counter = Counter(an_accepted(), a_verdict(), notice)

    letter = counter.letter("notice/1")
    assert (letter["letter"], letter["to"], letter["subject"]) == (Letter.NOTICE, "on_file", SUBJECT)
    assert counter.public()[-1] == (Status.IN_PROGRESS, None)


@pytest.mark.parametrize("late_first", [True, False])
def test_who_is_believed_after_the_end_is_written_to_at_the_contact_on_file_and_the_end_stays_told(
    late_first: bool,
) -> None:
    believed = a_verdict().model_copy(update={"late": True})
    ended = settled(Ending.UNVERIFIED, Reason.INSUF_VERIFICATION)
    late: dict[str, Any] = {"part": "own/package", "end": an_end(Outcome.EXPORTED), "told_otherwise": True}
    first = (believed, ended) if late_first else (ended, believed)
    counter = Counter(an_accepted(), *first, waiting(Waiting.NOTICE, Party.SYSTEM), told(RequestAmended, **late))

    assert counter.letter("end")["to"] == "given"
    assert counter.letter("notice/1")["subject"] == SUBJECT
    amended = counter.letter("amended/own/package")
    assert (amended["to"], amended["subject"], amended["package"]) == ("on_file", SUBJECT, True)
    assert counter.public()[-1] == (Status.DENIED, Reason.INSUF_VERIFICATION)


@pytest.mark.parametrize("ending", [Ending.FULFILLED, Ending.EXPIRED, Ending.DENIED])
def test_the_app_is_told_from_when_it_may_ask_to_take_an_opt_out_back(ending: Ending) -> None:
    again = NOON.date() + 365 * DAYS
    counter = Counter(
        an_opt_out(ask_again_from=again), settled(ending, parts={"own/suppress": an_end(Outcome.APPLIED)})
    )

    first, last = counter.statuses
    assert first.ask_again_from is None
    assert last.ask_again_from == (again if ending is Ending.FULFILLED else None)


def test_a_letter_says_by_what_marketing_stops() -> None:
    counter = Counter(an_opt_out(right=Right.OPT_OUT_MARKETING, media=["sms"]),
                      settled(parts={"own/suppress": an_end(Outcome.APPLIED)}))  # fmt: skip

    assert counter.letter("end")["media"] == ["sms"]
