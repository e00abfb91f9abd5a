"""Messages nobody can work on: each is parked alone, says where and why, and its request waits in plain sight."""

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import structlog
from psycopg.errors import UndefinedTable
from pydantic_core import from_json

from schemas import wire
from schemas.events import Parked
from schemas.wire import Record
from services.kernel.decision import Decision, Effect
from services.kernel.errors import Misconfigured, TooManyParked, Untrusted
from services.kernel.keys import KeysMissing
from services.kernel.origin import with_origin
from services.kernel.store import Stored
from services.kernel.tolerant import UNREADABLE
from tests.support.lab import STAGE, TOPIC, TRACE, Broken, Lab, a_message, a_request, decide

pytestmark = [pytest.mark.integration, pytest.mark.anyio]

ONE, TWO = a_request("one"), a_request("two")
OUTSIDE = "privacy.task-results"
NAMES = ("Erika", "Mustermann")


def told(stored: list[Stored]) -> list[Parked]:
    """The parked events among messages."""
    return [Parked.model_validate_json(s.message.value) for s in stored if s.message.topic == f"privacy.parked.{STAGE}"]


async def test_of_many_only_the_guilty_ones_are_parked(worker: Lab) -> None:
    good = [a_request(f"r{n}") for n in range(30)]
    batch = [a_message(request, "hello") for request in good]
    batch[7:7] = [a_message(ONE, "broken")]
    batch[23:23] = [a_message(TWO, "broken")]
    stored = await worker.take(*batch)

    assert {parked.request_id for parked in told(stored)} == {ONE, TWO}
    assert await worker.parked() == sorted([ONE, TWO])
    assert [await worker.words(request) for request in good] == [["hello"]] * 30
    assert len(stored) == 32


async def test_one_request_goes_on_around_its_parked_message(worker: Lab) -> None:
    await worker.take(*(a_message(ONE, word) for word in ("a", "broken", "b")))

    assert await worker.words(ONE) == ["a", "b"]
    assert await worker.parked() == [ONE]


async def test_a_decision_sees_that_messages_lie_parked(worker: Lab) -> None:
    seen = []

    def deciding(state: Any, *args: Any) -> Any:
        seen.append(state.parked)
        return decide(state, *args)

    await worker.take(a_message(ONE, "broken"), a_message(ONE, "broken too"))
    await worker.wire(decide=deciding).take(a_message(ONE, "hello"))
    await worker.take(a_message(ONE, "again"))

    assert seen == [2, 2]
    assert await worker.rows("SELECT body FROM state") == [{"words": ["hello", "again"]}]


async def test_what_nobody_can_decide_costs_the_others_no_second_attempt(worker: Lab) -> None:
    asked = []

    async def gather(_conn: Any, events: Any, _states: Any) -> None:
        asked.append(len(events))

    await worker.wire(gather=gather).take(
        *(a_message(a_request(f"r{n}"), "broken" if n == 3 else "a") for n in range(8))
    )

    assert asked == [8]
    assert await worker.parked() == [a_request("r3")]


async def test_no_request_waits_for_what_was_not_its_writers_to_say(worker: Lab) -> None:
    def forged(state: Any, event: Any, *args: Any) -> Any:
        if event.basis == "forged":
            raise Untrusted
        return decide(state, event, *args)

    message = a_message(ONE, "forged")
    [parked] = told(await worker.wire(decide=forged).take(message, a_message(ONE, "hello")))

    assert (parked.request_id, parked.case_id, parked.error) == (None, None, "untrusted")
    assert (await worker.words(ONE), await worker.parked()) == (["hello"], [])
    assert parked.causation_id
    await worker.store.release(worker.db, parked.causation_id, [])
    await worker.run("TRUNCATE outbox")
    assert [one.event_id for one in told(await worker.take(message))] == [parked.event_id]


async def test_a_released_message_may_come_again_and_nothing_waits_for_it(worker: Lab) -> None:
    message = a_message(ONE, "broken")
    [parked] = told(await worker.take(message))
    assert await worker.take(message) == []

    assert parked.causation_id
    for changed in (True, False):
        assert await worker.store.release(worker.db, parked.causation_id, [ONE]) is changed
    assert await worker.parked() == []
    await worker.wire(decide=lambda state, *_: Decision(state.but(words=("mended",)))).take(message)
    assert await worker.words(ONE) == ["mended"]


