"""What a data map leaves open, without looking at any system. Pure."""

from collections.abc import Iterator
from typing import Any, Final

from connectors.datamap import DataMap
from connectors.port import Finding
from connectors.systems import ACTIONS, SystemMap
from schemas.values import Right

DECIDE: Final = "DECIDE"
"""The word a draft marks what a person must decide with."""


def review(systems: DataMap) -> list[Finding]:
    """List what must be decided (serious) and what is better said (warnings)."""
    return [
        Finding(name, where, what, serious=serious)
        for name, declared in systems.systems.items()
        for where, what, serious in (*_undecided(declared), *_unsaid(declared), *_unheard(declared, systems))
    ]


def _unheard(declared: SystemMap, systems: DataMap) -> Iterator[tuple[str, str, bool]]:
    """Whom outside nothing would reach: the system they are told through does not know what they are told of."""
    for one in declared.outsiders:
        if one.told is None:
            continue
        for right in one.told_of:
            if not _passes_on(systems.systems[one.told], right):
                where = f"{one.name}.told_of"
                yield where, f"{one.told} does not say how it passes {right} on: its instructions or preferences", True


def _passes_on(channel: SystemMap, right: Right) -> bool:
    """Whether a system can tell somebody of a right, as far as its entry says."""
    if channel.connector == "manual":
        return ACTIONS[right] in channel.options.get("instructions", {})
    known = channel.preferences.columns if channel.preferences else {}
    return right is Right.DELETE or channel.participant or right in known


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
    for kind, some in (("providers", declared.providers), ("third_parties", declared.third_parties)):
        for one in some:
            if one.told is None:
                yield f"{kind}[{one.name}]", "nothing says how it is told what people ask: `told` names a system", False
