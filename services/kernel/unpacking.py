"""Unpacks what producers pack, by every codec of Kafka's, into a bounded number of bytes."""

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import cramjam

from schemas.topics import PUBLIC_BYTES

MOST_UNPACKED: Final = PUBLIC_BYTES + 65_536
"""Bytes a batch may unpack into: four times the largest batch of any client's default settings."""
_GZIP: Final = 31
_XERIAL: Final = b"\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01"
"""How Java's snappy begins: blocks follow, each after its length. Others pack all as one block without any header."""
_TOO_MUCH: Final = f"larger than {MOST_UNPACKED} bytes"


def unpack_gzip(packed: bytes) -> bytes:
    """Unpack gzip.

    Raises:
        ValueError: it is no gzip, is cut off, or would be larger than MOST_UNPACKED.
    """
    stream = zlib.decompressobj(_GZIP)
    try:
        plain = stream.decompress(packed, MOST_UNPACKED)
    except zlib.error:
        raise ValueError("not gzip") from None
    if not stream.eof:
        raise ValueError(f"cut off, or {_TOO_MUCH}")
    return plain


def unpack_snappy(packed: bytes) -> bytes:
    """Unpack snappy, in Java's blocks or as one.

    Raises:
        ValueError: it is no snappy, is cut off, or would be larger than MOST_UNPACKED.
    """
    blocks = list(_blocks(bytes(packed)))
    try:
        if sum(cramjam.snappy.decompress_raw_len(block) for block in blocks) > MOST_UNPACKED:
            raise ValueError(_TOO_MUCH)
        return b"".join(bytes(cramjam.snappy.decompress_raw(block)) for block in blocks)
    except cramjam.DecompressionError:
        raise ValueError("not snappy") from None


def unpack_lz4(packed: bytes) -> bytes:
    """Unpack lz4.

    Raises:
        ValueError: it is no lz4, is cut off, or would be larger than MOST_UNPACKED.
    """
    return _into_room(cramjam.lz4.decompress_into, packed)


def unpack_zstd(packed: bytes) -> bytes:
    """Unpack zstd.

    Raises:
        ValueError: it is no zstd, is cut off, or would be larger than MOST_UNPACKED.
    """
    return _into_room(cramjam.zstd.decompress_into, packed)


UNPACKERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "gzip": unpack_gzip,
    "snappy": unpack_snappy,
    "lz4": unpack_lz4,
    "zstd": unpack_zstd,
}
"""By the name Kafka gives a codec."""


def _into_room(decompress_into: Callable[[bytes, bytearray], Any], packed: bytes) -> bytes:
    room = bytearray(MOST_UNPACKED)
    try:
        size = decompress_into(bytes(packed), room)
    except cramjam.DecompressionError:
        raise ValueError(f"of another codec, cut off, or {_TOO_MUCH}") from None
    return bytes(memoryview(room)[:size])


def _blocks(packed: bytes) -> Iterator[bytes]:
    if not packed.startswith(_XERIAL):
        yield packed
        return
    at = len(_XERIAL)
    while at < len(packed):
        try:
            [size] = struct.unpack_from("!I", packed, at)
        except struct.error:
            raise ValueError("not snappy") from None
        yield packed[at + 4 : at + 4 + size]
        at += 4 + size
