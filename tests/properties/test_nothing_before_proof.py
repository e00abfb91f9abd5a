"""Before it is known who asks, nothing is done for them: whatever is said, decided, or left to time."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.rights import MEANINGS, UNPROVEN, By
from schemas.events import PartWaiting, TaskAssigned
from schemas.values import AnswerKind, Outcome, Party, Reason, Right, Verb
from tests.support.desk import Desk
from tests.support.values import a_decision, a_failure, a_verdict, an_accepted, an_answer, around, of

PROVEN = sorted(right for right in Right if right not in UNPROVEN and MEANINGS[right].by is By.SYSTEMS)
VERIFICATION, DETAIL = "own/verification", "own/hold:detail"
SAID = [an_answer(kind) for kind in AnswerKind if kind not in {AnswerKind.WITHDRAWAL, AnswerKind.NOT_ME}]
DECIDED = [
    a_decision(verb, part, reason=Reason.EXCESSIVE, basis="11 CCR 7060")
    for verb in Verb
    if verb not in {Verb.DENY, Verb.WITHDRAW}
    for part in (None, VERIFICATION, DETAIL, "own/system:billing", "own/package", "own/suppress")
]
"""Everything an operator can try; whom they believe is for the verifier to say."""
happens = st.lists(st.sampled_from([*SAID, *DECIDED, "time passes"]), max_size=12)


def asked(right: Right, by: str) -> Desk:
    parts = [DETAIL, VERIFICATION] if right is Right.CORRECT else [VERIFICATION]
    more = {"agent": {"parts": ["own/hold:mandate", *parts]}, "person": {"parts": parts}}[by]
    return Desk(an_accepted(right, declaration_needed=right is Right.KNOW_SPECIFIC, **more), facts=around("acorn"))


@pytest.mark.parametrize("by", ["person", "agent"])
@given(right=st.sampled_from(PROVEN), events=happens)
@settings(max_examples=200)
def test_no_system_is_asked_anything_before_somebody_is_verified(by: str, right: Right, events: list[Any]) -> None:
    desk = asked(right, by)
    for event in events:
        if event != "time passes":
            desk.hear(event)
        elif desk.state.due_at:
            desk.wake()

    assert desk.all(TaskAssigned) == []
    assert not any(end.outcome in {Outcome.EXPORTED, Outcome.ERASED, Outcome.CORRECTED} for end in _ends(desk))


def _ends(desk: Desk) -> list[Any]:
    return [part.end for part in desk.state.parts.values() if part.end]


@pytest.mark.parametrize("right", PROVEN)
def test_once_somebody_is_they_are_and_not_if_nobody_could_be(right: Right) -> None:
    known, unknown = (
        Desk(an_accepted(right), verdict, facts=around("acorn")) for verdict in (a_verdict(), a_failure())
    )

    assert known.all(TaskAssigned) or of(PartWaiting, known.told)[-1].party is Party.OPERATOR
    assert unknown.all(TaskAssigned) == []
