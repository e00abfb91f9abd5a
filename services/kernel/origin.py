"""A parked record that is put back on its topic keeps its identity: where and when it first lay.

On topics outsiders write, identity is the position of the record; a header says the first one, and a keyed hash over
it and the value shows that our own tools wrote the header. One that does not fit is as if it were not there.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from schemas.wire import Headers, Record
from services.kernel.keys import KeyStore

HEADER: Final = "rightsbus-origin"
_FIELDS: Final = 5


def with_origin(record: Record, key: bytes) -> Headers:
    """The headers of a record to be put back: its own, and where and when it first lay."""
    own = [(name, value or b"") for name, value in record.headers if name.lower() != HEADER]
    place = f"{record.topic}/{record.partition}/{record.offset}/{record.at_ms}"
    return [*own, (HEADER, f"{place}/{_mac(key, place, record.value)}".encode())]


def restorer(keys: KeyStore) -> Callable[[Record], Record]:
    """How readers take a record: one put back counts as lying where it first lay."""
    return lambda record: restored(record, keys.derive("origin")) if record.header(HEADER) else record


def restored(record: Record, key: bytes) -> Record:
    """The record as it first lay, if a header says so and holds for this very topic and value; else as it is."""
    told = (record.header(HEADER) or "").split("/")
    if len(told) != _FIELDS or told[0] != record.topic:
        return record
    if not hmac.compare_digest(_mac(key, "/".join(told[:-1]), record.value).encode(), told[-1].encode()):
        return record
    partition, offset, at_ms = map(int, told[1:-1])
    return replace(record, partition=partition, offset=offset, at_ms=at_ms)


def _mac(key: bytes, place: str, value: bytes | None) -> str:
    return hmac.digest(key, place.encode() + b"|" + hashlib.sha256(value or b"").digest(), "sha256").hex()
