"""The words events are made of: closed lists and small value models. No behaviour, no I/O.

Terms follow the field's glossary; a value that reaches the public keeps the name its standard gives it
(Data Rights Protocol 1.0 for statuses and denials).
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from schemas.scalars import Code, Slug

V = TypeVar("V")


class Right(StrEnum):
    """What a person (or, for the last, a client) may ask for."""

    KNOW_CATEGORIES = "know_categories"
    KNOW_SPECIFIC = "know_specific"
    PORTABILITY = "portability"
    DELETE = "delete"
    CORRECT = "correct"
    OPT_OUT_SALE_SHARE = "opt_out_sale_share"
    OPT_OUT_TARGETED_ADS = "opt_out_targeted_ads"
    OPT_OUT_PROFILING = "opt_out_profiling"
    OPT_OUT_MARKETING = "opt_out_marketing"
    LIMIT_SENSITIVE = "limit_sensitive"
    WITHDRAW_CONSENT = "withdraw_consent"
    OPT_IN_SALE = "opt_in_sale"
    THIRD_PARTY_LIST = "third_party_list"
    SHINE_THE_LIGHT = "shine_the_light"
    DEACTIVATE = "deactivate"
    APPEAL = "appeal"
    COMPLAINT = "complaint"
    INQUIRY = "inquiry"
    MINOR_REPORT = "minor_report"
    SERVICE_PROVIDER_LIST = "service_provider_list"
    UNCLASSIFIED = "unclassified"
    """Free text without a right: held for detail, with the clock running."""


RIGHT_ALIASES = {"access": Right.KNOW_SPECIFIC}
"""Names other tools use for a right of ours."""
ASKABLE = tuple(right for right in Right if right is not Right.UNCLASSIFIED)


def _meant(value: object) -> object:
    meant = RIGHT_ALIASES.get(value, value) if isinstance(value, str) else value
    if meant not in ASKABLE:
        message = f"must be one of {', '.join(ASKABLE)}"
        raise ValueError(message)
    return meant


SubmittedRight = Annotated[
    Right,
    BeforeValidator(_meant),
    WithJsonSchema({"type": "string", "enum": [*map(str, ASKABLE), *RIGHT_ALIASES]}),
]
"""A right as outsiders name it."""

OPT_OUTS = frozenset(
    {
        Right.OPT_OUT_SALE_SHARE,
        Right.OPT_OUT_TARGETED_ADS,
        Right.OPT_OUT_PROFILING,
        Right.OPT_OUT_MARKETING,
        Right.LIMIT_SENSITIVE,
        Right.WITHDRAW_CONSENT,
        Right.OPT_IN_SALE,
    }
)
"""Rights that change a preference: no verification, applied at once (11 CCR § 7026, § 7027, § 7060(b))."""

ANSWERED_BY_A_PERSON = frozenset({Right.APPEAL, Right.COMPLAINT, Right.INQUIRY, Right.MINOR_REPORT})
"""Rights an operator must answer; no system can."""


class Medium(StrEnum):
    """By what marketing reaches somebody; each can be stopped by itself."""

    EMAIL = "email"
    SMS = "sms"
    POST = "post"
    PHONE = "phone"


class Group(StrEnum):
    """Independent groups of data points; a person proves one point per group at most."""

    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    ADDRESS = "address"
    ACCOUNT = "account"
    ORDER = "order"
    TRANSACTION = "transaction"
    PAYMENT = "payment"
    BIRTH = "birth"
    NATIONAL_ID = "national_id"


class PointKind(StrEnum):
    """Kinds of data points a person may offer."""

    NAME = "name"
    EMAIL = "email"
    PHONE = "phone"
    ADDRESS = "address"
    POSTCODE = "postcode"
    ACCOUNT_NUMBER = "account_number"
    ORDER_NUMBER = "order_number"
    TRACKING_NUMBER = "tracking_number"
    TRANSACTION_DATE = "transaction_date"
    TRANSACTION_AMOUNT = "transaction_amount"
    DATE_OF_BIRTH = "date_of_birth"
    NATIONAL_ID = "national_id"


class Population(StrEnum):
    """Which kind of relation a record comes from; only RECIPIENT records belong to a client."""

    VISITOR = "visitor"
    PROSPECT = "prospect"
    ACCOUNT_HOLDER = "account_holder"
    CLIENT_STAFF = "client_staff"
    EMPLOYEE = "employee"
    RECIPIENT = "recipient"


class Assurance(StrEnum):
    """How sure we must be, or are, of who asks (11 CCR § 7062)."""

    NONE = "none"
    REASONABLE = "reasonable"
    REASONABLY_HIGH = "reasonably_high"


class Role(StrEnum):
    """Who submits."""

    SUBJECT = "subject"
    AGENT = "agent"
    PARENT = "parent"
    CLIENT_STAFF = "client_staff"


class Context(StrEnum):
    """In which capacity the person is known to the company."""

    INDIVIDUAL_HOUSEHOLD = "individual_household"
    BUSINESS_CONTACT = "business_contact"
    EMPLOYEE = "employee"
    UNKNOWN = "unknown"


class Status(StrEnum):
    """Public status of a request: Data Rights Protocol 1.0, plus `rejected` for a submission that was none."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    FULFILLED = "fulfilled"
    DENIED = "denied"
    REVOKED = "revoked"
    EXPIRED = "expired"
    REJECTED = "rejected"


