"""What the register counts as entries pass, and the list of every metric it exports, each with its unit and its cause.

Names carry their unit; labels never carry a person. `docs/metrics.md` is written from these lists.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from schemas.topics import read_by, topic_of
from services.ops.register.entry import Entry
from services.ops.register.store import Taken

NO_CONTACT: Final = "no_contact"
"""Why a letter was never written: the person gave no address, and none is on file. Nothing to repair."""
UNKNOWN: Final = "unknown"
_PROVEN: Final = frozenset({"ClientReplied", "TaskFinished", "ExportUploaded"})
"""What outsiders say with a token; what clients sign is proven by their keys, elsewhere."""
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

type_name = Literal[
    "rightsbus_requests_received",
    "rightsbus_requests_closed",
    "rightsbus_verifications",
    "rightsbus_submissions_rejected",
    "rightsbus_letters",
    "rightsbus_decisions",
    "rightsbus_handover_replies",
    "rightsbus_task_results",
]


@dataclass(frozen=True, slots=True)
class Tally:
    """A counter over one kind of entry: `labels` are read from its body; `cause` is what makes it grow."""

    name: type_name
    kinds: tuple[str, ...]
    labels: tuple[str, ...]
    cause: str


TALLIES: Final = (
    Tally(
        "rightsbus_requests_received",
        ("RequestAccepted",),
        ("brand", "law", "right"),
        "Requests accepted: one per right of a submission",
    ),
    Tally(
        "rightsbus_requests_closed",
        ("RequestClosed",),
        ("ending",),
        "Requests of which every part has ended, by ending",
    ),
    Tally(
        "rightsbus_verifications",
        ("RequestVerified", "VerificationFailed"),
        ("result", "how"),
        "Verdicts on who asks; `how` is what verified, or why it stayed open",
    ),
    Tally(
        "rightsbus_submissions_rejected",
        ("RequestStatusChanged",),
        ("source",),
        "Submissions and answers rejected with a list of problems",
    ),
    Tally(
        "rightsbus_letters",
        ("NoticeSent", "NoticeFailed"),
        ("letter", "result"),
        "Letters that left, failed, or had no contact to go to",
    ),
    Tally("rightsbus_decisions", ("DecisionApplied",), ("verb", "applied"), "Operators' decisions, applied or refused"),
    Tally(
        "rightsbus_handover_replies",
        ("ClientReplied",),
        ("client", "type", "genuine"),
        "Replies of clients; `genuine` ones showed their token",
    ),
    Tally(
        "rightsbus_task_results",
        ("TaskFinished",),
        ("system", "outcome", "genuine"),
        "Systems' accounts of their tasks; `genuine` ones showed their token",
    ),
)


class Meters:
    """The register process's own meters."""

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        self._tallies = [(tally, Counter(tally.name, tally.cause, tally.labels, registry=own)) for tally in TALLIES]
        self.entries = Counter("rightsbus_register_entries", "Records chained and projected", ["topic"], registry=own)
        self.misfits = Counter(
            "rightsbus_register_misfits", "Records chained that fit no table: not projected", ["topic"], registry=own
        )
        self.forged = Counter(
            "rightsbus_replies_forged", "Replies and results without the token of who they speak for", ["topic"],
            registry=own,
        )  # fmt: skip
        for topic in read_by("ops"):
            self.misfits.labels(topic.name)
            if topic.outside:
                self.forged.labels(topic.name)
        self.batch = Histogram(
            "rightsbus_register_batch_seconds", "Time to chain and project a batch", registry=own, buckets=_SECONDS
        )
        self.history_broken = Gauge(
            "rightsbus_audit_history_broken", "1 when the history to be signed does not hold together", registry=own
        )

    def took(self, taken: Taken, seconds: float) -> None:
        """Count what a batch brought."""
        self.batch.observe(seconds)
        for entry in taken.misfits:
            self.misfits.labels(topic_of(entry.topic).name).inc()
        for entry in taken.entries:
            self.entries.labels(entry.topic).inc()
            if not entry.genuine and entry.kind in _PROVEN:
                self.forged.labels(entry.topic).inc()
            for tally, counter in self._tallies:
                if entry.kind in tally.kinds and (values := _LABELS.get(entry.kind, _plain)(entry)):
                    counter.labels(*(str(values.get(name) or "none") for name in tally.labels)).inc()


def _plain(entry: Entry) -> Mapping[str, object]:
    """What a body says; whom one without a token claims to be is not repeated, as anybody could claim anything."""
    claimed = {} if entry.genuine else {"client": UNKNOWN, "system": UNKNOWN}
    return {**entry.body, **claimed, "genuine": str(entry.genuine).lower()}


_LABELS: Final[Mapping[str, Callable[[Entry], Mapping[str, object] | None]]] = {
    "RequestVerified": lambda e: {"result": "verified", "how": e.body.get("by")},
    "VerificationFailed": lambda e: {"result": "unverified", "how": e.body.get("detail")},
    "RequestStatusChanged": lambda e: e.body if e.body.get("status") == "rejected" else None,
    "NoticeSent": lambda e: {**e.body, "result": "sent"},
    "NoticeFailed": lambda e: {**e.body, "result": NO_CONTACT if e.body.get("reason") == NO_CONTACT else "failed"},
    "DecisionApplied": lambda e: {**e.body, "applied": str(e.body.get("applied")).lower()},
}
"""How an entry's labels are read where they are not simply fields of its body."""
