"""What must stay done: deletions and preferences, remembered by keyed token, so that nobody is named by it.

A token says under which version of its key it was made, and is looked for under every version there is. A rotation
makes those of people in the directory anew; those of people who are gone stay under the key they have.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final, TypeVar
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from schemas.values import PointKind, Right
from services.directory.digests import Digests
from services.directory.held import open_held, points_of, type_held
from services.directory.offered import Offered
from services.directory.talk import Ask, Talk
from services.kernel.keys import KeyStore

DELETED: Final = Right.DELETE.value
SUBJECT: Final = "subject"
OWN: Final = frozenset({PointKind.EMAIL, PointKind.PHONE, PointKind.ACCOUNT_NUMBER})
"""Points that are one person's own: a preference follows them. An address would silence a whole household."""
K = TypeVar("K")
type_said = tuple[str, str, str]
"""What a token is made of: brand or system, what it is, and its value."""
_PEOPLE: Final = "SELECT subject, brand, normaliser, sealed FROM directory.person WHERE subject = ANY(%s)"
_NOTE: Final = """INSERT INTO directory.suppression (token, kind, at, key_version)
SELECT DISTINCT t, %s, %s::timestamptz, %s::int FROM unnest(%s::bytea[]) AS t ORDER BY t
ON CONFLICT (token, kind) DO UPDATE SET at = greatest(directory.suppression.at, excluded.at)"""
_MOVE: Final = """WITH known AS (SELECT w.fresh, s.token, s.kind, s.at
  FROM unnest(%b::bytea[], %b::bytea[]) AS w(old, fresh) JOIN directory.suppression s ON s.token = w.old),
gone AS (DELETE FROM directory.suppression WHERE token IN (SELECT token FROM known))
INSERT INTO directory.suppression (token, kind, at, key_version)
SELECT fresh, kind, max(at), %s FROM known GROUP BY fresh, kind ORDER BY fresh
ON CONFLICT (token, kind) DO UPDATE SET at = greatest(directory.suppression.at, excluded.at)"""
_NOTED: Final = "SELECT token, kind, at FROM directory.suppression WHERE token = ANY(%s)"


def kind_of(right: str, medium: str = "") -> str:
    """What a preference is remembered as; one about a single medium of marketing apart from the whole."""
    return f"{right}/{medium}" if medium else right


async def suppress(
    conn: AsyncConnection[TupleRow], keys: KeyStore, subjects: Iterable[str], kind: str, now: datetime
) -> None:
    """Remember that something was done for these people: tied to the person's link, and to their record keys.

    A preference is also tied to their own points, so that it holds for records loaded later.
    """
    digests, said = Digests(keys), list[type_said]()
    rows = await conn.execute(_PEOPLE, [[UUID(subject) for subject in subjects]])
    async for subject, brand, normaliser, sealed in rows:
        held = open_held(sealed, subject, normaliser, digests)
        said += [of_subject(subject), *_of_records(held)]
        if kind != DELETED:
            said += _of_points(brand, points_of(held))
    await _note(conn, digests, said, (kind, now))


async def suppress_offered(
    conn: AsyncConnection[TupleRow], keys: KeyStore, offers: Iterable[Offered], kind: str, now: datetime
) -> None:
    """Remember a preference of people without any record, by the points they gave."""
    said = [one for offer in offers for one in _of_points(offer.brand, offer.points)]
    await _note(conn, Digests(keys), said, (kind, now))


async def suppress_records(
    conn: AsyncConnection[TupleRow], keys: KeyStore, records: Iterable[tuple[str, Mapping[str, str]]], now: datetime
) -> None:
    """Remember that rows under record keys of single systems were deleted; the person may stay in the directory."""
    said = [of_record(system, *pair) for system, record in records for pair in record.items()]
    await _note(conn, Digests(keys), said, (DELETED, now))


async def suppressed(conn: AsyncConnection[TupleRow], keys: KeyStore, offer: Offered) -> dict[str, datetime]:
    """Which preferences are remembered for one of these points, and since when."""
    return (await suppressed_each(conn, keys, {"": offer}))[""]


async def suppressed_each(
    conn: AsyncConnection[TupleRow], keys: KeyStore, offers: Mapping[K, Offered]
) -> dict[K, dict[str, datetime]]:
    """The same for many at once: one query, however many there are."""
    digests, whose = Digests(keys), dict[bytes, set[K]]()
    for name, offer in offers.items():
        points = offer.points.union(*offer.older.values())
        for token in (token for said in _of_points(offer.brand, points) for token in digests.suppressions(*said)):
            whose.setdefault(token, set()).add(name)
    found: dict[K, dict[str, datetime]] = {name: {} for name in offers}
    async for token, kind, at in await conn.execute(_NOTED, [list(whose)]):
        for noted in (found[name] for name in whose[bytes(token)]):
            noted[kind] = max(at, noted.get(kind, at))
    return found


def follow(people: Iterable[tuple[UUID, str, type_held]], digests: Digests) -> Talk[None]:
    """Make the tokens of people (subject, brand, what is held) anew under today's key."""
    old, fresh = list[bytes](), list[bytes]()
    for subject, brand, held in people:
        for said in (of_subject(subject), *_of_records(held), *_of_points(brand, points_of(held))):
            newest, *older = digests.suppressions(*said)
            old += older
            fresh += [newest] * len(older)
    if old:
        yield Ask(_MOVE, [old, fresh, digests.suppressing()])


def of_subject(subject: UUID) -> type_said:
    """What a token of a person's link is made of."""
    return "", SUBJECT, str(subject)


def of_record(system: str, key: str, value: str) -> type_said:
    """What a token of one record key of one system is made of, by which a row that came back is known again."""
    return system, f"record/{key}", value


def _of_records(held: type_held) -> Iterator[type_said]:
    for record in held.values():
        yield from (of_record(record["system"], key, value) for key, value in record["keys"].items())


def _of_points(brand: str, points: Iterable[tuple[PointKind, str]]) -> Iterator[type_said]:
    return ((brand, kind, value) for kind, value in points if kind in OWN)


async def _note(
    conn: AsyncConnection[TupleRow], digests: Digests, said: Iterable[type_said], what: tuple[str, datetime]
) -> None:
    if tokens := [digests.suppression(*one) for one in said]:
        await conn.execute(_NOTE, [*what, digests.suppressing(), tokens])
