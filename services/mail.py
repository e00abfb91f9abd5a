"""Mail by SMTP, one connection for a batch, Message-IDs that repeat with the attempt. A library beside the kernel."""

from collections.abc import Sequence
from dataclasses import dataclass
from email.charset import QP, Charset
from email.encoders import encode_base64
from email.header import Header
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.utils import formatdate
from typing import Any, Final
from urllib.parse import urlsplit

import aiosmtplib

_TEXT: Final = Charset("utf-8")
_TEXT.body_encoding = QP


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a letter; `type` as in `("application", "zip")`."""

    name: str
    type: tuple[str, str]
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """One letter ready to leave. `id` is the same on every attempt and becomes the Message-ID."""

    id: str
    sender: str
    to: str
    subject: str
    body: str
    headers: tuple[tuple[str, str], ...] = ()
    attachment: Attachment | None = None


class Away(Exception):
    """The mail server does not answer, or asks to try later."""


class Refused(Exception):
    """The mail server will not take this letter, now or later."""


class SmtpMailer:
    """Sends through one server."""

    def __init__(self, url: str, timeout_s: float) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "127.0.0.1", parts.port or 25
        self._user, self._password, self._tls = parts.username, parts.password, parts.scheme == "smtps"
        self._timeout_s = timeout_s

    async def send(self, mails: Sequence[Mail]) -> list[Away | Refused | None]:
        """Send each; a refused one does not hold up the others, an absent server concerns all that are left."""
        results: list[Away | Refused | None] = []
        client = aiosmtplib.SMTP(
            hostname=self._host, port=self._port, username=self._user, password=self._password, use_tls=self._tls,
            timeout=self._timeout_s,
        )  # fmt: skip
        try:
            async with client:
                results.extend([await self._one(client, mail) for mail in mails])
        except (OSError, aiosmtplib.SMTPException):
            results.extend(Away() for _ in mails[len(results) :])
        return results

    async def _one(self, client: aiosmtplib.SMTP, mail: Mail) -> Away | Refused | None:
        try:
            await client.sendmail(mail.sender, [mail.to], message_of(mail))
        except aiosmtplib.SMTPRecipientsRefused as error:
            return Refused() if all(_final(r.code) for r in error.recipients) else Away()
        except aiosmtplib.SMTPResponseException as error:
            return Refused() if _final(error.code) else Away()
        return None


def _beside(text: "Message[str, Any]", file: Attachment) -> MIMEMultipart:
    """A letter of two parts: the text, and a file."""
    part = MIMEBase(*file.type)
    part.set_payload(file.content)
    encode_base64(part)
    part.add_header("Content-Disposition", "attachment", filename=file.name)
    return MIMEMultipart(_subparts=[text, part])


def _final(code: int) -> bool:
    """Whether SMTP's answer is for good (RFC 5321: 5yz)."""
    return 500 <= code < 600  # noqa: PLR2004


def message_of(mail: Mail) -> bytes:
    """The letter on the wire. The plain class of messages: it costs a quarter of what the newer one does."""
    text: Message[str, str | Header] = Message()
    text.set_payload(mail.body, _TEXT)
    message: Message[str, Any] = _beside(text, mail.attachment) if mail.attachment else text
    message["From"], message["To"] = mail.sender, mail.to
    message["Subject"] = mail.subject if mail.subject.isascii() else Header(mail.subject, "utf-8")
    message["Message-ID"] = f"<{mail.id}@{mail.sender.rpartition('@')[2]}>"
    message["Date"] = formatdate()
    message["Auto-Submitted"] = "auto-generated"
    for name, value in mail.headers:
        message[name] = value
    return message.as_bytes()
