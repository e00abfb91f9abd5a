from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from rules.matching import Candidate, Matched, Verdict, locate, weigh
from rules.names import NameFit
from rules.points import compile_points
from schemas.values import Group, Population, Right
from schemas.values import PointKind as K

TEXT = (Path(__file__).parents[3] / "policies" / "points.yaml").read_text(encoding="utf-8")
POLICY = compile_points(TEXT)
TODAY = date(2026, 3, 1)
LONG_AGO = date(2020, 1, 1)


def held(kind, since=LONG_AGO, source="orders", *, reliable=True):
    return Matched(kind, source, since, reliable=reliable)


def record(*kinds, name=NameFit.UNKNOWN, subject="s-1", population=Population.ACCOUNT_HOLDER, client=None):
    points = [kind if isinstance(kind, Matched) else held(kind) for kind in kinds]
    if name is NameFit.EXACT and not any(point.kind is K.NAME for point in points):
        points.append(held(K.NAME))
    return Candidate(subject, population, client, tuple(points), name)


def parcel(*kinds, name=NameFit.UNKNOWN, subject="r-1", client="acme"):
    return record(*kinds, name=name, subject=subject, population=Population.RECIPIENT, client=client)


def judge(*candidates, needed=2, right=Right.DELETE, policy=POLICY, contested=frozenset()):
    return weigh(candidates, needed=needed, right=right, on=TODAY, policy=policy, contested=contested)


def test_two_independent_points_verify() -> None:
    verdict = judge(record(K.EMAIL, K.ORDER_NUMBER))

    assert verdict.verdict is Verdict.VERIFIED
    assert verdict.subject == "s-1"
    assert verdict.groups == {Group.EMAIL, Group.ORDER}


def test_an_exact_name_counts_as_one() -> None:
    assert judge(record(K.EMAIL, name=NameFit.EXACT)).groups == {Group.EMAIL, Group.NAME}


@pytest.mark.parametrize(
    "candidate",
    [
        record(K.ADDRESS, name=NameFit.EXACT),
        record(K.ADDRESS, K.POSTCODE, K.NAME, name=NameFit.EXACT),
        record(K.EMAIL, name=NameFit.FUZZY),
        record(K.EMAIL, K.NAME, name=NameFit.FUZZY),
        record(K.TRANSACTION_DATE, K.TRANSACTION_AMOUNT),
        record(K.EMAIL, K.TRACKING_NUMBER),
        record(K.EMAIL, K.POSTCODE),
        record(K.EMAIL, held(K.PHONE, reliable=False)),
        record(K.ORDER_NUMBER, held(K.EMAIL, since=TODAY - timedelta(days=29))),
        record(K.ORDER_NUMBER, held(K.EMAIL, since=TODAY + timedelta(days=1))),
        record(K.EMAIL),
    ],
    ids=str,
)
def test_what_does_not_prove_enough_is_not_enough(candidate) -> None:
    assert judge(candidate).verdict is Verdict.NOT_ENOUGH


@pytest.mark.parametrize(
    "point",
    [
        held(K.EMAIL, since=TODAY - timedelta(days=30)),
        held(K.EMAIL, since=None),
        held(K.ACCOUNT_NUMBER, since=TODAY),
    ],
    ids=str,
)
def test_only_a_contact_must_have_been_held_for_a_month(point) -> None:
    assert judge(record(K.ORDER_NUMBER, point)).verdict is Verdict.VERIFIED


def test_a_recent_value_does_not_hide_an_old_one() -> None:
    recent = held(K.EMAIL, since=TODAY, source="newsletter")

    assert judge(record(K.ORDER_NUMBER, recent, held(K.EMAIL))).verdict is Verdict.VERIFIED


@pytest.mark.parametrize("kind", [K.EMAIL, K.NAME])
def test_an_unreliable_system_verifies_nobody(kind) -> None:
    policy = compile_points(TEXT.replace("unreliable: {}", "unreliable: {newsletter: [all]}"))
    candidate = record(
        K.ORDER_NUMBER, held(kind, source="newsletter"), name=NameFit.EXACT if kind is K.NAME else NameFit.UNKNOWN
    )

    assert judge(candidate).verdict is Verdict.VERIFIED
    assert judge(candidate, policy=policy).verdict is Verdict.NOT_ENOUGH


def test_a_name_that_does_not_fit_vetoes_however_much_else_agrees() -> None:
    verdict = judge(record(*(kind for kind in K if kind is not K.NAME), name=NameFit.NONE))

    assert verdict.verdict is Verdict.NO_RECORD
    assert verdict.subject is None
    assert not verdict.located


def test_two_people_who_both_fit_are_no_match() -> None:
    verdict = judge(record(K.EMAIL, K.PHONE, K.ORDER_NUMBER), record(K.EMAIL, K.PHONE, subject="s-2"))

    assert verdict.verdict is Verdict.AMBIGUOUS
    assert verdict.subject is None
    assert verdict.located


def test_only_the_record_that_satisfies_the_rule_says_what_counted() -> None:
    verdict = judge(record(K.ADDRESS, K.POSTCODE, name=NameFit.EXACT), record(K.EMAIL, K.PHONE))

    assert verdict.groups == {Group.EMAIL, Group.PHONE}


