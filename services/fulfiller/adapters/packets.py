"""What each client may be told: the person's own words that fit this client's record, and nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from connectors.datamap import DataMap
from rules.handbook import Handbook
from rules.matching import locate
from rules.parts import handover, is_handover
from schemas.events import AnswerRecorded, CorrectedValue, OfferedPoint, OperatorDecided, RequestAccepted
from schemas.public import RequestSubmitted, Subject
from schemas.values import PointKind, Right
from services.directory.lookup import lookup, values_of
from services.directory.offered import Offered, merge, offered, raw_points
from services.fulfiller.decide import Facts, Fulfilment, Packet
from services.kernel import tokens
from services.kernel.clock import Clock
from services.kernel.keys import KeyStore
from services.kernel.store import Conn
from services.kernel.tokens import case_key
from services.kernel.vault import Vault

_ENABLED: Final = "SELECT id FROM ops.clients WHERE enabled"


class PostgresSurroundings:
    """Gathers the fulfiller's facts, once per batch."""

    def __init__(self, handbook: Handbook, systems: DataMap, vault: Vault, keys: KeyStore, clock: Clock) -> None:
        self._handbook, self._systems, self._vault = handbook, systems, vault
        self._keys, self._clock, self._tokens = keys, clock, keys.derive("tokens")

    async def gather(self, conn: Conn, batch: Sequence[Any], states: Mapping[str, Fulfilment]) -> Facts:
        """Return the facts for a batch; only newly located clients cost a look-up."""
        fresh = sorted(_told(batch) | {i for i, state in states.items() if _unsent(state)})
        packets = await self._packets(conn, fresh) if fresh else {}
        enabled = frozenset([row[0] async for row in await conn.execute(_ENABLED)]) if fresh else frozenset()
        return Facts(
            handbook=self._handbook,
            systems=self._systems,
            token=lambda part, request, addressee: tokens.reply_token(self._tokens, part, request, addressee),
            same=tokens.matches,
            packets=packets,
            enabled=enabled,
        )

    async def _packets(self, conn: Conn, requests: Sequence[str]) -> dict[tuple[str, str], Packet]:
        said, first = await self._said(conn, requests)
        asked: dict[str, Offered] = {}
        for request_id, subjects in said.items():
            submitted = first[request_id]
            country = submitted.residence.country if submitted.residence else "US"
            asked[request_id] = merge(submitted.brand, *(offered(subject, country) for subject in subjects))
        found = await lookup(conn, asked, self._keys)
        located = {r: locate(c, on=self._clock().date(), policy=self._handbook.points) for r, c in found.items()}
        held = await values_of(conn, {c.subject for some in located.values() for c in some}, self._keys)
        packets: dict[tuple[str, str], Packet] = {}
        for request_id, candidates in located.items():
            country = first[request_id].residence.country if first[request_id].residence else "US"  # type: ignore[union-attr]
            raw = [point for subject in said[request_id] for point in raw_points(subject, country)]
            for client in sorted({c.client for c in candidates if c.client}):
                theirs = {value for c in candidates if c.client == client for value in held.get(c.subject, ())}
                packets[request_id, client] = _packet(first[request_id], raw, theirs)
        return packets

    async def _said(
        self, conn: Conn, requests: Sequence[str]
    ) -> tuple[dict[str, list[Subject]], dict[str, RequestSubmitted]]:
        cases = {request_id: case_key(request_id) for request_id in requests}
        items = await self._vault.under(conn, sorted(set(cases.values())), "sub")
        said: dict[str, list[Subject]] = {}
        first: dict[str, RequestSubmitted] = {}
        for request_id, case in cases.items():
            for (owner, name), raw in sorted(items.items()):
                if owner != case:
                    continue
                if name == "submission":
                    first[request_id] = RequestSubmitted.model_validate_json(raw)
                else:
                    said.setdefault(request_id, []).append(Subject.model_validate_json(raw))
        return {r: some for r, some in said.items() if r in first}, first


def _told(batch: Sequence[Any]) -> set[str]:
    """Requests whose clients are named by this batch: located now, or sent to by an operator."""
    located = {e.request_id for e in batch if isinstance(e, RequestAccepted | AnswerRecorded) and e.clients}
    return located | {e.request_id for e in batch if isinstance(e, OperatorDecided) and is_handover(e.part or "")}


def _unsent(state: Fulfilment) -> bool:
    going_on = state.stop is None and not state.closed
    return going_on and any(handover(name) not in state.parts for name in state.clients)


def _packet(
    submitted: RequestSubmitted, raw: Sequence[tuple[PointKind, str, Any]], held: set[tuple[PointKind, str]]
) -> Packet:
    points: dict[str, OfferedPoint] = {}
    for kind, normal, value in raw:
        if (kind, normal) in held:
            points[f"{kind}/{normal}"] = OfferedPoint(kind=kind, value=value)
    asked = submitted.corrections if Right.CORRECT in submitted.rights else []
    corrections = tuple(CorrectedValue(field=c.field, new=c.new) for c in asked)
    return Packet(tuple(points[name] for name in sorted(points)), corrections)
