"""A request that was stopped: its letter and its status say what had been done by then, and no more."""

import pytest

from schemas.events import RequestSettled
from schemas.public import RequestStatusChanged
from schemas.values import Ending, Outcome, PartEnd, Reason, Status
from services.kernel.decision import Decision
from services.notifier.adapters.contents import account
from services.notifier.adapters.writer import Writer
from services.notifier.decide import Correspondence, decide
from tests.support.values import LATER, REQUEST, SUBJECT, a_verdict, an_accepted, told

PARTS = {
    "own/system:billing": PartEnd(outcome=Outcome.ERASED, counts={"commercial": 2}),
    "own/system:accounts": PartEnd(outcome=Outcome.WITHDRAWN),
    "own/suppress": PartEnd(outcome=Outcome.WITHDRAWN),
    "own/verification": PartEnd(outcome=Outcome.VERIFIED),
}


def settled(ending: Ending, reason: Reason | None = None, **parts: PartEnd) -> RequestSettled:
    return told(RequestSettled, ending=ending, reason=reason, parts={**PARTS, **parts}, subject=SUBJECT)


def last(event: RequestSettled) -> RequestStatusChanged:
    state, decision = Correspondence.stub(REQUEST), None
    for one in (an_accepted(), a_verdict(), event):
        decision = decide(state, one, None, LATER)
        state = decision.state.but(version=state.version + 1)
    assert isinstance(decision, Decision)
    found = decision.events[-1]
    assert isinstance(found, RequestStatusChanged)
    return found


def test_the_status_of_a_withdrawn_request_names_what_had_been_done() -> None:
    status = last(settled(Ending.WITHDRAWN))

    assert (status.status, status.done) == (Status.REVOKED, [Outcome.ERASED])


def test_so_does_that_of_one_the_person_never_made() -> None:
    status = last(settled(Ending.DENIED, Reason.SUSPECTED_FRAUD))

    assert (status.status, status.reason, status.done) == (
        Status.DENIED, Reason.SUSPECTED_FRAUD, [Outcome.ERASED],
    )  # fmt: skip


def test_a_request_that_was_carried_out_needs_no_such_list() -> None:
    assert last(settled(Ending.FULFILLED)).done == []


@pytest.mark.parametrize("language", Writer().languages())
def test_a_letter_tells_what_was_done_and_lists_nothing_that_was_stopped(language: str) -> None:
    words = Writer()._languages[language].words
    lines = account({name: end.model_dump(mode="json") for name, end in PARTS.items()}, words)

    assert len(lines) == 1
    assert words["outcomes"]["erased"] in lines[0]
