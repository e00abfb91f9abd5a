"""Numbers under keyed names: known to the next message of a batch, once per message, never with what they count."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from services.directory.counters import Counters, Tally
from services.kernel.decision import Count, Decision
from services.kernel.keys import FileKeyStore
from services.kernel.store import Conn
from tests.support.lab import STAGE, Broken, Lab, Memory, a_message, a_request

pytestmark = [pytest.mark.integration, pytest.mark.anyio]
ONE, TWO, THREE = (a_request(name) for name in ("one", "two", "three"))
PERSON = "erika@example.org"


@pytest.fixture
def counting(worker: Lab) -> Lab:
    """A service that counts every message about one person, and remembers how many there were before it."""
    counters = Counters(STAGE, worker.house.keys)
    name = counters.name("requester", PERSON)

    async def gather(conn: Conn, _batch: Sequence[Any], _states: Mapping[str, Memory]) -> Tally:
        return await counters.tally(conn, [name], worker.house.clock())

    def decide(state: Memory, event: Any, tally: Tally, now: datetime) -> Decision[Memory]:
        if event.basis == "broken":
            raise Broken
        count = Count(name, now + timedelta(hours=1))
        return Decision(state.but(words=(*state.words, str(tally.of(name)))), counters=(count,))

    return worker.wire(gather=gather, decide=decide, learn=Tally.adding)


async def test_what_one_message_counts_the_next_of_its_batch_knows(counting: Lab) -> None:
    await counting.take(a_message(ONE, "a"), a_message(TWO, "a"), a_message(ONE, "b"))
    await counting.take(a_message(THREE, "a"))

    assert await counting.words(ONE) == ["0", "2"]
    assert await counting.words(TWO) == ["1"]
    assert await counting.words(THREE) == ["3"]


async def test_a_message_that_comes_twice_counts_once(counting: Lab) -> None:
    await counting.take(a_message(ONE, "a"), a_message(ONE, "a"))
    await counting.take(a_message(ONE, "a"))

    assert await counting.rows("SELECT n FROM counters") == [1]


async def test_a_message_that_is_parked_counts_for_nothing_and_hides_nobody(counting: Lab) -> None:
    await counting.take(a_message(ONE, "a"), a_message(TWO, "broken"), a_message(THREE, "a"))

    assert await counting.words(THREE) == ["1"]
    assert await counting.rows("SELECT n FROM counters") == [2]


async def test_nothing_of_the_person_is_in_the_table(counting: Lab) -> None:
    await counting.take(a_message(ONE, "a"))

    [key] = await counting.rows("SELECT key FROM counters")
    assert key.startswith("requester/")
    assert PERSON not in key


def test_a_name_is_known_only_with_the_key_and_tells_kinds_apart(tmp_path: Path) -> None:
    ours, theirs = (FileKeyStore(tmp_path / name) for name in ("ours", "theirs"))
    ours.create(), theirs.create()
    names = {
        Counters(STAGE, keys).name(*said)
        for keys in (ours, theirs)
        for said in (("agent", PERSON), ("requester", PERSON), ("requester", PERSON, ""), ("requester", "", PERSON))
    }

    assert len(names) == 8
    assert Counters(STAGE, ours).name("agent", PERSON) == Counters("intake", ours).name("agent", PERSON)
