"""What the fulfiller must know from outside to decide one batch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from connectors.datamap import DataMap
from rules.handbook import Handbook
from schemas.clients import ClientInstructed, ProvidersAsked
from schemas.events import ClientReplied, CorrectedValue, OfferedPoint
from schemas.values import Problem


@dataclass(frozen=True, slots=True)
class Packet:
    """What one client may be told about one person: points that fit this client's own record, nothing else.

    `corrections` are those that may concern this record; they are told only if the right is to correct.
    """

    points: tuple[OfferedPoint, ...]
    corrections: tuple[CorrectedValue, ...] = ()
    residence: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """A record of `privacy.client-replies`. `body` is None when `problems` says why.

    One without a body has shown the token of `client`'s part all the same: so that client may be told what was wrong.
    """

    event_id: UUID
    recorded_at: datetime
    request_id: str
    body: ClientReplied | None
    problems: tuple[Problem, ...] = ()
    client: str = ""


@dataclass(frozen=True, slots=True)
class Instruction:
    """What a client said unasked, its signature proven. `body` is None when `problems` says why.

    `sealed` says that nobody but us could read it; `digest` is that of the content, keyed.
    """

    event_id: UUID
    recorded_at: datetime
    request_id: str
    case_id: str
    client: str
    instruction_id: str
    body: ClientInstructed | ProvidersAsked | None
    problems: tuple[Problem, ...] = ()
    sealed: bool = False
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What surrounds a decision.

    `token(part, request, addressee)` is the capability an addressee must show, `handover(client, request)` what a
    request is called towards that client; both keyed and pure. `packets` holds, per request and client, what may be
    said to that client; `enabled` names the clients that can be reached: registered, and not disabled; `acting` those
    of them we act for, `direct` those whose messages arrive with the decision itself. `whose` holds, per instruction,
    the records it is about; `packages`, per request and client, what was exported, as ZIP, where it is small.
    `undecided` are those requests appeals are about that run on, with the time to answer them.
    `holders` names the client that holds the account a request is about, `open_with` how many hand-overs it has open.
    """

    handbook: Handbook
    systems: DataMap
    token: Callable[[str, str, str], str]
    same: Callable[[str, str], bool]
    handover: Callable[[str, str], str]
    packets: Mapping[tuple[str, str], Packet] = field(default_factory=dict)
    enabled: frozenset[str] = frozenset()
    acting: frozenset[str] = frozenset()
    direct: frozenset[str] = frozenset()
    whose: Mapping[UUID, tuple[str, ...]] = field(default_factory=dict)
    packages: Mapping[tuple[str, str], bytes] = field(default_factory=dict)
    holders: Mapping[str, str] = field(default_factory=dict)
    open_with: Mapping[str, int] = field(default_factory=dict)
    undecided: frozenset[str] = frozenset()