FINAL = frozenset({Status.FULFILLED, Status.DENIED, Status.REVOKED, Status.EXPIRED, Status.REJECTED})


class Reason(StrEnum):
    """Why a request is held or denied: DRP's seven, and sub-codes of our own."""

    NEED_USER_VERIFICATION = "need_user_verification"
    SUSPECTED_FRAUD = "suspected_fraud"
    INSUF_VERIFICATION = "insuf_verification"
    NO_MATCH = "no_match"
    CLAIM_NOT_COVERED = "claim_not_covered"
    OUTSIDE_JURISDICTION = "outside_jurisdiction"
    TOO_MANY_REQUESTS = "too_many_requests"
    OTHER = "other"
    EXCEPTION_LEGAL_OBLIGATION = "exception_legal_obligation"
    EXCEPTION_TRANSACTION = "exception_transaction"
    EXCEPTION_SECURITY_FRAUD = "exception_security_fraud"
    EXCEPTION_LEGAL_CLAIMS = "exception_legal_claims"
    THIRD_PARTY_RIGHTS = "third_party_rights"
    MANIFESTLY_UNFOUNDED = "manifestly_unfounded"
    EXCESSIVE = "excessive"
    ACCURACY_CONFIRMED = "accuracy_confirmed"
    NOT_THE_CONTROLLER = "not_the_controller"
    WOULD_VIOLATE_LAW = "would_violate_law"
    WOULD_MAKE_INCORRECT = "would_make_incorrect"
    FEE_DECLINED = "fee_declined"
    WHOLE_ACCOUNT_DECLINED = "whole_account_declined"


DRP_REASONS = frozenset(
    {
        Reason.SUSPECTED_FRAUD,
        Reason.INSUF_VERIFICATION,
        Reason.NO_MATCH,
        Reason.CLAIM_NOT_COVERED,
        Reason.OUTSIDE_JURISDICTION,
        Reason.TOO_MANY_REQUESTS,
        Reason.OTHER,
    }
)


class Outcome(StrEnum):
    """How one part ended. A closed list: a part that ended otherwise did not end."""

    ERASED = "erased"
    MASKED = "masked"
    AGGREGATED = "aggregated"
    EXPORTED = "exported"
    CORRECTED = "corrected"
    APPLIED = "applied"
    RETAINED = "retained"
    NOT_FOUND = "not_found"
    FAILED = "failed"
    SKIPPED = "skipped"
    VERIFIED = "verified"
    UNVERIFIED = "unverified"
    CONFIRMED = "confirmed"
    SENT = "sent"
    ANSWERED = "answered"
    COMPLETED = "completed"
    REFUSED = "refused"
    NOT_OURS = "not_ours"
    REFERRED = "referred"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    UNNEEDED = "unneeded"


class Ending(StrEnum):
    """How a whole request ended, folded from its parts."""

    FULFILLED = "fulfilled"
    PARTIALLY_FULFILLED = "partially_fulfilled"
    DENIED = "denied"
    UNVERIFIED = "unverified"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    FAILED = "failed"


