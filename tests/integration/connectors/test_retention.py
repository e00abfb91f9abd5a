"""Rows whose time is over go; those somebody has asked about, may still complain about, or put on hold stay."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import psycopg
import pytest
import structlog
from typer.testing import CliRunner

from connectors.datamap import DataMap
from connectors.sql import open_sql
from schemas.values import Population
from services.directory.digests import Digests
from services.directory.load import load
from services.directory.person import person_of
from services.fulfiller.adapters.upkeep import UPKEEP, upkeeping
from services.fulfiller.decide.task import TaskRun
from services.kernel.clock import new_id
from services.kernel.effects import EffectPool, Performer
from services.kernel.house import House
from services.kernel.keys import FileKeyStore
from services.kernel.migrate import upgrade
from services.kernel.store import Conn, Store
from services.kernel.tokens import case_key
from services.kernel.vault import Vault
from services.ops import cli
from services.upkeep import holding
from services.upkeep.daily import every_day
from services.upkeep.holding import Hold, NothingToHold
from services.upkeep.purge import Company, Line, purge
from stack.endpoints import Endpoints, Login
from tests.contract.company import rows, shop
from tests.contract.worlds import SqlWorld
from tests.integration.connectors.conftest import PEOPLE, a_request
from tests.support.lab import Lab, a_lab
from tests.support.policies import handbook

pytestmark = [pytest.mark.integration, pytest.mark.anyio]
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
CANADA = "CA-PIPEDA"


async def later(house: House, by: timedelta) -> None:
    """Let time pass."""
    async with house.pool.connection() as conn:
        await house.clock.advance(conn, by)
        await house.clock.refresh(conn)


async def quiet(_: object) -> None:
    """Nothing is told."""


class Shop:
    """The little company in a file, its directory and the fulfiller's memory in PostgreSQL."""

    def __init__(self, folder: Path, url: str, conn: Conn, keys: FileKeyStore) -> None:
        self.conn, self.keys, self.url = conn, keys, url
        self.world = SqlWorld(f"sqlite:///{folder / 'shop.db'}")
        self.opened = {"shop": open_sql("shop", shop(), {"SHOP": f"sqlite:///{folder / 'shop.db'}"})}

    def company(self, **more: Any) -> Company:
        return Company(self.keys, DataMap({"shop": shop().model_copy(update=more)}), handbook())

    def subject(self, person: int) -> str:
        return str(Digests(self.keys).subject("parcelwise", Population.ACCOUNT_HOLDER, None, f"a{person}"))

    async def asked(self, person: int, *, due: bool = True, **body: Any) -> None:
        """A request about a person lies with the fulfiller."""
        whole = {"subject": self.subject(person), "unverified": False, "accepted": {"verify": True, "subjects": []},
                 "clients": {}, **body}  # fmt: skip
        await self.conn.execute(
            "INSERT INTO fulfiller.state (id, version, body_version, body, due_at) VALUES (%s, 1, 1, %s, %s)",
            [a_request(person), json.dumps(whole), NOW if due else None],
        )

    async def purge(self, *, apply: bool = True) -> dict[str, Line]:
        lines = await purge(self.conn, self.company(), self.opened, now=NOW, apply=["shop"] if apply else ())
        return {line.kept.table: line for line in lines}

    async def gone(self, lab: Lab, after: datetime | None = None) -> datetime:
        """Wait until a pass was made and put back, and say until when; none of the shop's newsletters is left then."""
        async with asyncio.timeout(20):
            while True:
                rows = await lab.rows("SELECT not_before FROM tasks.effects WHERE kind = 'upkeep'")
                if rows[0] > max(after or NOW, lab.house.clock() + timedelta(hours=1)):
                    break
                await asyncio.sleep(0.02)
        assert await self.left() == []
        found: datetime = rows[0]
        return found

    async def left(self) -> list[str | None]:
        """Whose newsletters still have an address."""
        rows = await asyncio.to_thread(self.world.rows, "newsletter")
        return [row["person_id"] for row in rows if not str(row["email"]).startswith("erased")]


