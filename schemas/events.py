"""Every event that travels between our services, one class each. Codes and references only: no personal value."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, model_validator

from schemas.base import Event
from schemas.problems import between_fields
from schemas.scalars import CaseId, Code, Locale, PartId, RequestId, Slug, Token
from schemas.values import (
    Action,
    AnswerKind,
    Assurance,
    Context,
    Counts,
    Ending,
    Group,
    Letter,
    Located,
    Medium,
    Outcome,
    PartEnd,
    Parts,
    Party,
    PointKind,
    Population,
    Reason,
    Retained,
    Right,
    Role,
    Value,
    Verb,
    Waiting,
)


class Clock(Value):
    """The dates a request must keep, and the rule they come from. Dates end with the local day of `timezone`."""

    receipt_date: date
    acknowledge_by: date | None = None
    respond_by: date
    extended_respond_by: date | None = None
    target_by: date | None = Field(None, description="our own day: earlier where the law can be read so")
    timezone: str


class RequestAccepted(Event):
    """A request is well formed: whose data, which law, which clock, and what must be done."""

    type: Literal["RequestAccepted"] = "RequestAccepted"
    source: Slug
    submission_id: str
    brand: Slug
    right: Right
    role: Role
    channel: Code
    context: Context
    locale: Locale
    law: str
    law_why: Code
    granted: bool
    provisional: bool
    policy_version: str
    received_at: AwareDatetime
    clock: Clock
    verify: bool
    assurance: Assurance
    points_needed: int = Field(ge=0, le=9)
    declaration_needed: bool
    declared: bool = False
    given: list[PointKind] = []
    contested: list[PointKind] = Field([], description="kinds under correction: they prove nothing here")
    parts: list[PartId] = Field(description="what is pending from the start")
    clients: list[Located] = []
    only_for: list[Population] = Field([], description="whom the promise reaches that grants it; none: everybody")
    fallback: Right | None = Field(None, description="what it becomes if its own points are not reached")
    fallback_points: int = Field(0, ge=0, le=9, description="the points that needs")
    fallback_since: date | None = Field(None, description="the first day that answer covers")
    work_fields: list[Code] = Field([], description="fields that are no personal information of somebody at work")
    refers_to: RequestId | None = Field(None, description="the request an appeal or a complaint is about")
    subjects: list[str] = Field([], description="records a right without verification applies to, as opaque references")
    releases: list[RequestId] = Field([], description="requests of the case that wait for the end of this one")
    instructed_by: Slug | None = Field(None, description="the client that asked unasked: it hears of it, nobody else")
    person_confirms: bool = Field(default=False, description="an agent asks, and the person must confirm it directly")
    pauses: list[Waiting] = Field([], description="what stops the clock while the person is waited for")
    media: list[Medium] = Field([], description="by what marketing stops; none named: by everything")
    ask_again_from: date | None = Field(None, description="the day before which nobody is asked to take it back")
    unsaid: bool = Field(default=False, description="a correction that does not say yet what is wrong")
    upheld_by: RequestId | None = Field(None, description="the appeal because of which it is taken up once more")
    unverified_at: AwareDatetime = Field(description="the fixed instant an unverified request publicly ends")
    has_email: bool = True
    since: date | None = Field(None, description="the first day the answer covers; without one, all that is held")
    until: date | None = Field(None, description="the last day the answer covers, where one was asked for")


class AnswerRecorded(Event):
    """The person said something more; what it was is in the vault, what it adds is here."""

    type: Literal["AnswerRecorded"] = "AnswerRecorded"
    kind: AnswerKind
    given: list[PointKind] = []
    clients: list[Located] = []
    accepted: bool = True
    right: Right | None = Field(None, description="what a request held for detail turned out to be")
    round: int | None = Field(None, ge=1, description="whose code it was, when `kind` is code")
    person_confirms: bool = Field(default=False, description="by this mandate the person must confirm the agent")
    contested: list[PointKind] = Field([], description="kinds under correction, as this answer names them")


class PartWaiting(Event):
    """A part waits for a named party until a known moment."""

    type: Literal["PartWaiting"] = "PartWaiting"
    part: PartId
    party: Party
    waiting: Waiting
    until: AwareDatetime
    kinds: list[PointKind] = Field([], description="kinds of points the person may choose from")
    declaration: bool = Field(default=False, description="a signed declaration is still needed")
    round: int = Field(1, ge=1)
    who: Slug | None = Field(None, description="the client or system waited for")
    groups: list[Group] = Field([], description="what fits the one record an operator may look at")
    code_to: str | None = Field(None, description="whose contact on file is sent a code; never told outside")
    why: Code | None = Field(None, description="why an operator must look, never told outside; or why a fee is asked")


class RequestVerified(Event):
    """The requester is who they say they are, or acts for them."""

    type: Literal["RequestVerified"] = "RequestVerified"
    subject: str
    groups: list[Group]
    assurance: Assurance
    by: Literal["points", "operator", "session"] = "points"
    late: bool = Field(False, description="after the request had publicly ended unverified")
    evidence: str | None = Field(None, description="keyed hash of what was given: all that is kept of it")
    instead: Right | None = Field(None, description="what it became, because the points of the right were not reached")
    beyond: Literal["answer", "fee", "refuse"] = Field("answer", description="what may follow so many requests")
    beyond_by: str | None = Field(None, description="the rule that says so")


class VerificationFailed(Event):
    """It stayed open who asks. `detail` is for the register only."""

    type: Literal["VerificationFailed"] = "VerificationFailed"
    reason: Reason = Reason.INSUF_VERIFICATION
    detail: Literal["no_record", "not_enough", "ambiguous", "silent", "denied", "not_me", "withdrawn"]


class TaskAssigned(Event):
    """One system is asked to do one thing for one request."""

    type: Literal["TaskAssigned"] = "TaskAssigned"
    task_id: str
    system: Slug
    part: PartId
    action: Action
    right: Right
    brand: Slug
    subjects: list[str] = []
    client: Slug | None = None
    since: date | None = None
    until: date | None = None
    attempt: int = 1
    deadline: AwareDatetime
    law: str = ""
    received_at: AwareDatetime | None = Field(None, description="when the person asked")
    media: list[Medium] = Field([], description="by what marketing stops; none named: by everything")
    keys_from: list[Slug] = Field([], description="systems by whose record keys it is told; none: its own")
    keys_jwe: str | None = Field(None, description="for a system that reads this itself: its record keys, sealed to it")
    upload_jwk: dict[str, str] | None = Field(None, description="the public key exported rows are sealed to")
    reply_token: Token


class TaskFinished(Event):
    """One system's own account of one task, as counts per category."""

    type: Literal["TaskFinished"] = "TaskFinished"
    task_id: str
    system: Slug
    part: PartId
    attempt: int = Field(1, ge=1, description="the attempt that ended so; the failure of an older one says nothing new")
    outcome: Outcome
    counts: Counts = {}
    retained: list[Retained] = []
    reason: str | None = None
    reply_token: Token


