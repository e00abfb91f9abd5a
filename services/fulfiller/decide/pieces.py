"""What a participant exports comes in pieces, in any order, some of them twice. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from rules import parts
from schemas.events import TaskFinished
from schemas.values import Outcome
from services.fulfiller.decide.result import ForgedToken


@dataclass(frozen=True, slots=True)
class Piece:
    """One opened piece of an export. `rows` are as they may be shown, and hold data of these `categories`."""

    event_id: UUID
    recorded_at: datetime
    request_id: str
    case_id: str
    task_id: str
    system: str
    part: str
    attempt: int
    number: int
    of: int
    reply_token: str
    category: str
    categories: tuple[str, ...]
    table: str
    rows: tuple[Mapping[str, Any], ...]


class Pieces(BaseModel):
    """The pieces of one part that are there: how many rows of which category each had."""

    model_config = ConfigDict(frozen=True)

    of: int = 0
    rows: dict[int, dict[str, int]] = {}


def gather_piece(
    so_far: Pieces, piece: Piece, token: Callable[[str, str, str], str], same: Callable[[str, str], bool], now: datetime
) -> tuple[Pieces, tuple[TaskFinished, ...], dict[str, bytes]]:
    """Add a piece: what is there now, what is told of it, what is kept. The first word on how many there are holds.

    Raises:
        ForgedToken: it does not carry the token its part's addressee was given.
    """
    if not same(token(piece.part, piece.request_id, piece.system), piece.reply_token):
        raise ForgedToken
    of, counts = so_far.of or piece.of, dict.fromkeys(piece.categories, len(piece.rows))
    if piece.number in so_far.rows or piece.number >= of:
        return so_far, (), {}
    gathered = Pieces(of=of, rows=so_far.rows | {piece.number: counts})
    whose = parts.client_of(piece.part) or "own"
    name = f"export:{piece.request_id}:{whose}:{piece.system}:{piece.table}:{piece.number:06}"
    content = {"category": piece.category, "table": piece.table, "rows": list(piece.rows)}
    kept = {name: json.dumps(content).encode()}
    return gathered, (_ended(gathered, piece, now),) if len(gathered.rows) == of else (), kept


def _ended(gathered: Pieces, last: Piece, now: datetime) -> TaskFinished:
    counts: dict[str, int] = {}
    for some in gathered.rows.values():
        for category, number in some.items():
            counts[category] = counts.get(category, 0) + number
    return TaskFinished.after(
        last, now, request_id=last.request_id, case_id=last.case_id, task_id=last.task_id, system=last.system,
        part=last.part, attempt=last.attempt, outcome=Outcome.EXPORTED, counts=counts, reply_token=last.reply_token,
    )  # fmt: skip
