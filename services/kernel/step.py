"""The step every service takes: lock, drop repeats, gather, decide, write, commit, publish. In this order, always.

If the process dies before the commit, nothing happened and the messages come again. If it dies after it, the outbox
still holds what must be said and the inbox knows what was heard. A permanent fault parks its one message, no other.
"""

import base64
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import psycopg
import structlog
from psycopg_pool import PoolTimeout
from pydantic_core import to_json
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from schemas import wire
from schemas.base import Due, Event
from schemas.events import Parked
from schemas.topics import STAGES, topic_of
from schemas.wire import Record, Unreadable
from services.kernel.clock import monotonic
from services.kernel.decision import Count, Decision, Effect, State
from services.kernel.errors import TooManyParked, TransientError
from services.kernel.house import House
from services.kernel.metrics import StageMetrics
from services.kernel.store import Conn, Outgoing, Store, Stored
from services.kernel.tokens import case_key

log = structlog.get_logger()
S = TypeVar("S", bound=State)
F = TypeVar("F")
AWAY = (psycopg.OperationalError, PoolTimeout, TransientError)
"""Faults of the surroundings, deadlocks and serialisation failures among them: the whole step is taken again."""
DUE_AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Blueprint(Generic[S, F]):
    """A service as a pure function with a memory: what it remembers, asks and decides."""

    service: str
    state: type[S]
    keys: Callable[[Any], Sequence[str]]
    gather: Callable[[Conn, Sequence[Any], Mapping[str, S]], Awaitable[F]]
    decide: Callable[[S, Any, F, datetime], Decision[S]]
    decode: Callable[[Record], Any] = wire.decode


@dataclass(frozen=True, slots=True)
class Item:
    """One message in hand: what it says, whom it concerns, where it came from."""

    event: Any
    ids: tuple[str, ...]
    record: Record | None = None

    @property
    def trace(self) -> str | None:
        """The trace this message belongs to."""
        return self.record.header("traceparent") if self.record else None


@dataclass(slots=True)
class Changes(Generic[S]):
    """What a batch changes, collected before it is written."""

    states: dict[str, tuple[S, datetime | None]] = field(default_factory=dict)
    out: list[Outgoing] = field(default_factory=list)
    effects: list[tuple[Effect, str | None]] = field(default_factory=list)
    counters: list[Count] = field(default_factory=list)
    secrets: dict[tuple[str, str], bytes] = field(default_factory=dict)


def patiently(what: str, metrics: StageMetrics) -> AsyncRetrying:
    """Try again while the surroundings are away, ever more slowly up to 5 s, and say so each time."""

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        metrics.away.labels(what, type(error).__name__).inc()
        log.warning("waiting", stage=what, cause=type(error).__name__, attempt=state.attempt_number)

    return AsyncRetrying(
        retry=retry_if_exception_type(AWAY),
        wait=wait_random_exponential(0.1, max=5),
        before_sleep=tell,
        reraise=True,
    )


