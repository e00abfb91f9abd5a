"""A client's messages on their way out: to its topic at once, sealed if it gave a key; else as effects, post or mail.

A message that does not go to a topic lies sealed in the vault until it is delivered; the effect holds references only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from schemas.base import Event
from schemas.clients import SealedMessage
from schemas.events import ClientMessageBase, ClientReminder
from services.clients import jose
from services.clients.registry import Client
from services.fulfiller.decide import Fulfilment
from services.kernel.decision import Decision, Effect

log = structlog.get_logger()
POST: Final = "client_post"
MAIL: Final = "client_mail"


def item_of(event: ClientMessageBase) -> str:
    """Where a message lies in the vault while it is delivered."""
    return f"message:{event.client}:{event.event_id}"


def as_shown(event: ClientMessageBase) -> ClientMessageBase:
    """The message without what other clients would be told too: our name of the request, and what it follows from."""
    ids = {"request_id": event.handover_id, "case_id": event.handover_id, "causation_id": None}
    return event.model_copy(update=ids)


def sealed_for(client: Client, event: ClientMessageBase) -> ClientMessageBase:
    """The message as this client gets it: as it is, or sealed to its key."""
    token = jose.seal(client.keys, event.model_dump_json().encode())
    if token is None:
        return event
    return SealedMessage(**event.model_dump(include=set(ClientMessageBase.model_fields)), jose=token)


@dataclass(slots=True)
class Dispatch:
    """Addresses what one decision tells clients. `keep_trying` is how long a silent webhook is tried."""

    clients: Mapping[str, Client]
    now: datetime
    keep_trying: timedelta
    brand: str | None = None
    events: list[Event] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    secrets: dict[str, bytes] = field(default_factory=dict)

    def __call__(self, decision: Decision[Fulfilment]) -> Decision[Fulfilment]:
        """Return the decision with every client's message on its way. Other events keep their order."""
        if not any(isinstance(event, ClientMessageBase) for event in decision.events):
            return decision
        accepted = decision.state.accepted
        self.brand = accepted.brand if accepted else None
        for event in decision.events:
            if isinstance(event, ClientMessageBase):
                self._send(event.model_copy(update={"seq": decision.state.version + 1}))
            else:
                self.events.append(event)
        return Decision(
            decision.state, tuple(self.events), (*decision.effects, *self.effects), decision.counters,
            due_at=decision.due_at, secrets={**decision.secrets, **self.secrets},
        )  # fmt: skip

    def _send(self, event: ClientMessageBase) -> None:
        client = self.clients.get(event.client)
        if client is None:
            log.warning("client_gone", client=event.client, request_id=event.request_id, message=type(event).__name__)
            return
        if client.transport == "topic":
            self.events.append(sealed_for(client, as_shown(event)))
        else:
            self.secrets[item_of(event)] = as_shown(event).model_dump_json().encode()
            self._later(POST if client.transport == "webhook" else MAIL, event)
        if isinstance(event, ClientReminder) and client.transport != "mail":
            self._later(MAIL, event)

    def _later(self, kind: str, event: ClientMessageBase) -> None:
        body: dict[str, Any] = {
            "client": event.client, "handover": event.handover_id, "item": item_of(event),
            "type": event.model_dump()["type"], "brand": self.brand,
            "until": (self.now + self.keep_trying).isoformat(),
            "waiting_for": getattr(event, "waiting_for", None),
            "by": event.until.isoformat() if isinstance(event, ClientReminder) else None,
        }  # fmt: skip
        name = f"{event.client}/{event.event_id}"
        self.effects.append(Effect(kind, event.request_id, event.case_id, name, body, lane=f"client/{event.client}"))
