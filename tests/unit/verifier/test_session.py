"""An account session counts instead of points: for the one record of that account, and never for the declaration."""

from dataclasses import replace

import pytest

from rules.matching import Candidate
from rules.names import NameFit
from schemas.events import PartWaiting, RequestVerified
from schemas.values import AnswerKind, Group, PointKind, Population, Right
from services.verifier.decide import Facts, Verification, decide
from tests.support.values import LATER, NOON, REQUEST, SUBJECT, a_record, an_accepted, an_answer, of, seen

ACCOUNT = PointKind.ACCOUNT_NUMBER
STUB = Verification.stub(REQUEST)
MINE = a_record(ACCOUNT)
SPECIFIC = an_accepted(Right.KNOW_SPECIFIC, points_needed=3, declaration_needed=True)


def signed_in(*records: Candidate) -> Facts:
    """A listed authenticator vouches for an account that these records hold."""
    return replace(seen(), signed_in={REQUEST: records})


def test_a_session_verifies_without_any_point() -> None:
    [verdict] = of(RequestVerified, decide(STUB, an_accepted(), signed_in(MINE), NOON).events)

    assert (verdict.subject, verdict.groups, verdict.by) == (SUBJECT, [Group.ACCOUNT], "session")


def test_a_session_does_not_replace_the_declaration() -> None:
    first = decide(STUB, SPECIFIC, signed_in(MINE), NOON)
    points = decide(first.state, an_answer(AnswerKind.POINTS), seen(), LATER)
    declared = decide(points.state, an_answer(AnswerKind.DECLARATION), seen(), LATER)

    assert [wait.declaration for wait in of(PartWaiting, first.events)] == [True]
    assert of(RequestVerified, points.events) == []
    assert [verdict.by for verdict in of(RequestVerified, declared.events)] == ["session"]


@pytest.mark.parametrize("records", [
    (), (MINE, a_record(ACCOUNT, subject=f"{SUBJECT[:-1]}f")), (a_record(PointKind.EMAIL),),
    (a_record(ACCOUNT, name=NameFit.NONE),), (a_record(ACCOUNT, population=Population.RECIPIENT, client="acorn"),),
], ids=["nobody's account", "two persons", "another point", "another name", "a client's record"])  # fmt: skip
def test_a_session_of_an_account_that_is_no_single_record_of_ours_proves_nothing(records) -> None:
    decision = decide(STUB, an_accepted(), signed_in(*records), NOON)

    assert of(RequestVerified, decision.events) == []
    assert decision.events == decide(STUB, an_accepted(), seen(), NOON).events


def test_an_account_number_merely_typed_is_one_point_and_no_session() -> None:
    assert of(RequestVerified, decide(STUB, an_accepted(), seen(MINE), NOON).events) == []


def test_a_promise_to_some_reaches_only_their_sessions() -> None:
    promised = an_accepted(only_for=[Population.CLIENT_STAFF])

    assert of(RequestVerified, decide(STUB, promised, signed_in(MINE), NOON).events) == []


def test_others_failed_tries_do_not_keep_who_is_signed_in_out() -> None:
    facts = signed_in(MINE)
    full = replace(facts, aimed={SUBJECT: "record/r"}, tally=replace(facts.tally, counted={"record/r": 10_000}))

    assert len(of(RequestVerified, decide(STUB, an_accepted(), full, NOON).events)) == 1
