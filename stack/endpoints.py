"""Where everything is: the answer of a started stack, and the file later commands read it from."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from stack.files import read_json, write_json

FILE_NAME = "stack.json"


@dataclass(frozen=True)
class Login:
    """A SCRAM user of the broker."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Endpoints:
    """Addresses, folders and the admin's login of one stack, embedded or real."""

    data_dir: Path
    bootstrap: str
    admin: Login
    database_url: str = field(repr=False)
    smtp_url: str = field(repr=False)
    mail_dir: Path
    print_dir: Path
    keys_dir: Path
    kafka_ca: str | None = None
    """Certificate authorities file of a real broker reached by TLS."""

    def save(self) -> None:
        """Write `stack.json` into the data folder, for its owner only."""
        folders = {name: str(value) for name, value in asdict(self).items() if isinstance(value, Path)}
        write_json(self.data_dir / FILE_NAME, asdict(self) | folders)

    @classmethod
    def load(cls, data_dir: Path) -> Self | None:
        """Read what a started stack wrote; None when none was started in this folder."""
        saved = read_json(data_dir / FILE_NAME)
        if saved is None:
            return None
        folders = {name: Path(saved[name]) for name in ("data_dir", "mail_dir", "print_dir", "keys_dir")}
        return cls(**{**saved, **folders, "admin": Login(**saved["admin"])})
