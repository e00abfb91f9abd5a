"""Small files that hold secrets or state: private, and replaced as a whole."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def private_folder(path: Path) -> Path:
    """Make the folder, readable by its owner only; an existing one keeps its permissions."""
    if not path.is_dir():
        path.mkdir(parents=True, mode=0o700)
    return path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process (or thread) at a time in; the others wait. A dead holder holds nothing."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def write_private(path: Path, text: str) -> None:
    """Replace the file in one step, mode 0600."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
    partial.replace(path)


def write_json(path: Path, value: object) -> None:
    """Replace the file with this value as JSON, mode 0600."""
    write_private(path, json.dumps(value, indent=1) + "\n")


def read_json(path: Path) -> Any:  # noqa: ANN401  what json gives
    """Give what the file holds, or None when there is no such file or it cannot be read as JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
