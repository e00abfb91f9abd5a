"""When two runs of one scene came to the same: what is compared, and what is left out because order makes it.

Left out are versions, sequence numbers and event ids: they number the steps and name the causes, and which of two facts
was the last straw depends on which came last. Sets of event ids are compared by size. Nothing else is left out: moments
are equal too, because time stands still while a scene's messages are in flight.
"""

from collections import Counter
from typing import Any

from pydantic import BaseModel

from schemas.events import ReplyError
from schemas.public import RequestStatusChanged
from schemas.values import Status
from tests.support.world import World

LEFT_OUT = frozenset({"version", "seq", "event_id", "causation_id"})
NUMBERED = frozenset({"answers", "decided"})


def bare(value: Any) -> Any:
    """A value without what order makes of it, in a form that can be compared and counted."""
    if isinstance(value, BaseModel):
        return type(value).__name__, bare({name: getattr(value, name) for name in type(value).model_fields})
    if isinstance(value, dict):
        shown = ((k, len(v) if k in NUMBERED else bare(v)) for k, v in value.items() if k not in LEFT_OUT)
        return tuple(sorted(shown, key=repr))
    if isinstance(value, set | frozenset):
        return tuple(sorted(map(bare, value), key=repr))
    return tuple(map(bare, value)) if isinstance(value, list | tuple) else value


def told(world: World) -> Counter[Any]:
    """Every event told, each under its id once. What was refused may be refused again when it is written again."""
    refused = {event.causation_id for _, event in world.events.values() if _refusal(event)}
    return Counter(
        (service, bare(event))
        for service, event in world.events.values()
        if not (_refusal(event) and world.copies.get(event.causation_id) in refused)
    )


def _refusal(event: Any) -> bool:
    return isinstance(event, ReplyError) or (
        isinstance(event, RequestStatusChanged) and event.status is Status.REJECTED
    )


def outcome(world: World) -> dict[str, Any]:
    """All that a run came to: states, events, letters and other effects, what was parked."""
    return {
        "states": {(service, i): bare(state) for service, known in world.states.items() for i, state in known.items()},
        "events": told(world),
        "effects": {
            effect.id: (effect.kind, effect.name, bare(dict(effect.body))) for effect in world.effects.values()
        },
        "parked": {(one.service, one.error) for one in world.parked},
        "vault": sorted(world.vault),
        "now": world.now,
    }


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """What is in one run and not in the other, for a person to read."""
    lines = []
    for name, a in one.items():
        b = other[name]
        if a == b:
            continue
        if isinstance(a, Counter):
            lines += [f"only here:  {item}" for item in (b - a).elements()]
            lines += [f"only there: {item}" for item in (a - b).elements()]
        elif isinstance(a, dict):
            lines += [
                f"{name} {k}:\n  expected {a.get(k)}\n  got      {b.get(k)}" for k in {*a, *b} if a.get(k) != b.get(k)
            ]
        else:
            lines.append(f"{name}: expected {a}, got {b}")
    return lines
