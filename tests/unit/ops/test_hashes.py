"""Paths lead every leaf to the root of its tree, and nothing else does."""

from hypothesis import given
from hypothesis import strategies as st

from services.ops.audit import hashes

leaves = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=70)


@given(leaves=leaves, data=st.data())
def test_every_leaf_climbs_to_the_root(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))

    assert hashes.climb(leaves[index], hashes.path(leaves, index)) == hashes.root(leaves)


@given(leaves=leaves, other=st.binary(min_size=32, max_size=32), data=st.data())
def test_another_leaf_climbs_elsewhere(leaves: list[bytes], other: bytes, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))

    climbed = hashes.climb(other, hashes.path(leaves, index))

    assert (climbed == hashes.root(leaves)) == (other == leaves[index])


@given(leaves=st.lists(st.binary(min_size=32, max_size=32), min_size=2, max_size=40, unique=True), data=st.data())
def test_order_and_number_of_leaves_count(leaves: list[bytes], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(leaves))

    assert (hashes.root(shuffled) == hashes.root(leaves)) == (list(shuffled) == leaves)
    assert hashes.root(leaves[:-1]) != hashes.root(leaves)


def test_a_tree_of_three_is_the_one_of_the_standard() -> None:
    def sha(data: bytes) -> bytes:
        return hashes._sha(data)

    a, b, c = (sha(bytes([n])) for n in range(3))

    assert hashes.root([a, b, c]) == sha(b"\x01" + sha(b"\x01" + a + b) + c)


def test_equal_entries_have_unequal_leaves_under_other_salts() -> None:
    assert hashes.leaf(b"a" * 16, b"entry") != hashes.leaf(b"b" * 16, b"entry")


def test_chains_start_apart() -> None:
    assert hashes.start("privacy.closed", 1) != hashes.start("privacy.closed", 11)
    assert hashes.start("privacy.closed", 1) != hashes.start("privacy.settled", 1)
