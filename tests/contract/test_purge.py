"""Rows go by their age: the company's own, of nobody who is spared, as a deletion would have them go."""

from collections.abc import Sequence
from datetime import date

from connectors.port import Limit, Overdue, Purgeable
from tests.contract.worlds import World

TODAY = date(2026, 6, 1)
ALL = {"invoice": date(2026, 1, 1), "newsletter": date(2026, 4, 1), "answer": date(2026, 4, 1)}


def a_limit(first_kept: dict[str, date] | None = None, *spared: int, today: date = TODAY) -> Limit:
    kept = ALL if first_kept is None else first_kept
    return Limit(kept, {"person_id": frozenset(map(str, spared))}, today)


def purge(world: World, limit: Limit, *, apply: bool) -> dict[str, Overdue]:
    assert isinstance(world.system, Purgeable)
    found: Sequence[Overdue] = world.runner.run(world.system.purge(limit, apply=apply))
    return {one.table: one for one in found}


def everything(world: World) -> dict[str, list[dict[str, str | None]]]:
    return {name: world.rows(name) for name in ("invoice", "parcel", "newsletter", "answer", "person", "visit")}


def test_a_dry_run_says_what_is_over_and_changes_nothing(aging: World) -> None:
    before = everything(aging)
    found = purge(aging, a_limit(), apply=False)

    assert {name: (one.rows, one.oldest) for name, one in found.items()} == {
        "invoice": (3, date(2024, 1, 10)),
        "answer": (6, date(2026, 3, 1)),
        "newsletter": (3, date(2026, 3, 1)),
    }
    assert everything(aging) == before


def test_what_is_over_goes_as_a_deletion_would_have_it(aging: World) -> None:
    purge(aging, a_limit(), apply=True)

    assert [row["number"] for row in aging.rows("invoice")] == ["IN-1-0", "IN-2-0", "IN-3-0"]
    assert aging.rows("answer") == []
    letters = aging.rows("newsletter")
    assert [(row["person_id"], row["email"], row["score"]) for row in letters] == [
        (str(n), f"erased-{n}", "0") for n in (1, 2, 3)
    ]
    assert [row["consent"] for row in letters] == ["C1", "C2", "C3"]


def test_a_second_time_nothing_is_left_to_do(aging: World) -> None:
    purge(aging, a_limit(), apply=True)
    again = purge(aging, a_limit(), apply=True)

    assert {name: one.rows for name, one in again.items()} == {"invoice": 0, "answer": 0, "newsletter": 0}


def test_nobody_who_is_spared_loses_a_row_also_where_another_table_knows_whose_it_is(aging: World) -> None:
    found = purge(aging, a_limit(None, 2, 3), apply=True)

    assert {name: one.rows for name, one in found.items()} == {"invoice": 1, "answer": 2, "newsletter": 1}
    assert [row["number"] for row in aging.rows("invoice")] == ["IN-1-0", "IN-2-0", "IN-2-1", "IN-3-0", "IN-3-1"]
    assert len(aging.rows("answer")) == 4
    assert [row["topic"] for row in aging.rows("newsletter")] == [None, "T2", "T3"]


def test_a_field_that_had_to_be_kept_goes_once_its_time_is_over(aging: World) -> None:
    purge(aging, a_limit(today=date(2029, 6, 1)), apply=True)

    assert [row["consent"] for row in aging.rows("newsletter")] == [None, None, None]


def test_rows_of_clients_rows_without_a_day_and_tables_without_a_limit_stay(aging: World) -> None:
    before = everything(aging)
    found = purge(aging, a_limit({"parcel": TODAY, "person": TODAY, "visit": TODAY}), apply=True)

    assert sum(one.rows for one in found.values()) == 0
    assert everything(aging) == before
