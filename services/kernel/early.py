"""Decisions of operators that come before their request is known: kept a little while, then refused."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from pydantic import AwareDatetime

from rules.parts import NOBODY_KNOWS, PATIENCE
from schemas.base import Event
from schemas.events import OperatorDecided
from services.kernel.decision import Decision, State


class Early(State):
    """A state that can hear of a decision before it hears of the request.

    `early` are decisions not yet answered, `early_until` is when they are refused, `decided` are all ever heard.
    """

    early: tuple[OperatorDecided, ...] = ()
    early_until: AwareDatetime | None = None
    decided: frozenset[UUID] = frozenset()

    @property
    def due_at(self) -> datetime | None:
        """The next moment something must be looked at; while nothing else is known, that is when patience ends."""
        return self.early_until


E = TypeVar("E", bound=Early)


def expect(state: E, now: datetime, reply: Callable[[E, OperatorDecided, datetime, str], Event]) -> Decision[E]:
    """Let decisions wait for their request a little while; then reply to each that nobody knows it."""
    if not state.early:
        return Decision(state, due_at=state.due_at)
    if state.early_until is None:
        state = state.but(early_until=now + PATIENCE)
    if state.early_until and now < state.early_until:
        return Decision(state, due_at=state.due_at)
    refused = tuple(reply(state, decision, now, NOBODY_KNOWS) for decision in state.early)
    return Decision(state.but(early=(), early_until=None), refused)
