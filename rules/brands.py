"""One brand as data: its policy versions, what it promises everybody, and how long it waits."""

import re
from datetime import date, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from rules.laws import Appeal, ClockRule, Verify
from schemas.values import Right, Slug, SubmittedRight

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _span(value: Any) -> Any:  # noqa: ANN401  whatever the file holds
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"(\d+)([smhd])", str(value))
    if not found:
        message = "must be a span such as 14d, 36h or 20s"
        raise ValueError(message)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


Span = Annotated[timedelta, BeforeValidator(_span)]


class Entry(BaseModel):
    """Base of a brand file's entries."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Windows(Entry):
    """How long each party is waited for."""

    proof: Span
    proof_rounds: int = Field(2, ge=1, le=3)
    unverified_end: Span
    confirmation: Span
    waiting_period: Span
    detail: Span
    notice: Span = timedelta(days=3)
    fee: Span = timedelta(days=14)
    declaration: Span = timedelta(days=14)
    handover_received_business_days: int = Field(5, ge=1)
    handover_margin_days: int = Field(7, ge=0)
    client_reminder: Span = timedelta(days=3)
    destroy_keys_after: Span


class PolicyVersion(Entry):
    """One published version of the privacy policy."""

    version: str
    effective_from: date
    material: bool = False
    reconsent: bool = False


class Brand(Entry):
    """One brand."""

    id: Slug
    name: str
    operator: str
    reply_to: str
    timezone: str = "America/Los_Angeles"
    locales: list[str] = ["en"]
    versions: list[PolicyVersion] = Field(min_length=1)
    promises: list[SubmittedRight]
    clocks: list[ClockRule] = Field(min_length=1, description="the brand's own clock where no law applies")
    verification: list[Verify] = []
    appeal: Appeal
    confirm_deletion: bool
    whole_account_only: bool = False
    windows: Windows
    statements: dict[str, str] = {}
    source: str

    def version_on(self, day: date) -> str:
        """The policy version in force on a day: the latest not after it, else the first."""
        ordered = sorted(self.versions, key=lambda v: v.effective_from)
        past = [v for v in ordered if v.effective_from <= day]
        return (past or ordered)[-1 if past else 0].version

    def points(self, right: Right) -> Verify | None:
        """The brand's own rule for a right, if it has one."""
        return next((rule for rule in self.verification if right in rule.rights), None)
