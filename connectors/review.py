"""What a data map leaves open, without looking at any system. Pure."""

from collections.abc import Iterator
from typing import Any, Final

from connectors.datamap import DataMap
from connectors.port import Finding
from connectors.systems import SystemMap

DECIDE: Final = "DECIDE"
"""The word a draft marks what a person must decide with."""


def review(systems: DataMap) -> list[Finding]:
    """List what must be decided (serious) and what is better said (warnings)."""
    return [
        Finding(name, where, what, serious=serious)
        for name, declared in systems.systems.items()
        for where, what, serious in (*_undecided(declared), *_unsaid(declared))
    ]


def _undecided(declared: SystemMap) -> Iterator[tuple[str, str, bool]]:
    for where, text in _texts("", declared.model_dump(mode="json")):
        if DECIDE in text or DECIDE.lower() == text:
            yield where, "is still as it was drafted: decide it", True


def _texts(where: str, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401  any JSON value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(f"{where}.{key}".removeprefix("."), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            named = inner.get("name") if isinstance(inner, dict) else None
            yield from _texts(f"{where}[{named or index}]", inner)
    elif isinstance(value, str):
        yield where, value


def _unsaid(declared: SystemMap) -> Iterator[tuple[str, str, bool]]:
    if not declared.populations:
        yield "populations", "says nothing: this system is asked about everybody", False
    if not declared.held and declared.preferences is None:
        yield "holds", "says nothing: no answer can tell what is held here, where from and what for", False
    for provider in declared.providers:
        if provider.told is None:
            yield f"providers[{provider.name}]", "nothing says how it is told to delete: `told` names a system", False
