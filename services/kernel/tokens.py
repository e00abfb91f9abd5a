"""Names and capabilities derived by keyed hash: none can be guessed, and none need be stored. Pure."""

import base64
import hmac
from typing import Final
from uuid import UUID

_PREFIX: Final = 9
"""Bytes that a case and all its requests share: 72 bits, less the 6 a UUID fixes."""


def _mac(key: bytes, *parts: str) -> bytes:
    """Each part goes in with its length, so that no two lists of parts look the same."""
    raw = [part.encode() for part in parts]
    return hmac.digest(key, b"".join(len(part).to_bytes(4) + part for part in raw), "sha256")


def _uuid(prefix: bytes, suffix: bytes) -> UUID:
    raw = bytearray(prefix[:_PREFIX] + suffix[: 16 - _PREFIX])
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    return UUID(bytes=bytes(raw))


def case_id(key: bytes, source: str, submission_id: str) -> UUID:
    """Name the case of a submission: the same pair is the same case, for whoever holds the key."""
    prefix = _mac(key, "case", source, submission_id)
    return _uuid(prefix, _mac(key, "suffix", source, submission_id))


def request_id(key: bytes, case: UUID, right: str) -> UUID:
    """Name the request of one right within a case."""
    return _uuid(case.bytes, _mac(key, "request", str(case), right))


def case_key(some_id: UUID | str) -> str:
    """The part of an id that a case and all its requests share: a request leads to its case by itself.

    A case key is its own case key.
    """
    if isinstance(some_id, str) and len(some_id) == _PREFIX * 2:
        return some_id
    return (some_id if isinstance(some_id, UUID) else UUID(some_id)).hex[: _PREFIX * 2]


def answer_token(key: bytes, request: str, kind: str, round_: int) -> str:
    """The token a letter holds for one kind of answer and one round of asking."""
    return _mac(key, "answer", request, kind, str(round_)).hex()[:32]


def reply_token(key: bytes, part: str, request: str, addressee: str) -> str:
    """The token an addressee shows with its reply; the same for every attempt of the part."""
    return _mac(key, "reply", part, request, addressee).hex()[:32]


def package_code(key: bytes, request: str, round_: int) -> str:
    """The code that opens a request's package once; a further link is a further round."""
    return _mac(key, "package", request, str(round_)).hex()[:32]


def package_password(key: bytes, request: str) -> str:
    """What opens a request's package where it was attached: 100 bits, in five groups a person can type."""
    letters = base64.b32encode(_mac(key, "package-password", request))[:20].decode()
    return "-".join(letters[at : at + 4] for at in range(0, 20, 4))


def code(key: bytes, request: str, kind: str, round_: int) -> str:
    """Eight digits a person can type."""
    return f"{int.from_bytes(_mac(key, 'code', request, kind, str(round_))[:8]) % 100_000_000:08}"


def matches(expected: str, given: str) -> bool:
    """Compare two tokens in constant time."""
    return hmac.compare_digest(expected.encode(), given.encode())
