"""What intake must know from outside to decide one batch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from rules.handbook import Handbook
from rules.matching import Candidate
from rules.points import Throttled
from schemas.public import RequestSubmitted
from schemas.values import Mode
from services.directory.offered import Offered
from services.kernel.decision import Count, Tally


@dataclass(frozen=True, slots=True)
class Facts:
    """`found` holds the directory's candidates per message; absent means nobody fits anything.

    `offers` holds the points that a message brings, as they are compared.
    `name` derives a request's id from its case and right; `token` the answer token of a request, kind and round;
    `code` the code of a request and round. All are keyed and pure; `same` compares two tokens in constant time.
    `submitted` is what the case was opened with, for the answers that need it. `asking` names per message under what
    naming parcels that fit nobody counts; `tally` is how often that was, up to this very message. `opted_out` holds,
    for messages in which an app says it asked for an opt-in, the last day on which the person had opted out.
    """

    handbook: Handbook
    sources: frozenset[str]
    modes: Mapping[str, Mode]
    name: Callable[[str, str], str]
    token: Callable[[str, str, int], str]
    code: Callable[[str, int], str]
    same: Callable[[str, str], bool]
    found: Mapping[UUID, tuple[Candidate, ...]] = field(default_factory=dict)
    offers: Mapping[UUID, Offered] = field(default_factory=dict)
    submitted: Mapping[UUID, RequestSubmitted] = field(default_factory=dict)
    asking: Mapping[UUID, Mapping[Throttled, str]] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    opted_out: Mapping[UUID, date] = field(default_factory=dict)

    def learning(self, counts: Sequence[Count]) -> "Facts":
        """The facts for the next message of the batch."""
        return replace(self, tally=self.tally.adding(counts))
