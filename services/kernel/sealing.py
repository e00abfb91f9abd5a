"""Authenticated encryption as used everywhere: AES-256-GCM, fresh nonce, bound to what the bytes are about."""

import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.kernel.errors import PermanentError
from services.kernel.keys import KeyStore, expand

_NONCE: Final = 12


class CannotOpen(PermanentError):
    """Sealed bytes do not open: another key, or they were changed."""


def seal(key: bytes, plain: bytes, about: bytes) -> bytes:
    """Encrypt with AES-256-GCM under a fresh nonce, bound to what it is about."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, about)


def unseal(key: bytes, sealed: bytes, about: bytes) -> bytes:
    """Decrypt what `seal` made.

    Raises:
        CannotOpen: wrong key, wrong subject, or changed bytes.
    """
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], about)
    except (InvalidTag, ValueError):
        raise CannotOpen("sealed bytes do not open with this key") from None


class Sealer:
    """Seals bytes that belong to no case, or leave soon: outbox rows of personal topics, parked records."""

    def __init__(self, keys: KeyStore, label: str) -> None:
        self._keys, self._label = keys, label
        self._derived: dict[bytes, bytes] = {}

    def seal(self, plain: bytes) -> bytes:
        """Encrypt under a key of the current epoch, whose name goes in front."""
        epoch = self._keys.current_epoch()
        return epoch.encode() + b":" + seal(self._key(epoch), plain, epoch.encode())

    def open(self, sealed: bytes) -> bytes:
        """Decrypt.

        Raises:
            CannotOpen: these bytes were sealed otherwise, or changed.
            KeyGone: the epoch was destroyed.
        """
        epoch, mark, body = sealed.partition(b":")
        if not mark or not epoch.isalnum():
            raise CannotOpen("these bytes were not sealed here")
        return unseal(self._key(epoch.decode()), body, epoch)

    def _key(self, epoch: str) -> bytes:
        """A key of this purpose only; asked for each time, so that a destroyed epoch is felt at once."""
        wrapping = self._keys.wrapping_key(epoch)
        if wrapping not in self._derived:
            self._derived = {wrapping: expand(wrapping, f"sealer/{self._label}")}
        return self._derived[wrapping]
