from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.rights import (
    HEARD,
    MEANINGS,
    SIGNAL,
    SIGNALLED,
    UNPROVEN,
    By,
    PassedOn,
    acknowledged,
    asked_by_signal,
    in_order,
    reaches,
)
from schemas.values import ANSWERED_BY_A_PERSON, OPT_OUTS, Action, Population, Right, Role

some_rights = st.lists(st.sampled_from(Right), max_size=8)


def test_every_right_has_a_meaning() -> None:
    assert set(MEANINGS) == set(Right)


def test_opt_outs_and_limits_need_no_proof_and_run_first() -> None:
    assert OPT_OUTS <= UNPROVEN
    assert all(MEANINGS[right].first == 0 for right in OPT_OUTS)
    assert all(MEANINGS[right].action is Action.APPLY for right in OPT_OUTS)


def test_a_person_answers_appeals_complaints_questions_and_reports() -> None:
    assert {right for right, meaning in MEANINGS.items() if meaning.by is By.OPERATOR} == HEARD
    assert ANSWERED_BY_A_PERSON < HEARD


def test_what_the_brand_answers_tells_nothing_about_the_person() -> None:
    by_brand = {right for right, meaning in MEANINGS.items() if meaning.by is By.BRAND}

    assert by_brand == {Right.SHINE_THE_LIGHT, Right.SERVICE_PROVIDER_LIST}
    assert not any(MEANINGS[right].proof or MEANINGS[right].package for right in by_brand)


def test_the_list_of_service_providers_is_a_clients_right() -> None:
    assert MEANINGS[Right.SERVICE_PROVIDER_LIST].only == {Role.CLIENT_STAFF}
    assert all(not meaning.only for right, meaning in MEANINGS.items() if right is not Right.SERVICE_PROVIDER_LIST)


@pytest.mark.parametrize(
    ("right", "passed_on"),
    [
        (Right.KNOW_SPECIFIC, PassedOn.ALWAYS),
        (Right.DELETE, PassedOn.ALWAYS),
        (Right.CORRECT, PassedOn.ALWAYS),
        (Right.MINOR_REPORT, PassedOn.ALWAYS),
        (Right.OPT_OUT_SALE_SHARE, PassedOn.PARCEL_NAMED),
        (Right.WITHDRAW_CONSENT, PassedOn.PARCEL_NAMED),
        (Right.APPEAL, PassedOn.NEVER),
        (Right.SHINE_THE_LIGHT, PassedOn.NEVER),
    ],
)
def test_clients_are_asked_about_what_is_theirs(right, passed_on) -> None:
    assert MEANINGS[right].passed_on is passed_on


def test_a_report_about_a_minor_is_decided_by_an_operator_and_erases_without_asking_again() -> None:
    report = MEANINGS[Right.MINOR_REPORT]

    assert (report.by, report.action, report.once_more, report.proof) == (By.OPERATOR, Action.ERASE, False, False)


def test_an_opt_in_takes_two_steps() -> None:
    assert [right for right, meaning in MEANINGS.items() if meaning.once_more] == [Right.OPT_IN_SALE]


def test_opt_outs_come_first_access_before_deletion_and_each_once() -> None:
    mixed = [Right.DELETE, Right.KNOW_SPECIFIC, Right.OPT_OUT_SALE_SHARE, Right.CORRECT, Right.DELETE]

    assert in_order(mixed) == [Right.OPT_OUT_SALE_SHARE, Right.KNOW_SPECIFIC, Right.CORRECT, Right.DELETE]


@given(rights=some_rights)
def test_the_order_of_a_case_depends_on_its_rights_only(rights) -> None:
    ordered = in_order(rights)

    assert set(ordered) == set(rights)
    assert len(ordered) == len(set(rights))
    assert all(MEANINGS[one].first <= MEANINGS[two].first for one, two in pairwise(ordered))


def test_a_signal_asks_for_both_opt_outs_at_once_and_gets_no_letter() -> None:
    assert asked_by_signal(SIGNAL, []) == list(SIGNALLED)
    assert asked_by_signal(SIGNAL, [Right.DELETE, Right.LIMIT_SENSITIVE]) == [*SIGNALLED, Right.LIMIT_SENSITIVE]
    assert asked_by_signal("web", [Right.DELETE]) == [Right.DELETE]
    assert not any(acknowledged(right, SIGNAL) for right in SIGNALLED)
    assert acknowledged(Right.OPT_OUT_SALE_SHARE, "web")


def test_a_promise_reaches_whom_it_names_or_everybody() -> None:
    holders = (Population.ACCOUNT_HOLDER, Population.CLIENT_STAFF)

    assert reaches((), Population.VISITOR)
    assert reaches(holders, Population.CLIENT_STAFF)
    assert not reaches(holders, Population.VISITOR)
