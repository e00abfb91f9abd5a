"""The AsyncAPI document as one page to read: no script, nothing fetched, readable offline and in print."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from schemas.asyncapi import document
from schemas.scalars import SPELT

WHERE: Final = "docs/asyncapi.html"
_PAGES: Final = Path(__file__).parent / "pages"
_LIMITS: Final = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minItems": "at least {}",
    "maxItems": "at most {}",
    "minimum": "{} or more",
    "maximum": "{} or less",
}

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a message's table: a path such as `subject.emails[]`, what may stand there, what it means."""

    path: str
    kind: str
    needed: bool
    meaning: str


def page() -> str:
    """Return the whole page, always the same for the same document."""
    shown = document()
    environment = Environment(
        loader=FileSystemLoader(_PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["pretty"] = lambda value: json.dumps(value, indent=2, ensure_ascii=False)
    environment.filters["last"] = lambda reference: reference["$ref"].rpartition("/")[2]
    schemas = shown["components"]["schemas"]
    tables = {name: list(fields(schemas[name], schemas)) for name in shown["components"]["messages"]}
    return environment.get_template("asyncapi.html").render(told=shown, tables=tables) + "\n"


def fields(schema: Schema, known: Mapping[str, Schema], at: str = "") -> Iterator[Field]:
    """Yield the fields of an object, inner ones below the one that holds them."""
    for name, inner in _plain(schema, known).get("properties", {}).items():
        one, mark = _plain(inner, known), ""
        if "items" in one:
            one, mark = _plain(one["items"], known) | {"description": one.get("description", "")}, "[]"
        meaning = inner.get("description") or ("" if "properties" in one else one.get("description", ""))
        needed = name in _plain(schema, known).get("required", ())
        yield Field(f"{at}{name}{mark}", _kind(one), needed, meaning)
        yield from fields(one, known, f"{at}{name}{mark}.")


def _plain(schema: Schema, known: Mapping[str, Schema]) -> dict[str, Any]:
    """Follow references, and take the one option that is not null."""
    if "$ref" in schema:
        return _plain(known[schema["$ref"].rpartition("/")[2]], known)
    for word in ("allOf", "anyOf"):
        options = [option for option in schema.get(word, ()) if option.get("type") != "null"]
        if len(options) == 1:
            beside = {key: value for key, value in schema.items() if key not in {word, "default"}}
            return _plain(options[0], known) | beside
    return dict(schema)


def _kind(schema: Schema) -> str:
    if "const" in schema:
        return str(schema["const"])
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "anyOf" in schema:
        return " or ".join(_kind(option) for option in schema["anyOf"])
    kind = str(schema.get("format") or schema.get("type", "anything"))
    spelt = SPELT.get(schema.get("pattern", ""), kind).removeprefix("must be ")
    return ", ".join([spelt, *(words.format(schema[name]) for name, words in _LIMITS.items() if name in schema)])
