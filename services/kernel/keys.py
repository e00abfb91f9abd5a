"""Where the key-encryption keys live: outside the database and its backups. A folder today, a KMS tomorrow."""

import base64
import json
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.kernel.errors import Misconfigured

FILE: Final = "keys.json"
_BYTES: Final = 32


class KeyStore(Protocol):
    """What the vault and the tokens need of a key store."""

    def current_epoch(self) -> str:
        """The epoch new data keys are wrapped under."""
        ...

    def wrapping_key(self, epoch: str) -> bytes:
        """The 32-byte key of an epoch; raises KeyGone once it was destroyed."""
        ...

    def derive(self, label: str) -> bytes:
        """A 32-byte key for one purpose, by HKDF-SHA-256 from the master secret; the same every time."""
        ...


class KeyGone(LookupError):
    """The key was destroyed: what it wrapped cannot be read any more."""


class FileKeyStore:
    """Keys in one JSON file of mode 0600 in a folder of its own."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / FILE
        self._cache: dict[str, Any] | None = None
        self._derived: dict[str, bytes] = {}

    def exists(self) -> bool:
        """Whether keys were created here."""
        return self._file.exists()

    def create(self) -> str:
        """Make a master secret and the first epoch; does nothing when keys exist. Returns the current epoch."""
        if not self.exists():
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._write({"master": _random(), "current": "e1", "epochs": {"e1": _random()}})
        return self.current_epoch()

    def rotate(self) -> str:
        """Start a new epoch; older ones still open what they wrapped."""
        data = self._read()
        epoch = f"e{1 + max(int(name[1:]) for name in data['epochs'])}"
        self._write(data | {"current": epoch, "epochs": data["epochs"] | {epoch: _random()}})
        return epoch

    def destroy(self, epoch: str, *, in_use: Callable[[str], int]) -> None:
        """Destroy an epoch's key for good.

        Raises:
            Misconfigured: it is the current one, is unknown, or data keys still depend on it.
        """
        data = self._read()
        if epoch not in data["epochs"]:
            message = f"no epoch {epoch}; known are: {', '.join(sorted(data['epochs']))}"
            raise Misconfigured(message)
        if epoch == data["current"]:
            message = f"{epoch} is the current epoch; rotate first"
            raise Misconfigured(message)
        if count := in_use(epoch):
            message = f"{count} data keys are still wrapped under {epoch}; they end with their cases"
            raise Misconfigured(message)
        left = {name: key for name, key in data["epochs"].items() if name != epoch}
        self._write(data | {"epochs": left})

    def backup(self, to: Path) -> Path:
        """Copy the key file to a folder; keep that folder apart from the database's backups."""
        self._read()
        to.mkdir(parents=True, exist_ok=True, mode=0o700)
        target = to / FILE
        shutil.copyfile(self._file, target)
        target.chmod(0o600)
        return target

    def epochs(self) -> list[str]:
        """All epochs that still exist, oldest first."""
        return sorted(self._read()["epochs"], key=lambda name: int(name[1:]))

    def current_epoch(self) -> str:
        """The epoch new data keys are wrapped under."""
        return str(self._read()["current"])

    def wrapping_key(self, epoch: str) -> bytes:
        """The 32-byte key of an epoch; raises KeyGone once it was destroyed."""
        key = self._read()["epochs"].get(epoch)
        if key is None:
            self._cache = None
            key = self._read()["epochs"].get(epoch)
        if key is None:
            raise KeyGone(epoch)
        return base64.b64decode(key)

    def derive(self, label: str) -> bytes:
        """A 32-byte key for one purpose, by HKDF-SHA-256 from the master secret; the same every time."""
        if label not in self._derived:
            kdf = HKDF(
                algorithm=hashes.SHA256(), length=_BYTES, salt=None, info=f"rightsbus/{label}".encode()
            )
            self._derived[label] = kdf.derive(base64.b64decode(self._read()["master"]))
        return self._derived[label]

    def _read(self) -> dict[str, Any]:
        if self._cache is None:
            try:
                self._cache = json.loads(self._file.read_text("utf-8"))
            except FileNotFoundError:
                message = f"no keys in {self._file.parent}: create them with `rightsbus keys create`"
                raise Misconfigured(message) from None
        return self._cache or {}

    def _write(self, data: dict[str, Any]) -> None:
        draft = self._file.with_suffix(".new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(data, stream)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(self._file)
        self._cache = data


def _random() -> str:
    return base64.b64encode(secrets.token_bytes(_BYTES)).decode()
