"""What the register's tables say when Prometheus asks: one metric per row of FACTS, each with its query.

Only open requests and the last 30 days are counted, so that a scrape costs the same after years.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, LiteralString

import psycopg
import structlog
from kafka.errors import KafkaError
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from services.kernel.clock import monotonic
from services.kernel.errors import BrokerAway
from services.ops.lag import Lag
from services.ops.register import store
from services.ops.register.keeping import now
from services.ops.register.queries import KEYS_OVER, USED

log = structlog.get_logger()
FRESH_S: Final = 5.0
"""Asked more often, the answer is the last one."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A gauge: its name with its unit, its labels, what it counts, and the query that gives labels, then value."""

    name: str
    labels: tuple[str, ...]
    cause: str
    query: LiteralString


FACTS: Final = (
    Fact("rightsbus_requests_open", ("brand", "law"), "Requests accepted and not closed",
         "SELECT brand, law, count(*) FROM ops.open GROUP BY 1, 2"),
    Fact("rightsbus_requests_late", ("brand", "law"), "Open requests past the day to answer by",
         "SELECT brand, law, count(*) FROM ops.open WHERE last_moment < %(now)s GROUP BY 1, 2"),
    Fact("rightsbus_requests_due_soon", ("brand", "law"), "Open requests to be answered within five days",
         "SELECT brand, law, count(*) FROM ops.open "
         "WHERE last_moment BETWEEN %(now)s AND %(now)s + interval '5 days' GROUP BY 1, 2"),
    Fact("rightsbus_requests_past_share", ("brand", "law", "percent"),
         "Open requests not answered, by the last share of their time that has passed: 50, 80, 95 or 100 %",
         "SELECT brand, law, (SELECT max(s) FROM unnest(ARRAY[50, 80, 95, 100]) AS s "  # noqa: S608  ours
         "WHERE s <= used)::text, count(*) "
         f"FROM (SELECT o.brand, o.law, {USED} AS used FROM ops.open o WHERE o.settled_at IS NULL) "
         "AS mine WHERE used >= 50 GROUP BY 1, 2, 3"),
    Fact("rightsbus_request_deadline_seconds", ("brand", "law"), "Time left to the nearest day to answer by",
         "SELECT brand, law, extract(epoch FROM min(last_moment) - %(now)s) FROM ops.open GROUP BY 1, 2"),
    Fact("rightsbus_acknowledgements_late", ("brand", "law"), "Open requests not acknowledged by the day to do so",
         "SELECT brand, law, count(*) FROM ops.open WHERE acknowledged_at IS NULL AND channel <> 'gpc' "
         "AND ((acknowledge_by + 1)::timestamp AT TIME ZONE timezone) < %(now)s GROUP BY 1, 2"),
    Fact("rightsbus_parts_waiting", ("party", "waiting"), "Parts of open requests that wait, by for whom and for what",
         "SELECT party, waiting, count(*) FROM ops.waits GROUP BY 1, 2"),
    Fact("rightsbus_parts_overdue", ("party",), "Parts that should have gone on five minutes ago",
         "SELECT party, count(*) FROM ops.waits WHERE until < %(now)s - interval '5 minutes' GROUP BY 1"),
    Fact("rightsbus_handovers_open", ("client",), "Hand-overs a client has not ended",
         "SELECT h.client, count(*) FROM ops.handovers h JOIN ops.open o USING (request_id) JOIN ops.parts p "
         "ON p.request_id = h.request_id AND p.part = 'client:' || h.client || '/handover' "
         "WHERE h.handed_at IS NOT NULL AND p.outcome IS NULL GROUP BY 1"),
    Fact("rightsbus_handover_oldest_seconds", ("client",), "Age of the oldest hand-over a client has not even received",
         "SELECT h.client, extract(epoch FROM %(now)s - min(h.handed_at)) FROM ops.handovers h "
         "JOIN ops.open o USING (request_id) JOIN ops.parts p "
         "ON p.request_id = h.request_id AND p.part = 'client:' || h.client || '/handover' "
         "WHERE p.outcome IS NULL AND h.received_at IS NULL AND h.answered_at IS NULL AND h.handed_at IS NOT NULL "
         "GROUP BY 1"),
    Fact("rightsbus_parked_records", ("service", "stage"), "Parked records nobody has dealt with",
         "SELECT service, stage, count(*) FROM ops.parked WHERE lies GROUP BY 1, 2"),
    Fact("rightsbus_parked_oldest_seconds", ("service",), "Age of the oldest parked record nobody has dealt with",
         "SELECT service, extract(epoch FROM %(now)s - min(parked_at)) FROM ops.parked WHERE lies GROUP BY 1"),
    Fact("rightsbus_letters_undelivered", ("letter",), "Letters of the last 30 days that never left",
         "SELECT letter, count(*) FROM ops.letters f WHERE failure <> 'no_contact' "
         "AND at > %(now)s - interval '30 days' AND NOT EXISTS (SELECT FROM ops.letters s "
         "WHERE s.request_id = f.request_id AND s.letter = f.letter AND s.failure IS NULL AND s.at > f.at) GROUP BY 1"),
    Fact("rightsbus_requests_answered", ("brand", "law", "ending"), "Requests answered in the last 30 days",
         "SELECT brand, law, settled_ending, count(*) FROM ops.requests "
         "WHERE settled_at > %(now)s - interval '30 days' AND brand IS NOT NULL GROUP BY 1, 2, 3"),
    Fact("rightsbus_answer_seconds", ("brand", "law"), "Mean time from receipt to answer, of the last 30 days",
         "SELECT brand, law, extract(epoch FROM avg(settled_at - received_at)) FROM ops.requests "
         "WHERE settled_at > %(now)s - interval '30 days' AND brand IS NOT NULL GROUP BY 1, 2"),
    Fact("rightsbus_vault_keys_overdue", ("brand",), "Cases whose data key should be destroyed an hour ago and is not",
         f"SELECT brand, count(*) FROM ({KEYS_OVER}) AS over GROUP BY 1"),  # noqa: S608  our own text
    Fact("rightsbus_audit_entries", (), "Entries of history", "SELECT coalesce(sum(length), 0) FROM ops.chains"),
    Fact("rightsbus_audit_unsigned_entries", (), "Entries of history under no signed root yet",
         "SELECT coalesce(sum(length - sealed), 0) FROM ops.chains"),
    Fact("rightsbus_audit_last_root_timestamp_seconds", (), "When history was signed last",
         "SELECT extract(epoch FROM (convert_from(document, 'UTF8')::json->>'sealed_at')::timestamptz) FROM ops.roots "
         "ORDER BY number DESC LIMIT 1"),
)  # fmt: skip

