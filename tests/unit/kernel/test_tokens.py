"""Ids and tokens: the same for the same cause, different for any other, and a request leads to its case."""

import re
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.values import Right
from services.kernel import tokens

KEY = bytes(range(32))
keys = st.binary(min_size=32, max_size=32)
pairs = st.tuples(st.text(), st.text())


@given(pairs, pairs)
def test_cases_differ_exactly_when_their_submissions_do(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (tokens.case_id(KEY, *one) == tokens.case_id(KEY, *other)) is (one == other)


@given(keys, keys, pairs)
def test_another_key_names_another_case(one: bytes, other: bytes, pair: tuple[str, str]) -> None:
    assume(one != other)

    assert tokens.case_id(one, *pair) != tokens.case_id(other, *pair)


@given(pairs, st.sampled_from(Right), st.sampled_from(Right))
def test_a_request_leads_to_its_case(pair: tuple[str, str], one: Right, other: Right) -> None:
    case = tokens.case_id(KEY, *pair)
    first, second = tokens.request_id(KEY, case, one), tokens.request_id(KEY, case, other)

    assert tokens.case_key(first) == tokens.case_key(str(second)) == tokens.case_key(case)
    assert tokens.case_key(tokens.case_key(case)) == tokens.case_key(case)
    assert len({case, first, second}) == (2 if one is other else 3)


@given(pairs, pairs)
def test_cases_share_no_key(one: tuple[str, str], other: tuple[str, str]) -> None:
    assume(one != other)

    assert tokens.case_key(tokens.case_id(KEY, *one)) != tokens.case_key(tokens.case_id(KEY, *other))


@given(pairs)
def test_ids_look_like_uuids_of_version_8(pair: tuple[str, str]) -> None:
    case = tokens.case_id(KEY, *pair)

    for found in (case, tokens.request_id(KEY, case, "delete")):
        assert (found.version, found.variant) == (8, "specified in RFC 4122")
        assert UUID(str(found)) == found


@given(st.tuples(st.text(), st.text(), st.integers(0, 99)), st.tuples(st.text(), st.text(), st.integers(0, 99)))
def test_answer_tokens_differ_with_request_kind_and_round(
    one: tuple[str, str, int], other: tuple[str, str, int]
) -> None:
    assert (tokens.answer_token(KEY, *one) == tokens.answer_token(KEY, *other)) is (one == other)


@given(st.tuples(st.text(), st.text(), st.text()), st.tuples(st.text(), st.text(), st.text()))
def test_reply_tokens_differ_with_part_request_and_addressee(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert (tokens.reply_token(KEY, *one) == tokens.reply_token(KEY, *other)) is (one == other)


@given(st.text(), st.text(), st.integers(0, 9))
def test_a_code_is_eight_digits(request: str, kind: str, round_: int) -> None:
    assert re.fullmatch(r"\d{8}", tokens.code(KEY, request, kind, round_))


def test_kinds_of_tokens_never_meet() -> None:
    answer, reply = tokens.answer_token(KEY, "r", "k", 1), tokens.reply_token(KEY, "r", "k", "1")

    assert answer != reply


@pytest.mark.parametrize(("given_", "same"), [("abc", True), ("abd", False), ("", False), ("äß", False)])
def test_tokens_are_compared_whole(given_: str, same: bool) -> None:
    assert tokens.matches("abc", given_) is same
