"""Exported rows that nobody will get any more are destroyed at once, and do not wait for the end of their case."""

from typing import Final

from rules import parts
from schemas.events import TaskFinished
from schemas.values import Action, Outcome
from services.fulfiller.decide.draft import Draft
from services.kernel.decision import Effect

DISCARD: Final = "discard_export"
"""The effect that destroys what lies in the vault; `prefixes` says which of the items of its case."""
OURS: Final = frozenset({Outcome.FAILED, Outcome.SKIPPED, Outcome.WITHDRAWN, Outcome.DENIED, Outcome.EXPIRED})
"""Ends that were not the addressee's own word: its word, when it comes, is the truer account."""


def comes_too_late(draft: Draft, event: TaskFinished) -> bool:
    """Whether rows come when their part was ended for other reasons, and no package will hold them any more."""
    if event.outcome is not Outcome.EXPORTED or draft.state.outcome(event.part) not in OURS:
        return False
    if parts.system_of(event.part) == "package":
        return draft.state.stop is not None
    package = draft.state.parts.get(parts.system("package", parts.client_of(event.part)))
    return draft.state.stop is not None or package is None or package.attempt > 0


def discard_late(draft: Draft, event: TaskFinished) -> None:
    """Destroy what one system exported too late; its part stays as it ended, for nothing reaches anybody."""
    request, whose = draft.state.id, parts.client_of(event.part) or "own"
    rows = [f"export:{request}:{whose}:{event.system}:"]
    made = [f"package:{request}:{whose}", f"package-note:{request}:{whose}"]
    _discard(draft, f"late/{event.event_id}", made if event.system == "package" else rows)


def discard_exports(draft: Draft) -> None:
    """Destroy what was exported for a request that was stopped before its package was told of."""
    if any(part.action is Action.EXPORT and part.attempt for part in draft.state.parts.values()):
        kinds = ("export", "package", "package-note")
        _discard(draft, "stopped", [f"{kind}:{draft.state.id}:" for kind in kinds])


def _discard(draft: Draft, name: str, prefixes: list[str]) -> None:
    body = {"prefixes": prefixes}
    draft.effects.append(Effect(DISCARD, draft.state.id, draft.accepted.case_id, name, body, lane="vault"))
