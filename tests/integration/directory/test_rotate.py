import asyncio
from contextlib import closing
from datetime import UTC, datetime

import psycopg
import pytest

from rules import normalise
from rules.normalise import exact_keys, second_keys
from schemas.values import PointKind as K
from services.directory import rotate as rotating
from services.directory.digests import Digests, Version
from services.directory.lookup import NewerDirectory, forget, lookup
from services.directory.preferences import DELETED, suppress, suppressed
from services.directory.rotate import destroy_older, rotate, under
from services.kernel.errors import Misconfigured
from services.kernel.keys import KeyGone
from tests.support.directory import ADA, BEN, offer

pytestmark = [pytest.mark.integration, pytest.mark.anyio]
PEOPLE = [
    BEN | {"link": f"B{n}", "record_keys": f"account_id={n}", "email": f"b{n}@example.org", "account_number": f"00-{n}"}
    for n in range(25)
]
ASKED = {str(n): offer(email=f"b{n}@example.org") for n in range(25)}


async def seen(directory, asked=None):
    async with directory.ask() as conn:
        found = await lookup(conn, asked or ASKED, directory.keys)
    return {q: [(c.subject, c.matched) for c in some] for q, some in found.items()}


def versions(directory):
    return sorted({(row[4], row[5]) for row in directory.rows("person")}), [
        row[:2] for row in directory.rows("version")
    ]


async def test_everybody_is_found_as_before_under_a_new_key(directory) -> None:
    directory.load(*PEOPLE)
    before, rows = await seen(directory), set(directory.rows("point"))
    heard: list[tuple[int, int]] = []

    assert rotate(
        directory.db, directory.keys, chunk=10, progress=lambda *told: heard.append(told)
    ) == rotating.Rotated(Version(2, 1), 25)

    assert heard == [(10, 25), (20, 25), (25, 25)]
    assert versions(directory) == ([(2, 1)], [(2, 1)])
    assert not rows & set(directory.rows("point"))
    assert await seen(directory) == before
    assert directory.load(*PEOPLE).people == 0


async def test_every_look_up_finds_everybody_while_the_index_is_made_anew(directory) -> None:
    directory.load(*PEOPLE)
    before = await seen(directory)
    with closing(psycopg.connect(directory.url, autocommit=True)) as db:
        turning = asyncio.create_task(asyncio.to_thread(rotate, db, directory.keys, chunk=1))
        looks = 0
        while not turning.done():
            assert await seen(directory) == before
            looks += 1
        await turning

    assert looks > 1
    assert versions(directory) == ([(2, 1)], [(2, 1)])


async def test_a_version_added_between_two_questions_is_asked_again(directory) -> None:
    directory.load(ADA)
    asked = {"q": offer(email="ada.lovelace@gmail.com")}

    class Turning(psycopg.AsyncConnection):
        """Rotates the index right after it was asked which versions there are."""

        turned = False

        async def execute(self, query, params=None, **more):
            found = await super().execute(query, params, **more)
            if not Turning.turned:
                Turning.turned = True
                await asyncio.to_thread(rotate, directory.db, directory.keys)
            return found

    async with await Turning.connect(directory.url, autocommit=True) as conn:
        found = await lookup(conn, asked, directory.keys)

    assert Turning.turned
    assert len(found["q"]) == 1


async def test_a_rotation_that_died_is_ended_by_the_next_and_begins_no_other(directory, monkeypatch) -> None:
    directory.load(*PEOPLE)
    before = await seen(directory)

    def dies(done: int, _of: int) -> None:
        if done >= 20:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        rotate(directory.db, directory.keys, chunk=10, progress=dies)
    assert versions(directory) == ([(1, 1), (2, 1)], [(1, 1), (2, 1)])
    assert await seen(directory) == before
    directory.load(*PEOPLE[-1:])

    assert rotate(directory.db, directory.keys).version == Version(2, 1)
    assert versions(directory) == ([(2, 1)], [(2, 1)])
    assert await seen(directory) == before


async def test_a_retired_key_can_be_destroyed_and_then_opens_no_backup(directory) -> None:
    directory.load(ADA)
    [(subject, *_, sealed)] = directory.rows("person")

    with pytest.raises(Misconfigured, match="is the current epoch"):
        directory.keys.destroy("d1", in_use=lambda _: 0)
    assert destroy_older(directory.db, directory.keys) == []
    rotate(directory.db, directory.keys)
    assert destroy_older(directory.db, directory.keys) == ["d1"]

    with pytest.raises(KeyGone):
        Digests(directory.keys).open(sealed, str(subject))
    assert len((await seen(directory, {"q": offer(account_number="AC-1")}))["q"]) == 1


def test_a_key_somebody_is_found_under_is_not_destroyed(directory) -> None:
    directory.load(ADA)
    directory.keys.rotate("d")

    with pytest.raises(Misconfigured, match="1 people are still found under key 1"):
        destroy_older(directory.db, directory.keys)


NOTED_AT = datetime(2026, 2, 1, tzinfo=UTC)
CAM = BEN | {"link": "AC-3", "record_keys": "account_id=AC-3", "email": "cam@example.org", "phone": "801 555 0144"}


