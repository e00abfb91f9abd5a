"""A package as an attachment: the whole archive inside another one that a password opens (AES-256, WinZip's AE-2).

The password is derived, and lies nowhere. It leaves by another way than the archive: on paper, or told once.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from stat import S_IFREG
from typing import Final

from stream_zip import ZIP_AUTO, stream_zip

from services.packages.stored import About

MOST_BYTES: Final = 7 << 20
"""A larger package leaves by its link: as text it grows by a third, and many mail servers take 10 MB."""
NAME: Final = "your-data.zip"
_INNER: Final = "data.zip"
_MODE: Final = S_IFREG | 0o600


def fits(what: About) -> bool:
    """Whether a package is small enough to be attached."""
    return what.size <= MOST_BYTES


def lock(blocks: Iterable[bytes], size: int, password: str, day: date) -> bytes:
    """Lock an archive of `size` bytes into another one. Another salt each time; its files' names are locked, too."""
    moment = datetime.combine(day, time(), tzinfo=UTC)
    return b"".join(stream_zip([(_INNER, moment, _MODE, ZIP_AUTO(size, level=0), blocks)], password=password))
