"""One brand as data: its policy versions and what they say, what it promises everybody, and how long it waits."""

import re
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from rules.clauses import Agents, Appeal, Fees, Oath
from rules.disclosures import CategoryRow, Practices
from rules.errors import AtPath
from rules.facts import ClockRule, Entry, ForRights, Frequency, Sourced, Span, Verify, ZoneName, first_for
from schemas.scalars import Email, Slug
from schemas.values import Letter, Population, Reason, Right, SubmittedRight

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _window(value: Any) -> Any:  # noqa: ANN401  whatever the file holds
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"(\d+)([smhd])", str(value))
    if not found:
        message = "must be a span such as 14d, 36h or 20s"
        raise ValueError(message)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


Window = Annotated[timedelta, BeforeValidator(_window)]
Versioned = TypeVar("Versioned", bound="Since")
_LEAST_LANGUAGE = "en"


class Windows(Entry):
    """How long each party is waited for."""

    proof: Window
    proof_rounds: int = Field(2, ge=1, le=3)
    unverified_end: Window
    review: Window = timedelta(days=30)
    cooling_off: Window = Field(timedelta(days=30), description="a contact changed so shortly before is not written to")
    confirmation: Window
    waiting_period: Window
    detail: Window
    notice: Window = timedelta(days=3)
    fee: Window = timedelta(days=14)
    declaration: Window = timedelta(days=14)
    handover_received_business_days: int = Field(5, ge=1)
    handover_margin_days: int = Field(7, ge=0)
    client_reminder: Window = timedelta(days=3)
    package: Window = Field(timedelta(days=14), description="how long a package can be fetched; then it is removed")
    destroy_keys_after: Window


class Since(Entry):
    """What holds from a day on, until a later one of its kind."""

    effective_from: date


class PolicyVersion(Since):
    """One published version of the privacy policy."""

    version: str
    material: bool = False
    reconsent: bool = False


class Operator(Since):
    """The company behind the brand. Open requests, flags and suppressions outlive a change."""

    name: str
    address: str = ""


class Channel(Sourced):
    """One way to ask, as the policy names it."""

    kind: Literal["email", "phone", "web", "account", "post"]
    to: str


class Promise(Sourced):
    """Rights the brand itself gives, wherever the person lives; `to` says to whom, `scope` to which data."""

    rights: list[SubmittedRight] = Field(min_length=1)
    to: Literal["everybody", "account_holders"] = "everybody"
    scope: Literal["provided"] | None = None

    @property
    def populations(self) -> tuple[Population, ...]:
        """Whom it reaches; empty for everybody."""
        return () if self.to == "everybody" else (Population.ACCOUNT_HOLDER, Population.CLIENT_STAFF)


class BrandAppeal(Appeal):
    """The brand's own appeal: also open when a deadline was missed."""

    to: str
    on_missed_deadline: bool = False


class Retention(Sourced):
    """How long data is kept: a span, or as long as its purposes need."""

    what: Literal["personal", "cookies"]
    keep: Span | None = None


class KeptBecause(Sourced):
    """A ground to keep data although its deletion was asked; cited in the answer."""

    reason: Reason
    ground: str


class Minors(Sourced):
    """Until which age somebody counts as a child, and whether such data goes as soon as it is known."""

    under: int = Field(gt=0, le=21)
    delete_when_known: bool


class Providers(Sourced):
    """Service providers: what their contracts bar, and the list a client can ask for."""

    terms: list[Literal["no_sale", "no_disclosure", "confidentiality", "security"]]
    current: list[str] = []


class Said(ForRights, Sourced):
    """A statement the brand's letters make, in every language it writes. Without letters named: in all."""

    letters: list[Letter] = []
    outside_us: bool = Field(default=False, description="only to people who live outside the United States")
    text: dict[str, str]

    @model_validator(mode="after")
    def _in_english(self) -> "Said":
        if _LEAST_LANGUAGE not in self.text:
            raise AtPath(("text",), "must be there in English at least: it is used where a language is missing")
        return self

    def fits(self, letter: Letter, right: Right, *, outside_us: bool) -> bool:
        """Whether it belongs into a letter about a right."""
        mine = self.rights == "all" or right in self.rights
        return mine and (not self.letters or letter in self.letters) and (outside_us or not self.outside_us)

    def words(self, locale: str) -> str:
        """The sentence in the language of a locale, else in English."""
        return self.text.get(locale.partition("-")[0].lower(), self.text[_LEAST_LANGUAGE])


