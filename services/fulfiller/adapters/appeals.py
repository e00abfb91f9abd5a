"""Which of the requests that appeals are about still run: asked of the fulfiller's own memory of them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from schemas.events import OperatorDecided, RequestAccepted
from schemas.values import Right
from services.fulfiller.decide import Fulfilment
from services.kernel.store import Conn

_RUNNING: Final = """SELECT id FROM fulfiller.state
WHERE id = ANY(%s) AND NOT coalesce((body->>'settled')::bool, false) AND body->>'accepted' IS NOT NULL"""


async def undecided(conn: Conn, batch: Sequence[Any], states: Mapping[str, Fulfilment]) -> frozenset[str]:
    """The requests that this batch's appeals are about and whose person has not been answered; no query without one."""
    about = set(_about(batch, states))
    if not about:
        return frozenset()
    return frozenset([row[0] async for row in await conn.execute(_RUNNING, [sorted(about)])])


def _about(batch: Sequence[Any], states: Mapping[str, Fulfilment]) -> Iterator[str]:
    for event in batch:
        state = states.get(event.request_id) if isinstance(event, OperatorDecided) else None
        accepted = event if isinstance(event, RequestAccepted) else state.accepted if state else None
        if accepted and accepted.right is Right.APPEAL and accepted.refers_to:
            yield accepted.refers_to
