"""Do again what was undone: rows of deleted people that came back from a backup, opt-outs a restored row forgot.

What was done is known by keyed tokens of record keys; nobody is named by them. A row that is younger than the deletion
is a new one, and stays.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final
from uuid import UUID, uuid5

from connectors.port import Answer, Chunk, Found, Receipt, Scannable, System, Task
from schemas.values import Action, Medium, Right
from services.directory.digests import Digests
from services.directory.preferences import DELETED, of_record
from services.kernel.store import Conn

SWEEP: Final = UUID(int=0x5EE9)
"""What tasks of sweeps are named after, and the request they are said to belong to."""
AT_ONCE: Final = 200
_NOTED: Final = "SELECT token, kind, at FROM directory.suppression WHERE token = ANY(%s::bytea[])"


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


@dataclass(slots=True)
class Noted:
    """A record key about which something is remembered, and what its system holds under it."""

    keys: Mapping[str, str]
    kinds: dict[str, datetime] = field(default_factory=dict)
    newest: date | None = None
    live: bool = False

    def add(self, found: Found, kind: str, at: datetime) -> None:
        """Add what one table holds, and one thing remembered."""
        self.kinds[kind] = max(at, self.kinds.get(kind, at))
        self.newest = max((day for day in (self.newest, found.newest) if day), default=None)
        self.live = self.live or found.live


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
            tasks = list(_undone(one, await _noted(conn, digests, name, system), now))
            for start in range(0, len(tasks) if apply else 0, AT_ONCE):
                ends = await system.perform(tasks[start : start + AT_ONCE], NoSink())
                one.ends.update(_end(answer) for answer in ends)
            swept.append(one)
    return swept


async def _noted(conn: Conn, digests: Digests, name: str, system: Scannable) -> dict[bytes, Noted]:
    """The record keys in the system about which something is remembered, over all of its tables."""
    noted: dict[bytes, Noted] = {}
    async for some in system.scan():
        every = [(_tokens(digests, name, found), found) for found in some]
        tokens = {token: (newest, found) for (newest, *older), found in every for token in (newest, *older)}
        async for token, kind, at in await conn.execute(_NOTED, [list(tokens)]):
            newest, found = tokens[bytes(token)]
            noted.setdefault(newest, Noted(found.keys)).add(found, kind, at)
    return noted


def _tokens(digests: Digests, system: str, found: Found) -> list[bytes]:
    [(name, value)] = found.keys.items()
    return digests.suppressions(*of_record(system, name, value))


def _undone(swept: Swept, noted: Mapping[bytes, Noted], now: datetime) -> Iterator[Task]:
    """What must be done again for these record keys; counts it."""
    for token, one in noted.items():
        deleted = one.kinds.get(DELETED)
        if deleted and one.live and one.newest and one.newest > deleted.date():
            swept.newer += 1
        elif deleted and one.live:
            swept.deleted += 1
            yield _task(swept.system, one, (Action.ERASE, None), f"{token.hex()}/{Action.ERASE}/{now.date()}", now)
        for right in _lasting(one.kinds) if not deleted else ():
            swept.preferences += 1
            task = _task(swept.system, one, (Action.APPLY, right), f"{token.hex()}/{right}/{now.date()}", now)
            yield replace(task, media=_media(one.kinds) if right is Right.OPT_OUT_MARKETING else ())


def _lasting(kinds: Mapping[str, datetime]) -> list[Right]:
    """The preferences that hold: an opt-in and an opt-out of sale take each other back, the later one counts."""
    held = {Right(kind.partition("/")[0]): at for kind, at in kinds.items() if kind != DELETED}
    pair = [right for right in (Right.OPT_IN_SALE, Right.OPT_OUT_SALE_SHARE) if right in held]
    over = {min(pair, key=held.__getitem__)} if len(pair) > 1 else set()
    return sorted(set(held) - over)


def _media(kinds: Mapping[str, datetime]) -> tuple[Medium, ...]:
    """By what marketing stays stopped; none named where all of it does."""
    if Right.OPT_OUT_MARKETING in kinds:
        return ()
    named = (kind.partition("/") for kind in sorted(kinds))
    return tuple(Medium(medium) for right, _, medium in named if right == Right.OPT_OUT_MARKETING and medium)


def _task(system: str, noted: Noted, what: tuple[Action, Right | None], name: str, now: datetime) -> Task:
    """A task of today's sweep: the same sweep twice on a day does things once."""
    return Task(
        uuid5(SWEEP, f"{system}/{name}"), str(SWEEP), system, what[0], (noted.keys,), preference=what[1],
        today=now.date(), received_at=now,
    )  # fmt: skip


def _end(answer: Answer) -> str:
    return answer.outcome.value if isinstance(answer, Receipt) else getattr(answer, "code", "pending")
