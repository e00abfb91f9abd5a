"""What every connector promises, tried on each database the SQL connector is made for."""

import asyncio
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.port import Answer, Receipt, Sink, Task, Trouble
from connectors.sql import SqlSystem, open_sql
from schemas.values import Action, Outcome, Reason, Right
from tests.contract.harness import (
    ACORN,
    BIRCH,
    INVOICE,
    NEWSLETTER,
    PARCEL,
    PERSON,
    PREFERENCE,
    VISIT,
    Basket,
    correct,
    data_map,
    erase,
    fill,
    prefer,
    task,
)


class NoRoom(Exception):
    pass


class World:
    """One system behind a connector, and a way to look at its rows past the connector."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
        self.system: SqlSystem = open_sql("shop", data_map().systems["shop"], {"SHOP_URL": url})
        with self.engine.begin() as db:
            fill(db)

    def rows(self, table: sa.Table, **where: Any) -> list[dict[str, Any]]:
        query = sa.select(table).where(*(table.c[name] == value for name, value in where.items()))
        with self.engine.begin() as db:
            return [dict(row) for row in db.execute(query.order_by(*table.primary_key)).mappings()]

    def add(self, table: sa.Table, *rows: dict[str, Any]) -> None:
        with self.engine.begin() as db:
            db.execute(table.insert(), list(rows))

    def perform(self, tasks: Sequence[Task], sink: Sink) -> list[Answer]:
        return asyncio.run(self.system.perform(tasks, sink))

    def do(self, *tasks: Task) -> list[Answer]:
        return self.perform(tasks, Basket())

    def one(self, wanted: Task) -> Receipt:
        [answer] = self.do(wanted)
        assert isinstance(answer, Receipt)
        return answer


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    url = f"sqlite:///{tmp_path / 'shop.db'}" if request.param == "sqlite" else request.getfixturevalue("database_url")
    made = World(url)
    yield made
    made.engine.dispose()
    made.system._engine.dispose()


def test_a_deletion_erases_masks_aggregates_and_keeps_as_declared(world: World) -> None:
    receipt = world.one(erase(1))

    assert receipt.outcome is Outcome.RETAINED
    assert receipt.counts == {"customer_records": 1, "identifiers": 2, "internet_activity": 1}
    assert world.rows(PERSON, id=1) == []
    assert world.rows(NEWSLETTER, person_id=1) == [{"person_id": 1, "email": "erased-1", "topic": "", "origin": None}]
    assert world.rows(VISIT, id=1) == [{"id": 1, "person_id": None, "postcode": "841", "browser": "erased", "pages": 1}]
    assert [row["email"] for row in world.rows(INVOICE, person_id=1)] == [None, None]


def test_what_is_kept_is_told_with_reason_and_end(world: World) -> None:
    receipt = world.one(erase(1))

    [kept] = receipt.retained
    assert (kept.category, kept.code, kept.citation) == (
        "commercial",
        Reason.EXCEPTION_LEGAL_OBLIGATION,
        "26 U.S.C. 6001",
    )
    assert (kept.count, kept.until) == (2, date(2027, 1, 10))


def test_what_had_to_be_kept_is_erased_once_its_time_is_over(world: World) -> None:
    receipt = world.one(erase(1, today=date(2026, 6, 1)))

    assert [row["number"] for row in world.rows(INVOICE, person_id=1)] == ["IN-1-0"]
    assert receipt.counts["commercial"] == 1
    assert receipt.retained[0].count == 1


def test_other_peoples_rows_stay_as_they_are(world: World) -> None:
    tables = (PERSON, INVOICE, VISIT, PARCEL, NEWSLETTER)
    before = [[row for row in world.rows(table) if row.get("person_id", row["id"]) != 1] for table in (PARCEL,)]
    others = [world.rows(PERSON, id=2), *(world.rows(table, person_id=2) for table in tables[1:])]

    world.one(erase(1))

    assert [world.rows(PERSON, id=2), *(world.rows(table, person_id=2) for table in tables[1:])] == others
    assert [[row for row in world.rows(PARCEL) if row["person_id"] != 1]] == before


def test_the_same_task_again_gives_the_same_receipt_and_does_nothing(world: World) -> None:
    first = world.one(erase(1))
    world.add(PERSON, {"id": 1, "name": "Somebody Else", "email": "else@example.org"})

    again = world.one(erase(1))

    assert again == first
    assert len(world.rows(PERSON, id=1)) == 1


def test_a_task_given_twice_in_one_call_is_done_once(world: World) -> None:
    first, second = world.do(erase(1), erase(1))

    assert first == second


def test_two_requests_about_one_person_both_hear_what_was_done(world: World) -> None:
    first, second = world.do(erase(1, name="one"), erase(1, name="other"))

    assert isinstance(first, Receipt)
    assert isinstance(second, Receipt)
    assert first.task_id != second.task_id
    assert (first.outcome, first.counts) == (second.outcome, second.counts)


@pytest.mark.parametrize("person", [None, 99, "007007"])
def test_nobody_found_says_so(world: World, person: Any) -> None:
    receipt = world.one(erase(person))

    assert (receipt.outcome, receipt.counts, receipt.retained) == (Outcome.NOT_FOUND, {}, ())


def test_a_client_reaches_its_own_rows_only_and_the_company_none_of_them(world: World) -> None:
    own = world.one(erase(1))
    assert "shipment_recipient" not in own.counts

    receipt = world.one(erase(1, client=ACORN))

    assert (receipt.outcome, receipt.counts) == (Outcome.ERASED, {"shipment_recipient": 1})
    assert [row["client"] for row in world.rows(PARCEL, person_id=1)] == [BIRCH]
    assert len(world.rows(PARCEL, client=ACORN)) == 2


def test_an_export_shows_declared_fields_and_hides_what_is_never_disclosed(world: World) -> None:
    wanted, basket = task(Action.EXPORT, 1), Basket()

    [receipt] = world.perform([wanted], basket)

    assert isinstance(receipt, Receipt)
    assert receipt.outcome is Outcome.EXPORTED
    assert receipt.counts == {"commercial": 2, "customer_records": 1, "identifiers": 4, "internet_activity": 1}
    assert basket.of(wanted.task_id, "person") == [
        {"name": "Person 1", "email": "person.1@example.org", "card": {"held": True, "type": "payment_card"}}
    ]
    assert [row["issued_on"] for row in basket.of(wanted.task_id, "invoice")] == ["2026-01-10", "2024-01-10"]
    assert basket.of(wanted.task_id, "parcel") == []


def test_an_export_for_a_client_holds_that_clients_rows_only(world: World) -> None:
    wanted, basket = task(Action.EXPORT, 1, client=BIRCH), Basket()

    world.perform([wanted], basket)

    assert [(table, rows) for _, _, table, rows in basket.chunks] == [
        ("parcel", [{"street": "1 Fir St", "shipped_on": "2026-03-01"}])
    ]


def test_an_export_leaves_out_what_is_older_than_asked(world: World) -> None:
    wanted, basket = task(Action.EXPORT, 1, since=date(2025, 1, 1)), Basket()

    world.perform([wanted], basket)

    assert [row["number"] for row in basket.of(wanted.task_id, "invoice")] == ["IN-1-0"]


def test_a_person_with_many_rows_comes_in_chunks_and_the_same_again(world: World) -> None:
    world.add(VISIT, *({"id": 100 + n, "person_id": 1, "pages": n} for n in range(2_400)))
    wanted = task(Action.EXPORT, 1, keys=({"person_id": "1"}, {"person_id": "2"}))
    first, second = Basket(), Basket()

    world.perform([wanted, task(Action.EXPORT, 3)], first)
    world.perform([wanted], second)

    sizes = [len(rows) for t, _, table, rows in first.chunks if (t, table) == (wanted.task_id, "visit")]
    assert sizes == [1_000, 1_000, 402]
    assert [c for c in first.chunks if c[0] == wanted.task_id] == second.chunks


def test_a_correction_changes_the_fields_a_system_holds(world: World) -> None:
    one, two, none = world.do(
        correct(1, email="new.1@example.org", name="New Name"), correct(2, name="Other"), correct(3, shoe_size="41")
    )

    assert isinstance(one, Receipt)
    assert isinstance(two, Receipt)
    assert isinstance(none, Receipt)
    assert (one.outcome, one.counts) == (Outcome.CORRECTED, {"identifiers": 2})
    assert (two.outcome, two.counts) == (Outcome.CORRECTED, {"identifiers": 1})
    assert none.outcome is Outcome.UNNEEDED
    assert [(row["name"], row["email"]) for row in world.rows(PERSON)] == [
        ("New Name", "new.1@example.org"),
        ("Other", "person.2@example.org"),
        ("Person 3", "person.3@example.org"),
    ]
    assert world.rows(NEWSLETTER, person_id=1)[0]["email"] == "new.1@example.org"


def test_a_preference_is_noted_also_where_there_was_no_row(world: World) -> None:
    world.add(PREFERENCE, {"person_id": 1, "no_sale": None, "no_ads": True})

    answers = world.do(
        prefer(1, Right.OPT_OUT_SALE_SHARE), prefer(2, Right.OPT_OUT_SALE_SHARE), prefer(2, Right.OPT_OUT_TARGETED_ADS)
    )

    assert {a.outcome for a in answers if isinstance(a, Receipt)} == {Outcome.APPLIED}
    assert world.rows(PREFERENCE) == [
        {"person_id": 1, "no_sale": True, "no_ads": True},
        {"person_id": 2, "no_sale": True, "no_ads": True},
    ]


def test_an_opt_in_takes_the_opt_out_back(world: World) -> None:
    world.do(prefer(1, Right.OPT_OUT_SALE_SHARE))
    world.do(prefer(1, Right.OPT_IN_SALE))

    assert world.rows(PREFERENCE, person_id=1)[0]["no_sale"] is False


def test_a_preference_the_system_does_not_know_needs_nothing(world: World) -> None:
    receipt = world.one(prefer(1, Right.LIMIT_SENSITIVE))

    assert receipt.outcome is Outcome.UNNEEDED


def test_one_task_that_is_refused_stops_no_other(world: World) -> None:
    good = [correct(person, name=f"Name {person}") for person in (1, 3)]
    refused = correct(2, email="nobody@example.org")

    first, bad, second = world.do(good[0], refused, good[1])

    assert isinstance(bad, Trouble)
    assert not bad.retry
    assert bad.code.startswith("system_refused")
    assert isinstance(first, Receipt)
    assert isinstance(second, Receipt)
    assert [row["name"] for row in world.rows(PERSON)] == ["Name 1", "Person 2", "Name 3"]


def test_a_record_key_of_the_wrong_kind_is_named_as_such_and_never_shown(world: World) -> None:
    for action in (Action.ERASE, Action.EXPORT):
        good, bad = world.do(task(action, 1), task(action, "x'; DROP TABLE person; --"))

        assert isinstance(good, Receipt)
        assert isinstance(bad, Trouble)
        assert (bad.retry, bad.code) == (False, "bad_record_key")


def test_statements_grow_with_tables_and_not_with_tasks(world: World) -> None:
    with world.engine.begin() as db:
        for n in range(4, 304):
            db.execute(PERSON.insert(), {"id": n, "name": f"Person {n}", "email": f"p{n}@example.org"})
    seen: list[str] = []
    sa.event.listen(world.system._engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    world.one(erase(1))
    counts = []

    for people in (range(4, 6), range(6, 304)):
        seen.clear()
        answers = world.do(*(erase(n) for n in people), *(erase(n, client=ACORN) for n in people))
        assert {a.outcome for a in answers if isinstance(a, Receipt)} == {Outcome.ERASED, Outcome.NOT_FOUND}
        counts.append(len(seen))

    few, many = counts
    assert few <= 12
    assert many <= 2 * few
    print(f"{few} statements for 4 tasks, {many} for 596")


def test_the_check_finds_nothing_serious_and_points_at_what_nobody_mapped(world: World) -> None:
    with world.engine.begin() as db:
        db.execute(sa.text("CREATE TABLE fan_mail (id INTEGER PRIMARY KEY, sender_email TEXT)"))
        db.execute(sa.text("ALTER TABLE person ADD COLUMN home_phone TEXT"))

    found = asyncio.run(world.system.check())

    assert {(f.where, f.serious) for f in found} == {("fan_mail.sender_email", False), ("person.home_phone", False)}


def test_a_missing_column_is_a_matter_of_configuration_until_it_is_there(world: World) -> None:
    with world.engine.begin() as db:
        db.execute(sa.text("ALTER TABLE person DROP COLUMN card"))
    [trouble] = world.do(erase(1))
    findings = asyncio.run(world.system.check())
    with world.engine.begin() as db:
        db.execute(sa.text("ALTER TABLE person ADD COLUMN card TEXT"))

    assert isinstance(trouble, Trouble)
    assert (trouble.retry, trouble.code) == (False, "misconfigured")
    assert [(f.where, f.serious) for f in findings] == [("person.card", True)]
    assert (world.one(erase(1))).outcome is Outcome.RETAINED


def test_a_sink_that_fails_is_not_hidden(world: World) -> None:
    class Full(Basket):
        async def write(self, *_: object) -> None:
            raise NoRoom

    with pytest.raises(NoRoom):
        world.perform([task(Action.EXPORT, 1)], Full())
