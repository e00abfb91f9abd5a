"""The page a person reads: one file without anything to load, fit for a screen and for paper."""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from pydantic_core import from_json, to_json

from services.packages.account import is_held

_GENERAL: Final = (
    "brand", "categories", "sold_or_shared", "disclosed_for_a_business_purpose", "practices", "providers",
    "third_parties",
)  # fmt: skip
_ASKED: Final = {
    "know_categories": "which categories of data we hold, and who gets them",
    "know_specific": "a copy of your data",
    "portability": "your data, to take with you",
    "third_party_list": "who got your data",
}


def render(told: Mapping[str, Any], shown: Mapping[str, Sequence[Mapping[str, Any]]], notes: Sequence[Any]) -> str:
    """The page: the account, the first rows of each table, and what the person told us. Every value is escaped."""
    columns = {table: list(dict.fromkeys(name for row in rows for name in row)) for table, rows in shown.items()}
    said = to_json({name: told[name] for name in _GENERAL}) if "categories" in told else b""
    return _template("index").render(told=told, general=_general(said), shown=shown, columns=columns, notes=notes)


@lru_cache(maxsize=64)
def _general(said: bytes) -> Markup:
    """What a brand tells everybody like this person; it is the same for most, and the longest part to lay out."""
    return Markup(_template("brand").render(told=from_json(said)) if said else "")  # noqa: S704  escaped by its template


@cache
def _template(name: Literal["index", "brand"]) -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"words": _words, "cell": _cell, "asked": lambda right: _ASKED.get(right) or _words(right)}
    return environment.get_template(f"{name}.html.jinja")


def _words(code: Any) -> str:  # noqa: ANN401  a code, or some
    """A code, or some, as a person reads them."""
    if code is None:
        return "-"
    return code.replace("_", " ") if isinstance(code, str) else ", ".join(map(_words, code)) or "-"


def _cell(value: Any) -> Any:  # noqa: ANN401  any JSON value
    if is_held(value):
        return f"{_words(value.get('type', ''))}: held, not shown"
    return "" if value is None else value