class Party(StrEnum):
    """For whom a part can wait."""

    PERSON = "person"
    CLIENT = "client"
    SYSTEM = "system"
    OPERATOR = "operator"


class Waiting(StrEnum):
    """For what a part can wait."""

    PROOF = "proof"
    DECLARATION = "declaration"
    MANDATE = "mandate"
    CONFIRMATION = "confirmation"
    FEE = "fee"
    DETAIL = "detail"
    NOTICE = "notice"
    PERIOD = "period"
    REVIEW = "review"
    TASK = "task"
    REPLY = "reply"
    ANSWER = "answer"
    PARKED = "parked"
    REQUEST = "request"


class AnswerKind(StrEnum):
    """What a requester's answer is."""

    POINTS = "points"
    DECLARATION = "declaration"
    MANDATE = "mandate"
    DETAIL = "detail"
    CONFIRMATION = "confirmation"
    FEE_CONSENT = "fee_consent"
    CODE = "code"
    WITHDRAWAL = "withdrawal"
    NOT_ME = "not_me"


class Action(StrEnum):
    """What a system is asked to do."""

    EXPORT = "export"
    ERASE = "erase"
    CORRECT = "correct"
    APPLY = "apply"
    """Apply a preference: an opt-out, a limit, a withdrawn consent, an opt-in."""


class Verb(StrEnum):
    """What an operator can decide."""

    APPROVE = "approve"
    DENY = "deny"
    EXTEND = "extend"
    RETRY = "retry"
    SKIP = "skip"
    DONE = "done"
    HOLD = "hold"
    RELEASE = "release"
    WITHDRAW = "withdraw"


class Mode(StrEnum):
    """What a client told us to do with requests about its records."""

    REFER_ONLY = "refer_only"
    FORWARD = "forward"
    ACT_FOR_ME = "act_for_me"


class Letter(StrEnum):
    """Every letter there is."""

    ACKNOWLEDGEMENT = "acknowledgement"
    PROOF_NEEDED = "proof_needed"
    CODE = "code"
    CONFIRMATION_ASKED = "confirmation_asked"
    DETAIL_NEEDED = "detail_needed"
    MANDATE_NEEDED = "mandate_needed"
    DECLARATION_NEEDED = "declaration_needed"
    FEE_ASKED = "fee_asked"
    NOTICE = "notice"
    PASSED_ON = "passed_on"
    CLOSED = "closed"
    UNVERIFIED = "unverified"
    WITHDRAWN = "withdrawn"
    DENIED = "denied"
    EXTENDED = "extended"
    OVERDUE = "overdue"
    AMENDED = "amended"
    PASSWORD = "password"  # noqa: S105  the name of a letter


class Value(BaseModel):
    """A small immutable value; unknown fields are ignored, so that old readers read new writers."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


def in_order(named: Mapping[str, V]) -> dict[str, V]:
    """Sort by name, so that equal values are equal bytes."""
    return dict(sorted(named.items()))


Counts = Annotated[dict[str, int], AfterValidator(in_order)]
"""How many records of each category; never a value."""


class Problem(Value):
    """What was wrong with a message: where, and which rule it breaks. Never a value."""

    field: str = Field(description="path of names and positions, such as subject.phones.0; empty for the whole")
    rule: str


class Retained(Value):
    """What a system kept, on what ground, until when."""

    category: Code
    code: Reason
    citation: str
    until: date | None = None
    count: int = Field(ge=0)


class PartEnd(Value):
    """How one part ended, with counts per category and never a value."""

    outcome: Outcome
    counts: Counts = {}
    retained: list[Retained] = []
    reason: str | None = None
    basis: str | None = Field(None, max_length=200, description="the provision a denial by an operator rests on")


Parts = Annotated[dict[str, PartEnd], AfterValidator(in_order)]
"""How each part ended, by its name."""


class Located(Value):
    """One client that owns a record of the person, and what located it."""

    client: Slug
    mode: Mode
    groups: list[Group]
    subjects: list[str] = []
    parcel_named: bool = Field(
        default=False, description="the requester named a parcel or order that fits: only then may a letter speak of it"
    )
