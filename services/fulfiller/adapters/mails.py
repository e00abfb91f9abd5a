"""Mail to clients' contacts: the messages of those that chose mail, and reminders for everybody. Nothing of a person.

A message itself is never in a mail: a link leads to it, and the code beside the link opens it.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import structlog

from rules.handbook import Handbook
from schemas.clients import ClientHeard
from services.clients import registry
from services.clients.registry import Client
from services.kernel.effects import Again, Done, back_off
from services.kernel.house import House
from services.kernel.leases import Leased
from services.kernel.tokens import case_key
from services.mail import Away, Mail, Refused, SmtpMailer

log = structlog.get_logger()
_SUBJECTS: Final = {
    "request": "A privacy request about data we hold for you",
    "reminder": "A privacy request still waits for you",
    "recall": "A privacy request was withdrawn",
    "result": "Your instruction was carried out",
    "reply-error": "Your answer could not be used",
}
_TEXTS: Final = {
    "request": """\
a person used a privacy right ({right}) about data that we hold for you. It is for you to decide.

See the request and answer it here: {link}
Your code: {code}

Please confirm by {confirm_by} that you have it, and answer by {complete_by}.""",
    "reminder": """\
we still wait for your answer ({waiting_for}) to a privacy request about data that we hold for you.
Please answer by {by}; after that a person of ours decides what is told to whoever asked.{hint}""",
    "recall": "the person has withdrawn the request below. Nothing more is asked of you.",
    "result": "what you told us to do with the request below is done. {link}",
    "reply-error": "we could not use your answer to the request below: {field} {rule}.",
}


class ClientMails:
    """The performer of mails to clients; one call is about one client."""

    def __init__(self, house: House, handbook: Handbook, mailer: SmtpMailer | None, door_url: str) -> None:
        self._house, self._handbook, self._mailer, self._door = house, handbook, mailer, door_url.rstrip("/")

    async def __call__(self, effects: Sequence[Leased], now: datetime) -> list[Done | Again]:
        """Send each; what a mail server refuses for good waits for an operator where it was a request."""
        name = effects[0].body["client"]
        items = {effect.id: (case_key(effect.case_id), effect.body["item"]) for effect in effects}
        async with self._house.pool.connection() as conn:
            client = (await registry.known(conn, [name])).get(name)
            found = await self._house.vault.get(conn, items.values())
        if client is None or not client.enabled or self._mailer is None:
            log.warning("client_not_mailed", client=name, mails=len(effects))
            return [self._told(effect, Refused(), now) for effect in effects]
        mails = [self._mail(client, effect, json.loads(found.get(items[effect.id], b"{}"))) for effect in effects]
        answers = await self._mailer.send(mails)
        return [self._told(effect, answer, now) for effect, answer in zip(effects, answers, strict=True)]

    def _mail(self, client: Client, effect: Leased, message: Mapping[str, Any]) -> Mail:
        kind, handover = effect.body["type"], effect.body.get("handover", effect.request_id)
        link = (
            f"{self._door}/handovers/{client.id}/{handover}" if self._door else "ask us for it by answering this mail"
        )
        about = {
            "right": message.get("right", ""), "code": message.get("reply_token", ""), "link": link,
            "confirm_by": _day(message.get("confirm_by")), "complete_by": _day(message.get("complete_by")),
            "waiting_for": effect.body["waiting_for"], "by": _day(effect.body["by"]),
            "field": message.get("field", ""), "rule": message.get("rule", ""),
            "hint": "" if client.transport == "mail" else f"\nIt was handed over by {client.transport}.",
        }  # fmt: skip
        text = _TEXTS.get(kind, "there is a message for you: {link}").format_map(about)
        brand = self._handbook.brands.get(effect.body["brand"] or "") or next(iter(self._handbook.brands.values()))
        body = f"Dear {client.name},\n\n{text}\n\nReference: {handover}\n{brand.name}, {brand.reply_to}\n"
        headers = (("X-Rightsbus-Handover", handover), ("X-Rightsbus-Client", client.id))
        return Mail(str(effect.id), brand.reply_to, client.contact, _SUBJECTS.get(kind, _SUBJECTS["request"]), body,
                    headers)  # fmt: skip

    def _told(self, effect: Leased, answer: Away | Refused | None, now: datetime) -> Done | Again:
        if isinstance(answer, Away) and now < datetime.fromisoformat(effect.body["until"]):
            return Again(now + back_off(effect.attempts))
        if effect.body["type"] != "request":
            return Done()
        about = {"request_id": effect.request_id, "case_id": effect.case_id, "client": effect.body["client"]}
        said = "delivered" if answer is None else "unreachable"
        return Done((ClientHeard.after(effect, now, said=said, by="delivery", **about),))


def _day(moment: str | None) -> str:
    """A moment as a person reads it: the day, in UTC."""
    return moment[:10] if moment else ""
