from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules import parts
from schemas.values import Ending, Outcome, PartEnd, Reason, Verb

OWN, OTHER, SUPPRESS = "own/system:accounts", "own/system:billing", parts.SUPPRESS
CLIENT, PROOF, HOLD = "client:acorn/handover", parts.VERIFICATION, parts.hold("confirmation")
NAMES = [OWN, OTHER, SUPPRESS, CLIENT, PROOF, HOLD, parts.ANSWER, parts.PACKAGE, parts.LAW, parts.after("x")]
outcomes = st.sampled_from(list(Outcome))


def fold(ends: dict[str, Outcome], reason: Reason | None = None) -> tuple[Ending, Reason | None]:
    return parts.fold({name: PartEnd(outcome=outcome, reason=reason) for name, outcome in ends.items()})


@pytest.mark.parametrize(("ends", "ending"), [
    ({OWN: Outcome.ERASED}, Ending.FULFILLED),
    ({OWN: Outcome.ERASED, OTHER: Outcome.NOT_FOUND}, Ending.FULFILLED),
    ({OWN: Outcome.NOT_FOUND, OTHER: Outcome.NOT_FOUND}, Ending.FULFILLED),
    ({}, Ending.FULFILLED),
    ({OWN: Outcome.ERASED, OTHER: Outcome.RETAINED}, Ending.PARTIALLY_FULFILLED),
    ({OWN: Outcome.ERASED, OTHER: Outcome.FAILED}, Ending.PARTIALLY_FULFILLED),
    ({OWN: Outcome.ERASED, OTHER: Outcome.DENIED}, Ending.PARTIALLY_FULFILLED),
    ({OWN: Outcome.RETAINED, OTHER: Outcome.NOT_FOUND}, Ending.PARTIALLY_FULFILLED),
    ({OWN: Outcome.FAILED, OTHER: Outcome.FAILED}, Ending.FAILED),
    ({OWN: Outcome.FAILED, SUPPRESS: Outcome.APPLIED}, Ending.FAILED),
    ({OWN: Outcome.SKIPPED}, Ending.DENIED),
    ({SUPPRESS: Outcome.APPLIED}, Ending.FULFILLED),
    ({SUPPRESS: Outcome.APPLIED, CLIENT: Outcome.FAILED}, Ending.PARTIALLY_FULFILLED),
    ({SUPPRESS: Outcome.FAILED}, Ending.FAILED),
    ({OWN: Outcome.ERASED, OTHER: Outcome.WITHDRAWN}, Ending.WITHDRAWN),
    ({PROOF: Outcome.UNVERIFIED}, Ending.UNVERIFIED),
    ({PROOF: Outcome.UNVERIFIED, CLIENT: Outcome.COMPLETED}, Ending.FULFILLED),
    ({PROOF: Outcome.UNVERIFIED, CLIENT: Outcome.REFUSED}, Ending.UNVERIFIED),
    ({PROOF: Outcome.FAILED}, Ending.FAILED),
    ({PROOF: Outcome.VERIFIED, HOLD: Outcome.EXPIRED}, Ending.EXPIRED),
    ({PROOF: Outcome.VERIFIED, HOLD: Outcome.DENIED}, Ending.DENIED),
    ({PROOF: Outcome.VERIFIED, HOLD: Outcome.EXPIRED, CLIENT: Outcome.COMPLETED}, Ending.PARTIALLY_FULFILLED),
    ({CLIENT: Outcome.REFUSED}, Ending.DENIED),
    ({CLIENT: Outcome.NOT_OURS}, Ending.FULFILLED),
    ({parts.ANSWER: Outcome.ANSWERED}, Ending.FULFILLED),
    ({parts.LAW: Outcome.DENIED}, Ending.DENIED),
    ({parts.after("x"): Outcome.COMPLETED, PROOF: Outcome.UNVERIFIED}, Ending.UNVERIFIED),
])  # fmt: skip
def test_the_ends_of_parts_fold_into_the_end_of_the_whole(ends: dict[str, Outcome], ending: Ending) -> None:
    assert fold(ends)[0] is ending


def test_a_denial_carries_the_reason_of_the_part_that_was_denied() -> None:
    assert fold({HOLD: Outcome.DENIED}, Reason.WHOLE_ACCOUNT_DECLINED) == (Ending.DENIED, Reason.WHOLE_ACCOUNT_DECLINED)
    assert fold({HOLD: Outcome.DENIED}) == (Ending.DENIED, Reason.OTHER)


@given(ends=st.dictionaries(st.sampled_from(NAMES), outcomes, max_size=4))
def test_order_never_matters_and_every_fold_is_an_ending(ends: dict[str, Outcome]) -> None:
    results = {fold(dict(order)) for order in permutations(ends.items())}

    assert len(results) == 1
    assert isinstance(next(iter(results))[0], Ending)


def test_a_part_says_whose_it_is() -> None:
    assert parts.system_of(parts.system("accounts")) == "accounts"
    assert parts.system_of(parts.system("accounts", "acorn")) == "accounts"
    assert parts.system_of(parts.system("suppress")) == "suppress"
    assert parts.system_of(CLIENT) is parts.system_of(PROOF) is parts.system_of(parts.ANSWER) is None
    assert parts.client_of(parts.system("accounts", "acorn")) == parts.client_of(CLIENT) == "acorn"
    assert parts.client_of(OWN) is None
    assert parts.is_handover(CLIENT)
    assert not parts.is_handover(parts.system("accounts", "acorn"))
    assert parts.is_hold(HOLD)
    assert parts.is_after(parts.after("x"))


def test_whoever_asked_may_learn_of_their_own_parts_and_of_clients_they_named() -> None:
    everything = [
        OWN,
        SUPPRESS,
        PROOF,
        CLIENT,
        "client:acorn/system:shipments",
        "client:birch-co/handover",
        parts.ANSWER,
    ]

    assert parts.public(everything, ["acorn"], sure=True) == set(everything) - {"client:birch-co/handover"}
    assert parts.public(everything, [], sure=False) == {SUPPRESS, PROOF, parts.ANSWER}


@pytest.mark.parametrize("verb", list(Verb))
@pytest.mark.parametrize("part", [None, PROOF, OWN, CLIENT])
def test_every_decision_is_answered_by_one_service(verb: Verb, part: str | None) -> None:
    expected = "fulfiller"
    if verb is Verb.EXTEND:
        expected = "intake"
    elif verb is Verb.APPROVE and part in {None, PROOF}:
        expected = "verifier"

    assert parts.decider(verb, part) == expected
