"""What a stage counts and measures, for Prometheus. Names carry their unit; labels never carry a person."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500)


class StageMetrics:
    """One process's meters, labelled by stage. Each is described where it is made."""

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        stage = ["stage"]
        self.events_in = Counter("rightsbus_events_in", "Messages taken from topics", [*stage, "topic"], registry=own)
        self.events_out = Counter(
            "rightsbus_events_out", "Messages confirmed by the broker", [*stage, "topic"], registry=own
        )
        self.repeats = Counter("rightsbus_repeats", "Messages seen before and dropped", stage, registry=own)
        self.parked = Counter("rightsbus_parked", "Messages parked", [*stage, "reason"], registry=own)
        self.batch = Histogram(
            "rightsbus_batch_messages", "Messages per micro-batch", stage, registry=own, buckets=_SIZES
        )
        self.decide = Histogram(
            "rightsbus_decide_seconds", "Time in decide per batch", stage, registry=own, buckets=_SECONDS
        )
        self.step = Histogram(
            "rightsbus_transaction_seconds",
            "Time in the transaction per batch",
            stage,
            registry=own,
            buckets=_SECONDS,
        )
        self.publish = Histogram(
            "rightsbus_publish_seconds",
            "Time until the broker confirmed a batch",
            stage,
            registry=own,
            buckets=_SECONDS,
        )
        self.age = Gauge(
            "rightsbus_oldest_unprocessed_seconds",
            "Age of the oldest message of the last batch when taken; 0 when idle",
            stage,
            registry=own,
        )
        self.outbox = Gauge("rightsbus_outbox_rows", "Rows waiting to be published", stage, registry=own)
        self.effects = Gauge("rightsbus_effects_pending", "Effects not yet done", [*stage, "kind"], registry=own)
        self.retries = Counter(
            "rightsbus_effect_retries", "Effects put back for another attempt", [*stage, "kind"], registry=own
        )
        self.away = Counter(
            "rightsbus_dependency_away",
            "Times the broker or the database did not answer",
            [*stage, "what"],
            registry=own,
        )

    def serve(self, port: int) -> None:
        """Answer Prometheus on loopback; port 0 answers nobody."""
        if port:
            start_http_server(port, addr="127.0.0.1", registry=self.registry)
