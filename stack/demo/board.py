"""What the upstream app knows of its requests: one row per request, and which script it belongs to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from stack.sample.requests import Script

FINAL: Final = frozenset({"fulfilled", "denied", "revoked", "expired", "rejected"})


@dataclass(slots=True)
class Row:
    """One request, or one submission that became none."""

    script: Script
    sent_at: float
    request_id: str | None = None
    right: str = ""
    status: str = "sent"
    waiting_for: str = ""
    ended_at: float | None = None
    parts: dict[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float | None:
        """From sending to the public end."""
        return round(self.ended_at - self.sent_at, 2) if self.ended_at else None


class Board:
    """Every script's rows. A repeated submission has none of its own: it must stay one request."""

    def __init__(self, scripts: Iterable[Script]) -> None:
        self._scripts = list(scripts)
        self.rows: list[Row] = []
        self._sent_at: dict[str, float] = {}
        self._answered: set[str] = set()
        self._closed: dict[str, dict[str, str]] = {}

    def sent(self, script: Script, at: float) -> None:
        """Note that a script's submission was published."""
        self._sent_at[script.name] = at

    def told(self, status: Mapping[str, Any], at: float) -> Row | None:
        """Take in one status event; returns the row it is about."""
        row = self._row(status)
        if row is None or row.status.partition("/")[0] in FINAL:
            return row
        row.right = status.get("right") or ""
        reason = status.get("reason")
        row.status = f"{status['status']}/{reason}" if status["status"] == "denied" else status["status"]
        row.waiting_for = (status.get("waiting_for") or {}).get("kind", "")
        if status["status"] in FINAL:
            row.ended_at = at
        return row

    def answered(self, script: Script) -> None:
        """Note that the person said what they had to say later."""
        self._answered.add(script.name)

    def closed(self, request_id: str, parts: Mapping[str, str]) -> None:
        """Note how each part of a request ended; its first status may be heard of later."""
        self._closed[request_id] = dict(parts)
        if row := self.of(request_id):
            row.parts = self._closed[request_id]

    def wrong(self, row: Row) -> list[str]:
        """What did not end as it had to."""
        script = row.script
        ends = {f"{part} ": (end, row.parts.get(part, "pending")) for part, end in script.parts.items()}
        ends[""] = script.end, row.status
        unsaid = ["never asked, so nothing was answered"] if script.later and script.name not in self._answered else []
        return [f"{part}{was}, not {must}" for part, (must, was) in ends.items() if was != must] + unsaid

    def of(self, request_id: str) -> Row | None:
        """The row of a request."""
        return next((row for row in self.rows if row.request_id == request_id), None)

    def missing(self) -> list[Script]:
        """Scripts with fewer rows than requests, or rows that have not ended inside and out."""
        return [script for script in self._scripts if not self._complete(script)]

    def _complete(self, script: Script) -> bool:
        rows = [row for row in self.rows if row.script is script]
        ended = [row for row in rows if row.ended_at and (row.parts or row.request_id is None)]
        return len(ended) == script.requests or _repeats(script)

    def _row(self, status: Mapping[str, Any]) -> Row | None:
        request_id, submission = status.get("request_id"), status.get("submission_id")
        if request_id and (known := self.of(request_id)):
            return known
        rejected = status["status"] == "rejected"
        script = next((s for s in self._scripts if s.submission_id == submission and _fits(s, rejected=rejected)), None)
        if script is None:
            return None
        parts = self._closed.get(request_id or "", {})
        self.rows.append(Row(script, self._sent_at.get(script.name, 0.0), request_id, parts=parts))
        return self.rows[-1]


def _repeats(script: Script) -> bool:
    return script.name.endswith("-again")


def _fits(script: Script, *, rejected: bool) -> bool:
    return (script.end == "rejected") == rejected and not _repeats(script)
