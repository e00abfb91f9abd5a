import statistics

import pytest

from bench.crowd import BRAND, fill
from bench.lookup import WORST_RATIO, claims, pages_of
from services.directory.digests import Digests
from services.directory.lookup import lookup

pytestmark = [pytest.mark.integration, pytest.mark.anyio]
FEW, MANY = 300, 3_000


async def test_a_look_up_touches_few_pages_however_many_people_there_are(directory) -> None:
    asked = dict(list(claims(FEW).items())[:60])
    touched = {}
    for count in (FEW, MANY):
        fill(directory.db, Digests(directory.keys), count)
        async with directory.ask() as conn:
            found = await lookup(conn, asked, directory.keys)
            pages = [await pages_of(conn, Digests(directory.keys), offer) for offer in asked.values()]
        touched[count] = statistics.mean(pages)
        assert sum(map(len, found.values())) > len(asked)
        assert directory.count("person") == count

    assert touched[MANY] / touched[FEW] < WORST_RATIO
    assert touched[MANY] < 40
    assert {row[1] for row in directory.rows("person")} == {BRAND}