class OfferedPoint(Value):
    """One value the person gave that fits a record of this very client."""

    kind: PointKind
    value: str | dict[str, Any]


class CorrectedValue(Value):
    """A correction asked for: the field and the value that would be right."""

    field: Code
    new: str


class ClientMessageBase(Event):
    """What every message to a client carries."""

    client: Slug
    handover_id: str = Field(description="what this client calls the request: in `request_id` and `case_id` as well")


class ClientRequest(ClientMessageBase):
    """A person's request about records this client owns. Minimal by construction."""

    type: Literal["request"] = "request"
    right: Right
    points: list[OfferedPoint]
    corrections: list[CorrectedValue] = []
    media: list[Medium] = Field([], description="by what marketing shall stop; none named: by everything")
    identified_by: list[Group]
    verified_by_us: Literal[False] = False
    law: str
    residence: str | None = None
    received_at: AwareDatetime
    respond_by: date
    confirm_by: AwareDatetime = Field(description="until when we wait for `received`")
    complete_by: AwareDatetime = Field(description="until when we wait for an end")
    locale: Locale
    reply_token: Token


class ClientReminder(ClientMessageBase):
    """We still wait for this client."""

    type: Literal["reminder"] = "reminder"
    waiting_for: Literal["received", "completed"]
    until: AwareDatetime


class ClientRecall(ClientMessageBase):
    """The person withdrew: nothing more is asked."""

    type: Literal["recall"] = "recall"
    reason: Code


class ClientResult(ClientMessageBase):
    """What came of an instruction this client gave, with the package it asked for if that is small enough to send."""

    type: Literal["result"] = "result"
    parts: Parts
    instruction_id: str | None = Field(None, description="the client's own id, when it instructed unasked")
    package: str | None = Field(None, description="the data asked for: a ZIP archive in base64")


class ReplyError(ClientMessageBase):
    """A reply could not be used: which field, which rule."""

    type: Literal["reply-error"] = "reply-error"
    field: str
    rule: str
    instruction_id: str | None = Field(None, description="the client's own id, when it is about a signed message")


