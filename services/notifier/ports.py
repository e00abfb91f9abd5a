"""What the notifier needs from outside, as roles."""

from collections.abc import Sequence
from typing import Protocol

from services.mail import Away, Mail, Refused


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