def test_two_records_of_one_person_are_no_ambiguity_and_do_not_add_up() -> None:
    assert judge(record(K.EMAIL, K.PHONE), record(K.EMAIL, K.ORDER_NUMBER)).verdict is Verdict.VERIFIED
    assert judge(record(K.EMAIL), record(K.ORDER_NUMBER)).verdict is Verdict.NOT_ENOUGH


def test_what_a_correction_is_about_proves_nothing_for_it() -> None:
    candidate = record(K.EMAIL, K.ORDER_NUMBER)

    assert judge(candidate, right=Right.CORRECT).verdict is Verdict.VERIFIED
    assert judge(candidate, right=Right.CORRECT, contested=frozenset({K.EMAIL})).verdict is Verdict.NOT_ENOUGH
    named = record(K.EMAIL, name=NameFit.EXACT)
    assert judge(named, right=Right.CORRECT, contested=frozenset({K.NAME})).verdict is Verdict.NOT_ENOUGH


def test_a_kind_never_used_for_a_right_proves_nothing_for_it() -> None:
    policy = compile_points(TEXT.replace("    group: account", "    group: account\n    never_for: [correct]"))
    candidate = record(K.EMAIL, K.ACCOUNT_NUMBER)

    assert judge(candidate, policy=policy).verdict is Verdict.VERIFIED
    assert judge(candidate, policy=policy, right=Right.CORRECT).verdict is Verdict.NOT_ENOUGH


def test_clients_records_verify_nobody() -> None:
    assert judge(parcel(K.EMAIL, K.PHONE)).verdict is Verdict.NO_RECORD


@pytest.mark.parametrize("needed", [0, -1])
def test_nobody_is_verified_by_nothing(needed) -> None:
    assert judge(record(), needed=needed).verdict is Verdict.NO_RECORD
    assert judge(record(K.ADDRESS, name=NameFit.EXACT), needed=needed).verdict is Verdict.NOT_ENOUGH


def test_an_operator_may_look_at_one_person_who_resembles_in_two_groups() -> None:
    close = judge(record(K.EMAIL, name=NameFit.FUZZY))
    both = judge(record(K.EMAIL, name=NameFit.FUZZY), record(K.EMAIL, name=NameFit.FUZZY, subject="s-2"))

    assert (close.located, close.subject, close.groups) == (True, "s-1", {Group.EMAIL})
    assert (both.located, both.subject) == (True, None)
    assert not judge(record(K.EMAIL)).located
    assert judge() == judge(record())
    assert judge().verdict is Verdict.NO_RECORD


def test_a_second_key_is_worth_a_look_and_no_more() -> None:
    near = replace(record(name=NameFit.EXACT), near=frozenset({K.EMAIL, K.PHONE}))

    assert judge(near).verdict is Verdict.NOT_ENOUGH
    assert (judge(near).located, judge(near).subject, judge(near).groups) == (True, "s-1", {Group.NAME})
    assert locate([replace(parcel(), near=frozenset(K))], on=TODAY, policy=POLICY) == ()


@pytest.mark.parametrize(
    "candidate",
    [
        parcel(K.EMAIL, K.PHONE),
        parcel(K.ADDRESS, name=NameFit.EXACT),
        parcel(K.TRACKING_NUMBER, K.POSTCODE),
        parcel(K.TRACKING_NUMBER, name=NameFit.FUZZY),
        parcel(K.ORDER_NUMBER, K.NAME),
        parcel(held(K.EMAIL, since=TODAY), K.ADDRESS),
    ],
    ids=str,
)
def test_a_recipient_is_located_by_two_points_or_a_parcel_that_fits(candidate) -> None:
    assert locate([candidate], on=TODAY, policy=POLICY) == (candidate,)


@pytest.mark.parametrize(
    "candidate",
    [
        parcel(K.EMAIL),
        parcel(K.TRACKING_NUMBER),
        parcel(K.ORDER_NUMBER, K.TRACKING_NUMBER),
        parcel(K.POSTCODE, name=NameFit.EXACT),
        parcel(K.ADDRESS, name=NameFit.FUZZY),
        parcel(K.ADDRESS, K.NAME, name=NameFit.FUZZY),
        parcel(K.EMAIL, held(K.PHONE, reliable=False)),
        parcel(K.EMAIL, K.PHONE, name=NameFit.NONE),
        parcel(K.TRACKING_NUMBER, K.POSTCODE, name=NameFit.NONE),
        parcel(K.EMAIL, K.PHONE, client=None),
        record(K.EMAIL, K.PHONE),
    ],
    ids=str,
)
def test_what_does_not_locate_a_recipient(candidate) -> None:
    assert locate([candidate], on=TODAY, policy=POLICY) == ()


def test_located_records_are_told_client_by_client() -> None:
    found = [
        parcel(K.EMAIL, K.PHONE, subject="r-2", client="beta"),
        parcel(K.EMAIL, K.PHONE, subject="r-1", client="beta"),
        parcel(K.EMAIL, K.PHONE, subject="r-9", client="acme"),
    ]

    assert [c.subject for c in locate(found, on=TODAY, policy=POLICY)] == ["r-9", "r-1", "r-2"]
