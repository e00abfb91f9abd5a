"""Performs letters: finds the contact the decision names, writes, sends or prints, and tells what became of it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from rules.handbook import Handbook
from rules.parts import client_of
from schemas.base import Event
from schemas.events import ContactWarned, NoticeFailed, NoticeSent
from schemas.public import PostalAddress, RequestSubmitted
from schemas.values import AnswerKind, Letter, Outcome
from services.clients.registry import known
from services.directory.farewell import kept_contacts
from services.directory.lookup import Contacts, contacts
from services.kernel import tokens
from services.kernel.effects import Again, Done, back_off
from services.kernel.house import House
from services.kernel.leases import Leased
from services.mail import Attachment, Away, Mail, Refused
from services.notifier.adapters.writer import Paper, Writer
from services.notifier.ports import Mailer, Printer
from services.packages.enclosing import Enclosed, Enclosing
from services.packages.locked import NAME
from services.packages.stored import About

_CONFIRMS: Final = {
    Letter.CONFIRMATION_ASKED: AnswerKind.CONFIRMATION,
    Letter.FEE_ASKED: AnswerKind.FEE_CONSENT,
}
_HOME: Final = "US"
"""Where the data is kept; people elsewhere are told so."""
_LAST: Final = frozenset(
    {Letter.CLOSED, Letter.UNVERIFIED, Letter.WITHDRAWN, Letter.DENIED, Letter.AMENDED, Letter.PASSWORD}
)


@dataclass(frozen=True, slots=True)
class Addressee:
    """Where one letter goes: to an e-mail address, else on paper, else nowhere. `country` is where the person lives."""

    name: str | None
    email: str | None
    address: tuple[str, ...] = ()
    country: str | None = None


class Post:
    """The performer of letters."""

    def __init__(
        self, house: House, handbook: Handbook, mailer: Mailer, printer: Printer, *, door_url: str = ""
    ) -> None:
        self._house, self._handbook, self._mailer, self._printer = house, handbook, mailer, printer
        self._enclosing = Enclosing(house, handbook, door_url)
        self._writer, self._key = Writer(), house.keys.derive("tokens")

    async def __call__(self, effects: Sequence[Leased], now: datetime) -> Sequence[Done | Again]:
        """Send a batch of letters over one connection, those with a file one by one; each ends on its own."""
        addressees = await self._addressees(effects)
        enclosed = await self._enclosing.of(effects, frozenset(i for i, to in addressees.items() if to.email), now)
        effects = await self._referring(effects)
        results: dict[Any, Done | Again] = {}
        mails: list[tuple[Leased, Mail]] = []
        files: list[tuple[Leased, Mail]] = []
        for effect in effects:
            to = addressees.get(effect.id)
            if to is None or not (to.email or (to.address and effect.body["letter"] != Letter.CODE)):
                results[effect.id] = _failed(effect, now, "no_contact")
            elif to.email:
                heavy = effect.id in enclosed and enclosed[effect.id].attached
                (files if heavy else mails).append((effect, self._mail(effect, to, enclosed.get(effect.id), now)))
            else:
                results[effect.id] = await self._print(effect, to, enclosed.get(effect.id), now)
        answers = await self._mailer.send([mail for _, mail in mails]) if mails else []
        for (effect, _), answer in zip(mails, answers, strict=True):
            results[effect.id] = _told(effect, answer, now)
        for effect, mail in files:
            what = enclosed[effect.id].attached
            results[effect.id] = await self._send_locked(effect, mail, what, addressees[effect.id], now)
        return [results[effect.id] for effect in effects]

    async def _send_locked(
        self, effect: Leased, mail: Mail, what: About | None, to: Addressee, now: datetime
    ) -> Done | Again:
        """Send a letter with its package; the password follows on paper where there is an address on file."""
        file = Attachment(NAME, ("application", "zip"), await self._enclosing.content(what)) if what else None
        [answer] = await self._mailer.send([replace(mail, attachment=file)])
        result = _told(effect, answer, now)
        if answer is not None or not to.address or not isinstance(result, Done):
            return result
        about = {"letter": Letter.PASSWORD, "password": self._enclosing.password(effect.request_id)}
        told = replace(effect, body={**effect.body, **about})
        subject, text = self._write(told, to, None, now)
        await asyncio.to_thread(self._printer.lay_out, f"{effect.id}-password", to.address, subject, text)
        return Done((*result.events, *_sent(told, now, "print", on=Letter.PASSWORD).events))

    async def _referring(self, effects: Sequence[Leased]) -> Sequence[Leased]:
        """The same letters; those that refer somebody to a merchant, whose parcel they named, say who that is."""
        named = {effect.id: _referred(effect.body) for effect in effects}
        wanted = {client for clients in named.values() for client in clients}
        if not wanted:
            return effects
        async with self._house.pool.connection() as conn:
            found = await known(conn, wanted)
        told = {client: f"{one.name}, {one.contact}" for client, one in found.items()}
        return [
            replace(effect, body={**effect.body, "ask": {c: told[c] for c in named[effect.id] if c in told}})
            for effect in effects
        ]

    async def _addressees(self, effects: Sequence[Leased]) -> dict[Any, Addressee]:
        subjects = {e.body["subject"] for e in effects if e.body["to"] == "on_file"}
        cases = {e.id: tokens.case_key(e.case_id) for e in effects}
        async with self._house.pool.connection() as conn:
            sealed = await self._house.vault.get(conn, [(case, "submission") for case in sorted(set(cases.values()))])
            filed = await contacts(conn, subjects, self._house.keys, held_by=self._days(effects)) if subjects else {}
            left = [(cases[e.id], s) for e in effects if (s := e.body["subject"]) in subjects and s not in filed]
            filed |= await kept_contacts(conn, self._house.vault, left) if left else {}
        said = {case: RequestSubmitted.model_validate_json(raw) for (case, _), raw in sealed.items()}
        found = {}
        for effect in effects:
            submitted = said.get(cases[effect.id])
            to = _on_file(filed, effect) if effect.body["to"] == "on_file" else _given(submitted)
            home = submitted.residence if submitted else None
            if to:
                found[effect.id] = replace(to, country=home.country if home else None)
        return found

    def _days(self, effects: Sequence[Leased]) -> Mapping[str, date]:
        """The day whose contact counts, per subject: a contact changed shortly before somebody asked may be theirs."""
        days: dict[str, date] = {}
        for body in (effect.body for effect in effects if effect.body["to"] == "on_file"):
            cooling = self._handbook.brands[body["brand"]].windows.cooling_off
            day = date.fromisoformat(body["received_on"]) - cooling
            days[body["subject"]] = min(day, days.get(body["subject"], day))
        return days

    def _write(self, effect: Leased, to: Addressee, enclosed: Enclosed | None, now: datetime) -> tuple[str, str]:
        """Write by the law that applies, in the name of the company that is behind the brand today."""
        body = {**effect.body, **self._tokens(effect)}
        brand, law = self._handbook.brands[body["brand"]], self._handbook.laws.get(body["law"])
        abroad = (to.country or (law.country if law else _HOME)) != _HOME
        zone = ZoneInfo(brand.timezone)
        body |= self._enclosing.words(enclosed, zone, on_paper=bool(to.address))
        paper = Paper(body, brand, law, to.name, now.astimezone(zone).date(), outside_us=abroad)
        return self._writer.write(body["locale"], paper)

    def _tokens(self, effect: Leased) -> dict[str, str | None]:
        letter, request = Letter(effect.body["letter"]), effect.request_id
        confirms = _CONFIRMS.get(letter)
        return {
            "request_id": request,
            "confirmation": tokens.answer_token(self._key, request, confirms, effect.body["round"])
            if confirms
            else None,
            "code": tokens.code(self._key, request, AnswerKind.CODE, effect.body["round"])
            if letter is Letter.CODE
            else None,
            "withdrawal": None
            if letter in _LAST
            else tokens.answer_token(self._key, request, AnswerKind.WITHDRAWAL, 1),
            "not_me": tokens.answer_token(self._key, request, AnswerKind.NOT_ME, 1)
            if effect.body["to"] == "on_file"
            else None,
        }

    def _mail(self, effect: Leased, to: Addressee, enclosed: Enclosed | None, now: datetime) -> Mail:
        subject, text = self._write(effect, to, enclosed, now)
        brand = self._handbook.brands[effect.body["brand"]]
        headers = (("X-Rightsbus-Request", effect.request_id), ("X-Rightsbus-Letter", effect.body["letter"]))
        return Mail(str(effect.id), brand.reply_to, to.email or "", subject, text, headers)

    async def _print(self, effect: Leased, to: Addressee, enclosed: Enclosed | None, now: datetime) -> Done:
        subject, text = self._write(effect, to, enclosed, now)
        await asyncio.to_thread(self._printer.lay_out, str(effect.id), to.address, subject, text)
        return _sent(effect, now, "print")


def _referred(body: Mapping[str, Any]) -> set[str]:
    """The merchants a letter tells somebody to ask."""
    ends = body.get("parts", {}).items()
    return {client for part, end in ends if end["outcome"] == Outcome.REFERRED and (client := client_of(part))}


def _given(said: RequestSubmitted | None) -> Addressee | None:
    """The contact the requester gave: the agent's, when one acts."""
    if said is None:
        return None
    if said.agent:
        return Addressee(said.agent.name, said.agent.email)
    paper = _lines(said.subject.name, said.subject.addresses[0]) if said.subject.addresses else ()
    return Addressee(said.subject.name, next(iter(said.subject.emails), None), paper)


