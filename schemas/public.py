"""The public contract: what upstream apps write and read. Field names are promises.

Strict about what a field may hold, tolerant about fields nobody here knows. Nothing in an error repeats a value.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints, model_validator

from schemas.base import CaseId, Event, RequestId
from schemas.values import (
    AnswerKind,
    Code,
    Context,
    CountryCode,
    Line,
    Message,
    OpaqueId,
    Problem,
    Reason,
    RegionCode,
    Right,
    Role,
    ShortLine,
    Slug,
    Status,
    SubmittedRight,
    Value,
    Waiting,
)

MOST_RIGHTS = 50
MOST_VALUES = 20

Email = Annotated[Line, StringConstraints(pattern=r"^[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)+$", max_length=254)]
"""Something with a local part and a domain of two labels; whether it exists is not asked."""

Phone = Annotated[ShortLine, StringConstraints(min_length=5)]
Lines = Annotated[list[ShortLine], Field(max_length=MOST_VALUES)]
Locale = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]


class PostalAddress(Value):
    """A postal address as typed; all of it is one data point."""

    line1: Line
    line2: Line = ""
    city: Line = ""
    region: ShortLine = ""
    postcode: ShortLine = ""
    country: CountryCode = "US"


class Transaction(Value):
    """One purchase the person remembers."""

    on: date | None = None
    amount: Annotated[str, StringConstraints(pattern=r"^\d{1,9}([.,]\d{1,2})?$")] | None = None


class Subject(Value):
    """Whom the request is about, as the requester describes them."""

    name: Line | None = None
    emails: Annotated[list[Email], Field(max_length=MOST_VALUES)] = []
    phones: Annotated[list[Phone], Field(max_length=MOST_VALUES)] = []
    addresses: Annotated[list[PostalAddress], Field(max_length=MOST_VALUES)] = []
    account_number: ShortLine | None = None
    order_numbers: Lines = []
    tracking_numbers: Lines = []
    transactions: Annotated[list[Transaction], Field(max_length=MOST_VALUES)] = []

    def empty(self) -> bool:
        """Whether nothing at all is said about the person."""
        return not any(getattr(self, field) for field in type(self).model_fields)


class Mandate(Value):
    """Written permission or power of attorney; the document itself stays with the submitter."""

    kind: Literal["signed_permission", "power_of_attorney", "parental", "estate"] = "signed_permission"
    reference: Line | None = None
    signed_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None
    scope: list[SubmittedRight] = []


class Agent(Value):
    """Who acts for the subject."""

    name: Line
    email: Email
    mandate: Mandate | None = None


class Residence(Value):
    """Where the person says they live: ISO 3166-1 country and the region part of ISO 3166-2."""

    country: CountryCode
    region: RegionCode | None = None


class Declaration(Value):
    """Signed statement under penalty of perjury (11 CCR § 7062(c))."""

    signed_name: Line
    signed_at: AwareDatetime
    text_version: ShortLine


class Correction(Value):
    """One value the person says is wrong, and what would be right."""

    field: Code
    old: Line | None = None
    new: Line


class Period(Value):
    """The span of time an answer shall cover, both days included."""

    since: date | None = None
    until: date | None = None


class RequestSubmitted(Value):
    """A privacy request as an upstream app publishes it on `privacy.requests`."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    submission_id: OpaqueId
    source: Slug
    brand: Slug
    received_at: AwareDatetime | None = None
    channel: Code = "web"
    rights: Annotated[list[SubmittedRight], Field(max_length=MOST_RIGHTS)] = []
    role: Role = Role.SUBJECT
    agent: Agent | None = None
    subject: Subject
    residence: Residence | None = None
    context: Context = Context.UNKNOWN
    merchant_named: Line | None = None
    declaration: Declaration | None = None
    corrections: Annotated[list[Correction], Field(max_length=MOST_VALUES)] = []
    period: Period | None = None
    authentication: Annotated[str, StringConstraints(max_length=8_192)] | None = None
    refers_to: RequestId | None = None
    locale: Locale = "en-US"
    message: Message | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "RequestSubmitted":
        if not self.rights and not self.message:
            message = "give at least one of `rights` and `message`"
            raise ValueError(message)
        if Right.UNCLASSIFIED in self.rights:
            message = "`unclassified` is not a right one can ask for"
            raise ValueError(message)
        if self.role is Role.AGENT and self.agent is None:
            message = "`agent` must be given when `role` is agent"
            raise ValueError(message)
        return self


class RequesterAnswered(Value):
    """What the person says later, as an upstream app publishes it on `privacy.answers`."""

    source: Slug
    answer_id: OpaqueId
    request_id: RequestId | None = None
    case_id: CaseId | None = None
    kind: AnswerKind
    answer_token: ShortLine | None = None
    subject: Subject | None = None
    declaration: Declaration | None = None
    mandate: Mandate | None = None
    rights: Annotated[list[SubmittedRight], Field(max_length=MOST_RIGHTS)] = []
    code: ShortLine | None = None
    accepted: bool = True
    message: Message | None = None

    @model_validator(mode="after")
    def _names_its_request(self) -> "RequesterAnswered":
        if self.request_id is None and self.case_id is None:
            message = "give `request_id` or `case_id`"
            raise ValueError(message)
        needed = {
            AnswerKind.POINTS: "subject",
            AnswerKind.DECLARATION: "declaration",
            AnswerKind.MANDATE: "mandate",
        }
        field = needed.get(self.kind)
        if field and getattr(self, field) is None:
            message = f"`{field}` must be given when `kind` is {self.kind}"
            raise ValueError(message)
        return self


class WaitingFor(Value):
    """What the person is asked for, and until when."""

    kind: Waiting
    until: AwareDatetime | None = None


class RequestStatusChanged(Event):
    """The public state of one request, for the app that submitted it. A final status is never followed by another."""

    source: Slug
    submission_id: str | None = None
    answer_id: str | None = Field(None, description="the answer that was rejected, when it was one")
    request_id: RequestId | None = None  # type: ignore[assignment]  # a rejected submission has none
    case_id: CaseId | None = None  # type: ignore[assignment]
    right: Right | None = None
    status: Status
    reason: Reason | None = None
    expected_by: date | None = None
    waiting_for: WaitingFor | None = None
    problems: list[Problem] = []
