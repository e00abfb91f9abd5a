"""The clauses a law is made of: whom it protects, what it grants, who may act, what an answer must say."""

from datetime import date
from enum import StrEnum
from typing import Literal

from pydantic import Field, model_validator

from rules.errors import AtPath
from rules.facts import ClockRule, Sourced, Span
from schemas.values import Context, Right, SubmittedRight


class Occasion(StrEnum):
    """When a law says what an answer must contain."""

    ACKNOWLEDGEMENT = "acknowledgement"
    EXTENSION = "extension"
    FEE = "fee"
    UNVERIFIED = "unverified"
    REFUSAL = "refusal"
    APPEAL_REFUSED = "appeal_refused"
    DELETED = "deleted"
    OPTED_OUT = "opted_out"


class Statement(StrEnum):
    """What an answer can be obliged to say."""

    HOW_IT_IS_HANDLED = "how_it_is_handled"
    HOW_IDENTITY_IS_VERIFIED = "how_identity_is_verified"
    WHEN_TO_EXPECT_AN_ANSWER = "when_to_expect_an_answer"
    REASON = "reason"
    LEGAL_PROVISION = "legal_provision"
    NEW_DATE = "new_date"
    COST_ESTIMATE = "cost_estimate"
    HOW_TO_APPEAL = "how_to_appeal"
    HOW_TO_COMPLAIN = "how_to_complain"
    COURT_REMEDY = "court_remedy"
    TIME_LIMIT_OF_REMEDY = "time_limit_of_remedy"
    HELP_TO_UNDERSTAND = "help_to_understand"
    NOT_VERIFIED = "not_verified"
    WHERE_THE_CATEGORIES_ARE = "where_the_categories_are"
    WHETHER_IT_WAS_DONE = "whether_it_was_done"
    A_RECORD_IS_KEPT = "a_record_is_kept"
    RIGHT_TO_OPT_OUT = "right_to_opt_out"
    DEEMED_REFUSAL = "deemed_refusal"


class Applies(Sourced):
    """Which companies the law binds, in words: for the reader, nothing is decided by it."""

    who: str


class Protects(Sourced):
    """In which capacities a person is protected."""

    contexts: list[Context] = Field(min_length=1)


class Grant(Sourced):
    """Rights the law gives. `scope` says which data a deletion or a correction reaches."""

    rights: list[SubmittedRight] = Field(min_length=1)
    scope: Literal["provided", "provided_or_obtained", "collected_from"] | None = None
    note: str = ""


class Appeal(Sourced):
    """The person's second chance with the company itself, and how long its answer may take."""

    offered: bool
    respond: Span | None = None
    extended: Span | None = None

    @property
    def clock(self) -> ClockRule | None:
        """The clock of an appeal, counted from the appeal's own receipt; none where there is no number."""
        if not self.respond:
            return None
        return ClockRule(rights=[Right.APPEAL], respond=self.respond, extended=self.extended)


class Recourse(Sourced):
    """Whom the person can turn to outside the company, how long, and whether the data must be kept for it."""

    to: str
    contact: str
    within: Span | None = None
    keep_data: bool = False


class LookBack(Sourced):
    """How far back an answer reaches; `on_request_since` is the earliest day the person may ask for."""

    months: int = Field(gt=0)
    on_request_since: date | None = None


class Agents(Sourced):
    """For which rights somebody else may act, and what they must show."""

    rights: list[SubmittedRight] | Literal["all"]
    guardians: bool = True
    proof: list[Literal["signed_permission", "power_of_attorney"]] = ["signed_permission", "power_of_attorney"]
    person_confirms: bool = Field(default=False, description="the person may be asked to verify or to confirm")


class OptOutProof(Sourced):
    """Whether the law lets a company verify who opts out."""

    level: Literal["never", "not_needed", "reasonable_effort", "allowed"]


class Fees(Sourced):
    """When a fee may be asked; it is always told before, with an estimate."""

    when: list[Literal["unfounded_or_excessive", "beyond_free", "cost_of_copies", "minimal_cost"]]
    estimate: str | None = Field(None, description="a brand's: what it costs, in words; without one none is asked")


class MustSay(Sourced):
    """What one kind of answer has to contain."""

    occasion: Occasion
    says: list[Statement] = Field(min_length=1)


class Records(Sourced):
    """How long the company keeps notes of requests and answers."""

    months: int = Field(gt=0)


class Pauses(Sourced):
    """What stops the clock; the days are added to both dates."""

    while_waiting_for: list[Literal["identity", "clarification"]] = Field(min_length=1)


class StandsIn(Sourced):
    """Regions with a law of their own that is not written down here: this one is used instead."""

    regions: list[str]


class Excluded(Sourced):
    """Fields that are no personal information when they describe somebody's work."""

    fields: list[Literal["name", "title", "email", "phone", "address"]]


class InWriting(Sourced):
    """Rights that must be asked for in writing; what was only spoken is confirmed first."""

    rights: list[SubmittedRight] = Field(min_length=1)


class Downgrade(Sourced):
    """What a request becomes whose maker could not be verified well enough; it must reach these points itself."""

    rights: list[SubmittedRight] = Field(min_length=1)
    to: SubmittedRight
    points: int = Field(ge=0, le=4)


class Oath(Sourced):
    """What is signed under penalty of perjury, in every language that is written; other words are a new version."""

    version: str
    text: dict[str, str]

    @model_validator(mode="after")
    def _in_english(self) -> "Oath":
        if "en" not in self.text:
            raise AtPath(("text",), "must be there in English at least: it is used where a language is missing")
        return self


class Repeats(Sourced):
    """Rights that may be refused, or not offered, again within a time after the last."""

    rights: list[SubmittedRight] = Field(min_length=1)
    within: Span
    unless: Literal["new_proof", "the_person_asks"]


class Reading(Sourced):
    """Another way to count. An earlier one sets our own target; a later one is only information."""

    receipt_day_counts: bool = False
    rolls_past_weekend: bool = False
