"""Numbers under keyed names: whose they are cannot be read back, only recognised by whoever holds the key.

A stage counts by a `Count` in its decision: written in the decision's transaction, so what comes twice counts once.
What one decision of a batch counts, the next ones know: `Blueprint.learn` adds it to the facts.
"""

import hmac
import json
from collections.abc import Iterable
from datetime import datetime

from rules.normalise import normalise
from rules.points import Throttled
from schemas.public import RequestSubmitted
from schemas.values import PointKind
from services.kernel.decision import State, Tally
from services.kernel.keys import KeyStore
from services.kernel.store import Conn, Store

__all__ = ["Counters", "Tally"]


class Counters:
    """The numbers of one stage."""

    def __init__(self, stage: str, keys: KeyStore) -> None:
        self._store, self._key = Store(stage, State), keys.derive("counters")

    def name(self, kind: str, *of: str) -> str:
        """The name to count under: of what kind, and of what, as HMAC-SHA-256. The kind alone stays readable."""
        return f"{kind}/{hmac.digest(self._key, json.dumps([kind, *of]).encode(), 'sha256').hex()}"

    def asking(self, submitted: RequestSubmitted) -> dict[Throttled, str]:
        """Under what a failed try counts for who asks: the app, and the contact typed, the agent's where one acts."""
        whose = Throttled.AGENT if submitted.agent else Throttled.REQUESTER
        of = {Throttled.SOURCE: submitted.source, whose: _contact(submitted)}
        return {kind: self.name(kind, one) for kind, one in of.items() if one}

    async def tally(self, conn: Conn, names: Iterable[str], now: datetime) -> Tally:
        """How often each was counted within its window: one query, however many are asked; none for none."""
        wanted = sorted(set(names))
        return Tally(await self._store.counted(conn, wanted, now) if wanted else {})


def _contact(submitted: RequestSubmitted) -> str | None:
    """The contact typed by whoever asks, in its normal form."""
    emails = [submitted.agent.email] if submitted.agent else submitted.subject.emails
    typed = [(PointKind.EMAIL, email) for email in emails]
    typed += [(PointKind.PHONE, phone) for phone in submitted.subject.phones]
    return next((normalise(kind, raw) or raw for kind, raw in typed), None)
