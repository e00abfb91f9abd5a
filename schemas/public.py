"""The public contract: what upstream apps write and read. Field names are promises.

Strict about what a field may hold, tolerant about fields nobody here knows. Nothing in an error repeats a value.
"""

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field, model_validator

from schemas.base import Event
from schemas.problems import between_fields
from schemas.scalars import (
    Amount,
    Assertion,
    CaseId,
    Code,
    CountryCode,
    Day,
    Email,
    Filled,
    Line,
    Locale,
    Message,
    Moment,
    Number,
    OpaqueId,
    Phone,
    RegionCode,
    RequestId,
    ShortLine,
    Slug,
    Token,
)
from schemas.values import (
    AnswerKind,
    Context,
    Medium,
    Outcome,
    Problem,
    Reason,
    Right,
    Role,
    Status,
    SubmittedRight,
    Value,
    Waiting,
)

MOST_RIGHTS = 50
MOST_VALUES = 20

Rights = Annotated[list[SubmittedRight], Field(max_length=MOST_RIGHTS)]
Numbers = Annotated[list[Number], Field(max_length=MOST_VALUES)]


class PostalAddress(Value):
    """A postal address as typed; all of it is one data point."""

    line1: Filled
    line2: Line = ""
    city: Line = ""
    region: ShortLine = ""
    postcode: ShortLine = ""
    country: CountryCode = "US"


class Transaction(Value):
    """One purchase the person remembers: its day, its amount, or both."""

    on: Day | None = None
    amount: Amount | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Transaction":
        if self.on is None and self.amount is None:
            raise between_fields("on", "must be given, or `amount`")
        return self


class Subject(Value):
    """Whom the request is about, as the requester describes them."""

    name: Line | None = None
    emails: Annotated[list[Email], Field(max_length=MOST_VALUES)] = []
    phones: Annotated[list[Phone], Field(max_length=MOST_VALUES)] = []
    addresses: Annotated[list[PostalAddress], Field(max_length=MOST_VALUES)] = []
    account_number: ShortLine | None = None
    order_numbers: Numbers = []
    tracking_numbers: Numbers = []
    transactions: Annotated[list[Transaction], Field(max_length=MOST_VALUES)] = []

    def empty(self) -> bool:
        """Whether nothing at all is said about the person."""
        return not any(getattr(self, field) for field in type(self).model_fields)


class Mandate(Value):
    """Written permission or power of attorney; the document itself stays with the submitter."""

    kind: Literal["signed_permission", "power_of_attorney", "parental", "estate"] = "signed_permission"
    reference: Line | None = None
    signed_at: Moment | None = None
    expires_at: Moment | None = None
    scope: Rights = []

    @model_validator(mode="after")
    def _ends_after_it_began(self) -> "Mandate":
        if self.signed_at and self.expires_at and self.expires_at <= self.signed_at:
            raise between_fields("expires_at", "must be later than `signed_at`")
        return self


class Agent(Value):
    """Who acts for the subject."""

    name: Filled
    email: Email
    mandate: Mandate | None = None


class Residence(Value):
    """Where the person says they live: ISO 3166-1 country and the region part of ISO 3166-2."""

    country: CountryCode
    region: RegionCode | None = None


class Declaration(Value):
    """Signed statement under penalty of perjury (11 CCR § 7062(c))."""

    signed_name: Filled
    signed_at: Moment
    text_version: Annotated[ShortLine, Field(min_length=1)]


class Correction(Value):
    """One value the person says is wrong, and what would be right."""

    field: Code
    old: Line | None = None
    new: Filled


Corrections = Annotated[list[Correction], Field(max_length=MOST_VALUES)]


class Period(Value):
    """The span of time an answer shall cover, both days included."""

    since: Day | None = None
    until: Day | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "Period":
        if self.since and self.until and self.until < self.since:
            raise between_fields("until", "must not be earlier than `since`")
        return self


