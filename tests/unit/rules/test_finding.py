from hypothesis import given
from hypothesis import strategies as st

from rules.finding import INDEXED, WITH_NAME, finders
from schemas.values import PointKind as K

KEYS = st.tuples(st.sampled_from(list(K)), st.sampled_from(["a", "b"]))


def test_what_few_share_finds_alone_and_what_many_share_with_a_name() -> None:
    said = [(K.NAME, "ada|lovelace"), (K.EMAIL, "ada@example.org"), (K.POSTCODE, "84105")]

    assert set(finders(said)) == {("email", "ada@example.org"), ("name+postcode", "ada|lovelace|84105")}


def test_a_name_or_a_place_alone_finds_nobody() -> None:
    assert list(finders([(K.NAME, "ada|lovelace")])) == []
    assert list(finders([(K.POSTCODE, "84105"), (K.DATE_OF_BIRTH, "1985-12-10")])) == []


def test_every_kind_is_found_by_in_one_way_or_the_other() -> None:
    assert {*INDEXED, *WITH_NAME, K.NAME} == set(K)


@given(st.sets(KEYS, max_size=8), st.sets(KEYS, max_size=8))
def test_who_says_more_is_found_by_at_least_as_much(said, more) -> None:
    assert set(finders(said)) <= set(finders(said | more))
