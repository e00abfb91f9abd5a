"""What the SQL connector promises beyond what every connector does, on each database it is made for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.port import Receipt, Trouble
from connectors.registry import NoSuchConnector
from connectors.sql import open_sql
from schemas.values import Action, Outcome
from tests.contract.company import ACORN, Basket, correct, erase, shop, task
from tests.contract.worlds import SqlWorld


def run(sql: SqlWorld, *statements: str) -> None:
    with sql.engine.begin() as db:
        for statement in statements:
            db.execute(sa.text(statement))


@pytest.fixture
def mute(tmp_path: Path) -> Iterator[SqlWorld]:
    """A database that cannot say what it changed, as MySQL cannot."""
    world = SqlWorld(f"sqlite:///{tmp_path / 'mute.db'}")
    dialect: Any = world.system._engine.dialect
    dialect.delete_returning = dialect.update_returning = False
    yield world
    world.close()


def test_a_database_that_cannot_say_what_it_changed_is_read_before(mute: SqlWorld) -> None:
    erased = mute.one(erase(1))
    corrected = mute.one(correct(2, name="New Name"))

    assert (erased.outcome, erased.counts["identifiers"]) == (Outcome.RETAINED, 2)
    assert (corrected.outcome, corrected.counts) == (Outcome.CORRECTED, {"identifiers": 1})
    assert [row["id"] for row in mute.rows("person")] == ["2", "3"]


def test_a_person_with_many_rows_comes_in_chunks_and_the_same_again(sql: SqlWorld) -> None:
    sql.add("visit", *({"id": 100 + n, "person_id": 1, "pages": n} for n in range(2_400)))
    wanted = task(Action.EXPORT, 1, keys=({"person_id": "1"}, {"person_id": "2"}))
    first, second = Basket(), Basket()

    sql.perform([wanted, task(Action.EXPORT, 3)], first)
    sql.perform([wanted], second)

    sizes = [len(rows) for t, _, table, rows in first.chunks if (t, table) == (wanted.task_id, "visit")]
    assert sizes == [1_000, 1_000, 402]
    assert [c for c in first.chunks if c[0] == wanted.task_id] == second.chunks


def test_a_record_key_of_the_wrong_kind_is_named_as_such_and_never_shown(sql: SqlWorld) -> None:
    for action in (Action.ERASE, Action.EXPORT):
        good, bad = sql.do(task(action, 1), task(action, "x'; DROP TABLE person; --"))

        assert isinstance(good, Receipt)
        assert isinstance(bad, Trouble)
        assert (bad.retry, bad.code) == (False, "bad_record_key")


def test_statements_grow_with_tables_and_not_with_tasks(sql: SqlWorld) -> None:
    sql.add("person", *({"id": n, "name": f"Person {n}", "email": f"p{n}@example.org"} for n in range(4, 304)))
    seen: list[str] = []
    sa.event.listen(sql.system._engine, "before_cursor_execute", lambda *args: seen.append(args[2]))
    sql.one(erase(1))
    counts = []

    for people in (range(4, 6), range(6, 304)):
        seen.clear()
        answers = sql.do(*(erase(n) for n in people), *(erase(n, client=ACORN) for n in people))
        assert {a.outcome for a in answers if isinstance(a, Receipt)} == {Outcome.ERASED, Outcome.NOT_FOUND}
        counts.append(len(seen))

    few, many = counts
    assert few <= 16
    assert many <= 2 * few
    print(f"{few} statements for 4 tasks, {many} for 596")


def test_the_check_points_at_what_nobody_mapped(sql: SqlWorld) -> None:
    run(sql, "CREATE TABLE fan_mail (id INTEGER PRIMARY KEY, sender_email TEXT)",
        "ALTER TABLE person ADD COLUMN home_phone TEXT")  # fmt: skip

    found = sql.runner.run(sql.system.check())
    run(sql, "DROP TABLE fan_mail", "ALTER TABLE person DROP COLUMN home_phone")

    assert {(f.where, f.kind, f.serious) for f in found} == {
        ("fan_mail.sender_email", "uncovered", False),
        ("person.home_phone", "uncovered", False),
    }


def test_what_is_about_nobody_is_in_no_answer_and_is_left_as_it_is(sql: SqlWorld) -> None:
    public = "SELECT person_id, email FROM press ORDER BY person_id"
    run(sql, "CREATE TABLE press (person_id INTEGER, email TEXT)",
        "INSERT INTO press VALUES (1, 'person.1@example.org')")  # fmt: skip
    known = shop().model_dump() | {"impersonal": ["press"]}
    system = open_sql("shop", type(shop()).model_validate(known), {"SHOP": str(sql.system._engine.url)})
    system._engine = sql.system._engine
    wanted, basket = task(Action.EXPORT, 1), Basket()

    findings = sql.runner.run(system.check())
    sql.runner.run(system.perform([wanted], basket))
    sql.runner.run(system.perform([erase(1)], Basket()))
    with sql.engine.begin() as db:
        left = [tuple(row) for row in db.execute(sa.text(public))]
    run(sql, "DROP TABLE press")

    assert [f.where for f in findings if f.where.startswith("press")] == []
    assert "press" not in {table for _, _, table, _ in basket.chunks}
    assert left == [(1, "person.1@example.org")]


def test_a_missing_column_is_a_matter_of_configuration_until_it_is_there(sql: SqlWorld) -> None:
    run(sql, "ALTER TABLE person DROP COLUMN card")
    [trouble] = sql.do(erase(1))
    findings = sql.runner.run(sql.system.check())
    run(sql, "ALTER TABLE person ADD COLUMN card TEXT")

    assert isinstance(trouble, Trouble)
    assert (trouble.retry, trouble.code) == (False, "misconfigured")
    assert [(f.where, f.serious) for f in findings] == [("person.card", True)]
    assert sql.one(erase(1)).outcome is Outcome.RETAINED


def test_the_check_says_what_a_column_cannot_bear(sql: SqlWorld) -> None:
    fields = {
        "origin": {"category": "identifiers", "mask": "zero"},
        "score": {"category": "identifiers", "mask": "token", "correctable": "score"},
        "topic": {"category": "identifiers"},
        "email": {"category": "identifiers", "mask": "year"},
    }
    odd = shop().model_dump()
    odd["tables"] = [table | {"fields": fields} for table in odd["tables"] if table["name"] == "newsletter"]
    odd["tables"][0]["date_column"] = "origin"
    odd["preferences"] = None
    system = open_sql("shop", type(shop()).model_validate(odd), {"SHOP": str(sql.system._engine.url)})
    system._engine = sql.system._engine

    found = {(f.where, f.what.partition(":")[0]) for f in sql.runner.run(system.check()) if f.serious}

    assert {where for where, _ in found} == {
        "newsletter.origin", "newsletter.score", "newsletter.topic", "newsletter.email",
    }  # fmt: skip
    assert ("newsletter.origin", "must be a date or a time") in found
    assert ("newsletter.topic", "cannot be null") in found


def test_the_check_sees_deletions_that_would_be_refused_or_take_too_much(sql: SqlWorld) -> None:
    for table, rule in (("gift", ""), ("badge", "ON DELETE CASCADE"), ("seat", "ON DELETE SET NULL")):
        run(sql, f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES person (id) {rule})")

    found = {f.where: f for f in sql.runner.run(sql.system.check())}
    run(sql, "INSERT INTO gift VALUES (1, 1)")
    first, second = sql.do(erase(1), erase(2))
    run(sql, "DROP TABLE gift", "DROP TABLE badge", "DROP TABLE seat")

    assert {where for where, finding in found.items() if finding.serious} == {"gift.person_id", "badge.person_id"}
    assert "cannot be deleted" in found["gift.person_id"].what
    assert "whatever is declared" in found["badge.person_id"].what
    assert isinstance(first, Trouble)
    assert first.code.startswith("system_refused")
    assert isinstance(second, Receipt)


def test_a_database_that_cannot_be_reached_may_be_tried_again(tmp_path: Path) -> None:
    world = SqlWorld(f"sqlite:///{tmp_path / 'here.db'}")
    gone = open_sql("shop", shop(), {"SHOP": f"sqlite:///{tmp_path / 'not' / 'there.db'}"})

    [trouble] = world.runner.run(gone.perform([erase(1)], Basket()))
    [finding] = world.runner.run(gone.check())
    world.close()

    assert isinstance(trouble, Trouble)
    assert (trouble.retry, trouble.code) == (True, "system_unavailable")
    assert (finding.where, finding.serious) == ("SHOP", True)


@pytest.mark.parametrize("url", ["nonsense", "fox://localhost/db", "oracle://scott@localhost/db"])
def test_an_address_that_is_none_is_named_by_its_variable_and_not_repeated(url: str) -> None:
    with pytest.raises(NoSuchConnector, match="shop: SHOP holds no SQLAlchemy URL") as raised:
        open_sql("shop", shop(), {"SHOP": url})

    assert url not in str(raised.value)


def test_what_was_found_by_key_is_found_in_batches(sql: SqlWorld) -> None:
    async def keys() -> set[str]:
        return {found.keys["person_id"] async for some in sql.system.scan() for found in some}

    assert sql.runner.run(keys()) == {"1", "2", "3"}
