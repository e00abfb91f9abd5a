"""The demo's people read their letters: the sink's `.eml` files, each once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path

_CODE = re.compile(r"\b[0-9a-f]{32}\b")


@dataclass(frozen=True, slots=True)
class Arrived:
    """A letter that came: about which request, which letter it is, and the first code in it."""

    request_id: str
    letter: str
    code: str | None


class Mailbox:
    """Everybody's mail, new letters only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: set[str] = set()

    def new(self) -> Iterator[Arrived]:
        """Yield the letters not yielded before."""
        if not self._folder.is_dir():
            return
        for file in sorted(self._folder.glob("*.eml")):
            if file.name not in self._read:
                self._read.add(file.name)
                yield _arrived(file.read_bytes())


def _arrived(raw: bytes) -> Arrived:
    message = message_from_bytes(raw, policy=policy.default)
    body = message.get_body(("plain",))
    code = _CODE.search(body.get_content()) if body else None
    return Arrived(
        str(message["X-Rightsbus-Request"]), str(message["X-Rightsbus-Letter"]), code.group() if code else None
    )