@pytest.fixture
async def company(tasks_url: str, tmp_path: Path) -> AsyncIterator[Shop]:
    keys = FileKeyStore(tmp_path / "keys")
    keys.create()
    with psycopg.connect(tasks_url, autocommit=True) as db:
        db.execute("TRUNCATE directory.person, fulfiller.state, ops.requests, ops.holds, vault.keys CASCADE")
        load(db, (person_of(line, row) for line, row in enumerate(PEOPLE, 2)), keys)
    async with await psycopg.AsyncConnection.connect(tasks_url, autocommit=True) as conn:
        made = Shop(tmp_path, tasks_url, conn, keys)
        yield made
        await made.opened["shop"].close()
        made.world.engine.dispose()
        made.world.runner.close()


async def test_what_is_over_is_told_and_goes_only_when_that_is_wished(company: Shop) -> None:
    told = await company.purge(apply=False)
    before = await company.left()
    done = await company.purge()

    assert (told["newsletter"].rows, told["newsletter"].gone, before) == (3, False, ["1", "2", "3"])
    assert (done["newsletter"].rows, done["newsletter"].gone, await company.left()) == (3, True, [])
    assert (done["parcel"].rows, done["parcel"].kept.rule) == (0, "the client's instruction")
    assert done["person"].state == "rows have no day"


async def test_whoever_has_an_open_request_is_spared_also_as_a_recipient(company: Shop) -> None:
    await company.asked(1)
    await company.asked(2, subject=None, clients={"acorn": {"subjects": [company.subject(2)]}})
    await company.purge()

    assert await company.left() == ["1", "2"]


async def test_so_is_whoever_may_be_the_one_who_asked_and_has_not_proven_it(company: Shop) -> None:
    await company.asked(3, subject=None)
    said = {"submission_id": "s", "source": "webform", "brand": "parcelwise", "rights": ["delete"],
            "subject": {"name": "Person 3", "emails": ["person.3@example.org"]}}  # fmt: skip
    await Vault(company.keys).put(company.conn, {(case_key(a_request(3)), "submission"): json.dumps(said).encode()})
    await company.purge()

    assert await company.left() == ["3"]


@pytest.mark.parametrize(("law", "days", "left"), [(CANADA, 30, ["1"]), (CANADA, 300, []), ("US-CA-CCPA", 30, [])])
async def test_what_was_asked_about_stays_as_long_as_one_may_complain_where_the_law_says_so(
    company: Shop, law: str, days: int, left: list[str]
) -> None:
    await company.asked(1, due=False)
    await company.conn.execute(
        "INSERT INTO ops.requests (request_id, law, closed_at) VALUES (%s, %s, %s)",
        [a_request(1), law, NOW - timedelta(days=days)],
    )
    await company.purge()

    assert await company.left() == left


async def test_a_hold_spares_until_it_is_released_or_over(company: Shop) -> None:
    await company.asked(1, due=False)
    await company.asked(2, due=False)
    with psycopg.connect(company.url, autocommit=True) as db:
        over = Hold("court_order", "Case 7", NOW - timedelta(days=1), "ada")
        standing = Hold("law", "tax audit 2026", None, "ada")
        first = holding.place(db, a_request(1), standing, iter([new_id()]), NOW)
        holding.place(db, a_request(2), over, iter([new_id()]), NOW - timedelta(days=9))
        await company.purge()
        held = await company.left()
        [kept] = [one for one in holding.standing(db) if one["ground"] == "law"]
        holding.release(db, str(kept["id"]), "ben", NOW)
        await company.purge()

    assert first == [company.subject(1)]
    assert (kept["basis"], kept["by"]) == ("tax audit 2026", "ada")
    assert (held, await company.left()) == (["1"], [])