class Step(Generic[S, F]):
    """Takes batches through the step. One instance per stage and process."""

    def __init__(self, blueprint: Blueprint[S, F], house: House, store: Store[S]) -> None:
        self._is, self._pool, self._store, self._vault = blueprint, house.pool, store, house.vault
        self._sealer, self._clock, self._metrics = house.sealer, house.clock, house.metrics
        self._name, self._in_a_row, self._park_most = blueprint.service, 0, house.settings.park_most

    async def take(self, records: Sequence[Record]) -> list[Stored]:
        """Carry a batch of records through to the commit; returns what must now be published."""
        self._measure(records)
        items, unreadable = self._decode(records)
        async for attempt in patiently(self._name, self._metrics):
            with attempt:
                return await self._take(items, unreadable)
        return []

    async def wake(self, most: int) -> list[Stored]:
        """Carry states whose time has come through the same step."""
        now = self._clock()
        async with self._pool.connection() as conn, conn.transaction():
            due = await self._store.due(conn, now, most)
            if not due:
                return []
            items = [Item(Due.of(i, state.version, at), (i,)) for i, (state, at) in due.items()]
            return await self._carry(conn, items, {i: state for i, (state, _) in due.items()}, [])

    def _decode(self, records: Sequence[Record]) -> tuple[list[Item], list[Outgoing]]:
        items, unreadable = [], []
        for record in records:
            try:
                event = self._is.decode(record)
            except Unreadable as error:
                problems = [f"{p.field}: {p.rule}" for p in error.problems]
                unreadable.append(self._parked(record, None, "decode", "unreadable", problems))
            else:
                items.append(Item(event, tuple(self._is.keys(event)), record))
        return items, unreadable

    async def _take(self, items: Sequence[Item], unreadable: Sequence[Outgoing]) -> list[Stored]:
        started = monotonic()
        async with self._pool.connection() as conn, conn.transaction():
            ids = [i for item in items for i in item.ids]
            states, fresh = await self._store.open(conn, ids, [item.event.event_id for item in items])
            todo = []
            for item in items:
                if item.event.event_id in fresh:
                    fresh.discard(item.event.event_id)
                    todo.append(item)
            self._metrics.repeats.labels(self._name).inc(len(items) - len(todo))
            stored = await self._carry(conn, todo, states, unreadable)
        self._metrics.step.labels(self._name).observe(monotonic() - started)
        return stored

    async def _carry(
        self, conn: Conn, items: Sequence[Item], states: dict[str, S], parked: Sequence[Outgoing]
    ) -> list[Stored]:
        in_a_row = self._in_a_row
        try:
            out = [*parked, *(await self._attempt(conn, items, states) if items else ())]
        except BaseException:
            self._in_a_row = in_a_row
            raise
        older = await self._store.older(conn, (message.key for message in out)) if out else []
        return [*older, *await self._store.put_out(conn, out)]

    async def _attempt(self, conn: Conn, items: Sequence[Item], states: dict[str, S]) -> list[Outgoing]:
        """Handle the items together; if that fails for good, find the guilty one by halving and park it alone."""
        try:
            async with conn.transaction():
                changes = await self._decide(conn, items, states)
                await self._write(conn, changes)
        except (*AWAY, TooManyParked):
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, it concerns one message
            if len(items) == 1:
                return await self._park(conn, items[0], error)
            middle = len(items) // 2
            left = await self._attempt(conn, items[:middle], states)
            return [*left, *await self._attempt(conn, items[middle:], states)]
        self._in_a_row = 0
        states |= {i: state for i, (state, _) in changes.states.items()}
        return changes.out

    async def _decide(self, conn: Conn, items: Sequence[Item], states: Mapping[str, S]) -> Changes[S]:
        facts = await self._is.gather(conn, [item.event for item in items], states)
        now, started, changes = self._clock(), monotonic(), Changes[S]()
        for item in items:
            for state_id in item.ids:
                known = changes.states.get(state_id)
                state = known[0] if known else states.get(state_id) or self._is.state.stub(state_id)
                self._collect(changes, item, state, self._is.decide(state, item.event, facts, now))
        self._metrics.decide.labels(self._name).observe(monotonic() - started)
        return changes

    def _collect(self, changes: Changes[S], item: Item, before: S, decision: Decision[S]) -> None:
        version = before.version + 1
        if decision.state is not before or decision.due_at is not None:
            changes.states[before.id] = decision.state.but(version=version), decision.due_at
        changes.out += [
            self._outgoing(event.model_copy(update={"seq": version}), item.trace) for event in decision.events
        ]
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
            await self._store.save(conn, changes.states)
            if changes.effects:
                await self._store.add_effects(conn, changes.effects, now)
            if changes.counters:
                await self._store.count(conn, changes.counters, now)

    def _outgoing(self, event: Event, trace: str | None) -> Outgoing:
        topic, key, value, headers = wire.encode(event, source=f"rightsbus/{self._name}", traceparent=trace)
        personal = topic_of(topic).personal == "yes"
        return Outgoing(topic, key, self._sealer.seal(value) if personal else value, headers, sealed=personal)

    async def _park(self, conn: Conn, item: Item, error: Exception) -> list[Outgoing]:
        outside = item.record is not None and topic_of(item.record.topic).outside
        self._in_a_row += 0 if outside else 1
        log.error("message_parked", stage=self._name, cause=type(error).__name__, exc_info=error)
        if self._in_a_row > self._park_most:
            raise TooManyParked(self._name, in_a_row=self._in_a_row) from error
        await self._store.mark_parked(conn, item.ids)
        if item.record is None:
            await self._store.postpone(conn, item.ids, self._clock() + DUE_AGAIN)
        return [self._parked(item.record, item.event, "decide", type(error).__name__.lower(), [])]

    def _parked(
        self,
        record: Record | None,
        event: Any,
        stage: str,
        error: str,
        problems: list[str],
    ) -> Outgoing:
        self._metrics.parked.labels(self._name, error).inc()
        original = record or Record("due", 0, 0, None, to_json(event), (), 0)
        cause = event or Due.of(f"{original.topic}/{original.partition}/{original.offset}", 0, self._clock())
        request_id = getattr(event, "request_id", None)
        told = Parked.after(
            cause, self._clock(), request_id=request_id, case_id=getattr(event, "case_id", None) or request_id,
            service=STAGES.get(self._name, self._name), stage=stage, error=error[:64], problems=problems,
            topic=original.topic, partition=original.partition, offset=original.offset, sealed=self._seal(original),
        )  # fmt: skip
        return self._outgoing(told, None)

    def _seal(self, record: Record) -> str:
        parts = {
            "key": _b64(record.key),
            "value": _b64(record.value),
            "headers": [(n, _b64(v)) for n, v in record.headers],
        }
        return base64.b64encode(self._sealer.seal(to_json(parts))).decode()

    def _measure(self, records: Sequence[Record]) -> None:
        self._metrics.batch.labels(self._name).observe(len(records))
        oldest = min((record.at_ms for record in records), default=0) / 1000
        self._metrics.age.labels(self._name).set(max(0.0, self._clock.real().timestamp() - oldest))
        for topic, count in _tally(record.topic for record in records).items():
            self._metrics.events_in.labels(self._name, topic).inc(count)


def _tally(names: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts


def _b64(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode()
