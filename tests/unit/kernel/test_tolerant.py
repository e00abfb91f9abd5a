"""What outsiders can put on a topic is read, or stands there as one unreadable record; it is never an exception."""

import gzip
from collections.abc import Callable

import pytest
from aiokafka.codec import lz4_encode, snappy_encode, zstd_encode
from hypothesis import given
from hypothesis import strategies as st

from services.kernel import tolerant
from services.kernel.tolerant import UNREADABLE, TolerantRecords
from services.kernel.unpacking import MOST_UNPACKED, UNPACKERS
from tests.support import crooked

tolerant.install()

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "snappy": snappy_encode,
    "lz4": lz4_encode,
    "zstd": zstd_encode,
}
"""In the order of the numbers Kafka has for them."""


def read(raw: bytes) -> list[tuple[int, bytes | None, list[tuple[str, bytes]]]]:
    records = TolerantRecords(raw)
    assert records.size_in_bytes() == len(raw)
    found = []
    while records.has_next():
        batch = records.next_batch()
        assert batch.validate_crc()
        assert not batch.is_control_batch
        found += [(record.offset, record.value, list(record.headers)) for record in batch]
    return found


def test_a_decent_batch_is_read_as_it_is() -> None:
    assert read(bytes(crooked.a_batch(b"v", count=2))) == [(0, b"v", [("abcd", b"x")]), (1, b"v", [("abcd", b"x")])]


@pytest.mark.parametrize("codec", PACKERS)
def test_a_batch_packed_by_any_codec_is_read(codec: str) -> None:
    batch = crooked.a_batch(b'{"a": 1}', count=3)
    packed = crooked.packed(batch, PACKERS[codec](bytes(batch[61:])), list(PACKERS).index(codec) + 1)

    assert [value for _, value, _ in read(packed)] == [b'{"a": 1}'] * 3


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (crooked.with_nameless_header(), b"UnicodeDecodeError"),
        (crooked.gzip_bomb(MOST_UNPACKED + 1), b"ValueError"),
        (crooked.packed(crooked.a_batch(), b"nonsense", 1), b"ValueError"),
        (crooked.packed(crooked.a_batch(), b"nonsense", 7), b"UnsupportedCodecError"),
    ],
    ids=["a nameless header", "a bomb", "nonsense", "an unknown codec"],
)
def test_a_batch_nobody_can_read_becomes_one_record_that_says_why(raw: bytes, why: bytes) -> None:
    assert read(raw) == [(0, None, [(UNREADABLE, why)])]


def test_batches_around_an_unreadable_one_are_read() -> None:
    good, bad = bytes(crooked.a_batch(b"v")), crooked.with_nameless_header()

    assert [value for _, value, _ in read(good + bad + good)] == [b"v", None, b"v"]


def test_the_stand_in_lies_where_the_batch_ends() -> None:
    raw = bytearray(crooked.a_batch(count=5))
    at = raw.index(b"abcd")
    raw[at : at + 4] = b"\xff\xfe\xfd\xfc"

    assert [offset for offset, *_ in read(crooked.sealed(raw))] == [4]


def test_of_a_fetch_that_unpacks_into_very_much_only_a_part_is_read_now() -> None:
    large = bytes(crooked.a_batch(b"x" * 3_000_000))
    records = TolerantRecords(large * 5)
    read_now = 0
    while records.has_next():
        read_now += len(list(records.next_batch()))

    assert read_now == 2


@given(st.binary(max_size=200), st.integers(0, 7))
def test_any_bytes_at_all_are_read_or_stand_as_unreadable(records: bytes, codec: int) -> None:
    assert all(offset >= 0 for offset, *_ in read(crooked.packed(crooked.a_batch(), records, codec)))


@pytest.mark.parametrize("codec", PACKERS)
@given(plain=st.binary(max_size=500))
def test_unpacking_gives_back_what_was_packed_and_refuses_the_rest(codec: str, plain: bytes) -> None:
    unpack, packed = UNPACKERS[codec], PACKERS[codec](plain)

    assert unpack(packed) == plain
    for broken in (b"\xff" * 20, packed[:-1]):
        with pytest.raises(ValueError, match=r"not (gzip|snappy)|cut off"):
            unpack(broken)


@pytest.mark.parametrize("codec", PACKERS)
def test_what_unpacks_into_too_much_is_refused(codec: str) -> None:
    assert len(UNPACKERS[codec](PACKERS[codec](bytes(MOST_UNPACKED)))) == MOST_UNPACKED
    with pytest.raises(ValueError, match="larger than"):
        UNPACKERS[codec](PACKERS[codec](bytes(MOST_UNPACKED + 1)))


def test_snappy_without_blocks_is_read() -> None:
    assert UNPACKERS["snappy"](snappy_encode(b"abc" * 99, xerial_compatible=False)) == b"abc" * 99
