"""The blind index: what a point looks like in the database. Keyed per brand and field, so that nothing joins across."""

import hmac
import json
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from schemas.values import PointKind, Population
from services.kernel.keys import KeyStore

KEY_VERSION: Final = 1
INDEXED: Final = frozenset(
    {
        PointKind.EMAIL,
        PointKind.PHONE,
        PointKind.ADDRESS,
        PointKind.ACCOUNT_NUMBER,
        PointKind.ORDER_NUMBER,
        PointKind.TRACKING_NUMBER,
        PointKind.NATIONAL_ID,
    }
)
"""What few people share. The others (names, postcodes, days, amounts) would betray how often each value occurs, and
find half the town: they are only compared inside a record found otherwise."""


class Digests:
    """Makes digests with keys derived once."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys

    def point(self, brand: str, kind: PointKind, normal: str) -> bytes:
        """The digest of one normalised point."""
        return self._mac(f"bidx/v{KEY_VERSION}/{brand}/{kind}", normal)

    def subject(self, brand: str, population: Population, client: str | None, link: str) -> UUID:
        """The opaque reference of one person: records share it only through a declared link."""
        raw = bytearray(self._mac("directory/subjects", brand, population, client or "", link)[:16])
        raw[6] = raw[6] & 0x0F | 0x80
        raw[8] = raw[8] & 0x3F | 0x80
        return UUID(bytes=bytes(raw))

    def record(self, system: str, keys: Mapping[str, str]) -> bytes:
        """The digest of one record's keys in its system, to know it again."""
        return self._mac("directory/records", system, json.dumps(dict(keys), sort_keys=True))

    def suppression(self, brand: str, what: str, value: str) -> bytes:
        """The keyed token under which a deletion or a preference is remembered."""
        return self._mac("suppression", brand, what, value)

    def _mac(self, label: str, *parts: str) -> bytes:
        text = parts[0] if len(parts) == 1 else json.dumps(parts)
        return hmac.digest(self._keys.derive(label), text.encode(), "sha256")
