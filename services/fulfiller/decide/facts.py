"""What the fulfiller must know from outside to decide one batch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from connectors.datamap import DataMap
from rules.handbook import Handbook
from schemas.events import ClientReplied, CorrectedValue, OfferedPoint
from schemas.values import Problem


@dataclass(frozen=True, slots=True)
class Packet:
    """What one client may be told about one person: points that fit this client's own record, nothing else."""

    points: tuple[OfferedPoint, ...]
    corrections: tuple[CorrectedValue, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """A record of `privacy.client-replies`. `body` is None when `problems` says why."""

    event_id: UUID
    recorded_at: datetime
    request_id: str
    body: ClientReplied | None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """`token(part, request, addressee)` is the capability an addressee must show; keyed and pure.

    `packets` holds, per request and client, what may be said to that client; `enabled` names the clients that can be
    reached: registered, and not disabled.
    """

    handbook: Handbook
    systems: DataMap
    token: Callable[[str, str, str], str]
    same: Callable[[str, str], bool]
    packets: Mapping[tuple[str, str], Packet] = field(default_factory=dict)
    enabled: frozenset[str] = frozenset()
