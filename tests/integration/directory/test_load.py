from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from services.directory.load import Loaded
from services.directory.lookup import forget, lookup, suppress, suppressed
from services.directory.preferences import suppress_offered
from stack.sample import company
from stack.sample.people import people
from tests.support.directory import ADA, BEN, BRAND, PARCEL, offer

pytestmark = [pytest.mark.integration, pytest.mark.anyio]
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def the_one(directory, **said):
    async with directory.ask() as conn:
        [one] = (await lookup(conn, {"q": offer(**said)}, directory.keys))["q"]
        return one


def everything(directory):
    return sorted(directory.rows("person")), sorted(directory.rows("point"))


def test_loading_again_writes_nothing(directory) -> None:
    rows = (ADA, BEN, PARCEL, ADA | {"system": "web", "record_keys": "visitor_id=v1"})

    assert directory.load(*rows) == Loaded(rows=4, new=3)
    before = everything(directory)
    assert directory.load(*rows) == Loaded(rows=4)
    assert everything(directory) == before


def test_the_size_of_chunks_changes_nothing(directory) -> None:
    heard: list[int] = []
    rows = [BEN | {"link": f"B{n}", "email": f"b{n}@example.org"} for n in range(7)]

    assert directory.load(*rows, chunk=3, progress=heard.append) == Loaded(rows=7, new=7)
    assert heard == [3, 3, 1]


async def test_a_value_changed_later_is_held_since_that_day(directory) -> None:
    directory.load(ADA)
    later = date(2026, 4, 1)

    assert directory.load(ADA | {"email": "new@example.org"}, today=later) == Loaded(rows=1, changed=1)

    one = await the_one(directory, email="new@example.org", phone="801 555 0142")
    assert {m.kind: m.held_since for m in one.matched} == {"email": later, "phone": date(2024, 5, 1)}
    async with directory.ask() as conn:
        gone = await lookup(conn, {"q": offer(email="ada.lovelace@gmail.com")}, directory.keys)
    assert gone == {"q": []}


async def test_a_record_without_a_day_counts_as_held_all_along(directory) -> None:
    directory.load(ADA | {"held_since": ""})

    one = await the_one(directory, email="ada.lovelace@gmail.com")
    assert [m.held_since for m in one.matched] == [None]


def test_a_chunk_is_loaded_whole_or_not_at_all(directory) -> None:
    directory.db.execute("ALTER TABLE directory.person ADD CONSTRAINT no_acme CHECK (client <> 'acme')")
    try:
        with pytest.raises(psycopg.errors.CheckViolation):
            directory.load(ADA, PARCEL, BEN, chunk=2)
    finally:
        directory.db.execute("ALTER TABLE directory.person DROP CONSTRAINT no_acme")

    assert directory.count("person") == 0
    assert directory.load(ADA, PARCEL, BEN, chunk=2) == Loaded(rows=3, new=3)


async def test_who_was_deleted_is_not_loaded_again_until_they_come_back(directory) -> None:
    directory.load(ADA, BEN)
    one = await the_one(directory, account_number="AC-1")
    async with directory.ask() as conn:
        await suppress(conn, directory.keys, [one.subject], "delete", NOW)
        await forget(conn, [one.subject])

    assert directory.load(ADA, BEN) == Loaded(rows=2, left_out=1)
    assert directory.load(ADA | {"held_since": "2026-03-01"}) == Loaded(rows=1, left_out=1)
    assert directory.load(ADA | {"held_since": "2026-03-02"}) == Loaded(rows=1, new=1)


async def test_a_preference_follows_a_persons_own_points_and_not_their_home(directory) -> None:
    directory.load(ADA)
    one = await the_one(directory, account_number="AC-1")
    home = {"line1": "842 E 1700 S", "line2": "Apt 4", "postcode": "84105"}

    async with directory.ask() as conn:
        await suppress(conn, directory.keys, [one.subject], "opt_out_marketing", NOW)
        await suppress_offered(conn, directory.keys, [offer(email="x@example.org")], "opt_out_sale_share", NOW)
        by_phone = await suppressed(conn, directory.keys, offer(phone="8015550142"))
        by_home = await suppressed(conn, directory.keys, offer(address=home))
        by_mail = await suppressed(conn, directory.keys, offer(email="X@example.org"))
        elsewhere = await suppressed(conn, directory.keys, offer("shipdesk", phone="8015550142"))

    assert by_phone == {"opt_out_marketing": NOW}
    assert by_mail == {"opt_out_sale_share": NOW}
    assert (by_home, elsewhere) == ({}, {})


async def test_a_preference_noted_again_keeps_the_later_moment(directory) -> None:
    async with directory.ask() as conn:
        for when in (NOW, NOW - timedelta(days=1)):
            await suppress_offered(conn, directory.keys, [offer(email="x@example.org")], "opt_out_marketing", when)
        noted = await suppressed(conn, directory.keys, offer(email="x@example.org"))

    assert noted == {"opt_out_marketing": NOW}


def test_a_file_of_the_sample_company_loads(directory) -> None:
    rows = list(company.directory_rows(people(200)))

    loaded = directory.load(*rows)
    assert loaded.rows == len(rows)
    assert loaded.new == directory.count("person") > 100
    assert {row[1] for row in directory.rows("person")} == {BRAND, "shipdesk"}