async def test_a_hold_needs_somebody_and_a_release_a_hold(company: Shop) -> None:
    hold = Hold("law", "tax audit 2026", None, "ada")
    with psycopg.connect(company.url, autocommit=True) as db:
        with pytest.raises(NothingToHold, match="about nobody"):
            holding.place(db, a_request(1), hold, iter([new_id()]), NOW)
        with pytest.raises(NothingToHold, match="no hold"):
            holding.release(db, str(uuid5(UUID(int=0), "none")), "ada", NOW)


async def test_the_daily_pass_purges_only_where_the_map_says_so_and_lets_go_of_old_records(company: Shop) -> None:
    vault = Vault(company.keys)
    for name, until in (("old", NOW - timedelta(days=1)), ("young", NOW + timedelta(days=1))):
        await vault.put_record(company.conn, (case_key(a_request(1)), name), b"signed", until)
    with structlog.testing.capture_logs() as lines:
        await every_day(company.conn, company.company(), company.opened, NOW)
        by_hand = await company.left()
        await every_day(company.conn, company.company(purge="daily"), company.opened, NOW)
    [(records,)] = await (await company.conn.execute("SELECT count(*) FROM vault.records")).fetchall()

    assert (by_hand, await company.left(), records) == (["1", "2", "3"], [], 1)
    assert [(line["event"], line["rows"]) for line in lines if line.get("table") == "newsletter"] == [
        ("overdue", 3),
        ("purged", 3),
    ]
    assert "example.org" not in str(lines)


async def test_the_pass_is_there_from_the_start_and_its_own_timer_fires_it_again_a_day_later(
    company: Shop, database_url: str, tmp_path: Path
) -> None:
    await asyncio.to_thread(upgrade, database_url)
    async with a_lab(database_url, tmp_path / "lab-keys") as lab:
        house, systems = lab.house, company.company(purge="daily").systems
        performer = Performer(upkeeping(house, systems, handbook(), company.opened), lanes=1)
        pool = EffectPool("tasks", house, Store("tasks", TaskRun), {UPKEEP: performer}, quiet, poll_s=0.02)
        await later(house, timedelta(hours=1))
        async with asyncio.TaskGroup() as group:
            group.create_task(pool.run())
            first = await company.gone(lab)
            await asyncio.to_thread(company.world.add, "newsletter", rows()["newsletter"][0] | {"id": 799})
            before = first - house.clock()
            await later(house, timedelta(hours=25))
            second = await company.gone(lab, after=first)
            pool.end()

    assert timedelta(hours=23, minutes=59) < before <= timedelta(days=1)
    assert second - first >= timedelta(hours=25) - timedelta(minutes=1)
    assert await company.left() == []


async def test_holds_are_placed_by_a_decision_with_its_ground_and_end(company: Shop, tmp_path: Path) -> None:
    await company.asked(1, due=False)
    await company.asked(2, due=False)
    place = Endpoints(tmp_path, "", Login("admin", ""), company.url, "", tmp_path, tmp_path, keys_dir=tmp_path / "keys")
    place.save()
    asked = [a_request(1), a_request(2), "--ground", "court_order", "--data", str(tmp_path)]
    more = ["--basis", "Case 7", "--until", "30d", "--by", "ada"]
    run = CliRunner().invoke
    told = await asyncio.to_thread(run, cli.app, ["decide", "hold", *asked, *more])
    wrong = [await asyncio.to_thread(run, cli.app, ["decide", verb, *asked, *some])
             for verb, some in (("hold", []), ("hold", [*more, "--part", "own/hold:fee"]), ("deny", more))]  # fmt: skip
    with psycopg.connect(company.url) as db:
        held = holding.standing(db)

    assert (told.exit_code, told.output.startswith("2 people")) == (0, True)
    assert {(one["ground"], one["basis"], one["by"]) for one in held} == {("court_order", "Case 7", "ada")}
    assert len(held) == 2
    assert all(timedelta(days=29) < one["until"] - one["placed_at"] <= timedelta(days=30) for one in held)
    assert [one.exit_code for one in wrong] == [2, 2, 2]
