"""What intake remembers of a case. References and codes only."""

from datetime import date, datetime, timedelta
from typing import Final, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from rules.clocks import instant_of_end
from schemas.values import Right
from services.kernel.decision import State

SHARES: Final = (50, 80, 95, 100)
"""Shares of the time to answer, in percent, that are told when they have passed; the last one is the missed day."""
MARGIN: Final = timedelta(minutes=1)
"""What ends at the last moment must have been heard of before its day counts as missed."""


class Asked(BaseModel):
    """One request of the case. `told` is the last share of its time that was told to have passed.

    Shares are of the time to our own day, `target_by`; missed is the law's. `held` waits for an agent's mandate,
    `unsaid` for what is to be corrected. `received_at` is that of a request taken up once more, else the case's.
    """

    model_config = ConfigDict(frozen=True)

    right: Right
    law: str = "BRAND"
    received_at: AwareDatetime | None = None
    respond_by: date
    target_by: date | None = None
    pauses: tuple[tuple[AwareDatetime, AwareDatetime], ...] = ()
    extendable_to: date | None = None
    timezone: str = "UTC"
    told: int = 0
    tries: int = 0
    held: bool = False
    unsaid: bool = False
    declared: bool = False
    confirms: bool = False
    extended: bool = False
    settled: bool = False
    closed: bool = False
    fulfilled: bool = False

    def moment(self, received_at: datetime, share: int) -> datetime:
        """When a share of the time to answer has passed."""
        if share == SHARES[-1]:
            return instant_of_end(self.respond_by, self.timezone) + MARGIN
        end, start = instant_of_end(self.target_by or self.respond_by, self.timezone), self.received_at or received_at
        return start + (end - start) * share / 100

    def next_moment(self, received_at: datetime) -> datetime | None:
        """When the next share passes; None when the request is closed or its last day is over."""
        share = next((share for share in SHARES if share > self.told), None)
        return None if self.closed or share is None else self.moment(received_at, share)


class Case(State):
    """A submission and everything said about it later. One request per right.

    `clients` says of each client whose record was located whether its parcel was named. `heard` holds what was
    answered, by the app's own id of it, as a digest; `used` the tokens spent, by what they were for. While an appeal
    may take one of its requests up once more, until `spared_until`, the case's data key is kept.
    """

    case_id: str = ""
    source: str = ""
    submission_id: str = ""
    brand: str = ""
    digest: str = ""
    received_at: AwareDatetime | None = None
    asked: dict[str, Asked] = {}
    clients: dict[str, bool] = {}
    heard: dict[str, str] = {}
    used: frozenset[str] = frozenset()
    decided: frozenset[UUID] = frozenset()
    destroy_at: AwareDatetime | None = None
    spared_until: AwareDatetime | None = None
    destroyed: bool = False

    @property
    def opened(self) -> bool:
        """Whether a submission was accepted under this case."""
        return bool(self.asked)

    @property
    def due_at(self) -> datetime | None:
        """When a share of some request's time passes, or the day the data key is destroyed has come."""
        received = self.received_at
        shares = (asked.next_moment(received) for asked in self.asked.values()) if received else ()
        return min((at for at in (*shares, self.destroy_at) if at), default=None)

    def running(self) -> list[str]:
        """Requests whoever asked does not know to have ended, in the order they were asked."""
        return [request_id for request_id, asked in self.asked.items() if not asked.settled]

    def all_closed(self) -> bool:
        """Whether every part of every request has ended."""
        return all(asked.closed for asked in self.asked.values())

    def with_asked(self, request_id: str, **changes: object) -> Self:
        """Return a copy in which one request is changed."""
        return self.but(asked=self.asked | {request_id: self.asked[request_id].model_copy(update=changes)})
