"""The step every service takes: lock, drop repeats, gather, decide, write, commit, publish. In this order, always.

If the process dies before the commit, nothing happened and the messages come again. If it dies after it, the outbox
still holds what must be said and the inbox knows what was heard. A permanent fault parks its one message, no other.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Generic, TypeVar

import psycopg
import structlog

from schemas import wire
from schemas.base import Due, Event
from schemas.topics import topic_of
from schemas.values import Problem
from schemas.wire import Record, Unreadable
from services.kernel.batch import Batch, Changes, Item, first_of_each
from services.kernel.clock import monotonic
from services.kernel.decision import Count, Decision, State
from services.kernel.errors import Misconfigured, TooManyParked, Untrusted
from services.kernel.house import House
from services.kernel.leases import Leases
from services.kernel.origin import restorer
from services.kernel.parking import Parking, code_of
from services.kernel.patience import AWAY, patiently
from services.kernel.store import Conn, Outgoing, Store, Stored
from services.kernel.tokens import case_key
from services.kernel.tolerant import UNREADABLE
from services.kernel.vault import Sealer

log = structlog.get_logger()
S = TypeVar("S", bound=State)
F = TypeVar("F")
DUE_AGAIN: Final = timedelta(hours=1)


def _unmoved(facts: F, _counts: Sequence[Count]) -> F:
    return facts


@dataclass(frozen=True, slots=True)
class Blueprint(Generic[S, F]):
    """A service as a pure function with a memory: what it remembers, asks and decides."""

    service: str
    state: type[S]
    keys: Callable[[Any], Sequence[str]]
    gather: Callable[[Conn, Sequence[Any], Mapping[str, S]], Awaitable[F]]
    decide: Callable[[S, Any, F, datetime], Decision[S]]
    decode: Callable[[Record], Any] = wire.decode
    learn: Callable[[F, Sequence[Count]], F] = _unmoved
    """What the facts are for the next message of a batch, once a decision has counted something."""


class Step(Generic[S, F]):
    """Takes batches through the step. One instance per stage and process."""

    def __init__(self, blueprint: Blueprint[S, F], house: House, store: Store[S]) -> None:
        self._is, self._pool, self._store, self._vault = blueprint, house.pool, store, house.vault
        self._sealer, self._clock, self._metrics = house.sealer, house.clock, house.metrics
        self._name, self._in_a_row, self._park_most = blueprint.service, 0, house.settings.park_most
        self._restored = restorer(house.keys)
        self._parking = Parking(self._name, house.sealer, house.clock)
        self._leases = Leases(store.schema)

    async def take(self, records: Sequence[Record]) -> list[Stored]:
        """Carry a batch of records through to the commit; returns what must now be published."""
        self._metrics.batch.labels(self._name).observe(len(records))
        for topic, count in Counter(record.topic for record in records).items():
            self._metrics.events_in.labels(self._name, topic).inc(count)
        items = [self._read(self._restored(record)) for record in records]
        self._metrics.ignored.labels(self._name).inc(sum(getattr(item.event, "ignored", 0) for item in items))
        async for attempt in patiently(self._name, self._metrics):
            with attempt:
                return await self._take(items)
        return []

    async def wake(self, most: int) -> list[Stored] | None:
        """Carry states whose time has come through the same step; None when there is none."""
        async with self._pool.connection() as conn, conn.transaction():
            rows = await self._store.due(conn, self._clock(), most)
            if not rows:
                return None
            batch = Batch[S](conn, {row[0]: row for row in rows})
            items = [Item(Due.of(i, version, due_at), (i,)) for i, version, *_, due_at in rows]
            stored = await self._carry(batch, items)
            in_a_row = self._count_faults(items, batch.faults)
        self._note(batch.faults, in_a_row)
        return stored

    def _read(self, record: Record) -> Item:
        if record.value is None and (why := record.header(UNREADABLE)):
            return Item(None, (), record, Unreadable([Problem(field="", rule=why)]))
        try:
            event = self._is.decode(record)
            return Item(event, tuple(dict.fromkeys(self._is.keys(event))), record)
        except Misconfigured:
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, it concerns this message
            return Item(None, (), record, error)

    async def _take(self, items: Sequence[Item]) -> list[Stored]:
        started = monotonic()
        readable = [item for item in items if item.unreadable is None]
        async with self._pool.connection() as conn, conn.transaction():
            ids = [state_id for item in readable for state_id in item.ids]
            rows, fresh = await self._store.open(conn, ids, [item.event.event_id for item in readable])
            batch = Batch[S](conn, rows, faults={item: item.unreadable for item in items if item.unreadable})
            todo = first_of_each(readable, fresh)
            stored = await self._carry(batch, todo)
            handled = {*todo, *batch.faults}
            in_a_row = self._count_faults([item for item in items if item in handled], batch.faults)
        self._metrics.step.labels(self._name).observe(monotonic() - started)
        self._metrics.repeats.labels(self._name).inc(len(readable) - len(todo))
        self._note(batch.faults, in_a_row)
        return stored

    async def _carry(self, batch: Batch[S], items: Sequence[Item]) -> list[Stored]:
        out = await self._attempt(batch, items) if items else []
        for item, error in batch.faults.items():
            out.append(self._outgoing(self._parking.tell(item.record, item.event, error), item.trace))
        return await self._store.say(batch.conn, out)

    async def _attempt(self, batch: Batch[S], items: Sequence[Item]) -> list[Outgoing]:
        """Handle the items together and park those nobody can decide; if the rest fails for good, by halves."""
        try:
            async with batch.conn.transaction():
                changes = await self._decide(batch, items)
                await self._write(batch.conn, changes)
        except (*AWAY, Misconfigured):
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, it concerns one message
            if len(items) == 1:
                await self._park(batch, items[0], error)
                return []
            middle = len(items) // 2
            left = await self._attempt(batch, items[:middle])
            return [*left, *await self._attempt(batch, items[middle:])]
        batch.states |= changes.states
        for item, fault in changes.faults.items():
            await self._park(batch, item, fault)
        return changes.out

    async def _decide(self, batch: Batch[S], items: Sequence[Item]) -> Changes[S]:
        for state_id in (i for item in items for i in item.ids if i in batch.rows and i not in batch.states):
            batch.states[state_id] = self._store.read(batch.rows[state_id])
        facts = await self._is.gather(batch.conn, [item.event for item in items], batch.states)
        now, started, changes = self._clock(), monotonic(), Changes[S]()
        for item in items:
            before = [changes.states.get(i) or batch.states.get(i) or self._is.state.stub(i) for i in item.ids]
            try:
                decisions, facts = self._decided(before, item.event, facts, now)
            except Misconfigured:
                raise
            except Exception as error:  # noqa: BLE001  whatever it is, it concerns this message
                changes.faults[item] = error
                continue
            for state, decision in zip(before, decisions, strict=True):
                self._collect(changes, item, state, decision)
        self._metrics.decide.labels(self._name).observe(monotonic() - started)
        return changes

    def _decided(self, states: Sequence[S], event: Any, facts: F, now: datetime) -> tuple[list[Decision[S]], F]:  # noqa: ANN401
        """Decide about each state, the next one knowing what the one before has counted."""
        decisions = []
        for state in states:
            decision = self._is.decide(state, event, facts, now)
            facts = self._is.learn(facts, decision.counters) if decision.counters else facts
            decisions.append(decision)
        return decisions, facts

    def _collect(self, changes: Changes[S], item: Item, before: S, decision: Decision[S]) -> None:
        """Add one decision. A state counts up whenever it changes or says something, so that no two tell one `seq`."""
        version = before.version + 1
        changed = decision.state is not before or decision.due_at is not None or isinstance(item.event, Due)
        if changed:
            changes.due[before.id] = decision.due_at
        if changed or decision.events:
            changes.states[before.id] = decision.state.but(version=version)
        for event in decision.events:
            changes.out.append(self._outgoing(event.model_copy(update={"seq": version}), item.trace))
        changes.effects += [(effect, item.trace) for effect in decision.effects]
        changes.counters += decision.counters
        if decision.secrets:
            case = case_key(before.id)
            changes.secrets |= {(case, name): secret for name, secret in decision.secrets.items()}

    async def _write(self, conn: Conn, changes: Changes[S]) -> None:
        if changes.secrets:
            await self._vault.put(conn, changes.secrets)
        now = self._clock()
        async with conn.pipeline():
            if changes.due:
                await self._store.save(conn, {i: (changes.states[i], at) for i, at in changes.due.items()})
            if said := {i: state.version for i, state in changes.states.items() if i not in changes.due}:
                await self._store.tick(conn, said)
            if changes.effects:
                await self._leases.add(conn, changes.effects, now)
            if changes.counters:
                await self._store.count(conn, changes.counters, now)

    def _outgoing(self, event: Event, trace: str | None) -> Outgoing:
        return outgoing(event, self._name, trace, self._sealer)

    async def _park(self, batch: Batch[S], item: Item, error: Exception) -> None:
        """Set one message aside; its states are marked, so that their requests wait for an operator in plain sight.

        Requests do not wait for what was not its writer's to say.
        """
        batch.faults[item] = error
        await self._store.mark_parked(batch.conn, () if isinstance(error, Untrusted) else item.ids, item.event.event_id)
        if item.record is None:
            await self._store.postpone(batch.conn, item.ids, self._clock() + DUE_AGAIN)

    def _count_faults(self, items: Sequence[Item], faults: Mapping[Item, Exception]) -> int:
        """How many messages failed in a row through our own fault until now.

        What outsiders wrote does not count, unless the database does not know our very question.

        Raises:
            TooManyParked: so many that the fault must be ours; nothing of the batch is written.
        """
        in_a_row = self._in_a_row
        for item in items:
            if item not in faults:
                in_a_row = 0
            elif not item.outside or isinstance(faults[item], psycopg.ProgrammingError):
                in_a_row += 1
            if in_a_row > self._park_most:
                raise TooManyParked(self._name, in_a_row=in_a_row) from faults[item]
        return in_a_row

    def _note(self, faults: Mapping[Item, Exception], in_a_row: int) -> None:
        """Remember and tell what was parked, now that it is committed."""
        self._in_a_row = in_a_row
        for item, error in faults.items():
            self._metrics.parked.labels(self._name, code_of(error)).inc()
            place = (item.record.topic, item.record.partition, item.record.offset) if item.record else ("due", 0, 0)
            log.error("message_parked", stage=self._name, place=place, exc_info=error)


def outgoing(event: Event, service: str, trace: str | None, sealer: Sealer) -> Outgoing:
    """Make an event ready to leave; what is personal lies sealed in the outbox."""
    topic, key, value, headers = wire.encode(event, source=f"rightsbus/{service}", traceparent=trace)
    personal = topic_of(topic).personal == "yes"
    return Outgoing(topic, key, sealer.seal(value) if personal else value, headers, sealed=personal)
