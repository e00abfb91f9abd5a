from datetime import timedelta
from pathlib import Path

import pytest

from rules.errors import PolicyProblem
from rules.points import compile_points
from schemas.values import Group, PointKind, Right

TEXT = (Path(__file__).parents[3] / "policies" / "points.yaml").read_text(encoding="utf-8")
POLICY = compile_points(TEXT)


@pytest.mark.parametrize(
    ("kind", "group"),
    [
        (PointKind.POSTCODE, Group.ADDRESS),
        (PointKind.TRACKING_NUMBER, Group.ORDER),
        (PointKind.TRANSACTION_DATE, Group.TRANSACTION),
        (PointKind.TRANSACTION_AMOUNT, Group.TRANSACTION),
    ],
)
def test_what_one_knows_together_is_one_group(kind, group) -> None:
    assert POLICY.group_of(kind) is group


def test_what_anybody_can_read_never_counts() -> None:
    assert [kind for kind in PointKind if not POLICY.counts(kind, Right.DELETE)] == [
        PointKind.POSTCODE,
        PointKind.TRACKING_NUMBER,
    ]
    assert POLICY.locates(PointKind.TRACKING_NUMBER)
    assert POLICY.strong_locator(PointKind.TRACKING_NUMBER)


def test_sensitive_points_are_never_asked_for() -> None:
    assert not POLICY.asked(PointKind.NATIONAL_ID)
    assert not POLICY.asked(PointKind.DATE_OF_BIRTH)
    assert POLICY.asked(PointKind.ORDER_NUMBER)


def test_a_contact_must_have_been_held_for_a_month() -> None:
    aged = {kind for kind in PointKind if POLICY.min_age(kind)}

    assert aged == {PointKind.EMAIL, PointKind.PHONE, PointKind.ADDRESS}
    assert POLICY.min_age(PointKind.EMAIL) == timedelta(days=30)


def test_a_system_can_be_unreliable_for_some_kinds_or_all() -> None:
    policy = compile_points(TEXT.replace("unreliable: {}", "unreliable: {newsletter: [email], legacy: [all]}"))

    assert not policy.reliable("newsletter", PointKind.EMAIL)
    assert policy.reliable("newsletter", PointKind.PHONE)
    assert not any(policy.reliable("legacy", kind) for kind in PointKind)
    assert policy.reliable("orders", PointKind.EMAIL)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("min_age_days: 30", "min_age_days: soon", "points.email.min_age_days"),
        ("strength: weak", "strenght: weak", "points.name"),
        ("group: name", "group: family", "points.name.group"),
        ("  postcode:", "  zipcode:", "zipcode"),
        ("unreliable: {}", "unreliable: {crm: [everything]}", "unreliable.crm"),
        ("  phone:", "  email:", "written twice"),
        ("points:", "points: [", ""),
    ],
)
def test_a_wrong_policy_says_where_and_why(old, new, reason) -> None:
    with pytest.raises(PolicyProblem, match=r"^policies/points\.yaml:\d+: ") as problem:
        compile_points(TEXT.replace(old, new, 1))

    assert reason in problem.value.reason
    assert problem.value.line >= 1


def test_every_kind_must_be_told_about() -> None:
    with pytest.raises(PolicyProblem, match=r"no entry for .*email"):
        compile_points("points: {}")
