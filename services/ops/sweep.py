"""Do again what was undone: rows of deleted people that came back from a backup, opt-outs a restored row forgot.

What was done is known by keyed tokens of record keys; nobody is named by them. A row that is younger than the deletion
is a new one, and stays.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID, uuid5

from connectors.port import Answer, Chunk, Found, Receipt, Scannable, System, Task
from schemas.values import Action, Right
from services.directory.digests import Digests
from services.directory.preferences import DELETED, of_record
from services.kernel.store import Conn

SWEEP: Final = UUID(int=0x5EE9)
"""What tasks of sweeps are named after, and the request they are said to belong to."""
AT_ONCE: Final = 200
_NOTED: Final = "SELECT token, kind, at FROM directory.suppression WHERE token = ANY(%s::bytea[])"

type_noted = Mapping[bytes, Mapping[str, datetime]]


@dataclass(slots=True)
class Swept:
    """What one system held that should not be so: rows that came back, opt-outs to set again, rows that are newer.

    `ends` says what became of them, by outcome or reason; it is empty where nothing was changed.
    """

    system: str
    deleted: int = 0
    preferences: int = 0
    newer: int = 0
    ends: Counter[str] = field(default_factory=Counter)


class NoSink:
    """Nothing is exported here."""

    async def write(self, chunks: Sequence[Chunk]) -> None:
        """Take nothing."""


async def sweep(
    conn: Conn, opened: Mapping[str, System], digests: Digests, now: datetime, *, apply: bool
) -> list[Swept]:
    """Look through every system that can be looked through; with `apply`, do again what was undone."""
    swept = []
    for name, system in sorted(opened.items()):
        if isinstance(system, Scannable):
            one = Swept(name)
            async for some in system.scan():
                tokens = {_token(digests, name, found): found for found in some}
                tasks = list(_undone(one, tokens, await _noted(conn, tokens), now))
                for start in range(0, len(tasks) if apply else 0, AT_ONCE):
                    ends = await system.perform(tasks[start : start + AT_ONCE], NoSink())
                    one.ends.update(_end(answer) for answer in ends)
            swept.append(one)
    return swept


def _token(digests: Digests, system: str, found: Found) -> bytes:
    [(name, value)] = found.keys.items()
    return of_record(digests, system, name, value)


async def _noted(conn: Conn, tokens: Mapping[bytes, Found]) -> type_noted:
    noted: dict[bytes, dict[str, datetime]] = {}
    async for token, kind, at in await conn.execute(_NOTED, [list(tokens)]):
        noted.setdefault(bytes(token), {})[kind] = at
    return noted


def _undone(swept: Swept, tokens: Mapping[bytes, Found], noted: type_noted, now: datetime) -> Iterator[Task]:
    """What must be done again for these record keys; counts it."""
    for token, kinds in noted.items():
        found, deleted = tokens[token], kinds.get(DELETED)
        if deleted and found.newest and found.newest > deleted.date():
            swept.newer += 1
        elif deleted and found.live:
            swept.deleted += 1
            yield _task(swept.system, found, (Action.ERASE, None), f"{token.hex()}/{Action.ERASE}/{now.date()}", now)
        for right in _lasting(kinds) if not deleted else ():
            swept.preferences += 1
            yield _task(swept.system, found, (Action.APPLY, right), f"{token.hex()}/{right}/{now.date()}", now)


def _lasting(kinds: Mapping[str, datetime]) -> list[Right]:
    """The preferences that hold: an opt-in and an opt-out of sale take each other back, the later one counts."""
    held = {Right(kind): at for kind, at in kinds.items() if kind != DELETED}
    pair = [right for right in (Right.OPT_IN_SALE, Right.OPT_OUT_SALE_SHARE) if right in held]
    over = {min(pair, key=held.__getitem__)} if len(pair) > 1 else set()
    return sorted(set(held) - over)


def _task(system: str, found: Found, what: tuple[Action, Right | None], name: str, now: datetime) -> Task:
    """A task of today's sweep: the same sweep twice on a day does things once."""
    return Task(
        uuid5(SWEEP, f"{system}/{name}"), str(SWEEP), system, what[0], (found.keys,), preference=what[1],
        today=now.date(), received_at=now,
    )  # fmt: skip


def _end(answer: Answer) -> str:
    return answer.outcome.value if isinstance(answer, Receipt) else getattr(answer, "code", "pending")
