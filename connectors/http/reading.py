"""What an answer says: how it ended, how many records, which rows. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter, ValidationError

from connectors.http.options import Step, Word
from connectors.systems import SystemMap
from connectors.web import Answered, NoAnswer
from schemas.values import Action, Outcome, Retained

NATURAL: Final[Mapping[Action, Outcome]] = {
    Action.EXPORT: Outcome.EXPORTED,
    Action.ERASE: Outcome.ERASED,
    Action.CORRECT: Outcome.CORRECTED,
    Action.APPLY: Outcome.APPLIED,
}
LEGAL: Final[Mapping[Action, frozenset[Outcome]]] = {
    Action.EXPORT: frozenset({Outcome.EXPORTED, Outcome.NOT_FOUND}),
    Action.ERASE: frozenset({Outcome.ERASED, Outcome.MASKED, Outcome.AGGREGATED, Outcome.RETAINED, Outcome.NOT_FOUND}),
    Action.CORRECT: frozenset({Outcome.CORRECTED, Outcome.REFUSED, Outcome.UNNEEDED, Outcome.NOT_FOUND}),
    Action.APPLY: frozenset({Outcome.APPLIED, Outcome.UNNEEDED, Outcome.NOT_FOUND}),
}
"""How a task of each kind may end at another system."""
GONE: Final = frozenset({404, 410})
_RETAINED: Final = TypeAdapter(list[Retained])
_MISSING: Final = object()


class Said(BaseModel):
    """What one answer said about one record: pending under the system's own name for the job, or how it ended."""

    outcome: Outcome | None = None
    reference: str = ""
    counts: dict[str, int] = {}
    retained: list[Retained] = []


def read(step: Step, action: Action, answered: Answered, declared: SystemMap) -> Said:
    """Read an answer.

    Raises:
        NoAnswer: it is a refusal, or not what the data map says it would be.
    """
    word = _word(step, action, answered)
    if word == "pending":
        reference = at(answered.json(), step.reference) if step.reference is not None else ""
        return Said(reference=str(reference))
    if word not in LEGAL[action]:
        raise NoAnswer("unknown_outcome", retry=False)
    if word in {Outcome.NOT_FOUND, Outcome.UNNEEDED, Outcome.REFUSED}:
        return Said(outcome=word)
    said = Said(outcome=word, counts=_counts(step, answered, declared))
    return said.model_copy(update={"retained": _retained(step, answered, declared)}) if _keeps(word, step) else said


def _keeps(word: Word, step: Step) -> bool:
    return word is Outcome.RETAINED or step.retained is not None


def _word(step: Step, action: Action, answered: Answered) -> Word:
    if answered.status in step.outcomes:
        return step.outcomes[answered.status]
    if answered.status in GONE:
        return Outcome.NOT_FOUND
    if not 200 <= answered.status < 300:  # noqa: PLR2004  HTTP's own numbers
        raise answered.refusal()
    if step.outcome is None:
        return NATURAL[action]
    said = str(at(answered.json(), step.outcome))
    if said in step.words:
        return step.words[said]
    if said in LEGAL[action]:
        return Outcome(said)
    raise NoAnswer("unknown_outcome", retry=False)


def _counts(step: Step, answered: Answered, declared: SystemMap) -> dict[str, int]:
    """Records per category as the system says; where it does not say, one of each category it holds."""
    if step.count is not None:
        found = at(answered.json(), step.count)
        return {name: _number(n) for name, n in sorted(found.items())} if isinstance(found, dict) else {}
    if step.counts:
        body = answered.json()
        return {name: _number(at(body, pointer)) for name, pointer in sorted(step.counts.items())}
    return {} if step.rows else dict.fromkeys(sorted({held.category for held in declared.held}), 1)


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise NoAnswer("no_number", retry=False)
    return value


def _retained(step: Step, answered: Answered, declared: SystemMap) -> list[Retained]:
    """What was kept, and why: in the system's words, or as the data map says of what it keeps."""
    if step.retained is None:
        kept = [(held.category, held.keep) for held in declared.held if held.keep]
        return [Retained(category=name, code=keep.code, citation=keep.citation, count=1) for name, keep in kept]
    try:
        return _RETAINED.validate_python(at(answered.json(), step.retained))
    except ValidationError:
        raise NoAnswer("unknown_retention", retry=False) from None


def rows(step: Step, body: Any) -> dict[str, list[dict[str, Any]]]:  # noqa: ANN401  any JSON value
    """The rows of an export by holding.

    Raises:
        NoAnswer: there is no list of objects where the data map says.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for name, pointer in step.rows.items():
        some = at(body, pointer)
        if not isinstance(some, list) or not all(isinstance(row, dict) for row in some):
            raise NoAnswer("no_rows", retry=False)
        found[name] = some
    return found


def at(body: Any, pointer: str, default: Any = _MISSING) -> Any:  # noqa: ANN401  any JSON value
    """The value a JSON pointer points at.

    Raises:
        NoAnswer: there is none, and no default was given.
    """
    for part in pointer.split("/")[1:]:
        step = part.replace("~1", "/").replace("~0", "~")
        if isinstance(body, dict) and step in body:
            body = body[step]
        elif isinstance(body, list) and step.isdigit() and int(step) < len(body):
            body = body[int(step)]
        elif default is not _MISSING:
            return default
        else:
            raise NoAnswer("unexpected_answer", retry=False)
    return body
