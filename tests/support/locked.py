"""A locked archive, opened as the format's description says and with nothing that made it."""

import hashlib
import hmac
import io
import zipfile
import zlib
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from cryptography.hazmat.primitives.ciphers.modes import ECB

SALT: Final = 16
CHECK: Final = 2
MAC: Final = 10
"""Bytes around the content: AES-256's salt, the password's check, the beginning of the HMAC."""


class WrongPassword(Exception):
    """It opens nothing."""


def opened(archive: bytes, password: str) -> bytes:
    """Open the one member of an archive by WinZip's AE-2: PBKDF2, AES-256 counting from 1 little-endian, HMAC-SHA1."""
    with zipfile.ZipFile(io.BytesIO(archive)) as whole:
        [member] = whole.infolist()
    at = member.header_offset + 26
    names, extras = (int.from_bytes(archive[at + k : at + k + 2], "little") for k in (0, 2))
    start = at + 4 + names + extras
    body = archive[start : start + member.compress_size]
    salt, check, sealed, mac = body[:SALT], body[SALT : SALT + CHECK], body[SALT + CHECK : -MAC], body[-MAC:]
    keys = hashlib.pbkdf2_hmac("sha1", password.encode(), salt, 1_000, 66)
    if check != keys[64:] or not hmac.compare_digest(hmac.digest(keys[32:64], sealed, "sha1")[:MAC], mac):
        raise WrongPassword
    counters = b"".join(number.to_bytes(16, "little") for number in range(1, len(sealed) // 16 + 2))
    stream = Cipher(algorithms.AES(keys[:32]), ECB()).encryptor().update(counters)  # noqa: S305  each block once
    plain = bytes(a ^ b for a, b in zip(sealed, stream, strict=False))
    return zlib.decompress(plain, -zlib.MAX_WBITS)