class NotBound(Sourced):
    """A law the company knows not to be bound by, such as one with a threshold it does not reach."""

    law: str
    why: str


class Brand(Entry):
    """One brand."""

    id: Slug
    name: str
    operators: list[Operator] = Field(min_length=1)
    reply_to: Email
    timezone: ZoneName = "America/Los_Angeles"
    locales: list[str] = [_LEAST_LANGUAGE]
    versions: list[PolicyVersion] = Field(min_length=1)
    channels: list[Channel] = Field(min_length=1)
    promises: list[Promise]
    clocks: list[ClockRule] = Field(min_length=1, description="the brand's own clocks, where no law sets one")
    verification: list[Verify] = []
    agents: Agents
    frequency: list[Frequency] = []
    fees: Fees | None = None
    appeal: BrandAppeal
    declaration: Oath = Field(description="what who asks for specific pieces signs under penalty of perjury")
    confirm_deletion: bool
    notice_first: bool = True
    whole_account_only: bool = False
    delivery: Literal["link", "attachment"] = Field("link", description="how packages reach the contact on file")
    retention: list[Retention] = []
    kept_because: list[KeptBecause] = []
    minors: Minors
    providers: Providers | None = None
    categories: list[CategoryRow] = Field(min_length=1)
    practices: Practices
    windows: Windows
    statements: dict[str, Said] = {}
    not_bound_by: list[NotBound] = []
    source: str

    @model_validator(mode="after")
    def _consistent(self) -> "Brand":
        rule = self.clocks[-1]
        if rule.rights != "all" or rule.respond is None:
            raise AtPath(
                ("clocks", len(self.clocks) - 1), "the last clock must be for all rights, with a time to answer"
            )
        if self.appeal.offered and self.appeal.respond is None:
            raise AtPath(("appeal",), "an appeal that is offered needs a time to answer")
        return self

    @property
    def operator(self) -> str:
        """The company named last: who answers today."""
        return max(self.operators, key=lambda company: company.effective_from).name

    def operator_on(self, day: date) -> Operator:
        """The company behind the brand on a day."""
        return _in_force(self.operators, day)

    def version_on(self, day: date) -> str:
        """The policy version in force on a day: the latest not after it, else the first."""
        return _in_force(self.versions, day).version

    def unannounced(self, known: Collection[str], on: date) -> list[PolicyVersion]:
        """Versions in force on a day that nobody was told of yet, oldest first."""
        fresh = [one for one in self.versions if one.effective_from <= on and one.version not in known]
        return sorted(fresh, key=lambda one: one.effective_from)

    def proof(self, right: Right, on: date) -> Verify | None:
        """The brand's own rule on who may be believed for a right."""
        return first_for(self.verification, right, on)

    def promise(self, right: Right, on: date) -> Promise | None:
        """What the brand itself promises, if it does."""
        return next((one for one in self.promises if right in one.rights and one.holds(on)), None)

    def clock(self, right: Right, on: date) -> ClockRule:
        """How long the brand itself gives a right."""
        if right is Right.APPEAL and self.appeal.clock:
            return self.appeal.clock
        return first_for(self.clocks, right, on) or self.clocks[-1]

    def says(self, letter: Letter, right: Right, locale: str, *, outside_us: bool = False) -> list[str]:
        """The statements one letter has to make, in the file's order."""
        return [
            said.words(locale) for said in self.statements.values() if said.fits(letter, right, outside_us=outside_us)
        ]


def _in_force(entries: Sequence[Versioned], day: date) -> Versioned:
    """The latest not after a day, else the first there is."""
    ordered = sorted(entries, key=lambda entry: entry.effective_from)
    past = [entry for entry in ordered if entry.effective_from <= day]
    return past[-1] if past else ordered[0]
