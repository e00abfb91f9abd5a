"""Live changes: what a loader next to the source says of one record, sealed, and how it is read again.

A change names nobody: references are keyed, and the row lies sealed under the directory's newest key, bound to its
event. So it is believed for being sealed, and cannot be told again as another event.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from rules.table import Row
from schemas.directory import PersonGone, PersonSeen
from services.directory.digests import Digests
from services.directory.load import Change, name
from services.directory.person import person_of
from services.kernel.sealing import CannotOpen

C = TypeVar("C", PersonSeen, PersonGone)


def tell(kind: type[C], numbered: tuple[int, Row], digests: Digests, *, event_id: UUID, now: datetime) -> C:
    """Turn a row, with its line, into the event that tells it: this record is so, or is no more.

    Raises:
        WrongRow: the row could not be loaded either.
    """
    line, row = numbered
    subject, record = name(person_of(line, row), digests)
    plain = json.dumps(dict(row), separators=(",", ":")).encode()
    sealed = digests.seal(plain, _about(kind.__name__, event_id, str(subject), record))
    return kind(
        event_id=event_id,
        occurred_at=now,
        subject=str(subject),
        record=record,
        sealed=base64.b64encode(sealed).decode(),
    )


def read(events: Sequence[PersonSeen | PersonGone], digests: Digests) -> list[Change]:
    """Open what a batch of events says; of one record the last word counts.

    Raises:
        CannotOpen: not sealed by a loader of ours, or for another event.
        WrongRow: a row of a loader whose rules are not ours.
    """
    latest = {(event.subject, event.record): event for event in events}
    return [_opened(event, digests) for event in latest.values()]


def _opened(event: PersonSeen | PersonGone, digests: Digests) -> Change:
    try:
        sealed = base64.b64decode(event.sealed, validate=True)
    except binascii.Error:
        raise CannotOpen("a change of the directory is not base64") from None
    row: dict[str, Any] = json.loads(
        digests.open(sealed, _about(event.type, event.event_id, event.subject, event.record))
    )
    person = None if isinstance(event, PersonGone) else person_of(0, row)
    return Change(UUID(event.subject), event.record, person, event.occurred_at.date())


def _about(kind: str, event_id: UUID, subject: str, record: str) -> str:
    return f"{kind}|{event_id}|{subject}|{record}"
