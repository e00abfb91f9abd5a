"""What is only away is waited for: said each time, tried ever more slowly, never given up."""

from typing import Final

import psycopg
import structlog
from psycopg_pool import PoolTimeout
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, wait_random_exponential

from services.kernel.errors import TransientError
from services.kernel.metrics import StageMetrics

log = structlog.get_logger()

AWAY: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.ReadOnlySqlTransaction,
    PoolTimeout,
    TransientError,
)
"""Faults of the surroundings, deadlocks and serialisation failures among them: the same thing is done again."""
LONGEST_WAIT_S: Final = 5.0


def say_waiting(what: str, metrics: StageMetrics, error: BaseException | None) -> None:
    """Say that `what` waits, and for which fault; the text of the fault is left out."""
    cause = type(error).__name__
    metrics.away.labels(what, cause).inc()
    log.warning("waiting", stage=what, cause=cause)


def patiently(what: str, metrics: StageMetrics) -> AsyncRetrying:
    """Try again as long as the surroundings are away."""

    def tell(state: RetryCallState) -> None:
        say_waiting(what, metrics, state.outcome.exception() if state.outcome else None)

    return AsyncRetrying(
        retry=retry_if_exception_type(AWAY),
        wait=wait_random_exponential(0.1, max=LONGEST_WAIT_S),
        before_sleep=tell,
        reraise=True,
    )
