"""What the verifier must know from outside to decide one batch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rules.brands import Brand
from rules.laws import Law
from rules.matching import Candidate
from rules.points import PointPolicy, Throttled
from services.kernel.decision import Count, Tally


@dataclass(frozen=True, slots=True)
class Facts:
    """Candidates per request, each one person's record; brands for their windows; the points policy.

    `asking` names per request under what its failed tries count (who asks, through whom), `aimed` the same per record.
    `laws` say how often a right is answered; `answered` names, keyed, under what one person's answers of a time count.
    `tally` is how often each was counted, up to this very message.
    """

    brands: Mapping[str, Brand]
    points: PointPolicy
    candidates: Mapping[str, tuple[Candidate, ...]] = field(default_factory=dict)
    asking: Mapping[str, Mapping[Throttled, str]] = field(default_factory=dict)
    aimed: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, str] = field(default_factory=dict)
    """A keyed hash of everything that was given, per request."""
    signed_in: Mapping[str, tuple[Candidate, ...]] = field(default_factory=dict)
    """The records of the account a listed authenticator vouches for, per request that came with its assertion."""
    laws: Mapping[str, Law] = field(default_factory=dict)
    answered: Callable[[str, str], str] = "{}/{}".format
    tally: Tally = field(default_factory=Tally)

    def learning(self, counts: Sequence[Count]) -> "Facts":
        """The facts for the next message of the batch."""
        return replace(self, tally=self.tally.adding(counts))