LAG: Final = ("group", "topic")
LAG_MESSAGES: Final = ("rightsbus_consumer_lag_messages", "Records a consumer group has not processed")
LAG_SECONDS: Final = ("rightsbus_consumer_lag_seconds", "Age of the oldest record a consumer group has not processed")
UP: Final = ("rightsbus_register_sees", "Whether the register could ask what it exports from: 1, or 0")


class Gauges(Collector):
    """Asks database and broker when scraped; what is away is left out and said so."""

    def __init__(self, url: str, lag: Callable[[], Lag], windows: Mapping[str, timedelta]) -> None:
        self._url, self._open_lag, self._windows = url, lag, windows
        self._lag: Lag | None = None
        self._lock, self._asked_at = threading.Lock(), float("-inf")
        self._last: list[GaugeMetricFamily] = []

    def close(self) -> None:
        """Close what was opened to ask the broker."""
        if self._lag:
            self._lag.close()

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing in advance: registering must not ask anybody."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What is true now, or was FRESH_S ago."""
        with self._lock:
            if monotonic() - self._asked_at >= FRESH_S:
                self._last = [*self._facts(), *self._lags()]
                self._asked_at = monotonic()
            yield from self._last

    def _facts(self) -> list[GaugeMetricFamily]:
        sees = GaugeMetricFamily(*UP, labels=["what"])
        try:
            with store.connection(self._url) as db, db.transaction():
                at = now(db)
                found = [self._fact(db, fact, at) for fact in FACTS]
        except psycopg.Error as error:
            log.warning("not_seen", what="database", cause=type(error).__name__)
            sees.add_metric(["database"], 0)
            return [sees]
        sees.add_metric(["database"], 1)
        return [sees, *found]

    def _fact(self, db: store.Conn, fact: Fact, at: datetime) -> GaugeMetricFamily:
        family = GaugeMetricFamily(fact.name, fact.cause, labels=fact.labels)
        args: dict[str, Any] = {
            "now": at, "brands": list(self._windows), "windows": list(self._windows.values()),
        }  # fmt: skip
        for *labels, value in db.execute(fact.query, args):
            family.add_metric([str(label or "none") for label in labels], float(value))
        return family

    def _lags(self) -> list[GaugeMetricFamily]:
        messages, seconds = GaugeMetricFamily(*LAG_MESSAGES, labels=LAG), GaugeMetricFamily(*LAG_SECONDS, labels=LAG)
        try:
            self._lag = self._lag or self._open_lag()
            with store.connection(self._url) as db:
                [(real,)] = db.execute("SELECT clock_timestamp()").fetchall()
            for one in self._lag.behind(int(real.timestamp() * 1000)):
                messages.add_metric([one.group, one.topic], one.messages)
                seconds.add_metric([one.group, one.topic], one.age_s)
        except (KafkaError, BrokerAway, psycopg.Error) as error:
            log.warning("not_seen", what="broker", cause=type(error).__name__)
            self.close()
            self._lag = None
            return []
        return [messages, seconds]
