"""The step on a real database: what is written together, what is taken twice, who waits for whom."""

import asyncio
from datetime import timedelta
from typing import Any, Self

import pytest
from psycopg import AsyncConnection
from psycopg.errors import SerializationFailure
from pydantic_core import from_json

from services.kernel.tokens import case_key
from tests.support.lab import STAGE, TRACE, Lab, Memory, a_message, a_request, decide

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

ONE, TWO, THREE = a_request("one"), a_request("two"), a_request("three")
EVERYTHING = """SELECT (SELECT count(*) FROM inbox), (SELECT count(*) FROM outbox), (SELECT count(*) FROM effects),
(SELECT sum(n) FROM counters), (SELECT sum(version) FROM state), (SELECT count(*) FROM vault.items)"""


class Died(BaseException):
    """The process is gone: nothing catches this."""


class Noting(AsyncConnection[Any]):
    """A connection that notes its statements, and dies at one of them."""

    notes: list[str]
    dies_at: int | None = None

    async def execute(self, query: Any, *args: Any, **more: Any) -> Any:
        if Noting.dies_at == len(Noting.notes):
            raise Died
        Noting.notes.append(query.decode() if isinstance(query, bytes) else str(query))
        return await super().execute(query, *args, **more)


@pytest.fixture
def noting(monkeypatch: pytest.MonkeyPatch, worker: Lab) -> type[Noting]:
    monkeypatch.setattr(Noting, "notes", [], raising=False)
    monkeypatch.setattr(Noting, "dies_at", None)
    return Noting


