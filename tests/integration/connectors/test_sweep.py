"""A backup is restored over a deletion and an opt-out: both are found and done again, and nothing else is touched."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from connectors.sql import open_sql
from schemas.values import Population, Right
from services.directory.digests import Digests
from services.directory.load import load
from services.directory.lookup import forget, suppress
from services.directory.person import person_of
from services.kernel.keys import FileKeyStore
from services.kernel.store import Conn
from services.upkeep.sweep import Swept, sweep
from tests.contract.company import Basket, erase, prefer, shop
from tests.contract.worlds import SqlWorld
from tests.integration.connectors.conftest import PEOPLE

pytestmark = [pytest.mark.integration, pytest.mark.anyio]
NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)


class Company:
    """The little company in a file, its directory in PostgreSQL, and what was remembered there."""

    def __init__(self, folder: Path, conn: Conn, keys: FileKeyStore) -> None:
        self.file, self.backup = folder / "shop.db", folder / "backup.db"
        self.conn, self.keys, self.digests = conn, keys, Digests(keys)
        self.world = SqlWorld(f"sqlite:///{self.file}")
        self.copy(self.file, self.backup)

    @staticmethod
    def copy(source: Path, target: Path) -> None:
        with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(target)) as here:
            there.backup(here)

    async def did(self, person: int, kind: str, at: datetime = NOON) -> None:
        """Remember what was done for a person; who is deleted is forgotten."""
        subject = str(self.digests.subject("parcelwise", Population.ACCOUNT_HOLDER, None, f"a{person}"))
        await suppress(self.conn, self.keys, [subject], kind, at)
        if kind == Right.DELETE:
            await forget(self.conn, [subject])

    async def sweep(self, *, apply: bool, at: datetime = NOON + timedelta(days=1)) -> Swept:
        system = open_sql("shop", shop(), {"SHOP": f"sqlite:///{self.file}"})
        [swept] = await sweep(self.conn, {"shop": system}, self.digests, at, apply=apply)
        return swept


@pytest.fixture
async def company(tasks_url: str, tmp_path: Path) -> AsyncIterator[Company]:
    keys = FileKeyStore(tmp_path / "keys")
    keys.create()
    with psycopg.connect(tasks_url, autocommit=True) as db:
        db.execute("TRUNCATE directory.person, directory.suppression CASCADE")
        load(db, (person_of(line, row) for line, row in enumerate(PEOPLE, 2)), keys)
    async with await psycopg.AsyncConnection.connect(tasks_url, autocommit=True) as conn:
        made = Company(tmp_path, conn, keys)
        yield made
        made.world.engine.dispose()
        made.world.runner.close()


async def test_what_a_restore_brought_back_is_found_and_erased_again(company: Company) -> None:
    await company.world.system.perform([erase(1), prefer(2, Right.OPT_OUT_SALE_SHARE)], Basket())
    await company.did(1, Right.DELETE)
    await company.did(2, Right.OPT_OUT_SALE_SHARE)
    before = await company.sweep(apply=False)
    company.copy(company.backup, company.file)

    found = await company.sweep(apply=False)
    done = await company.sweep(apply=True)
    after = await company.sweep(apply=False)

    assert (before.deleted, before.preferences) == (0, 1)
    assert (found.deleted, found.preferences, found.ends) == (1, 1, {})
    assert done.ends == {"retained": 1, "applied": 1}
    assert after.deleted == 0
    assert [row["id"] for row in company.world.rows("person")] == ["2", "3"]
    assert company.world.rows("preference", person_id=2)[0]["no_sale"] == "true"


async def test_rows_that_are_younger_than_the_deletion_are_new_ones_and_stay(company: Company) -> None:
    await company.did(1, Right.DELETE, datetime(2026, 1, 1, tzinfo=UTC))

    found = await company.sweep(apply=True)

    assert (found.deleted, found.newer, found.ends) == (0, 1, {})
    assert len(company.world.rows("person", id=1)) == 1


async def test_of_an_opt_out_and_an_opt_in_the_later_one_holds(company: Company) -> None:
    await company.did(3, Right.OPT_OUT_SALE_SHARE, NOON)
    await company.did(3, Right.OPT_IN_SALE, NOON + timedelta(hours=1))

    done = await company.sweep(apply=True)

    assert (done.preferences, done.ends) == (1, {"applied": 1})
    assert company.world.rows("preference", person_id=3)[0]["no_sale"] == "false"


async def test_marketing_is_stopped_again_as_it_was_stopped(company: Company) -> None:
    await company.did(1, "opt_out_marketing/sms", NOON)
    await company.did(2, "opt_out_marketing/sms", NOON)
    await company.did(2, Right.OPT_OUT_MARKETING, NOON)

    await company.sweep(apply=True)

    marks = {row["person_id"]: [name for name in ("no_ads_at_all", "no_mail", "no_texts") if row[name] == "true"]
             for row in company.world.rows("preference")}  # fmt: skip
    assert marks == {"1": ["no_texts"], "2": ["no_ads_at_all", "no_mail", "no_texts"]}


async def test_a_sweep_says_nothing_about_people_nobody_asked_for(company: Company) -> None:
    assert await company.sweep(apply=True) == Swept("shop")
