"""What the fulfiller must know to decide a batch: asked once per batch and place, and only what the batch needs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from connectors.datamap import DataMap
from rules.handbook import Handbook
from rules.parts import client_of, handover, is_handover, system_of
from schemas.clients import ClientHeard, ClientInstructed
from schemas.events import AnswerRecorded, OperatorDecided, RequestAccepted, TaskFinished
from schemas.values import Mode, Outcome, PointKind, Population
from services.clients import registry
from services.clients.names import Handovers
from services.directory.lookup import lookup
from services.directory.offered import Offered
from services.fulfiller.adapters.appeals import undecided
from services.fulfiller.adapters.holders import holders_of, open_with
from services.fulfiller.adapters.packets import Packets, points_of
from services.fulfiller.decide import Facts, Fulfilment, Instruction, Reply
from services.fulfiller.ports import Surrounded
from services.kernel import tokens
from services.kernel.house import House
from services.kernel.store import Conn
from services.kernel.tokens import case_key

MOST_PACKAGE_BYTES: Final = 262_144
"""A larger package is not put on a topic; the client asks for it."""
type_states = Mapping[str, Fulfilment]


class PostgresSurroundings:
    """Gathers the fulfiller's facts, once per batch."""

    def __init__(self, handbook: Handbook, systems: DataMap, house: House) -> None:
        self._handbook, self._systems, self._keys, self._vault = handbook, systems, house.keys, house.vault
        self._packets = Packets(handbook, house.vault, house.keys, house.clock)
        self._tokens, self._names = house.keys.derive("tokens"), Handovers(house.keys)

    async def gather(self, conn: Conn, batch: Sequence[Any], states: type_states) -> Surrounded:
        """Return the facts for a batch; only newly located clients cost a look-up."""
        fresh = sorted(_told(batch) | {i for i, state in states.items() if _unsent(state)})
        concerned = set(_concerned(batch, states))
        clients = await registry.known(conn, concerned) if concerned else {}
        enabled = frozenset(name for name, client in clients.items() if client.enabled)
        holders = await holders_of(conn, self._keys, batch, states)
        facts = Facts(
            handbook=self._handbook,
            systems=self._systems,
            token=lambda part, request, addressee: tokens.reply_token(self._tokens, part, request, addressee),
            same=tokens.matches,
            handover=self._names.name,
            packets=await self._packets.of(conn, fresh) if fresh else {},
            enabled=enabled,
            acting=frozenset(name for name in enabled if clients[name].mode is Mode.ACT_FOR_ME),
            direct=frozenset(name for name, client in clients.items() if client.transport == "topic"),
            whose=await self._whose(conn, batch),
            packages=await self._exported(conn, batch),
            holders=holders,
            open_with=await open_with(conn, holders, states),
            undecided=await undecided(conn, batch, states),
        )
        return Surrounded(facts, clients)

    async def _whose(self, conn: Conn, batch: Sequence[Any]) -> dict[Any, tuple[str, ...]]:
        """The records instructions are about: found by the client's own keys, among that client's records alone."""
        asked = {e.event_id: e for e in batch if isinstance(e, Instruction) and isinstance(e.body, ClientInstructed)}
        if not asked:
            return {}
        offers = {str(event_id): _offer(e.body) for event_id, e in asked.items()}
        found = await lookup(conn, offers, self._keys)
        return {
            event_id: tuple(
                c.subject
                for c in found[str(event_id)]
                if c.population is Population.RECIPIENT and c.client == event.client and c.matched
            )
            for event_id, event in asked.items()
        }

    async def _exported(self, conn: Conn, batch: Sequence[Any]) -> dict[tuple[str, str], bytes]:
        """The packages that clients' instructions have just made, where they are small enough to be sent."""
        made = {
            (e.request_id, client): (case_key(e.request_id), f"package:{e.request_id}:{client}")
            for e in batch
            if isinstance(e, TaskFinished) and e.outcome is Outcome.EXPORTED and system_of(e.part) == "package"
            if (client := client_of(e.part))
        }
        found = await self._vault.get(conn, made.values()) if made else {}
        return {
            key: found[item] for key, item in made.items() if item in found and len(found[item]) <= MOST_PACKAGE_BYTES
        }


def _offer(body: Any) -> Offered:  # noqa: ANN401  an instruction
    whose = body.whose
    return Offered(
        body.brand,
        points_of({
            PointKind.ORDER_NUMBER: whose.order_numbers, PointKind.TRACKING_NUMBER: whose.tracking_numbers,
            PointKind.EMAIL: whose.emails,
        }),
    )  # fmt: skip


def _told(batch: Sequence[Any]) -> set[str]:
    """Requests whose clients are named by this batch: located now, or sent to by an operator."""
    located = {e.request_id for e in batch if isinstance(e, RequestAccepted | AnswerRecorded) and e.clients}
    return located | {e.request_id for e in batch if isinstance(e, OperatorDecided) and is_handover(e.part or "")}


def _unsent(state: Fulfilment) -> bool:
    going_on = state.stop is None and not state.closed
    return going_on and any(handover(name) not in state.parts for name in state.clients)


def _concerned(batch: Sequence[Any], states: type_states) -> Iterator[str]:
    """Every client that may have to be told something."""
    for state in states.values():
        yield from state.clients
    for event in batch:
        if isinstance(event, RequestAccepted | AnswerRecorded):
            yield from (located.client for located in event.clients)
        elif isinstance(event, Reply):
            yield event.body.client if event.body else event.client
        elif isinstance(event, Instruction | ClientHeard):
            yield event.client
