"""Hand a request over to every client whose records were located; each client sees its own part and nothing else."""

from base64 import b64encode
from datetime import datetime, timedelta
from typing import Final

from rules import parts
from rules.clocks import add_business_days, instant_of_end
from schemas.events import ClientReminder, ClientRequest, ClientResult, HandedOver
from schemas.values import Located, Mode, Outcome, Party, Right, Waiting
from services.fulfiller.decide.draft import Draft

MOST_CLIENTS: Final = 20
"""More clients than this for one person wait for an operator."""
MOMENT: Final = timedelta(minutes=1)
"""What a client has in any case, however late its request comes."""


def hand_over(draft: Draft) -> None:
    """Send each located client its request once; report to those whose instructions were carried out."""
    if draft.state.stop is not None:
        return
    crowd = len(draft.state.clients) > MOST_CLIENTS
    for client, located in sorted(draft.state.clients.items()):
        name = parts.handover(client)
        if name not in draft.state.parts:
            draft.state = draft.state.with_part(name)
            _begin(draft, name, located, crowd=crowd)
        elif not draft.state.ended(name) and draft.state.parts[name].waiting is Waiting.TASK:
            _report(draft, client, name)
        if located.parcel_named and draft.state.parts[name].arrived:
            _pass_on(draft, name, client)


def _begin(draft: Draft, name: str, located: Located, *, crowd: bool) -> None:
    if located.mode is Mode.REFER_ONLY:
        draft.state = draft.state.end(name, Outcome.REFERRED)
    elif crowd or located.client not in draft.facts.enabled:
        draft.wait(name, Party.OPERATOR, Waiting.REVIEW, draft.last_moment, who=located.client)
    else:
        send(draft, name, located)


def send(draft: Draft, name: str, located: Located) -> None:
    """Put the packet on the client's topic and start the hand-over's own clock."""
    accepted, client = draft.accepted, located.client
    packet = draft.facts.packets.get((draft.state.id, client))
    confirm_by, complete_by = _clocks(draft)
    attempt = draft.state.parts[name].attempt + 1
    draft.state = draft.state.with_part(name, attempt=attempt, received=False)
    draft.tell_of(
        client, ClientRequest, on=f"{client}/{attempt}", right=accepted.right,
        points=list(packet.points) if packet else [], residence=packet.residence if packet else None,
        corrections=list(packet.corrections) if packet and accepted.right is Right.CORRECT else [],
        media=accepted.media,
        identified_by=located.groups, law=accepted.law, received_at=accepted.received_at,
        respond_by=accepted.clock.respond_by, confirm_by=confirm_by, complete_by=complete_by, locale=accepted.locale,
        reply_token=draft.facts.token(name, draft.state.id, client),
    )  # fmt: skip
    if client in draft.facts.direct:
        arrive(draft, name)
    _wait_for(draft, name, min(confirm_by, complete_by))


def arrive(draft: Draft, name: str) -> None:
    """A request has reached its client: from now on, and not before, it can be said that it was passed on."""
    client = parts.client_of(name) or ""
    if not draft.state.parts[name].arrived:
        draft.state = draft.state.with_part(name, arrived=True)
        if not draft.state.clients[client].parcel_named:
            _tell_handed_over(draft, name, client, named=False)


def run_out(draft: Draft, name: str) -> None:
    """A client's time is over: if it has confirmed, its end is waited for; else, and at last, an operator decides."""
    part, complete_by = draft.state.parts[name], draft.last_moment - _margin(draft)
    if part.received and draft.now < complete_by:
        _wait_for(draft, name, complete_by)
    else:
        draft.wait(name, Party.OPERATOR, Waiting.REPLY, draft.last_moment, who=part.who)


def _wait_for(draft: Draft, name: str, until: datetime) -> None:
    """Let a client have until then, and remind it a while before: halfway, where its time is short."""
    draft.wait(name, Party.CLIENT, Waiting.REPLY, until, who=parts.client_of(name))
    at = max(until - draft.windows.client_reminder, draft.now + (until - draft.now) / 2)
    draft.state = draft.state.with_part(name, remind_at=at)


def remind(draft: Draft) -> None:
    """Tell clients that are still waited for that their time runs out: to confirm, and later to be done."""
    for name in draft.state.pending():
        part, client = draft.state.parts[name], parts.client_of(name)
        if client and part.remind_at and part.remind_at <= draft.now:
            what = "completed" if part.received else "received"
            draft.tell_of(client, ClientReminder, on=name, waiting_for=what, until=part.until)
            draft.state = draft.state.with_part(name, remind_at=None)


def _pass_on(draft: Draft, name: str, client: str) -> None:
    """Once its parcel is named, be it later, whoever asked may hear that the sender of that parcel has the request."""
    if client not in draft.state.told_named:
        draft.state = draft.state.but(told_named=draft.state.told_named | {client})
        _tell_handed_over(draft, name, client, named=True)


def _tell_handed_over(draft: Draft, name: str, client: str, *, named: bool) -> None:
    on = f"{client}/named" if named else client
    draft.tell_of(client, HandedOver, on=on, part=name, parcel_named=named)


def _clocks(draft: Draft) -> tuple[datetime, datetime]:
    """When the client must confirm, and when it must be done: before our own day, by a margin."""
    day = add_business_days(draft.now.date(), draft.windows.handover_received_business_days)
    confirm_by = min(instant_of_end(day, draft.accepted.clock.timezone), draft.last_moment)
    return confirm_by, max(draft.last_moment - _margin(draft), draft.now + MOMENT)


def _margin(draft: Draft) -> timedelta:
    return timedelta(days=draft.windows.handover_margin_days)


def _report(draft: Draft, client: str, name: str) -> None:
    """An instruction's parts have all ended: tell the client, and end the hand-over."""
    mine = [n for n in draft.state.parts if parts.client_of(n) == client and n != name and not parts.is_copies(n)]
    if any(draft.state.parts[n].end is None for n in mine):
        return
    told = set(mine) - {parts.system("suppress", client), parts.directory(client)}
    ends = {n: end for n, end in draft.state.ends().items() if n in told}
    own_id = draft.accepted.submission_id if draft.accepted.instructed_by else None
    zipped = draft.facts.packages.get((draft.state.id, client))
    draft.tell_of(
        client, ClientResult, on=client, parts=ends, instruction_id=own_id,
        package=b64encode(zipped).decode() if zipped else None,
    )  # fmt: skip
    draft.state = draft.state.end(name, Outcome.COMPLETED)
