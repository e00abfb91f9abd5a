"""Which points count for what: compiled from `policies/points.yaml`. What they prove is `rules.matching`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from rules.errors import PolicyProblem
from rules.yaml_text import parse
from schemas.values import Group, PointKind, Right

FILE: Final = "policies/points.yaml"
ALL: Final = "all"


class PointRule(BaseModel):
    """One kind of point."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: Group
    strength: Literal["weak", "medium", "strong"]
    counts: bool = True
    locates: bool = True
    strong_locator: bool = False
    asked: bool = True
    min_age_days: int = Field(0, ge=0, le=3_650)
    never_for: list[Right] = []
    source: str = Field(min_length=1)


class Throttled(StrEnum):
    """For what failed tries are counted across requests."""

    REQUEST = "request"
    REQUESTER = "requester"
    AGENT = "agent"
    SOURCE = "source"
    RECORD = "record"


class Throttle(BaseModel):
    """How many tries may fail within a window; after them a try proves nothing until the window is over."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    failures: int = Field(ge=1)
    within_hours: int = Field(ge=1, le=8_784)
    source: str = Field(min_length=1)

    @property
    def within(self) -> timedelta:
        """The window, from the first failure counted in it."""
        return timedelta(hours=self.within_hours)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    points: dict[PointKind, PointRule]
    unreliable: dict[str, list[PointKind | Literal["all"]]] = {}
    throttles: dict[Throttled, Throttle] = {}


@dataclass(frozen=True, slots=True)
class PointPolicy:
    """The compiled rules; total over every kind of point. What has no throttle may fail without end."""

    rules: Mapping[PointKind, PointRule]
    unreliable: frozenset[tuple[str, PointKind]]
    throttles: Mapping[Throttled, Throttle] = field(default_factory=dict)

    def group_of(self, kind: PointKind) -> Group:
        """The independent group a kind belongs to."""
        return self.rules[kind].group

    def counts(self, kind: PointKind, right: Right) -> bool:
        """Whether a matching point of this kind proves anything for this right."""
        rule = self.rules[kind]
        return rule.counts and right not in rule.never_for

    def locates(self, kind: PointKind) -> bool:
        """Whether a point of this kind helps to find a record."""
        return self.rules[kind].locates

    def strong_locator(self, kind: PointKind) -> bool:
        """Whether it finds a record already together with a name or a postcode: a parcel or order number."""
        return self.rules[kind].strong_locator

    def asked(self, kind: PointKind) -> bool:
        """Whether a person may be asked for it."""
        return self.rules[kind].asked

    def min_age(self, kind: PointKind) -> timedelta:
        """How long the value must have been held before it counts; zero for kinds without such a rule."""
        return timedelta(days=self.rules[kind].min_age_days)

    def reliable(self, source: str, kind: PointKind) -> bool:
        """Whether a system holds values of this kind reliably enough to verify with; those not listed do."""
        return (source, kind) not in self.unreliable


def compile_points(text: str, *, file: str = FILE) -> PointPolicy:
    """Read the policy from the text of its file; `file` is what errors call it.

    Raises:
        PolicyProblem: says file, line and what would be right.
    """
    data = parse(file, text, _File)
    if missing := sorted(set(PointKind) - set(data.points)):
        raise PolicyProblem(file, 1, f"points: no entry for {', '.join(missing)}; every kind needs one")
    unreliable = frozenset(
        (source, kind)
        for source, kinds in data.unreliable.items()
        for entry in kinds
        for kind in (PointKind if entry == ALL else (PointKind(entry),))
    )
    return PointPolicy(data.points, unreliable, data.throttles)
