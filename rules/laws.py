"""One law as data: whom it protects, what it grants, its clocks; every number with source and confidence."""

from datetime import date
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.values import Context, Right, SubmittedRight

_ZONES = available_timezones()


def _known_zone(name: str) -> str:
    if name not in _ZONES:
        message = "must be an IANA time zone, such as America/Los_Angeles"
        raise ValueError(message)
    return name


class Entry(BaseModel):
    """Base of a law file's entries: immutable, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Sourced(Entry):
    """A fact with where it comes from and how sure we are."""

    source: str = Field(min_length=3)
    confidence: Literal["verified", "secondary", "from_memory", "unconfirmed"]


class Span(Sourced):
    """A length of time: exactly one of the units."""

    days: int | None = Field(None, gt=0)
    business_days: int | None = Field(None, gt=0)
    months: int | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _one_unit(self) -> "Span":
        if sum(unit is not None for unit in (self.days, self.business_days, self.months)) != 1:
            message = "give exactly one of days, business_days, months"
            raise ValueError(message)
        return self

    def text(self) -> str:
        """The span in words."""
        if self.days:
            return f"{self.days} calendar days"
        if self.business_days:
            return f"{self.business_days} business days"
        return f"{self.months} calendar months"


class ClockRule(Entry):
    """How long a right may take. `extended` counts from receipt, not from the first deadline."""

    rights: list[SubmittedRight] | Literal["all"] = "all"
    respond: Span
    extended: Span | None = None
    acknowledge: Span | None = None


class Verify(Sourced):
    """What a right needs before it may be served."""

    rights: list[SubmittedRight]
    points: int = Field(ge=0, le=4)
    declaration: bool = False


class Appeal(Sourced):
    """The person's second chance."""

    offered: bool
    to: str | None = None


class Law(Entry):
    """One law."""

    id: Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,8})+$")]
    name: str
    citation: str
    country: str
    region: str | None = None
    countries: list[str] = []
    timezone: Annotated[str, AfterValidator(_known_zone)]
    effective_from: date
    effective_to: date | None = None
    contexts: list[Context] = [Context.INDIVIDUAL_HOUSEHOLD, Context.UNKNOWN]
    grants: list[SubmittedRight]
    clocks: list[ClockRule] = Field(min_length=1)
    verification: list[Verify] = []
    appeal: Appeal
    signal: bool = Field(default=False, description="an opt-out preference signal must be honoured")
    agents: str = "any"
    regulator: str = ""
    source: str

    def clock(self, right: Right) -> ClockRule:
        """The clock of a right: the first rule that names it, else the one for all."""
        named = (rule for rule in self.clocks if rule.rights != "all" and right in rule.rights)
        return next(named, next((rule for rule in self.clocks if rule.rights == "all"), self.clocks[0]))

    def covers(self, country: str, region: str | None, on: date) -> bool:
        """Whether it protects people of a place on a day."""
        if on < self.effective_from or (self.effective_to and on > self.effective_to):
            return False
        if country == self.country or country in self.countries:
            return self.region is None or self.region == region
        return False

    @property
    def zone(self) -> ZoneInfo:
        """The zone its days are counted in."""
        return ZoneInfo(self.timezone)
