"""Request templates: Jinja in its sandbox, where every value is written as JSON or percent-encoded. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal
from urllib.parse import quote

import jinja2
from jinja2 import meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from connectors.port import Task
from connectors.systems import SystemMap
from schemas.values import Right

NAMES: Final = frozenset(
    {"key", "client", "corrections", "preference", "value", "since", "until", "today", "task_id", "request_id",
     "reference", "law", "received_at", "deadline", "media"}
)  # fmt: skip
"""What a template may use."""


class BadTemplate(ValueError):
    """A template cannot be filled; says what is wrong with it, and never a value."""


@dataclass(frozen=True, slots=True)
class Template:
    """One template of a path or of a JSON body."""

    text: str
    kind: Literal["path", "body"]

    @classmethod
    def for_path(cls, text: str) -> "Template":
        """A path: values are percent-encoded whole."""
        return cls(text, "path")

    @classmethod
    def for_body(cls, text: str) -> "Template":
        """A JSON body: values are written as JSON, quotes and all."""
        return cls(text, "body")

    def fill(self, values: Mapping[str, Any]) -> str:
        """The text with the values in it.

        Raises:
            BadTemplate: it uses a value that is not there, or the body is no JSON.
        """
        try:
            filled = _compiled(self.text, self.kind).render(values)
        except Exception as error:  # noqa: BLE001  whatever a template did
            raise BadTemplate(f"{self.kind}: {type(error).__name__}") from None
        try:
            return json.dumps(json.loads(filled)) if self.kind == "body" else filled
        except ValueError:
            raise BadTemplate("body: is no JSON once it is filled; values bring their own quotes") from None

    def try_out(self) -> None:
        """Fill it with samples.

        Raises:
            BadTemplate: it cannot be compiled, uses an unknown name, or makes no JSON.
        """
        try:
            unknown = meta.find_undeclared_variables(_environment(self.kind).parse(self.text)) - NAMES
        except jinja2.TemplateSyntaxError as error:
            raise BadTemplate(f"{self.kind}: line {error.lineno}: {error.message}") from None
        if unknown:
            raise BadTemplate(
                f"{self.kind}: unknown {', '.join(sorted(unknown))}; known are {', '.join(sorted(NAMES))}"
            )
        self.fill(
            dict.fromkeys(NAMES, "sample") | {"key": _Sample(), "corrections": _Sample(), "value": True, "media": []}
        )


class _Sample(dict[str, str]):
    """Has every key there is."""

    def __missing__(self, key: str) -> str:
        return "sample"


def values_of(task: Task, key: Mapping[str, str], declared: SystemMap, reference: str = "") -> dict[str, Any]:
    """What a template may use of one task and one of its record keys."""
    names = declared.preferences.columns if declared.preferences else {}
    return {
        "key": dict(key),
        "client": task.client,
        "corrections": {c.field: c.new for c in task.corrections if c.field in declared.correctable},
        "preference": names.get(task.preference) if task.preference else None,
        "value": task.preference is not Right.OPT_IN_SALE,
        "media": list(task.media),
        "since": task.since.isoformat() if task.since else None,
        "until": task.until.isoformat() if task.until else None,
        "today": task.today.isoformat() if task.today else None,
        "task_id": str(task.task_id),
        "request_id": task.request_id,
        "reference": reference,
        "law": task.law,
        "received_at": task.received_at.isoformat() if task.received_at else None,
        "deadline": task.deadline.isoformat() if task.deadline else None,
    }


def _encoded(value: object) -> str:
    return "" if value is None else quote(str(value), safe="")


@cache
def _environment(kind: str) -> ImmutableSandboxedEnvironment:
    finalize = _encoded if kind == "path" else json.dumps
    return ImmutableSandboxedEnvironment(  # no HTML is made here: every value is encoded by `finalize`
        undefined=jinja2.StrictUndefined, finalize=finalize, autoescape=False
    )


@cache
def _compiled(text: str, kind: str) -> jinja2.Template:
    return _environment(kind).from_string(text)