class RequestSubmitted(Value):
    """A privacy request as an upstream app publishes it on `privacy.requests`."""

    submission_id: OpaqueId = Field(description="with `source` the identity of the submission: sent again, the same")
    source: Slug = Field(description="the app that submits, as it was registered")
    brand: Slug
    received_at: Moment | None = Field(None, description="when the person asked, if earlier than this record")
    channel: Code = "web"
    rights: Rights = Field([], description="one request is opened for each; may be empty when `message` says it")
    role: Role = Role.SUBJECT
    agent: Agent | None = None
    subject: Subject
    residence: Residence | None = None
    context: Context = Context.UNKNOWN
    merchant_named: Line | None = None
    declaration: Declaration | None = None
    corrections: Corrections = []
    media: list[Medium] = Field([], description="by what marketing shall stop; none named: by everything")
    prompted: bool = Field(default=False, description="the app asked for an opt-in; it was not the person's own wish")
    period: Period | None = None
    authentication: Assertion | None = Field(None, description="signed assertion of an account session (JWS)")
    refers_to: RequestId | None = Field(None, description="the request an appeal or a complaint is about")
    locale: Locale = "en-US"
    message: Message | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "RequestSubmitted":
        if not self.rights and not self.message:
            raise between_fields("rights", "must name a right, or `message` must say what is wanted")
        if self.role is Role.AGENT and self.agent is None:
            raise between_fields("agent", "must be given when `role` is agent")
        if self.media and Right.OPT_OUT_MARKETING not in self.rights:
            raise between_fields("media", "goes with opt_out_marketing among `rights`")
        return self


_PAYLOAD: Final = {
    AnswerKind.POINTS: ("subject",),
    AnswerKind.DECLARATION: ("declaration",),
    AnswerKind.MANDATE: ("mandate",),
    AnswerKind.CODE: ("code",),
    AnswerKind.DETAIL: ("rights", "message", "subject", "corrections"),
}
"""What an answer of a kind must carry: at least one of these fields."""


class RequesterAnswered(Value):
    """What the person says later, as an upstream app publishes it on `privacy.answers`."""

    source: Slug
    answer_id: OpaqueId
    request_id: RequestId | None = None
    case_id: CaseId | None = Field(None, description="all open requests of the case; one of the two must be given")
    kind: AnswerKind
    answer_token: Token | None = Field(None, description="out of the letter; confirmation, fee, withdrawal, not-me")
    subject: Subject | None = Field(None, description="further points, when `kind` is points or detail")
    declaration: Declaration | None = None
    mandate: Mandate | None = None
    rights: Rights = Field([], description="what is wanted, when `kind` is detail")
    corrections: Corrections = Field([], description="what is wrong and what would be right, when `kind` is detail")
    code: Token | None = Field(None, description="the code sent to the contact on file, when `kind` is code")
    accepted: bool = Field(default=True, description="yes or no, when `kind` is confirmation or fee_consent")
    message: Message | None = None

    @model_validator(mode="after")
    def _carries_what_its_kind_needs(self) -> "RequesterAnswered":
        if self.request_id is None and self.case_id is None:
            raise between_fields("request_id", "must be given, or `case_id`")
        fields = _PAYLOAD.get(self.kind, ())
        if fields and all(_says_nothing(getattr(self, field)) for field in fields):
            others = " or ".join(f"`{other}`" for other in fields[1:])
            instead = f"; {others} will do too" if others else ""
            raise between_fields(fields[0], f"must say something when `kind` is {self.kind}{instead}")
        return self


def _says_nothing(value: object) -> bool:
    return not value or (isinstance(value, Subject) and value.empty())


class WaitingFor(Value):
    """What the person is asked for, and until when."""

    kind: Waiting
    until: AwareDatetime | None = None


class RequestStatusChanged(Event):
    """The public state of one request, for the app that submitted it. A final status is never followed by another.

    A rejected submission or answer has no request: `causation_id` is then the UUIDv5 of "topic/partition/offset" of the
    record in the URL namespace, so that an app knows which of its records was meant even when that had no readable id.
    """

    source: Slug
    submission_id: str | None = None
    answer_id: str | None = Field(None, description="the answer that was rejected, when it was one")
    request_id: RequestId | None = None  # type: ignore[assignment]  # a rejected submission has none
    case_id: CaseId | None = None  # type: ignore[assignment]
    right: Right | None = None
    status: Status
    reason: Reason | None = None
    expected_by: date | None = Field(None, description="the last day to answer")
    waiting_for: WaitingFor | None = None
    ask_again_from: date | None = Field(
        None, description="before this day nobody may be asked to take the opt-out back"
    )
    done: list[Outcome] = Field([], description="what had been done already when the request was stopped")
    problems: list[Problem] = Field([], description="why it was rejected: every field and rule at once")
