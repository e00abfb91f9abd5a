"""What must stay done: deletions and preferences, remembered by keyed token, so that nobody is named by it."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from schemas.values import PointKind, Right
from services.directory.digests import Digests
from services.directory.held import open_held, points_of, type_held
from services.directory.offered import Offered
from services.kernel.keys import KeyStore

DELETED: Final = Right.DELETE.value
SUBJECT: Final = "subject"
OWN: Final = frozenset({PointKind.EMAIL, PointKind.PHONE, PointKind.ACCOUNT_NUMBER})
"""Points that are one person's own: a preference follows them. An address would silence a whole household."""
_PEOPLE: Final = "SELECT subject, brand, normaliser, sealed FROM directory.person WHERE subject = ANY(%s)"
_NOTE: Final = """INSERT INTO directory.suppression (token, kind, at)
SELECT DISTINCT t, %s, %s::timestamptz FROM unnest(%s::bytea[]) AS t ORDER BY t
ON CONFLICT (token, kind) DO UPDATE SET at = greatest(directory.suppression.at, excluded.at)"""
_NOTED: Final = "SELECT kind, max(at) FROM directory.suppression WHERE token = ANY(%s) GROUP BY kind"


def kind_of(right: str, medium: str = "") -> str:
    """What a preference is remembered as; one about a single medium of marketing apart from the whole."""
    return f"{right}/{medium}" if medium else right


async def suppress(
    conn: AsyncConnection[TupleRow], keys: KeyStore, subjects: Iterable[str], kind: str, now: datetime
) -> None:
    """Remember that something was done for these people: tied to the person's link, and to their record keys.

    A preference is also tied to their own points, so that it holds for records loaded later.
    """
    digests, tokens = Digests(keys), list[bytes]()
    rows = await conn.execute(_PEOPLE, [[UUID(subject) for subject in subjects]])
    async for subject, brand, normaliser, sealed in rows:
        held = open_held(sealed, subject, normaliser, digests)
        tokens.append(digests.suppression("", SUBJECT, str(subject)))
        tokens += _of_records(digests, held)
        if kind != DELETED:
            tokens += _of_points(digests, brand, points_of(held))
    await _note(conn, tokens, kind, now)


async def suppress_offered(
    conn: AsyncConnection[TupleRow], keys: KeyStore, offers: Iterable[Offered], kind: str, now: datetime
) -> None:
    """Remember a preference of people without any record, by the points they gave."""
    digests = Digests(keys)
    await _note(conn, [t for one in offers for t in _of_points(digests, one.brand, one.points)], kind, now)


async def suppress_records(
    conn: AsyncConnection[TupleRow], keys: KeyStore, records: Iterable[tuple[str, Mapping[str, str]]], now: datetime
) -> None:
    """Remember that rows under record keys of single systems were deleted; the person may stay in the directory."""
    digests = Digests(keys)
    tokens = [of_record(digests, system, *pair) for system, record in records for pair in record.items()]
    await _note(conn, tokens, DELETED, now)


async def suppressed(conn: AsyncConnection[TupleRow], keys: KeyStore, offer: Offered) -> dict[str, datetime]:
    """Which preferences are remembered for one of these points, and since when."""
    points = offer.points.union(*offer.older.values())
    tokens = list(_of_points(Digests(keys), offer.brand, points))
    return {row[0]: row[1] async for row in await conn.execute(_NOTED, [tokens])}


def of_record(digests: Digests, system: str, key: str, value: str) -> bytes:
    """The token of one record key of one system, by which a row that came back is known again."""
    return digests.suppression(system, f"record/{key}", value)


def _of_records(digests: Digests, held: type_held) -> Iterator[bytes]:
    for record in held.values():
        yield from (of_record(digests, record["system"], key, value) for key, value in record["keys"].items())


def _of_points(digests: Digests, brand: str, points: Iterable[tuple[PointKind, str]]) -> Iterator[bytes]:
    return (digests.suppression(brand, kind, value) for kind, value in points if kind in OWN)


async def _note(conn: AsyncConnection[TupleRow], tokens: list[bytes], kind: str, now: datetime) -> None:
    if tokens:
        await conn.execute(_NOTE, [kind, now, tokens])
