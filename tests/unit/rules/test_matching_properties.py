from dataclasses import replace
from datetime import date
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from rules.matching import HOUSEHOLD, Candidate, Matched, Verdict, locate, weigh
from rules.names import NameFit
from rules.points import compile_points
from schemas.values import Group, PointKind, Population, Right

POLICY = compile_points(
    (Path(__file__).parents[3] / "policies" / "points.yaml")
    .read_text(encoding="utf-8")
    .replace("unreliable: {}", "unreliable: {newsletter: [email, name]}")
)
TODAY = date(2026, 3, 1)
points = st.builds(
    Matched,
    kind=st.sampled_from(PointKind),
    source=st.sampled_from(["orders", "newsletter"]),
    held_since=st.none() | st.dates(date(2025, 12, 1), date(2026, 4, 1)),
    reliable=st.booleans(),
)
records = st.builds(
    Candidate,
    subject=st.sampled_from(["a", "b", "c"]),
    population=st.sampled_from(Population),
    client=st.sampled_from([None, "acme", "beta"]),
    matched=st.lists(points, max_size=6).map(tuple),
    name=st.sampled_from(NameFit),
    near=st.frozensets(st.sampled_from(PointKind), max_size=2),
)
needs = st.integers(0, 4)
kinds = st.frozensets(st.sampled_from(PointKind), max_size=2)


def judge(candidates, needed, contested=frozenset()):
    return weigh(candidates, needed=needed, right=Right.DELETE, on=TODAY, policy=POLICY, contested=contested)


@given(found=st.lists(records, max_size=4), needed=needs, more=st.lists(points, max_size=3), at=st.integers(0, 3))
def test_more_evidence_in_the_verified_record_never_turns_a_yes_into_a_no(found, needed, more, at) -> None:
    before = judge(found, needed)
    grown = [
        replace(one, matched=(*one.matched[:at], *more, *one.matched[at:])) if one.subject == before.subject else one
        for one in found
    ]

    if before.verdict is Verdict.VERIFIED:
        after = judge(grown, needed)
        assert (after.verdict, after.subject) == (Verdict.VERIFIED, before.subject)
        assert len(after.groups) >= len(before.groups)


@given(found=st.lists(records, max_size=4), needed=needs, contested=kinds)
def test_points_of_two_records_never_add_up(found, needed, contested) -> None:
    together = judge(found, needed, contested)
    alone = {one.subject for one in found if judge([one], needed, contested).verdict is Verdict.VERIFIED}

    assert (together.verdict is Verdict.VERIFIED) == (len(alone) == 1)
    assert (together.verdict is Verdict.AMBIGUOUS) == (len(alone) > 1)
    if together.verdict is Verdict.VERIFIED:
        assert {together.subject} == alone


@given(found=st.lists(records, max_size=4), needed=needs, data=st.data())
def test_order_changes_nothing(found, needed, data) -> None:
    shuffled = [
        replace(one, matched=tuple(data.draw(st.permutations(one.matched))))
        for one in data.draw(st.permutations(found))
    ]

    assert judge(shuffled, needed) == judge(found, needed)
    assert [(c.client, c.subject) for c in locate(shuffled, on=TODAY, policy=POLICY)] == [
        (c.client, c.subject) for c in locate(found, on=TODAY, policy=POLICY)
    ]


@given(one=records, needed=needs)
def test_saying_a_thing_twice_changes_nothing(one, needed) -> None:
    twice = replace(one, matched=one.matched * 2)

    assert judge([twice], needed) == judge([one], needed)
    assert bool(locate([twice], on=TODAY, policy=POLICY)) == bool(locate([one], on=TODAY, policy=POLICY))


@given(found=st.lists(records, max_size=4), needed=needs, contested=kinds)
def test_a_verified_person_proved_enough_groups_and_one_beyond_the_household(found, needed, contested) -> None:
    verdict = judge(found, needed, contested)

    if verdict.verdict is Verdict.VERIFIED:
        assert len(verdict.groups) >= needed
        assert verdict.groups - HOUSEHOLD
        held = {POLICY.group_of(p.kind) for c in found if c.subject == verdict.subject for p in c.matched}
        assert verdict.groups <= held | {Group.NAME}


@given(found=st.lists(records.map(lambda one: replace(one, name=NameFit.NONE)), max_size=4), needed=needs)
def test_a_name_that_does_not_fit_always_vetoes(found, needed) -> None:
    assert judge(found, needed).verdict is Verdict.NO_RECORD
    assert locate(found, on=TODAY, policy=POLICY) == ()


@given(one=records, needed=needs)
def test_a_fuzzy_name_proves_no_more_than_none_given(one, needed) -> None:
    nameless = replace(one, matched=tuple(p for p in one.matched if p.kind is not PointKind.NAME))
    fuzzy, silent = replace(one, name=NameFit.FUZZY), replace(nameless, name=NameFit.UNKNOWN)

    assert (judge([fuzzy], needed).verdict is Verdict.VERIFIED) == (judge([silent], needed).verdict is Verdict.VERIFIED)


@given(one=records, needed=needs, near=st.frozensets(st.sampled_from(PointKind)))
def test_second_keys_never_count_and_only_locate(one, needed, near) -> None:
    before, after = judge([one], needed), judge([replace(one, near=one.near | near)], needed)

    assert (before.verdict is Verdict.VERIFIED) == (after.verdict is Verdict.VERIFIED)
    if after.verdict is Verdict.VERIFIED:
        assert before == after
    assert before.located <= after.located


@given(one=records, needed=needs)
def test_needing_more_never_verifies_more(one, needed) -> None:
    if judge([one], needed + 1).verdict is Verdict.VERIFIED:
        assert judge([one], needed).verdict is Verdict.VERIFIED


@given(one=records, needed=needs, contested=kinds)
def test_contesting_a_kind_never_verifies_more(one, needed, contested) -> None:
    if judge([one], needed, contested).verdict is Verdict.VERIFIED:
        assert judge([one], needed).verdict is Verdict.VERIFIED


@given(found=st.lists(records, max_size=4), needed=needs)
def test_only_what_resembles_is_located_and_only_one_person_is_named(found, needed) -> None:
    verdict = judge(found, needed)

    if verdict.verdict is Verdict.NO_RECORD:
        assert not verdict.located
    if verdict.subject is not None:
        assert verdict.located
    if verdict.verdict is Verdict.AMBIGUOUS:
        assert (verdict.subject, verdict.groups) == (None, frozenset())
