"""Which client holds the account a person wants deleted, and how much was handed over to it and has not ended."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rules.parts import HANDOVERS, client_of, handover
from schemas.events import RequestVerified
from schemas.values import PointKind, Right
from services.clients import registry
from services.directory.lookup import values_of
from services.fulfiller.decide import Fulfilment
from services.kernel.keys import KeyStore
from services.kernel.store import Conn

_OPEN: Final = """SELECT p.key, count(*) FROM fulfiller.state s, jsonb_each(s.body->'parts') p
WHERE s.due_at IS NOT NULL AND p.key = ANY(%s) AND p.value->'end' = 'null' GROUP BY p.key"""

type_states = Mapping[str, Fulfilment]


async def holders_of(conn: Conn, keys: KeyStore, batch: Sequence[Any], states: type_states) -> dict[str, str]:
    """The client behind the account of each request whose deletion may be planned now, by request.

    Where no client's account is known nobody is looked up.
    """
    subjects = {event.request_id: event.subject for event in batch if isinstance(event, RequestVerified)}
    subjects |= {i: s.subject for i, s in states.items() if s.subject and not s.planned and not s.closed}
    asked = {i: subject for i, subject in subjects.items() if _may_delete(states.get(i))}
    if not asked or not await registry.any_holder(conn):
        return {}
    held = await values_of(conn, set(asked.values()), keys, [PointKind.ACCOUNT_NUMBER])
    accounts = {request: [number for _, number in held.get(subject, ())] for request, subject in asked.items()}
    known = await registry.holders(conn, (number for some in accounts.values() for number in some))
    return {request: known[n] for request, some in accounts.items() for n in some if n in known}


async def open_with(conn: Conn, holders: Mapping[str, str], states: type_states) -> dict[str, int]:
    """How many hand-overs have not ended, for each client one of whose accounts waits to be deleted."""
    waiting = (part for state in states.values() if (part := state.parts.get(HANDOVERS)) and part.end is None)
    clients = {*holders.values(), *(part.who for part in waiting if part.who)}
    if not clients:
        return {}
    rows = await conn.execute(_OPEN, [sorted(map(handover, clients))])
    return {client_of(part) or "": number async for part, number in rows}


def _may_delete(state: Fulfilment | None) -> bool:
    accepted = state.accepted if state else None
    return accepted is None or accepted.right is Right.DELETE
