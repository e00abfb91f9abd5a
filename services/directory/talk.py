"""A talk with the database as a generator: what to ask next depends on the answers, and not on the driver.

So one description of a change serves the loader's plain connection and a stage's asynchronous one.
"""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg.rows import TupleRow

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask:
    """One statement; the answer is its rows, none where it has none."""

    query: LiteralString
    args: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Copy:
    """Rows to bring in by COPY; the answer is empty."""

    statement: LiteralString
    rows: Iterable[Sequence[Any]]


Talk = Generator[Ask | Copy, list[TupleRow], T]


def hold(db: psycopg.Connection[Any], talk: Talk[T]) -> T:
    """Hold the talk over a plain connection, in the caller's transaction."""
    answer: list[TupleRow] = []
    with db.cursor() as cursor:
        try:
            step = next(talk)
            while True:
                if isinstance(step, Copy):
                    with cursor.copy(step.statement) as copy:
                        for row in step.rows:
                            copy.write_row(row)
                else:
                    cursor.execute(step.query, step.args)
                    answer = cursor.fetchall() if cursor.description else []
                step = talk.send(answer)
        except StopIteration as end:
            found: T = end.value
            return found


async def hold_async(conn: psycopg.AsyncConnection[Any], talk: Talk[T]) -> T:
    """Hold the talk over an asynchronous connection, in the caller's transaction."""
    answer: list[TupleRow] = []
    async with conn.cursor() as cursor:
        try:
            step = next(talk)
            while True:
                if isinstance(step, Copy):
                    async with cursor.copy(step.statement) as copy:
                        for row in step.rows:
                            await copy.write_row(row)
                else:
                    await cursor.execute(step.query, step.args)
                    answer = await cursor.fetchall() if cursor.description else []
                step = talk.send(answer)
        except StopIteration as end:
            found: T = end.value
            return found
