"""Intake's window in one hand: messages in; what was told, and what went into the vault, kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from rules.matching import Candidate
from schemas.base import Due, Event
from schemas.events import AnswerRecorded, RequestAccepted
from schemas.public import RequesterAnswered, RequestStatusChanged, RequestSubmitted
from schemas.values import Mode, Right
from services.intake.decide import Case, Facts, decide
from services.intake.decide.reading import Answer, Submission
from services.kernel import tokens
from services.kernel.decision import Effect
from tests.support.scenes import asks
from tests.support.values import NOON, E, an_id, of
from tests.support.world import KEY, SOURCE, answer_token, handbook
from tests.support.world import case_of as case_named
from tests.support.world import request_of as request_named

CASE_ID = case_named("s")


def request(right: Right = Right.DELETE) -> str:
    """The id of the request of one right."""
    return request_named("s", right)


def a_submission(
    *rights: str, at: datetime = NOON, copy: int = 1, source: str = SOURCE, digest: str = "", **more: Any
) -> Submission:
    """Ada asks, for a deletion unless rights are named."""
    body = RequestSubmitted.model_validate({"source": SOURCE, **asks("s", *(rights or ("delete",)), **more)})
    content = digest or body.model_dump_json(exclude_defaults=True)
    return Submission(an_id("submission", content, copy), at, source, "s", CASE_ID, content, body)


def an_answer_of(kind: str, right: Right = Right.DELETE, *, copy: int = 1, **more: Any) -> Answer:
    """Ada answers; the token is the letter's unless another is given. `by` names another app."""
    source, at = more.pop("by", SOURCE), more.pop("at", NOON)
    named = {} if "case_id" in more else {"request_id": request(right)}
    needs = kind in {"confirmation", "fee_consent", "withdrawal", "not_me"}
    token = {"answer_token": answer_token(request(right), kind, 1)} if needs else {}
    body = RequesterAnswered.model_validate(
        {"source": source, "answer_id": f"a-{kind}", "kind": kind, **named, **token, **more}
    )
    digest = body.model_dump_json(exclude_defaults=True)
    return Answer(an_id("answer", digest, copy), at, source, body.answer_id, CASE_ID, CASE_ID, digest, body)


class Window:
    """Feeds messages into intake's decision and remembers all that followed; `last` is what the last one led to."""

    def __init__(self, *events: Any, found: Mapping[UUID, tuple[Candidate, ...]] | None = None) -> None:
        self.state, self.now = Case.stub(tokens.case_key(CASE_ID)), NOON
        self.found, self.modes = dict(found or {}), {"acorn": Mode.FORWARD}
        self.told: list[Event] = []
        self.last: tuple[Event, ...] = ()
        self.effects: list[Effect] = []
        self.vault: dict[str, bytes] = {}
        for event in events:
            self.hear(event)

    def facts(self, event: Any) -> Facts:
        """What surrounds intake: two apps, the directory as this window knows it."""
        raw = self.vault.get("submission")
        submitted = {event.event_id: RequestSubmitted.model_validate_json(raw)} if raw else {}
        return Facts(
            handbook=handbook(), sources=frozenset({SOURCE, "other-app"}), modes=self.modes,
            name=lambda case, right: str(tokens.request_id(KEY, UUID(case), right)), token=answer_token,
            code=lambda request_id, number: tokens.code(KEY, request_id, "code", number), same=tokens.matches,
            found=self.found, submitted=submitted,
        )  # fmt: skip

    def hear(self, event: Any) -> "Window":
        """Decide on one message."""
        decision = decide(self.state, event, self.facts(event), self.now)
        assert decision.state is self.state or decision.due_at == decision.state.due_at
        self.state = decision.state.but(version=self.state.version + 1)
        self.last = decision.events
        self.told += decision.events
        self.effects += decision.effects
        self.vault |= decision.secrets
        return self

    def wake(self) -> "Window":
        """Let time pass until the case asked to be woken."""
        due = self.state.due_at
        assert due is not None, "it sleeps for good"
        self.now = max(self.now, due)
        return self.hear(Due.of(self.state.id, self.state.version, due))

    def all(self, kind: type[E]) -> list[E]:
        """Every event of one class so far."""
        return of(kind, self.told)

    def accepted(self, right: Right = Right.DELETE) -> RequestAccepted:
        """The one acceptance of a right."""
        [event] = [event for event in self.all(RequestAccepted) if event.right is right]
        return event

    def problems(self) -> list[tuple[str, str]]:
        """Field and rule of every problem in the last rejection; none when nothing was rejected."""
        return [(p.field, p.rule) for s in of(RequestStatusChanged, self.last) for p in s.problems]

    def recorded(self) -> list[AnswerRecorded]:
        """The answers recorded last."""
        return of(AnswerRecorded, self.last)
