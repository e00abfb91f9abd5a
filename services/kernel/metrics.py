"""What a stage counts and measures, for Prometheus. Names carry their unit; labels never carry a person."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_SIZES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500)


class StageMetrics:
    """One process's meters, labelled by stage. Each is described where it is made."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.events_in = self._counter("events_in", "Messages taken from topics", "topic")
        self.events_out = self._counter("events_out", "Messages confirmed by the broker", "topic")
        self.repeats = self._counter("repeats", "Messages seen before and dropped")
        self.parked = self._counter("parked", "Messages parked", "reason")
        self.ignored = self._counter("fields_ignored", "Fields nobody knows in what outsiders wrote")
        self.refused = self._counter(
            "words_refused", "What came in a client's name without its proof", "client", "reason"
        )
        self.batch = self._histogram("batch_messages", "Messages per micro-batch", _SIZES)
        self.decide = self._histogram("decide_seconds", "Time in decide per batch", _SECONDS)
        self.step = self._histogram("transaction_seconds", "Time in the transaction per batch", _SECONDS)
        self.publish = self._histogram("publish_seconds", "Time until the broker confirmed a batch", _SECONDS)
        self.age = self._gauge("oldest_unprocessed_seconds", "Age of the oldest message in hand; 0 when idle")
        self.outbox = self._gauge("outbox_rows", "Rows waiting to be published")
        self.waiting = self._gauge("parked_waiting", "Parked messages that requests wait for")
        self.effects = self._gauge("effects_pending", "Effects not yet done", "kind")
        self.retries = self._counter("effect_retries", "Effects put back for another attempt", "kind")
        self.away = self._counter("dependency_away", "Times the broker or the database did not answer", "what")

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"rightsbus_{name}", what, ["stage", *labels], registry=self.registry)

    def _gauge(self, name: str, what: str, *labels: str) -> Gauge:
        return Gauge(f"rightsbus_{name}", what, ["stage", *labels], registry=self.registry)

    def _histogram(self, name: str, what: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"rightsbus_{name}", what, ["stage"], registry=self.registry, buckets=buckets)

    def serve(self, port: int, host: str = "127.0.0.1") -> None:
        """Answer Prometheus; port 0 answers nobody."""
        if port:
            start_http_server(port, addr=host, registry=self.registry)
