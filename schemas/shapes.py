"""The classes that travel, as JSON Schema 2020-12, and the examples that show them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from schemas.topics import CATALOGUE

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
EXAMPLES: Final = Path(__file__).parent / "examples"
FILLED_IN: Final = frozenset({"event_id", "occurred_at", "case_id"})
"""What an outsider's event need not carry: it is taken from where and when the record lies."""
_BY_OUTSIDERS: Final = frozenset(kind for topic in CATALOGUE if topic.outside for kind in topic.classes)


class Untitled(GenerateJsonSchema):
    """Leaves out the titles that repeat field names."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002  pydantic's own signature
        """Never: the field's name is its title."""
        return False


def travelling() -> Iterator[type[BaseModel]]:
    """Every class that travels on a topic, in the catalogue's order."""
    return (kind for topic in CATALOGUE for kind in topic.classes)


def shape(kind: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON Schema of one class, as whoever writes or reads it must take it."""
    schema = as_written(kind, kind.model_json_schema(schema_generator=Untitled))
    return {"$schema": DIALECT, "$id": f"urn:rightsbus:schema:{kind.__name__}:v1", **schema}


def as_written(kind: type[BaseModel], schema: dict[str, Any]) -> dict[str, Any]:
    """Ask of outsiders only what they must say themselves."""
    if kind not in _BY_OUTSIDERS:
        return schema
    return schema | {"required": [name for name in schema["required"] if name not in FILLED_IN]}


def examples(kind: type[BaseModel], folder: Path = EXAMPLES) -> dict[str, Any]:
    """Return the examples of one class by name, sorted."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((folder / kind.__name__).glob("*.json"))}