@pytest.fixture
async def noted(worker: Lab, noting: type[Noting], monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The worker, its connections noting what they are asked."""
    async with worker.house.pool.connection() as conn:
        dsn = conn.info.dsn

    class Pool:
        def connection(self) -> Any:
            class Opened:
                async def __aenter__(self) -> Noting:
                    self.conn = await noting.connect(dsn, autocommit=True)
                    return self.conn

                async def __aexit__(self, *_: object) -> None:
                    await self.conn.close()

            return Opened()

    monkeypatch.setattr(worker.step, "_pool", Pool())
    return worker


def kinds(notes: list[str]) -> list[str]:
    """Each statement by the table or lock it is about."""
    names = ("advisory", "state", "inbox", "vault", "effects", "counters", "outbox", "gather", "decide")
    return [next(name for name in names if name in note.replace(STAGE, "")) for note in notes]


async def test_everything_happens_in_one_order(noted: Lab, noting: type[Noting]) -> None:
    async def gather(*_: Any) -> None:
        noting.notes.append("gather")

    def deciding(*args: Any) -> Any:
        noting.notes.append("decide")
        return decide(*args)

    pool = noted.step._pool
    noted.wire(gather=gather, decide=deciding).step._pool = pool
    words = ("secret", "effect", "count", "hello")
    await noted.take(*(a_message(ONE, word) for word in words))

    assert kinds(noting.notes) == [
        "advisory", "state", "inbox", "gather", "decide", "decide", "decide", "decide", "vault", "vault", "vault",
        "state", "effects", "counters", "outbox", "outbox",
    ]  # fmt: skip


async def test_whoever_dies_before_the_commit_has_done_nothing(noted: Lab, noting: type[Noting]) -> None:
    batch = [a_message(request, word) for request in (ONE, TWO) for word in ("secret", "effect", "count", "hello")]
    before = await noted.rows(EVERYTHING)
    deaths = 0
    while True:
        noting.notes.clear()
        noting.dies_at = deaths
        try:
            await noted.take(*batch)
        except Died:
            deaths += 1
            assert await noted.rows(EVERYTHING) == before
        else:
            break

    assert deaths == len(noting.notes) > 10
    assert await noted.rows(EVERYTHING) == [(8, 8, 2, 2, 8, 2)]
    assert await noted.words(ONE) == ["secret", "effect", "count", "hello"]


async def test_a_batch_taken_again_changes_nothing(worker: Lab) -> None:
    batch = [a_message(ONE, word) for word in ("secret", "effect", "count", "hello", "hello")]
    first = await worker.take(*batch)
    after = await worker.rows(EVERYTHING)

    assert len(first) == 4
    assert await worker.take(*batch) == []
    assert await worker.rows(EVERYTHING) == after == [(4, 4, 1, 1, 4, 1)]


async def test_messages_of_one_request_see_what_the_earlier_ones_did(worker: Lab) -> None:
    await worker.take(*(a_message(request, word) for word in "abc" for request in (ONE, TWO)))
    await worker.take(a_message(ONE, "d"))

    assert await worker.words(ONE) == ["a", "b", "c", "d"]
    assert await worker.words(TWO) == ["a", "b", "c"]
    assert await worker.rows("SELECT version FROM state ORDER BY version") == [3, 4]


async def test_what_is_told_counts_up_even_where_nothing_else_changes(worker: Lab) -> None:
    await worker.take(a_message(ONE, "later"))
    [due] = await worker.rows("SELECT due_at FROM state")
    told = await worker.take(a_message(ONE, "same"), a_message(ONE, "same", twin="2"))

    assert [from_json(row.message.value)["seq"] for row in told] == [1, 2, 3]
    assert await worker.rows("SELECT version, due_at FROM state") == [(3, due)]


async def test_two_workers_on_the_same_requests_wait_for_each_other_and_never_lock_up(
    worker: Lab, another: Lab
) -> None:
    requests = [a_request(f"r{n}") for n in range(12)]
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    before = await worker.rows(deadlocks)

    async def batches(lab: Lab, name: str, order: int) -> None:
        for n in range(6):
            await lab.take(*(a_message(request, f"{name}{n}") for request in requests[::order]))

    await asyncio.gather(batches(worker, "a", 1), batches(another, "b", -1))

    for request in requests:
        assert sorted(await worker.words(request)) == [f"{name}{n}" for name in "ab" for n in range(6)]
    assert await worker.rows("SELECT DISTINCT version FROM state") == [12]
    assert await worker.rows(deadlocks) == before


async def test_two_workers_given_the_same_messages_handle_each_once(worker: Lab, another: Lab) -> None:
    batch = [a_message(a_request(f"r{n % 5}"), f"w{n}") for n in range(40)]

    told = await asyncio.gather(worker.take(*batch), another.take(*batch[::-1]))

    assert sorted(map(len, told)) == [0, 40]
    assert await worker.rows("SELECT sum(version) FROM state") == [40]


async def test_a_serialisation_failure_is_taken_again(worker: Lab) -> None:
    tries = []

    async def gather(*_: Any) -> None:
        tries.append(1)
        if len(tries) == 1:
            raise SerializationFailure

    await worker.wire(gather=gather).take(a_message(ONE, "hello"))

    assert len(tries) == 2
    assert await worker.words(ONE) == ["hello"]


async def test_a_real_deadlock_is_taken_again(worker: Lab, another: Lab) -> None:
    await worker.run("CREATE TABLE IF NOT EXISTS public.rocks (id int PRIMARY KEY)")
    await worker.run("INSERT INTO public.rocks VALUES (1), (2) ON CONFLICT DO NOTHING")
    both, tries = asyncio.Barrier(2), []

    def gather(*order: int) -> Any:
        async def locks(conn: Any, *_: Any) -> None:
            tries.append(order)
            await conn.execute("SELECT FROM public.rocks WHERE id = %s FOR UPDATE", [order[0]])
            if len(tries) <= 2:
                await both.wait()
            await conn.execute("SELECT FROM public.rocks WHERE id = %s FOR UPDATE", [order[1]])

        return locks

    worker.wire(gather=gather(1, 2))
    another.wire(gather=gather(2, 1))
    await asyncio.gather(worker.take(a_message(ONE, "hello")), another.take(a_message(TWO, "hello")))

    assert len(tries) == 3
    assert (await worker.words(ONE), await worker.words(TWO)) == (["hello"], ["hello"])


async def test_a_connection_cut_in_the_middle_is_taken_again(worker: Lab) -> None:
    cut: list[int] = []

    async def gather(conn: Any, *_: Any) -> None:
        if not cut:
            cut.append(1)
            await worker.run("SELECT pg_terminate_backend(%s)", conn.info.backend_pid)

    await worker.wire(gather=gather).take(a_message(ONE, "effect"), a_message(ONE, "hello"))

    assert await worker.words(ONE) == ["effect", "hello"]
    assert await worker.rows("SELECT count(*) FROM effects") == [1]


async def test_secrets_lie_sealed_in_the_vault_once_the_message_is_done(worker: Lab) -> None:
    await worker.take(a_message(ONE, "secret"))

    async with worker.house.pool.connection() as conn:
        kept = await worker.house.vault.get(conn, [(case_key(ONE), "note")])
    assert kept == {(case_key(ONE), "note"): b"Erika Mustermann"}
    assert await worker.rows(
        "SELECT count(*) FROM vault.items WHERE position('Erika' IN encode(sealed, 'escape')) > 0"
    ) == [0]


async def test_a_counter_counts_within_its_window_and_starts_anew_after_it(worker: Lab) -> None:
    await worker.take(a_message(ONE, "count"), a_message(TWO, "count"))
    await worker.take(a_message(THREE, "count"))
    now = worker.house.clock()

    async def counted(at: Any) -> dict[str, int]:
        async with worker.house.pool.connection() as conn:
            return await worker.store.counted(conn, ["throttle", "never"], at)

    assert await counted(now) == {"throttle": 3}
    assert await counted(now + timedelta(hours=2)) == {}
    await worker.run("UPDATE counters SET expires_at = %s", now - timedelta(seconds=1))
    await worker.take(a_message(ONE, "count", twin="again"))
    assert await counted(worker.house.clock()) == {"throttle": 1}


async def test_expired_counters_and_old_inbox_rows_are_forgotten_parked_ones_are_not(worker: Lab) -> None:
    await worker.take(a_message(ONE, "count"), a_message(TWO, "broken"), a_message(THREE, "hello"))
    await worker.run("UPDATE inbox SET at = at - interval '46 days'")

    async with worker.house.pool.connection() as conn:
        await worker.store.purge(conn, timedelta(days=45), worker.house.clock() + timedelta(hours=2))

    assert await worker.rows("SELECT parked FROM inbox") == [True]
    assert await worker.rows("SELECT count(*) FROM counters") == [0]


class Older(Memory):
    """The service's memory before its words were a list."""


class Newer(Memory):
    """The service's memory once it also counts its words."""

    BODY = 2
    counted: int = 0

    @classmethod
    def upcast(cls, body: dict[str, Any], _written_as: int) -> dict[str, Any]:
        return body | {"counted": len(body["words"])}

    def but(self, **changes: Any) -> Self:
        words = changes.get("words", self.words)
        return super().but(**changes, counted=len(words))


async def test_an_older_body_is_lifted_when_read(worker: Lab, another: Lab) -> None:
    await worker.take(a_message(ONE, "a"), a_message(ONE, "b"))
    another.store._kind = Newer
    await another.wire(state=Newer).take(a_message(ONE, "c"))

    [(version, body)] = await worker.rows("SELECT body_version, body FROM state")
    assert (version, body) == (2, {"words": ["a", "b", "c"], "counted": 3})


async def test_older_code_keeps_what_newer_code_added(worker: Lab, another: Lab) -> None:
    another.store._kind = Newer
    await another.wire(state=Newer).take(a_message(ONE, "a"))
    await worker.take(a_message(ONE, "b"))

    [(version, body)] = await worker.rows("SELECT body_version, body FROM state")
    assert (version, body) == (2, {"words": ["a", "b"], "counted": 1})
    await another.take(a_message(ONE, "c"))
    assert await another.words(ONE) == ["a", "b", "c"]


async def test_the_trace_goes_on_through_what_follows(worker: Lab) -> None:
    [told] = await worker.take(a_message(ONE, "effect"))

    assert ("traceparent", TRACE.encode()) in told.message.headers
    assert await worker.rows("SELECT traceparent FROM effects") == [TRACE]


async def test_a_frozen_workers_locks_are_taken_from_it(worker: Lab, another: Lab) -> None:
    frozen = asyncio.Event()

    async def freeze(conn: Any, *_: Any) -> None:
        if not frozen.is_set():
            frozen.set()
            [limit] = await (await conn.execute("SHOW idle_in_transaction_session_timeout")).fetchone()
            assert limit == "1min"
            await conn.execute("SET LOCAL idle_in_transaction_session_timeout = '50ms'")
            while await worker.rows("SELECT FROM pg_stat_activity WHERE pid = %s", conn.info.backend_pid):
                continue

    taking = asyncio.create_task(worker.wire(gather=freeze).take(a_message(ONE, "frozen")))
    await frozen.wait()
    await asyncio.gather(another.take(a_message(ONE, "waiting")), taking)

    assert sorted(await worker.words(ONE)) == ["frozen", "waiting"]
