"""One law as data: whom it protects, what it grants, its clocks, limits and letters; every fact with its source."""

from datetime import date
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from rules.clauses import (
    Agents,
    Appeal,
    Applies,
    Downgrade,
    Excluded,
    Fees,
    Grant,
    InWriting,
    LookBack,
    MustSay,
    Occasion,
    OptOutProof,
    Pauses,
    Protects,
    Reading,
    Records,
    Recourse,
    Repeats,
    StandsIn,
    Statement,
)
from rules.errors import AtPath
from rules.facts import ClockRule, Dated, Frequency, Sourced, Verify, ZoneName, first_for
from schemas.values import Context, Right

SPOKEN: Final = frozenset({"phone", "call_centre", "voicemail", "in_person"})
"""Channels that leave nothing written by the person."""


class Law(Dated):
    """One law."""

    id: Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,8})+$")]
    name: str
    citation: str
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    region: Annotated[str, Field(pattern=r"^[A-Z0-9]{1,3}$")] | None = None
    countries: list[Annotated[str, Field(pattern=r"^[A-Z]{2}$")]] = []
    timezone: ZoneName
    effective_from: date
    in_force: Sourced
    applies_to: Applies
    protects: list[Protects] = Field(min_length=1)
    grants: list[Grant] = Field(min_length=1)
    clocks: list[ClockRule] = Field(min_length=1)
    reading: Reading | None = None
    verification: list[Verify] = []
    in_writing: InWriting | None = None
    downgrade: Downgrade | None = None
    repeats: list[Repeats] = []
    opt_out_proof: OptOutProof | None = None
    agents: Agents
    frequency: list[Frequency] = []
    fees: Fees | None = None
    look_back: list[LookBack] = []
    appeal: Appeal
    recourse: Recourse
    deemed_refusal: Sourced | None = None
    pauses: Pauses | None = None
    must_say: list[MustSay] = []
    records: Records | None = None
    signal: Sourced | None = Field(None, description="since when an opt-out preference signal must be honoured")
    stands_in_for: StandsIn | None = None
    business_contact: Excluded | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Law":
        for index, grant in enumerate(self.grants):
            for right in grant.rights:
                twins = [other for other in self.grants[:index] if right in other.rights and _meet(other, grant)]
                if twins:
                    raise AtPath(("grants", index), f"{right} is granted twice for the same days")
        if self.region and self.countries:
            raise AtPath(("countries",), "a law of a region has no list of countries")
        return self

    def reaches(self, country: str, region: str | None) -> bool:
        """Whether it is a law of this place."""
        here = country == self.country or country in self.countries
        return here and (self.region is None or self.region == region)

    def protects_in(self, context: Context, on: date) -> bool:
        """Whether it protects a person asking in this capacity."""
        return any(context in part.contexts and part.holds(on) for part in self.protects)

    def grant(self, right: Right, on: date) -> Grant | None:
        """What gives the right on a day, if anything does."""
        wanted = meant(right)
        return next((grant for grant in self.grants if wanted in grant.rights and grant.holds(on)), None)

    def clock(self, right: Right, on: date) -> ClockRule | None:
        """The clock of a right: the rule that names it, else the one for all; none where the law sets none."""
        if right is Right.APPEAL:
            return self.appeal.clock
        return first_for(self.clocks, meant(right), on)

    def proof(self, right: Right, on: date) -> Verify | None:
        """The law's own rule on who may be believed for a right."""
        return first_for(self.verification, right, on)

    def limit(self, right: Right, on: date) -> Frequency | None:
        """How often the right is answered free."""
        return first_for(self.frequency, right, on)

    def wants_writing(self, right: Right, channel: str) -> bool:
        """Whether a request that came by this channel must still be put in writing."""
        return self.in_writing is not None and right in self.in_writing.rights and channel in SPOKEN

    def says(self, occasion: Occasion, on: date) -> frozenset[Statement]:
        """What an answer of this kind must contain."""
        demands = [m for m in self.must_say if m.occasion is occasion and m.holds(on)]
        return frozenset(statement for demand in demands for statement in demand.says)

    @property
    def zone(self) -> ZoneInfo:
        """The zone its days are counted in."""
        return ZoneInfo(self.timezone)


def meant(right: Right) -> Right:
    """The right itself; a message that names none may turn out to be any, so the clock of an access runs."""
    return Right.KNOW_SPECIFIC if right is Right.UNCLASSIFIED else right


def _meet(one: Dated, other: Dated) -> bool:
    """Whether there is a day on which both hold."""
    start = max(one.effective_from or date.min, other.effective_from or date.min)
    return one.holds(start) and other.holds(start)
