"""The directory's keys at work: the blind index, opaque references, and seals. Nothing joins across brands or fields.

A digest is HMAC-SHA-256 under a key per brand and field, by HKDF from the epoch of its version. What is sealed names
its epoch in front; destroying an epoch's key makes every copy of it unreadable, backups included.
"""

import hmac
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple
from uuid import UUID

from schemas.values import Population
from services.kernel.keys import DIRECTORY, SUPPRESSED, KeyStore, expand
from services.kernel.sealing import CannotOpen, seal, unseal

_expanded = lru_cache(maxsize=1_024)(expand)
"""By the secret itself, which is asked for each time: a destroyed epoch is felt at once."""
_RECORD: Final = 16


class Version(NamedTuple):
    """Under which key, and by which normaliser, a person's digests were made."""

    key: int
    normaliser: int


class Digests:
    """Makes digests and seals; one per call or batch, so that a rotation is noticed by the next."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self._secrets: dict[int, bytes] = {}
        self._fields: dict[tuple[int, str, str], bytes] = {}
        self._tokens: list[int] = []

    def newest(self) -> int:
        """The key version that new digests and seals are made under."""
        return int(self._keys.current_epoch(DIRECTORY)[1:])

    def point(self, version: int, brand: str, label: str, key: str) -> bytes:
        """The digest of one key, under the label of what it is made of."""
        field = self._fields.get((version, brand, label))
        if field is None:
            field = _expanded(self._secret(version), f"bidx/{brand}/{label}")
            self._fields[version, brand, label] = field
        return hmac.digest(field, key.encode(), "sha256")

    def subject(self, brand: str, population: Population, client: str | None, link: str) -> UUID:
        """The opaque reference of one person: records share it only through a declared link."""
        raw = bytearray(self._lasting("directory/subjects", brand, population, client or "", link)[:16])
        raw[6] = raw[6] & 0x0F | 0x80
        raw[8] = raw[8] & 0x3F | 0x80
        return UUID(bytes=bytes(raw))

    def record(self, system: str, keys: Mapping[str, str]) -> str:
        """The opaque reference of one record, to know it again."""
        content = json.dumps(dict(keys), sort_keys=True)
        return self._lasting("directory/records", system, content)[:_RECORD].hex()

    def suppressing(self) -> int:
        """The version of the key that new tokens are made under; 0 before the first rotation."""
        return self._suppressing()[0]

    def suppression(self, brand: str, what: str, value: str) -> bytes:
        """The keyed token under which a deletion or a preference is remembered from now on."""
        return self.suppressions(brand, what, value)[0]

    def suppressions(self, brand: str, what: str, value: str) -> list[bytes]:
        """That token under every version there is, the newest first: what was remembered is known by one of them."""
        parts = json.dumps((brand, what, value)).encode()
        return [hmac.digest(self._token_key(version), parts, "sha256") for version in self._suppressing()]

    def _suppressing(self) -> list[int]:
        if not self._tokens:
            ring = [int(epoch[1:]) for epoch in self._keys.epochs() if epoch.startswith(SUPPRESSED)]
            self._tokens = [*sorted(ring, reverse=True), 0]
        return self._tokens

    def _token_key(self, version: int) -> bytes:
        """Version 0 is of the master secret: tokens were made under it before there was a ring."""
        if version == 0:
            return self._keys.derive("suppression")
        return _expanded(self._keys.wrapping_key(f"{SUPPRESSED}{version}"), "suppression")

    def seal(self, plain: bytes, about: str) -> bytes:
        """Encrypt under the newest version, bound to what it is about."""
        version = self.newest()
        epoch = _epoch(version)
        return epoch + b":" + seal(_expanded(self._secret(version), "seal"), plain, epoch + about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """Decrypt what `seal` made, by whichever version.

        Raises:
            CannotOpen: sealed otherwise, about something else, or changed.
            KeyGone: the version's key was destroyed.
        """
        epoch, mark, body = sealed.partition(b":")
        if not mark or epoch[:1] != DIRECTORY.encode() or not epoch[1:].isdigit():
            raise CannotOpen("these bytes were not sealed for the directory")
        return unseal(_expanded(self._secret(int(epoch[1:])), "seal"), body, epoch + about.encode())

    def _secret(self, version: int) -> bytes:
        if version not in self._secrets:
            self._secrets[version] = self._keys.wrapping_key(_epoch(version).decode())
        return self._secrets[version]

    def _lasting(self, label: str, *parts: str) -> bytes:
        """A reference that outlives rotations: events, history and requests under way name people by it."""
        return hmac.digest(self._keys.derive(label), json.dumps(parts).encode(), "sha256")


def _epoch(version: int) -> bytes:
    return f"{DIRECTORY}{version}".encode()