def _on_file(filed: Mapping[str, Contacts], effect: Leased) -> Addressee | None:
    known = filed.get(effect.body["subject"])
    if known is None:
        return None
    paper = _lines(known.name, PostalAddress.model_validate(known.address)) if known.address else ()
    return Addressee(known.name, known.email, paper)


def _lines(name: str | None, address: PostalAddress) -> tuple[str, ...]:
    place = " ".join(part for part in (address.city, address.region, address.postcode) if part)
    return tuple(line for line in (name, address.line1, address.line2, place, address.country) if line)


def _told(effect: Leased, answer: Away | Refused | None, now: datetime) -> Done | Again:
    if isinstance(answer, Away):
        return Again(now + back_off(effect.attempts))
    return _failed(effect, now, "refused") if isinstance(answer, Refused) else _sent(effect, now, "mail")


def _sent(effect: Leased, now: datetime, way: str, on: str = "") -> Done:
    body = effect.body
    ids = {"request_id": effect.request_id, "case_id": effect.case_id}
    sent = NoticeSent.after(effect, now, on=on, letter=body["letter"], way=way, to=body["to"], **ids)
    return Done((sent, *_warned(effect, now, sent=True)))


def _failed(effect: Leased, now: datetime, reason: str) -> Done:
    ids = {"request_id": effect.request_id, "case_id": effect.case_id}
    failed = NoticeFailed.after(effect, now, letter=effect.body["letter"], reason=reason, **ids)
    return Done((failed, *_warned(effect, now, sent=False)))


def _warned(effect: Leased, now: datetime, *, sent: bool) -> tuple[Event, ...]:
    """What work waits for that must not begin before the contact on file was told."""
    if effect.body["letter"] != Letter.NOTICE:
        return ()
    return (ContactWarned.after(effect, now, request_id=effect.request_id, case_id=effect.case_id, sent=sent),)
