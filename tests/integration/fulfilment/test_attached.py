"""A package leaves as an attachment: locked, to the contact on file; what opens it goes another way."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any, Final
from uuid import NAMESPACE_OID, uuid5

import pytest
from pydantic_core import to_json

from rules.handbook import Handbook
from schemas.events import NoticeSent
from schemas.values import Ending, Letter
from services.kernel.effects import Again, Done
from services.kernel.house import House
from services.kernel.leases import Leased
from services.kernel.tokens import case_key, package_password
from services.mail import Away, Mail, Refused, message_of
from services.notifier.adapters.post import Post
from services.packages import locked
from services.packages.stored import Outgoing, Shelf
from tests.support.lab import a_request
from tests.support.locked import opened
from tests.support.policies import handbook

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
INSIDE: Final = b"PK an archive" * 9_000
HOME: Final = {"line1": "1 Elm Street", "city": "Laramie", "region": "WY", "postcode": "82070", "country": "US"}
DOOR: Final = "https://door.example"


class Outbox:
    """A mailer that keeps what it sends, or answers as it is told to."""

    def __init__(self, answer: Away | Refused | None = None) -> None:
        self.answer, self.sent = answer, list[Mail]()

    async def send(self, mails: Sequence[Mail]) -> list[Away | Refused | None]:
        self.sent += mails
        return [self.answer for _ in mails]


class Pages:
    """A printer that keeps the texts."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}

    def lay_out(self, name: str, address: Sequence[str], subject: str, body: str) -> None:
        self.pages[name] = "\n".join([*address, subject, body])


def attaching() -> Handbook:
    brand = handbook().brands["parcelwise"].model_copy(update={"delivery": "attachment"})
    fields = {name: getattr(handbook(), name) for name in Handbook.__dataclass_fields__}
    return Handbook(**{**fields, "brands": {**handbook().brands, "parcelwise": brand}})


async def an_end(house: House, name: str, *, address: dict[str, str] | None, size: int = len(INSIDE)) -> Leased:
    """The last letter of a request whose package is ready and whose maker has that address on file."""
    request, subject, outgoing = a_request(name), str(uuid5(NAMESPACE_OID, name)), Outgoing()
    outgoing.write(INSIDE)
    async with house.pool.connection() as conn, conn.transaction():
        shelf = Shelf(house.vault, conn, request, "own")
        outgoing.size = size
        await shelf.close(outgoing, NOW)
        person = {"email": f"{name}@example.org", "address": address, "name": "Ada Brook", "locale": "en-US"}
        await house.vault.put(conn, {(case_key(request), f"contact:{subject}"): to_json(person)})
    body: dict[str, Any] = {
        "letter": Letter.CLOSED, "to": "on_file", "subject": subject, "name": "end", "brand": "parcelwise",
        "right": "know_specific", "locale": "en-US", "law": "US-CA-CCPA", "received_on": "2026-03-01",
        "respond_by": "2026-04-15", "granted": True, "law_why": "law_grants", "choice": False, "verify": True,
        "by_agent": False, "parts": {}, "reopens": False, "ending": Ending.FULFILLED, "reason": None, "basis": None,
        "package": True,
    }  # fmt: skip
    return Leased(uuid5(NAMESPACE_OID, name), "letter", "mail/0", request, request, "end", body, 1, None)


def a_post(house: House, outbox: Outbox, pages: Pages) -> Post:
    return Post(house, attaching(), outbox, pages, door_url=DOOR)


def password_of(house: House, effect: Leased) -> str:
    return package_password(house.keys.derive("tokens"), effect.request_id)


async def test_the_package_is_attached_and_its_password_is_on_paper(house: House) -> None:
    outbox, pages, effect = Outbox(), Pages(), await an_end(house, "ada", address=HOME)
    [done] = await a_post(house, outbox, pages)([effect], NOW)
    [mail] = outbox.sent
    whole = message_from_bytes(message_of(mail), policy=policy.default)
    [file] = list(whole.iter_attachments())
    text = whole.get_body(("plain",))

    assert opened(file.get_content(), password_of(house, effect)) == INSIDE
    assert (file.get_filename(), whole["Message-ID"]) == (
        "your-data.zip",
        f"<{effect.id}@{mail.sender.partition('@')[2]}>",
    )
    assert text
    assert "comes on paper" in text.get_content()
    assert password_of(house, effect) not in text.get_content()
    [page] = pages.pages.values()
    assert "1 Elm Street" in page
    assert password_of(house, effect) in page
    assert isinstance(done, Done)
    assert [(e.letter, e.way) for e in done.events if isinstance(e, NoticeSent)] == [
        ("closed", "mail"),
        ("password", "print"),
    ]
    assert len({event.event_id for event in done.events}) == 2


async def test_who_has_no_address_on_file_is_told_to_ask_for_the_password(house: House) -> None:
    outbox, pages = Outbox(), Pages()
    await a_post(house, outbox, pages)([await an_end(house, "bo", address=None)], NOW)

    assert outbox.sent[0].attachment
    assert "Ask us for the password" in outbox.sent[0].body
    assert pages.pages == {}


async def test_the_password_stays_where_it_is_until_the_file_has_left(house: House) -> None:
    outbox, pages = Outbox(Away()), Pages()
    [again] = await a_post(house, outbox, pages)([await an_end(house, "cy", address=HOME)], NOW)

    assert isinstance(again, Again)
    assert pages.pages == {}


async def test_a_package_too_large_for_mail_leaves_by_its_link(house: House) -> None:
    outbox = Outbox()
    effect = await an_end(house, "dee", address=HOME, size=locked.MOST_BYTES + 1)
    await a_post(house, outbox, Pages())([effect], NOW)

    assert outbox.sent[0].attachment is None
    assert f"{DOOR}/package#" in outbox.sent[0].body
