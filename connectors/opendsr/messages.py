"""What is said to a processor, and what it says. Pure."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.opendsr.options import OpenDsrOptions
from connectors.port import Task
from connectors.web import NoAnswer
from schemas.values import Action, Outcome, Retained

TYPES: Final[Mapping[Action, str]] = {Action.EXPORT: "access", Action.ERASE: "erasure"}
_VERSION: Final = 76
"""Where the four version bits of a UUID stand."""


def request_id(task_id: UUID) -> UUID:
    """The id of a task as OpenDSR wants it, a UUID of version 4. The same task has the same one."""
    return UUID(int=task_id.int & ~(0xF << _VERSION) | 4 << _VERSION)


def task_id(subject_request_id: UUID) -> UUID:
    """The task behind such an id: tasks are named by UUIDs of version 5."""
    return UUID(int=subject_request_id.int & ~(0xF << _VERSION) | 5 << _VERSION)


def identities(task: Task, options: OpenDsrOptions) -> list[dict[str, str]]:
    """Who is meant: each record key as it was agreed to be told."""
    found = [(options.identities[name], value) for keys in task.keys for name, value in keys.items()
             if name in options.identities]  # fmt: skip
    return [
        {
            "identity_type": how.type,
            "identity_value": _written(value, how.type, how.format),
            "identity_format": how.format,
        }
        for how, value in found
    ]


def _written(value: str, kind: str, way: str) -> str:
    if way == "raw":
        return value
    text = value.strip().lower() if kind == "email" else value
    return hashlib.new(way, text.encode(), usedforsecurity=False).hexdigest()


def request(task: Task, options: OpenDsrOptions) -> dict[str, Any]:
    """The body of a request.

    Raises:
        NoAnswer: it is not known when the person asked, which the processor must be told.
    """
    if task.received_at is None:
        raise NoAnswer("no_received_at", retry=False)
    told: dict[str, Any] = {
        "subject_request_id": str(request_id(task.task_id)),
        "subject_request_type": TYPES[task.action],
        "submitted_time": task.received_at.isoformat(),
        "subject_identities": identities(task, options),
        "api_version": "1.0" if options.legacy else "2.0",
    }
    if not options.legacy:
        told["regulation"] = options.regulation or ("gdpr" if task.law.startswith(("EU-", "GB-")) else "ccpa")
    if options.callback_url:
        told["status_callback_urls"] = [options.callback_url]
    if limits := _limits(task):
        told["extensions"] = {options.domain: limits}
    return told


def _limits(task: Task) -> dict[str, str]:
    """What the standard has no word for: whose rows, of what time."""
    limits = {"client": task.client, "since": task.since, "until": task.until, "today": task.today}
    return {name: str(value) for name, value in limits.items() if value}


class Told(BaseModel):
    """What a processor's extension may say where the standard has no word: how it ended, counts, what was kept."""

    model_config = ConfigDict(extra="ignore")

    outcome: Outcome | None = None
    counts: dict[str, int] = {}
    retained: list[Retained] = []


class Status(BaseModel):
    """A status, as answered or as called back."""

    model_config = ConfigDict(extra="ignore")

    subject_request_id: UUID
    request_status: Literal["pending", "in_progress", "completed", "cancelled"]
    expected_completion_time: datetime | None = None
    results_url: str | None = None
    results_count: int | None = Field(None, ge=0)
    status_callback_url: str | None = None
    extensions: dict[str, Any] = {}

    @classmethod
    def read(cls, body: Any) -> "Status":  # noqa: ANN401  any JSON value
        """Read a status.

        Raises:
            NoAnswer: it is none.
        """
        try:
            return cls.model_validate(body)
        except ValidationError:
            raise NoAnswer("unexpected_answer", retry=False) from None

    def told(self, domain: str) -> Told:
        """What the processor's own extension adds; nothing when there is none, or it is not to be understood."""
        try:
            return Told.model_validate(self.extensions.get(domain) or {})
        except ValidationError:
            return Told()
