"""What law and brand files are made of: facts with a source and dates, spans of time, clocks, proof."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Final, Literal, TypeVar
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from schemas.values import Right, SubmittedRight

NAMED_ONLY: Final = frozenset(
    {
        Right.APPEAL,
        Right.COMPLAINT,
        Right.INQUIRY,
        Right.MINOR_REPORT,
        Right.SERVICE_PROVIDER_LIST,
        Right.SHINE_THE_LIGHT,
        Right.DEACTIVATE,
        Right.OPT_IN_SALE,
        Right.UNCLASSIFIED,
    }
)
"""Rights that "all" in a law does not mean: a law sets a clock or a limit for them only by naming them."""

_ZONES: Final = available_timezones()


def _known_zone(name: str) -> str:
    if name not in _ZONES:
        message = "must be an IANA time zone, such as America/Los_Angeles"
        raise ValueError(message)
    return name


ZoneName = Annotated[str, AfterValidator(_known_zone)]
Confidence = Literal["verified", "secondary", "from_memory", "unconfirmed"]


class Entry(BaseModel):
    """Base of a policy file's entries: immutable, and a misspelt key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Dated(Entry):
    """An entry that can begin and end; both days included, open where none is given."""

    effective_from: date | None = None
    effective_to: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "Dated":
        if self.effective_from and self.effective_to and self.effective_to < self.effective_from:
            message = "effective_to must not lie before effective_from"
            raise ValueError(message)
        return self

    def holds(self, on: date) -> bool:
        """Whether it holds on a day."""
        return (self.effective_from is None or self.effective_from <= on) and (
            self.effective_to is None or on <= self.effective_to
        )


class Sourced(Dated):
    """A fact with where it comes from and how sure we are."""

    source: str = Field(min_length=3)
    confidence: Confidence


class ForRights(Dated):
    """An entry about some rights, or about all that a law speaks of."""

    rights: list[SubmittedRight] | Literal["all"] = "all"

    def names(self, right: Right) -> bool:
        """Whether it names the right itself."""
        return self.rights != "all" and right in self.rights

    def covers(self, right: Right) -> bool:
        """Whether it speaks of the right, by name or with all others."""
        return right not in NAMED_ONLY if self.rights == "all" else right in self.rights


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

    @property
    def amount(self) -> tuple[str, int]:
        """The unit in words, and how many of it."""
        if self.days:
            return "calendar day", self.days
        return ("business day", self.business_days) if self.business_days else ("calendar month", self.months or 0)

    def text(self) -> str:
        """The span in words."""
        unit, number = self.amount
        return f"{number} {unit}{'' if number == 1 else 's'}"


class ClockRule(ForRights):
    """How long a right may take. `extended` counts from receipt, not from the first deadline."""

    respond: Span | None = None
    extended: Span | None = None
    acknowledge: Span | None = None

    @model_validator(mode="after")
    def _makes_sense(self) -> "ClockRule":
        if self.respond is None and self.acknowledge is None:
            message = "give respond, acknowledge, or both"
            raise ValueError(message)
        if self.extended:
            if self.respond is None or self.extended.amount[0] != self.respond.amount[0]:
                message = "extended must have the unit of respond"
                raise ValueError(message)
            if self.extended.amount[1] <= self.respond.amount[1]:
                message = "extended counts from receipt, so it must be longer than respond"
                raise ValueError(message)
        return self

    def text(self) -> str:
        """The rule in words."""
        said = [self.respond.text()] if self.respond else []
        if self.respond:
            said.append(f"extended {self.extended.text()} from receipt" if self.extended else "no extension")
        if self.acknowledge:
            said.append(f"acknowledge {self.acknowledge.text()}")
        return "; ".join(said)

    @property
    def source(self) -> str:
        """Where the time to answer comes from, else the time to acknowledge."""
        span = self.respond or self.acknowledge
        return span.source if span else ""


class Verify(ForRights, Sourced):
    """What must be known of who asks before a right is served."""

    points: int = Field(ge=0, le=4)
    declaration: bool = False


class Frequency(ForRights, Sourced):
    """How often a right is answered free, and what may follow. Counted per person, and only what was verified."""

    count: int = Field(gt=0)
    window: Literal["12_months", "calendar_year"]
    beyond: Literal["fee", "refuse"]


Rule = TypeVar("Rule", bound=ForRights)


def first_for(rules: Iterable[Rule], right: Right, on: date) -> Rule | None:
    """The rule for a right on a day: the first that names it, else the first for all."""
    holding = [rule for rule in rules if rule.holds(on) and rule.covers(right)]
    return next((rule for rule in holding if rule.names(right)), next(iter(holding), None))
