"""The declared requests of an HTTP system."""

from typing import Literal, Self

from pydantic import Field, model_validator

from connectors.holdings import Mapped
from connectors.http.templates import Template
from schemas.scalars import Code
from schemas.values import Action, Outcome

Word = Outcome | Literal["pending"]
Pointer = str
"""A JSON pointer (RFC 6901) into an answer: `/data/rows`; empty for the whole."""


class Step(Mapped):
    """One request, and how its answer is read.

    What became of the task is told by the HTTP status (`outcomes`), or by a word in the answer (`outcome` points at it,
    `words` translates it). Without either a 2xx means that it was done, 404 and 410 that nobody was found.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: str = Field(pattern="^/")
    body: str | None = None
    outcomes: dict[int, Word] = {}
    outcome: Pointer | None = None
    words: dict[str, Word] = {}
    counts: dict[Code, Pointer] = Field({}, description="where the number of records per category is said")
    count: Pointer | None = Field(None, description="where an object of numbers per category is")
    retained: Pointer | None = Field(None, description="where a list of what was kept is, in our own words")
    reference: Pointer | None = Field(None, description="where the system's own name for a pending job is")
    rows: dict[Code, Pointer] = Field({}, description="for exports: where the rows of each holding are")
    next: Pointer | None = Field(None, description="for exports: where the path of the next page is")

    @model_validator(mode="after")
    def _can_be_filled(self) -> Self:
        self.path_template.try_out()
        if self.body_template:
            self.body_template.try_out()
        return self

    @property
    def path_template(self) -> Template:
        """The path, ready to be filled."""
        return Template.for_path(self.path)

    @property
    def body_template(self) -> Template | None:
        """The body, ready to be filled."""
        return Template.for_body(self.body) if self.body is not None else None


class Request(Step):
    """One request for an action; `poll` asks about the job it started, where it ends later."""

    poll: Step | None = None


class HttpOptions(Mapped):
    """How an HTTP system is asked.

    `find` looks whether a record is there before it is erased: only then a retry can tell a record that it has erased
    itself from one that never was.
    """

    record_key: Code
    headers: dict[str, str] = Field({}, description="header -> the variable that holds its value")
    find: Step | None = None
    export: Request | None = None
    erase: Request | None = None
    correct: Request | None = None
    apply: Request | None = None
    poll_s: float = Field(300.0, gt=0, description="how long to wait before looking again at a pending job")
    ping: Step = Step(method="GET", path="/")

    def request(self, action: Action) -> Request | None:
        """The request for an action, if there is one."""
        steps = {
            Action.EXPORT: self.export,
            Action.ERASE: self.erase,
            Action.CORRECT: self.correct,
            Action.APPLY: self.apply,
        }
        return steps[action]
