"""The one place that asks what time it is and draws random ids.

Embedded installations may shift time by an offset kept in the database, so that trials need not wait for weeks.
"""

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4  # noqa: TID251

import structlog
from psycopg import AsyncConnection

from services.kernel.errors import Misconfigured

log = structlog.get_logger()

MOST_SKEW = timedelta(minutes=1)
"""Beyond this disagreement with the database's clock, due work pauses: nobody is timed out by a wrong clock."""

_READ = "SELECT clock_timestamp(), coalesce((SELECT ahead FROM kernel.clock), interval '0')"
_WRITE = """
INSERT INTO kernel.clock (one, ahead) VALUES (true, %(by)s)
ON CONFLICT (one) DO UPDATE SET ahead = kernel.clock.ahead + excluded.ahead RETURNING ahead
"""


class Clock:
    """Now, in UTC, `ahead` by the installation's offset; knows whether it can be trusted for due work."""

    def __init__(self, ahead: timedelta = timedelta(0)) -> None:
        self.ahead = ahead
        self.trusted = True

    def __call__(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC) + self.ahead  # noqa: TID251  the one clock

    @staticmethod
    def real() -> datetime:
        """Return the present moment without the offset: what records' own timestamps compare with."""
        return datetime.now(UTC)  # noqa: TID251

    async def refresh(self, conn: AsyncConnection) -> None:
        """Take the offset from the database and compare the two clocks."""
        row = await (await conn.execute(_READ)).fetchone()
        if row is None:
            return
        self.ahead = row[1]
        trusted = abs(datetime.now(UTC) - row[0]) <= MOST_SKEW  # noqa: TID251
        if trusted != self.trusted:
            log.warning("clock_trusted" if trusted else "clock_disagrees", most_s=MOST_SKEW.total_seconds())
        self.trusted = trusted

    @staticmethod
    async def advance(conn: AsyncConnection, by: timedelta) -> timedelta:
        """Shift every process's clock forward; returns the whole offset.

        Raises:
            Misconfigured: time can only go forward.
        """
        if by < timedelta(0):
            message = "the clock can only be advanced; give a positive span such as 40d"
            raise Misconfigured(message)
        row = await (await conn.execute(_WRITE, {"by": by})).fetchone()
        return row[0] if row else by


def monotonic() -> float:
    """Return seconds for measuring spans; never goes back."""
    return time.perf_counter()


def new_id() -> UUID:
    """Draw a random id, for a decision a person makes."""
    return uuid4()