async def test_a_message_parked_twice_is_told_as_the_same(worker: Lab) -> None:
    message = a_message(ONE, "broken")
    [first] = told(await worker.take(message))
    assert first.causation_id
    await worker.store.release(worker.db, first.causation_id, [ONE])
    await worker.run("TRUNCATE outbox")
    [again] = told(await worker.take(message))

    assert again.event_id == first.event_id
    assert await worker.parked() == [ONE]


def undecodable(record: Record) -> Any:
    raise OverflowError(f"{NAMES}")


def unkeyed(event: Any) -> list[str]:
    if event.basis == "poison":
        raise KeyError(NAMES)
    return [event.request_id]


async def failing(_conn: Any, batch: Any, _states: Any) -> None:
    if any(event.basis == "poison" for event in batch):
        raise Broken(NAMES)


async def failing_sql(conn: Any, batch: Any, _states: Any) -> None:
    if any(event.basis == "poison" for event in batch):
        await conn.execute("SELECT 1 / 0")


def unwritable(state: Any, event: Any, facts: Any, now: Any) -> Any:
    decision = decide(state, event, facts, now)
    if event.basis != "poison":
        return decision
    effect = Effect("letter", state.id, state.id, "x", {"unwritable": object()})
    return replace(decision, effects=(effect,), secrets={"note": b"x"})


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"keys": unkeyed}, "keyerror"),
        ({"gather": failing}, "broken"),
        ({"gather": failing_sql}, "divisionbyzero"),
        ({"decide": unwritable}, "typeerror"),
    ],
)
async def test_whatever_fails_and_wherever_parks_its_message_alone(
    worker: Lab, change: dict[str, Any], error: str
) -> None:
    stored = await worker.wire(**change).take(a_message(TWO, "hello"), a_message(ONE, "poison"), a_message(TWO, "more"))

    assert [parked.error for parked in told(stored)] == [error]
    assert await worker.words(TWO) == ["hello", "more"]
    assert await worker.rows("SELECT (SELECT count(*) FROM effects), (SELECT count(*) FROM vault.items)") == [(0, 0)]


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda r: replace(r, value=None), None),
        (lambda r: replace(r, value=b""), None),
        (lambda r: replace(r, value=b"\xff\xfe"), None),
        (lambda r: replace(r, value=b"[" * 100_000), None),
        (lambda r: replace(r, value=b"{}"), None),
        (
            lambda r: replace(r, value=None, headers=((UNREADABLE, b"UnicodeDecodeError"),)),
            "the whole: UnicodeDecodeError",
        ),
    ],
)
async def test_what_cannot_be_read_is_parked_with_its_place(
    worker: Lab, spoil: Callable[[Record], Record], problem: str | None
) -> None:
    bad = spoil(a_message(ONE, "hello"))
    stored = await worker.take(a_message(TWO, "hello"), bad)

    [parked] = told(stored)
    assert (parked.topic, parked.offset, parked.stage, parked.error) == (TOPIC, bad.offset, "decode", "unreadable")
    assert parked.problems
    assert problem is None or parked.problems == [problem]
    assert (parked.request_id, await worker.words(TWO), await worker.parked()) == (None, ["hello"], [])
    assert told(await worker.take(bad))[0].event_id == parked.event_id


async def test_a_reader_that_falls_over_costs_no_more_than_the_message(worker: Lab) -> None:
    [parked] = told(await worker.wire(decode=undecodable).take(a_message(ONE, "hello")))

    assert (parked.stage, parked.error) == ("decode", "overflowerror")


async def test_a_state_nobody_can_read_is_its_messages_fault(worker: Lab) -> None:
    await worker.run("INSERT INTO state (id, version, body_version, body) VALUES (%s, 1, 1, '{\"words\": 7}')", ONE)
    stored = await worker.take(a_message(TWO, "hello"), a_message(ONE, "hello"))

    assert [parked.request_id for parked in told(stored)] == [ONE]
    assert await worker.words(TWO) == ["hello"]


