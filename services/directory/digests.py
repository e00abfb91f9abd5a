"""The blind index: what a point looks like in the database. Keyed per brand and field, so that nothing joins across."""

import hashlib
import hmac
from typing import Final
from uuid import UUID

from schemas.values import PointKind, Population
from services.kernel.keys import KeyStore

KEY_VERSION: Final = 1


class Digests:
    """Makes digests with keys derived once."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self._subject_key = keys.derive("directory/subjects")

    def point(self, brand: str, kind: PointKind, normal: str) -> bytes:
        """The digest of one normalised point."""
        key = self._keys.derive(f"bidx/v{KEY_VERSION}/{brand}/{kind}")
        return hmac.new(key, normal.encode(), hashlib.sha256).digest()

    def subject(self, brand: str, population: Population, client: str | None, link: str) -> UUID:
        """The opaque reference of one person: records share it only through a declared link."""
        text = "\x1f".join((brand, population, client or "", link))
        raw = bytearray(hmac.new(self._subject_key, text.encode(), hashlib.sha256).digest()[:16])
        raw[6] = raw[6] & 0x0F | 0x80
        raw[8] = raw[8] & 0x3F | 0x80
        return UUID(bytes=bytes(raw))

    def suppression(self, text: str) -> bytes:
        """The keyed token under which a deletion or an opt-out is remembered."""
        return hmac.new(self._keys.derive("suppression"), text.encode(), hashlib.sha256).digest()
