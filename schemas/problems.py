"""What is wrong with a message, said so that its writer can mend it: which field, which rule. Never a value.

A library's own words about an error may repeat what it found; so every rule told here is worded here, from the kind of
the error and the limits of the rule, and a path is made of field names of ours and positions only.
"""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from schemas.base import Event
from schemas.scalars import SPELT
from schemas.values import Problem, Value

MOST_PROBLEMS: Final = 20
ANY_NAME: Final = "*"
"""Stands in a path for a name that is not ours."""

_MOMENT: Final = "must be a date and time such as 2026-06-01T12:00:00Z"
_DAY: Final = "must be a date such as 2026-06-01"
_NUMBER: Final = "must be a whole number"
_OBJECT: Final = "must be a JSON object"
_YES_NO: Final = "must be true or false"
_TEXT: Final = "must be text"
_ID: Final = "must be a UUID"

_RULES: Final = {
    "missing": "must be given",
    "extra_forbidden": "is not a field of this message",
    "string_type": _TEXT,
    "string_unicode": "must be Unicode text",
    "string_too_short": "must have at least {min_length} characters",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} entries",
    "too_long": "must have at most {max_length} entries",
    "list_type": "must be a list",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "bool_type": _YES_NO,
    "bool_parsing": _YES_NO,
    "int_type": _NUMBER,
    "int_parsing": _NUMBER,
    "int_parsing_size": _NUMBER,
    "int_from_float": _NUMBER,
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "enum": "must be one of {expected}",
    "literal_error": "must be one of {expected}",
    "union_tag_invalid": "must be one of {expected_tags}",
    "union_tag_not_found": "must be given",
    "timezone_aware": f"{_MOMENT}, with its zone",
    "datetime_type": _MOMENT,
    "datetime_parsing": _MOMENT,
    "datetime_from_date_parsing": _MOMENT,
    "datetime_object_invalid": _MOMENT,
    "date_type": _DAY,
    "date_parsing": _DAY,
    "date_from_datetime_parsing": _DAY,
    "date_from_datetime_inexact": _DAY,
    "uuid_type": _ID,
    "uuid_parsing": _ID,
    "json_invalid": "must be JSON",
    "json_type": "must be JSON",
}
"""Kind of error -> the rule. Only limits and closed lists are put in, which are ours."""


def between_fields(field: str, rule: str) -> PydanticCustomError:
    """Make the error for a rule between fields, told of the one that should change."""
    return PydanticCustomError("between_fields", "{rule}", {"at": field, "rule": rule})


def problems_of(error: ValidationError) -> list[Problem]:
    """Return each broken rule with its field, 20 at most."""
    found = error.errors(include_url=False, include_input=False)[:MOST_PROBLEMS]
    return [Problem(field=_path(_place(entry)), rule=_rule(entry)) for entry in found]


def _place(entry: Mapping[str, Any]) -> Iterable[int | str]:
    at = entry.get("ctx", {}).get("at")
    return [*entry["loc"], at] if at else entry["loc"]


def _path(location: Iterable[int | str]) -> str:
    ours = names()
    return ".".join(str(step) if isinstance(step, int) or step in ours else ANY_NAME for step in location)


def _rule(entry: Mapping[str, Any]) -> str:
    context = entry.get("ctx", {})
    match entry["type"]:
        case "value_error":
            return str(context["error"])
        case "between_fields":
            return str(context["rule"])
        case "string_pattern_mismatch":
            return SPELT.get(context["pattern"], f"must match {context['pattern']}")
        case kind:
            known = {name: str(limit).replace("'", "") for name, limit in context.items()}
            return _RULES[kind].format_map(known) if kind in _RULES else f"breaks the rule {kind}"


@cache
def names() -> frozenset[str]:
    """Every field name of the language, and nothing else: what may stand in a path."""
    kinds: list[type[BaseModel]] = [Event, Value]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return frozenset(name for kind in kinds for name in kind.model_fields)
