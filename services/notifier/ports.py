"""What the notifier needs from outside, as roles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Mail:
    """One letter ready to leave. `id` is the same on every attempt and becomes the Message-ID."""

    id: str
    sender: str
    to: str
    subject: str
    body: str
    headers: tuple[tuple[str, str], ...] = ()


class Away(Exception):
    """The mail server does not answer, or asks to try later."""


class Refused(Exception):
    """The mail server will not take this letter, now or later."""


class Mailer(Protocol):
    """Carries letters out of the house."""

    async def send(self, mails: Sequence[Mail]) -> list[Away | Refused | None]:
        """Send each; answers None for those that left, in order."""
        ...


class Printer(Protocol):
    """Lays out letters for people without e-mail."""

    def lay_out(self, name: str, address: Sequence[str], subject: str, body: str) -> None:
        """Write one letter; the same name again overwrites with the same content."""
        ...
