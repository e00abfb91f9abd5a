"""Whose rows a task reaches in a table, and what of them may be shown. Pure; the same for every kind of system."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Final

from pydantic_core import to_jsonable_python

from connectors.holdings import FieldMap
from connectors.port import Task
from connectors.tables import TableMap
from schemas.values import Action

ANY: Final = "*"
"""Rows of any client, and of none."""


def reach(table: TableMap, task: Task, *, owned: bool) -> Iterator[str | None]:
    """Whose rows of a table a task reaches: at most one of a client's name, None for nobody's, ANY for everybody's.

    `owned` says that rows of the table belong to clients. A client's task never reaches rows of another client, and
    never shows what the company made of its rows for a purpose of its own.
    """
    if task.client is None:
        yield ANY if owned and table.use == "own" else None
    elif owned and (table.use == "client" or task.action is not Action.EXPORT):
        yield task.client


def recent_enough(task: Task, day: Any) -> bool:  # noqa: ANN401  whatever the column holds
    """Whether a row of that day is within the period asked; a row without a day is."""
    found = day_of(day)
    return found is None or (task.since or date.min) <= found <= (task.until or date.max)


def day_of(value: Any) -> date | None:  # noqa: ANN401  whatever the column holds
    """The day in a value; None when it holds none."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, str):
        try:
            return date.fromisoformat(value[:10])
        except ValueError:
            return None
    return value if isinstance(value, date) else None


def _why(about: FieldMap) -> dict[str, str]:
    return {"why": "others"} if about.disclose == "others" else {}


def disclosed(fields: Mapping[str, FieldMap], row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it may be shown, in plain JSON values; of what must never be disclosed only that it is held."""
    shown: dict[str, Any] = {}
    for name, value in row.items():
        about = fields.get(name)
        if about is None or about.disclose == "value" or value is None:
            shown[name] = value
        else:
            shown[name] = {"held": True, "type": about.type or name} | _why(about)
    plain: dict[str, Any] = to_jsonable_python(shown, fallback=str, bytes_mode="base64")
    return plain
