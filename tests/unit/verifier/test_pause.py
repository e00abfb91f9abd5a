import pytest

from schemas.events import ClockPaused
from schemas.values import AnswerKind, PointKind, Waiting
from services.verifier.decide import Verification, decide
from tests.support.values import DAYS, NOON, REQUEST, a_record, an_accepted, an_answer, of, seen

UNPROVEN, PROVEN = seen(), seen(a_record(PointKind.EMAIL, PointKind.PHONE))


@pytest.mark.parametrize("pauses", [[Waiting.PROOF], [Waiting.DETAIL], []])
def test_where_proof_stops_the_clock_it_is_said_from_the_first_question_to_the_answer(pauses) -> None:
    state = decide(Verification.stub(REQUEST), an_accepted(pauses=pauses), UNPROVEN, NOON).state
    later = NOON + 5 * DAYS
    answer = an_answer(AnswerKind.POINTS).model_copy(update={"occurred_at": later})
    paused = of(ClockPaused, decide(state, answer, PROVEN, later).events)

    expected = [(Waiting.PROOF, NOON, later)] if Waiting.PROOF in pauses else []
    assert [(event.waiting, event.since, event.until) for event in paused] == expected


def test_who_proves_it_at_once_stops_no_clock() -> None:
    decision = decide(Verification.stub(REQUEST), an_accepted(pauses=[Waiting.PROOF]), PROVEN, NOON)

    assert of(ClockPaused, decision.events) == []
