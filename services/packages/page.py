"""The page a person reads: one file without anything to load, fit for a screen and for paper."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from services.packages.account import is_held

_ASKED: Final = {
    "know_categories": "which categories of data we hold, and who gets them",
    "know_specific": "a copy of your data",
    "portability": "your data, to take with you",
    "third_party_list": "who got your data",
}


def render(told: Mapping[str, Any], shown: Mapping[str, Sequence[Mapping[str, Any]]], notes: Sequence[Any]) -> str:
    """The page: the account, the first rows of each table, and what the person told us. Every value is escaped."""
    columns = {table: list(dict.fromkeys(name for row in rows for name in row)) for table, rows in shown.items()}
    return _template().render(told=told, shown=shown, columns=columns, notes=notes)


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"words": _words, "cell": _cell, "asked": lambda right: _ASKED.get(right) or _words(right)}
    return environment.get_template("index.html.jinja")


def _words(code: Any) -> str:  # noqa: ANN401  a code, or some
    """A code, or some, as a person reads them."""
    if code is None:
        return "-"
    return code.replace("_", " ") if isinstance(code, str) else ", ".join(map(_words, code)) or "-"


def _cell(value: Any) -> Any:  # noqa: ANN401  any JSON value
    if is_held(value):
        return f"{_words(value.get('type', ''))}: held, not shown"
    return "" if value is None else value