class ClientReplied(Value):
    """A client's answer to a hand-over. Proven by its token, not by its sender."""

    client: Slug
    handover_id: RequestId
    request_id: RequestId | None = Field(None, description="need not be given; the same as `handover_id`")
    reply_token: Token
    type: Literal["received", "instruct", "completed", "refused", "not_ours"]
    action: Literal[Action.EXPORT, Action.ERASE, Action.CORRECT] | None = Field(
        None, description="what to do with this client's records, when `type` is instruct; else what the person asked"
    )
    reason: Code | None = Field(None, description="why, when `type` is refused")

    @model_validator(mode="after")
    def _says_why(self) -> "ClientReplied":
        if self.type == "refused" and self.reason is None:
            raise between_fields("reason", "must be given when `type` is refused")
        return self


class HandedOver(Event):
    """A client's request lies on that client's topic."""

    type: Literal["HandedOver"] = "HandedOver"
    part: PartId
    client: Slug
    handover_id: str
    parcel_named: bool


class OperatorDecided(Event):
    """A person of the company decided something about one request."""

    type: Literal["OperatorDecided"] = "OperatorDecided"
    verb: Verb
    part: PartId | None = None
    reason: Reason | None = None
    basis: str | None = Field(None, max_length=200, description="citation or code; free text goes to the vault")
    until: AwareDatetime | None = None
    by: Code


class DecisionApplied(Event):
    """What became of an operator's decision; a refusal says why."""

    type: Literal["DecisionApplied"] = "DecisionApplied"
    decision_id: str
    verb: Verb
    applied: bool
    reason: str | None = None


class DeadlineReached(Event):
    """A share of the time to answer has passed."""

    type: Literal["DeadlineReached"] = "DeadlineReached"
    percent: int = Field(ge=0, le=100)
    missed: bool = False
    respond_by: date
    appeal: bool = Field(default=False, description="missing the day opens an appeal")
    refusal: bool = Field(default=False, description="by law, silence until then is a refusal")


class DeadlineExtended(Event):
    """The time to answer was lengthened, once, with a reason."""

    type: Literal["DeadlineExtended"] = "DeadlineExtended"
    respond_by: date
    reason: Code


class ClockPaused(Event):
    """The person was waited for, under a law whose clock stands still meanwhile; the days are added by intake."""

    type: Literal["ClockPaused"] = "ClockPaused"
    waiting: Waiting
    since: AwareDatetime
    until: AwareDatetime


Deadline = Annotated[DeadlineReached | DeadlineExtended | ClockPaused, Field(discriminator="type")]


class RequestSettled(Event):
    """Everything the person may be told about has ended; parts they must not learn of may go on."""

    type: Literal["RequestSettled"] = "RequestSettled"
    ending: Ending
    reason: Reason | None = None
    parts: Parts
    subject: str | None = Field(None, description="who was verified; letters with findings go to their contact on file")
    package: bool = Field(default=False, description="an access package was made")
    reopens: RequestId | None = Field(None, description="the request that an upheld appeal takes up once more")


class RequestClosed(Event):
    """Every part ended; what became of each is here."""

    type: Literal["RequestClosed"] = "RequestClosed"
    ending: Ending
    reason: Reason | None = None
    parts: Parts


class RequestReleased(Event):
    """The work another request of the case waited for is done; what clients do with that one holds up nobody."""

    type: Literal["RequestReleased"] = "RequestReleased"
    by: RequestId = Field(description="the request whose own work has ended")


class RequestAmended(Event):
    """A part ended, or ended otherwise, after the request was closed."""

    type: Literal["RequestAmended"] = "RequestAmended"
    part: PartId
    end: PartEnd
    told_otherwise: bool


Closing = Annotated[RequestClosed | RequestAmended, Field(discriminator="type")]


class NoticeSent(Event):
    """A letter left the house."""

    type: Literal["NoticeSent"] = "NoticeSent"
    letter: Letter
    way: Literal["mail", "print"]
    to: Literal["given", "on_file"]


class NoticeFailed(Event):
    """A letter could not be delivered and will not be tried again by itself."""

    type: Literal["NoticeFailed"] = "NoticeFailed"
    letter: Letter
    reason: Code


Notice = Annotated[NoticeSent | NoticeFailed, Field(discriminator="type")]


class ContactWarned(Event):
    """The contact on file was told that something is about to be released or deleted, or could not be told."""

    type: Literal["ContactWarned"] = "ContactWarned"
    sent: bool


class Parked(Event):
    """A record nobody could work on; its bytes are sealed, its place is known, its content is not in here."""

    type: Literal["Parked"] = "Parked"
    request_id: RequestId | None = None  # type: ignore[assignment]  # what cannot be read names no request
    case_id: CaseId | None = None  # type: ignore[assignment]  # nor a case
    service: Slug
    topic: str
    partition: int
    offset: int
    stage: Literal["decode", "decide", "effect"]
    error: Code
    problems: list[str] = []
    sealed: str = Field(description="the original key, value and headers, sealed, base64")
