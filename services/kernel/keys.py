"""Where the key-encryption keys live: outside the database and its backups. A folder today, a KMS tomorrow."""

import base64
import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.kernel.errors import Misconfigured, PermanentError

FILE: Final = "keys.json"
CASES: Final = "e"
"""The ring of epochs that wrap the data keys of cases: destroyed after the longest retention of a case."""
RECORDS: Final = "r"
"""The ring of epochs for declarations and mandates, which must stay readable longer."""
DIRECTORY: Final = "d"
"""The ring of epochs for the directory's index and what is sealed in it: rotated as a whole, then destroyed."""
SUPPRESSED: Final = "s"
"""The ring of epochs for the tokens that deletions and preferences are remembered by; begun by the first rotation."""
_BYTES: Final = 32
_PRIVATE: Final = 0o600


class KeyStore(Protocol):
    """What the vault and the tokens need of a key store."""

    def current_epoch(self, ring: str = CASES) -> str:
        """The epoch of a ring that new data keys are wrapped under."""
        ...

    def wrapping_key(self, epoch: str) -> bytes:
        """The 32-byte key of an epoch; raises KeyGone once it was destroyed."""
        ...

    def epochs(self) -> list[str]:
        """All epochs that still exist, ring by ring, oldest first."""
        ...

    def derive(self, label: str) -> bytes:
        """A 32-byte key for one purpose, by HKDF-SHA-256 from the master secret; the same every time."""
        ...


class KeyGone(PermanentError):
    """The key was destroyed: what it wrapped cannot be read any more."""


class KeysMissing(Misconfigured):
    """There are no keys where they should be."""


class FileKeyStore:
    """Keys in one JSON file of mode 0600 in a folder of its own.

    A running process sees a rotation or a destruction by another one at its next question.
    """

    def __init__(self, directory: Path) -> None:
        self._file = directory / FILE
        self._seen: tuple[int, int] | None = None
        self._cache: dict[str, Any] = {}
        self._derived: dict[str, bytes] = {}

    def exists(self) -> bool:
        """Whether keys were created here."""
        return self._file.exists()

    def create(self) -> str:
        """Make a master secret and the first epochs; does nothing when they exist. Returns the current epoch."""
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._alone():
            data = self._read() if self.exists() else {"master": _random(), "current": {}, "epochs": {}}
            missing = {ring: f"{ring}1" for ring in (CASES, RECORDS, DIRECTORY) if ring not in data["current"]}
            if missing:
                self._write(_with(data, missing))
        return self.current_epoch()

    def rotate(self, ring: str = CASES) -> str:
        """Start a new epoch of a ring; older ones still open what they wrapped."""
        self._read()
        with self._alone():
            data = self._read()
            epoch = f"{ring}{1 + int(data['current'].get(ring, f'{ring}0')[1:])}"
            self._write(_with(data, {ring: epoch}))
        return epoch

    def destroy(self, epoch: str, *, in_use: Callable[[str], int]) -> None:
        """Destroy an epoch's key for good; `in_use` counts what still depends on it (`vault.count_under`).

        Raises:
            Misconfigured: it is the current one, is unknown, or data keys still depend on it.
        """
        self._read()
        with self._alone():
            data = self._read()
            if epoch not in data["epochs"]:
                raise Misconfigured(f"no epoch {epoch}; known are: {', '.join(self.epochs())}")
            if epoch in data["current"].values():
                raise Misconfigured(f"{epoch} is the current epoch; rotate first")
            if count := in_use(epoch):
                raise Misconfigured(f"{count} data keys are still wrapped under {epoch}; they end with their cases")
            left = {name: key for name, key in data["epochs"].items() if name != epoch}
            self._write(data | {"epochs": left})

    def backup(self, to: Path) -> Path:
        """Copy the key file to a folder; keep that folder apart from the database's backups."""
        self._read()
        to.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_private(to / FILE, self._file.read_text("utf-8"))
        return to / FILE

    def epochs(self) -> list[str]:
        """All epochs that still exist, ring by ring, oldest first."""
        return sorted(self._read()["epochs"], key=lambda name: (name[0], int(name[1:])))

    def current_epoch(self, ring: str = CASES) -> str:
        """The epoch of a ring that new data keys are wrapped under."""
        current = self._read()["current"]
        if ring not in current:
            raise KeysMissing(f"{self._file.parent} has no keys {ring}1 yet: `rightsbus keys create` adds them")
        return str(current[ring])

    def wrapping_key(self, epoch: str) -> bytes:
        """The 32-byte key of an epoch; raises KeyGone once it was destroyed."""
        key = self._read()["epochs"].get(epoch)
        if key is None:
            raise KeyGone(f"the key of epoch {epoch} was destroyed")
        return base64.b64decode(key)

    def derive(self, label: str) -> bytes:
        """A 32-byte key for one purpose, by HKDF-SHA-256 from the master secret; the same every time."""
        if label not in self._derived:
            self._derived[label] = expand(base64.b64decode(self._read()["master"]), label)
        return self._derived[label]

    def _read(self) -> dict[str, Any]:
        try:
            found = self._file.stat()
            if self._seen != (found.st_mtime_ns, found.st_ino):
                self._cache = _parsed(self._file.read_text("utf-8"), self._file)
                self._seen = found.st_mtime_ns, found.st_ino
        except FileNotFoundError:
            message = f"no keys in {self._file.parent}: create them with `rightsbus keys create`"
            raise KeysMissing(message) from None
        except PermissionError:
            raise Misconfigured(f"{self._file} may not be read by this user") from None
        return self._cache

    def _write(self, data: dict[str, Any]) -> None:
        _write_private(self._file, json.dumps(data))
        self._seen = None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from changing the file meanwhile."""
        handle = os.open(self._file.parent, os.O_RDONLY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def expand(secret: bytes, label: str) -> bytes:
    """A 32-byte key for one purpose from another key, by HKDF-SHA-256."""
    return HKDF(hashes.SHA256(), _BYTES, salt=None, info=f"rightsbus/{label}".encode()).derive(secret)


def _with(data: dict[str, Any], current: dict[str, str]) -> dict[str, Any]:
    """The same keys with new current epochs."""
    fresh = {epoch: _random() for epoch in current.values()}
    return data | {"current": data["current"] | current, "epochs": data["epochs"] | fresh}


def _parsed(text: str, file: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(text)
        if isinstance(data["current"], str):
            data["current"] = {CASES: data["current"]}
        data["epochs"], data["master"]
    except (ValueError, KeyError, TypeError):
        raise Misconfigured(f"{file} is not a key file; restore it from the backup of the keys") from None
    return data


def _write_private(file: Path, text: str) -> None:
    """Replace a file as a whole, readable by its owner only, and see it onto the disk."""
    draft = file.with_suffix(f".{os.getpid()}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def _random() -> str:
    return base64.b64encode(secrets.token_bytes(_BYTES)).decode()
