from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import count

import pytest

from schemas import wire
from schemas.directory import PersonGone, PersonSeen
from schemas.wire import Record
from services.directory.change import read, tell
from services.directory.digests import Digests
from services.directory.follow import Followed, blueprint
from services.directory.lookup import lookup
from services.directory.person import WrongRow
from services.kernel.clock import new_id
from services.kernel.house import open_house
from services.kernel.sealing import CannotOpen
from services.kernel.step import Step
from services.kernel.store import Store
from tests.support.directory import ADA, BEN, offer
from tests.support.lab import settings

pytestmark = [pytest.mark.integration, pytest.mark.anyio]
MAY, JUNE = datetime(2026, 5, 4, 9, tzinfo=UTC), datetime(2026, 6, 2, 9, tzinfo=UTC)
WEB = ADA | {"system": "web", "record_keys": "visitor_id=v1", "email": "ada@example.org", "phone": ""}
_offsets = count()


def seen(directory, row, now=MAY, kind=PersonSeen):
    return tell(kind, (2, row), Digests(directory.keys), event_id=new_id(), now=now)


def record(event) -> Record:
    topic, _, value, headers = wire.encode(event, source="rightsbus/ops")
    return Record(topic, 0, next(_offsets), event.subject.encode(), value, tuple(headers), 0)


@pytest.fixture
async def stage(directory, directory_url, tmp_path) -> AsyncIterator[Step[Followed, None]]:
    house = open_house("directory", settings(directory_url, tmp_path / "keys"))
    await house.pool.open(wait=True)
    yield Step(blueprint(house.keys), house, Store("directory", Followed))
    await house.pool.close()


async def known(directory, **said):
    async with directory.ask() as conn:
        return [c.matched for c in (await lookup(conn, {"q": offer(**said)}, directory.keys))["q"]]


async def test_who_is_seen_is_found_and_who_is_gone_is_not(directory, stage) -> None:
    await stage.take([record(seen(directory, ADA)), record(seen(directory, BEN))])
    assert await known(directory, account_number="AC-1")

    await stage.take([record(seen(directory, ADA, JUNE, PersonGone))])

    assert await known(directory, account_number="AC-1") == []
    assert await known(directory, email="ben@example.org")
    assert directory.count("person") == 1


async def test_a_person_stays_as_long_as_one_record_of_them_does(directory, stage) -> None:
    await stage.take([record(seen(directory, row)) for row in (ADA, WEB)])
    await stage.take([record(seen(directory, WEB, JUNE, PersonGone))])

    assert await known(directory, email="ada@example.org") == []
    assert await known(directory, account_number="AC-1")


async def test_the_last_word_on_a_record_counts_however_words_are_batched(directory, stage) -> None:
    words = [
        seen(directory, ADA),
        seen(directory, ADA | {"email": "new@example.org"}, JUNE),
        seen(directory, BEN),
        seen(directory, BEN, JUNE, PersonGone),
    ]

    await stage.take([record(word) for word in words])
    together = (await known(directory, email="new@example.org"), directory.count("person"))
    directory.db.execute("TRUNCATE directory.person, directory.inbox CASCADE")
    for word in words:
        await stage.take([record(word)])

    assert together[1] == directory.count("person") == 1
    assert len(await known(directory, email="new@example.org")) == len(together[0]) == 1


async def test_a_value_told_live_is_held_since_it_was_told(directory, stage) -> None:
    directory.load(ADA)
    await stage.take([record(seen(directory, ADA | {"phone": "801 555 0177"}, JUNE))])
    await stage.take([record(seen(directory, BEN | {"held_since": ""}, JUNE))])

    [[phone]] = await known(directory, phone="801 555 0177")
    [[email]] = await known(directory, email="ben@example.org")
    [[account]] = await known(directory, account_number="AC-1")
    assert (phone.held_since, email.held_since) == (JUNE.date(), JUNE.date())
    assert str(account.held_since) == "2024-05-01"


async def test_hearing_the_same_again_changes_nothing(directory, stage) -> None:
    heard = [record(seen(directory, ADA)), record(seen(directory, WEB))]
    await stage.take(heard)
    before = sorted(directory.rows("person"))

    await stage.take(heard)
    await stage.take([record(seen(directory, ADA))])

    assert sorted(directory.rows("person")) == before
    assert directory.count("state") == 0


async def test_a_change_not_sealed_by_us_is_parked_alone(directory, stage) -> None:
    good, other = seen(directory, ADA), seen(directory, BEN)
    forged = good.model_copy(update={"event_id": new_id(), "sealed": other.sealed})

    [parked] = await stage.take([record(good), record(forged), record(other)])

    assert parked.message.topic == "privacy.parked.intake"
    assert b"cannotopen" in parked.message.value
    assert directory.count("person") == 2
    assert len(directory.rows("state")) == 1


@pytest.mark.parametrize("change", ["event_id", "subject", "record", "type"])
async def test_a_seal_is_bound_to_its_event(directory, change) -> None:
    event, other = seen(directory, ADA), seen(directory, WEB | {"link": "AC-9"})
    turned = (
        PersonGone.model_validate(event.model_dump() | {"type": "PersonGone"})
        if change == "type"
        else event.model_copy(update={change: getattr(other, change)})
    )

    with pytest.raises(CannotOpen):
        read([turned], Digests(directory.keys))


async def test_a_change_names_nobody_and_is_never_made_of_a_wrong_row(directory) -> None:
    told = seen(directory, ADA).model_dump_json().lower()

    for value in ("ada", "lovelace", "gmail", "0142", "84105", "ac-1"):
        assert value not in told.partition('"sealed"')[0]
    with pytest.raises(WrongRow, match="line 2, column phone"):
        seen(directory, ADA | {"phone": "call me"})


async def test_changes_survive_a_rotation_under_way(directory, stage) -> None:
    before = record(seen(directory, ADA))
    directory.keys.rotate("d")
    await stage.take([before, record(seen(directory, BEN))])

    assert await known(directory, account_number="AC-1")
    assert {row[4] for row in directory.rows("person")} == {2}
