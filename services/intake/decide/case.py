"""What intake remembers of a case, and how a case ends. References and codes only."""

from datetime import date, datetime
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict

from schemas.events import RequestClosed
from schemas.values import Right
from services.intake.decide.facts import Facts
from services.kernel.decision import Decision, Effect, State

DESTROY: Final = "destroy_key"


class Asked(BaseModel):
    """One request of the case."""

    model_config = ConfigDict(frozen=True)

    right: Right
    respond_by: date
    closed: bool = False


class Case(State):
    """A submission and everything said about it later. One request per right."""

    case_id: str = ""
    source: str = ""
    submission_id: str = ""
    brand: str = ""
    digest: str = ""
    received_at: AwareDatetime | None = None
    asked: dict[str, Asked] = {}
    answers: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    wake_at: AwareDatetime | None = None
    destroyed: bool = False

    @property
    def opened(self) -> bool:
        """Whether a submission was accepted under this case."""
        return bool(self.asked)

    def open_requests(self) -> list[str]:
        """Requests not yet closed, in the order they were asked."""
        return [request_id for request_id, asked in self.asked.items() if not asked.closed]


def close(state: Case, event: RequestClosed, facts: Facts, now: datetime) -> Decision[Case]:
    """Note one request's end; when it was the last, set the day the case's data key is destroyed."""
    known = state.asked.get(event.request_id)
    if known is None or known.closed:
        return Decision(state, due_at=state.wake_at)
    state = state.but(asked=state.asked | {event.request_id: known.model_copy(update={"closed": True})})
    if not state.open_requests():
        state = state.but(wake_at=now + facts.handbook.brands[state.brand].windows.destroy_keys_after)
    return Decision(state, due_at=state.wake_at)


def wake(state: Case, now: datetime) -> Decision[Case]:
    """Destroy the data key when its day has come and nothing was opened since."""
    if state.wake_at is None or state.wake_at > now or state.open_requests():
        return Decision(state, due_at=state.wake_at)
    effect = Effect(DESTROY, state.case_id, state.case_id, state.wake_at.isoformat(), {}, lane="vault")
    return Decision(state.but(wake_at=None, destroyed=True), effects=(effect,))