async def remember(directory, kind, *, gone=False, **said):
    """Note something about whoever is found so, and forget who asked to be deleted."""
    async with directory.ask() as conn:
        [found] = (await lookup(conn, {"q": offer(**said)}, directory.keys))["q"]
        await suppress(conn, directory.keys, [found.subject], kind, NOTED_AT)
        if gone:
            await forget(conn, [found.subject])


async def preferences(directory, **said):
    async with directory.ask() as conn:
        return sorted(await suppressed(conn, directory.keys, offer(**said)))


def remembered_under(directory):
    rows = directory.db.execute("SELECT key_version, count(*) FROM directory.suppression GROUP BY 1 ORDER BY 1")
    return dict(rows.fetchall())


async def test_what_must_stay_done_follows_a_rotation_and_keeps_the_key_it_alone_needs(directory) -> None:
    directory.load(ADA, BEN, CAM)
    await remember(directory, "opt_out_sale_share", email="ada.lovelace@gmail.com")
    await remember(directory, DELETED, gone=True, email="ben@example.org")
    tokens = {row[0] for row in directory.rows("suppression")}
    assert remembered_under(directory) == {0: 7}

    rotate(directory.db, directory.keys)
    assert remembered_under(directory) == {0: 2, 1: 5}
    assert len(tokens & {row[0] for row in directory.rows("suppression")}) == 2
    await remember(directory, DELETED, gone=True, email="cam@example.org")
    rotate(directory.db, directory.keys)

    assert destroy_older(directory.db, directory.keys) == ["d1", "d2"]
    with pytest.raises(Misconfigured, match="2 deletions and preferences are remembered under s1 alone"):
        directory.keys.destroy("s1", in_use=lambda epoch: under(directory.db, epoch))
    assert remembered_under(directory) == {0: 2, 1: 2, 2: 5}
    assert await preferences(directory, email="ada.lovelace@gmail.com") == ["opt_out_sale_share"]
    told = directory.load(BEN, CAM)
    assert (told.people, told.left_out) == (0, 2)


async def test_a_token_key_nobody_is_remembered_under_is_destroyed(directory) -> None:
    directory.load(ADA)
    rotate(directory.db, directory.keys)
    await remember(directory, "opt_out_marketing", email="ada.lovelace@gmail.com")
    rotate(directory.db, directory.keys)

    assert destroy_older(directory.db, directory.keys) == ["d1", "d2", "s1"]
    assert await preferences(directory, phone="8015550142") == ["opt_out_marketing"]


def old_rules(kind, raw, country):
    """How version 1 saw a value: leading zeros of an account number kept."""
    return {*exact_keys(kind, raw, country=country), *second_keys(kind, raw, country=country)}


@pytest.fixture
def newer_rules(monkeypatch):
    """A release whose rules drop the leading zeros of account numbers."""
    code = normalise._BY_KIND[K.ACCOUNT_NUMBER]
    before = dict(normalise._BY_KIND)

    def earlier(kind, raw, country):
        monkeypatch.setitem(normalise._BY_KIND, K.ACCOUNT_NUMBER, code)
        try:
            return old_rules(kind, raw, country)
        finally:
            monkeypatch.setitem(normalise._BY_KIND, K.ACCOUNT_NUMBER, newer)

    def newer(raw, country):
        key = before[K.ACCOUNT_NUMBER](raw, country)
        return key.lstrip("0") if key else None

    def begin():
        monkeypatch.setattr(normalise, "NORMALISER_VERSION", 2)
        monkeypatch.setitem(normalise._BY_KIND, K.ACCOUNT_NUMBER, newer)
        monkeypatch.setitem(normalise.EARLIER, 1, earlier)

    return begin


async def test_newer_rules_find_what_older_ones_indexed_and_index_it_anew(directory, newer_rules) -> None:
    directory.load(*PEOPLE)
    old = {"q": offer(account_number="007")}
    assert (await seen(directory, old))["q"]
    newer_rules()
    asked = {"typed as held": offer(account_number="0 0-7"), "by the new rules": offer(account_number="7")}

    told = await seen(directory, asked)
    assert [m.kind for _, matched in told["typed as held"] for m in matched] == [K.ACCOUNT_NUMBER]
    assert told["by the new rules"] == []

    rotated = rotate(directory.db, directory.keys, chunk=10)

    assert (rotated.version, rotated.people) == (Version(2, 2), 25)
    assert versions(directory) == ([(2, 2)], [(2, 2)])
    for some in (await seen(directory, asked)).values():
        assert [str(m.held_since) for _, matched in some for m in matched] == ["2024-05-01"]


async def test_a_loader_with_newer_rules_keeps_since_when_values_are_held(directory, newer_rules) -> None:
    directory.load(*PEOPLE)
    newer_rules()

    assert directory.load(*PEOPLE).people == 25

    [(_, [point])] = (await seen(directory, {"q": offer(account_number="7")}))["q"]
    assert str(point.held_since) == "2024-05-01"


async def test_an_older_release_waits_instead_of_finding_nobody(directory, newer_rules, monkeypatch) -> None:
    directory.load(ADA)
    directory.db.execute("INSERT INTO directory.version (key_version, normaliser) VALUES (1, 9)")

    async with directory.ask() as conn:
        with pytest.raises(NewerDirectory, match="rules 9"):
            await lookup(conn, {"q": offer(email="ada.lovelace@gmail.com")}, directory.keys)