async def test_a_parked_record_is_carried_along_sealed(worker: Lab, logged: list[structlog.typing.EventDict]) -> None:
    message = replace(a_message(ONE, "broken"), headers=(("name", b"Erika"), ("traceparent", TRACE.encode())))
    [stored] = await worker.take(message)

    [parked] = told([stored])
    opened = from_json(worker.house.sealer.open(base64.b64decode(parked.sealed)))
    assert opened["at_ms"] == message.at_ms
    assert set(opened) == {"key", "value", "headers", "at_ms"}
    assert ("traceparent", TRACE.encode()) in stored.message.headers
    [line] = logged
    assert line.pop("exc_info").__class__ is Broken
    for text in (stored.message.value.decode(), str(line)):
        assert not [name for name in NAMES if name in text]


async def test_what_is_too_large_to_carry_lies_where_it_lay(worker: Lab) -> None:
    huge = replace(a_message(ONE, "hello"), value=b"x" * 5_000_000)
    [parked] = told(await worker.take(huge))

    assert parked.sealed == ""
    assert "read it where it lies" in parked.problems[-1]


async def test_a_wall_of_faults_on_our_own_topics_stops_the_worker_and_writes_nothing(worker: Lab) -> None:
    wall = [a_message(a_request(f"r{n}"), "broken") for n in range(21)]
    with pytest.raises(TooManyParked, match="21 messages in a row"):
        await worker.take(*wall)

    assert await worker.rows("SELECT count(*) FROM inbox") == [0]
    assert len(told(await worker.take(*wall[:20]))) == 20
    with pytest.raises(TooManyParked):
        await worker.take(wall[20])


async def test_one_good_message_breaks_the_row(worker: Lab) -> None:
    for n in range(3):
        await worker.take(*(a_message(a_request(f"{n}{m}"), "broken") for m in range(15)), a_message(ONE, f"good{n}"))

    assert len(await worker.parked()) == 45


async def test_unreadable_records_on_our_own_topics_count_too(worker: Lab) -> None:
    with pytest.raises(TooManyParked):
        await worker.take(*(replace(a_message(ONE, f"{n}"), value=b"{}") for n in range(21)))


async def test_outsiders_can_send_what_they_like(worker: Lab) -> None:
    worker.wire(decode=decode_as)
    garbage = [replace(a_message(ONE, "x"), topic=OUTSIDE, value=b"garbage") for _ in range(60)]
    broken = [replace(a_message(a_request(f"r{n}"), "broken"), topic=OUTSIDE) for n in range(60)]

    assert len(told(await worker.take(*garbage, *broken))) == 120


def decode_as(record: Record) -> Any:
    return wire.decode(replace(record, topic=TOPIC))


async def test_a_question_the_database_does_not_know_is_our_fault_whoever_asks(worker: Lab) -> None:
    async def gather(*_: Any) -> None:
        raise UndefinedTable

    worker.wire(gather=gather, decode=decode_as)
    with pytest.raises(TooManyParked):
        await worker.take(*(replace(a_message(ONE, f"{n}"), topic=OUTSIDE) for n in range(21)))


@pytest.mark.parametrize("error", [Misconfigured("no policies"), KeysMissing("no keys")])
async def test_what_an_operator_must_mend_is_nobodys_message(worker: Lab, error: Exception) -> None:
    async def gather(*_: Any) -> None:
        raise error

    with pytest.raises(Misconfigured):
        await worker.wire(gather=gather).take(a_message(ONE, "hello"))
    assert await worker.rows("SELECT count(*) FROM inbox") == [0]


async def test_a_record_put_back_counts_as_the_one_it_was(worker: Lab) -> None:
    places = []

    def reading(record: Record) -> Any:
        places.append((record.partition, record.offset))
        return decode_as(record)

    message = replace(a_message(ONE, "hello"), topic=OUTSIDE)
    headers = with_origin(message, worker.house.keys.derive("origin"))
    await worker.wire(decode=reading).take(replace(message, partition=3, offset=999_999, headers=tuple(headers)))

    assert places == [(message.partition, message.offset)]
