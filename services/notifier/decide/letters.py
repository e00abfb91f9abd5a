"""Which letters leave, to whom, and what each is about. Who writes them is an adapter's affair."""

from collections.abc import Iterator
from typing import Any, Final, Literal

from rules.agents import acts_for_another
from rules.parts import PACKAGE
from rules.rights import MEANINGS, SIGNAL, acknowledged
from schemas.events import PartWaiting, RequestAccepted, RequestSettled
from schemas.values import OPT_OUTS, Ending, Letter, Outcome, Right, Waiting
from services.kernel.decision import Effect
from services.notifier.decide.state import Correspondence

LETTER: Final = "letter"
LANES: Final = 4
_ASKING: Final = {
    Waiting.PROOF: Letter.PROOF_NEEDED,
    Waiting.DETAIL: Letter.DETAIL_NEEDED,
    Waiting.MANDATE: Letter.MANDATE_NEEDED,
    Waiting.DECLARATION: Letter.DECLARATION_NEEDED,
    Waiting.FEE: Letter.FEE_ASKED,
    Waiting.CONFIRMATION: Letter.CONFIRMATION_ASKED,
    Waiting.NOTICE: Letter.NOTICE,
}
_LAST: Final = {
    Ending.FULFILLED: Letter.CLOSED,
    Ending.PARTIALLY_FULFILLED: Letter.CLOSED,
    Ending.DENIED: Letter.DENIED,
    Ending.UNVERIFIED: Letter.UNVERIFIED,
    Ending.WITHDRAWN: Letter.WITHDRAWN,
    Ending.EXPIRED: Letter.CLOSED,
    Ending.FAILED: Letter.CLOSED,
}
_TELLING: Final = frozenset(_LAST.values())
"""Letters that tell what was found, once somebody was verified."""
_SECRET: Final = frozenset({Letter.CODE, Letter.CONFIRMATION_ASKED, Letter.FEE_ASKED, Letter.NOTICE, Letter.AMENDED})
"""Letters that always tell what was found, or carry what only the person may hold."""

type_due = tuple[str, Letter, dict[str, Any]]


def letters(state: Correspondence, accepted: RequestAccepted) -> tuple[Correspondence, list[Effect]]:
    """Every letter now due that was not sent; one that a later fact has overtaken is not sent any more."""
    effects = []
    for name, letter, body in _due(state, accepted):
        to = _recipient(state, letter)
        subject = (body.get("subject") or _subject(state, accepted)) if to == "on_file" else None
        if name in state.letters or (to == "on_file" and subject is None):
            continue
        state = state.but(letters=state.letters | {name})
        about = {"letter": letter, "to": to, "subject": subject, "name": name, **_about(accepted), **body}
        effects.append(Effect(LETTER, state.id, accepted.case_id, name, about, lane=f"mail/{lane(state.id)}"))
    return state, effects


def _subject(state: Correspondence, accepted: RequestAccepted) -> str | None:
    """Whose contact on file is meant: who was verified; for a second yes without proof, the one person it is about."""
    alone = accepted.subjects if MEANINGS[accepted.right].once_more else []
    late = state.late if state.settled else None
    return state.subject or late or (alone[0] if len(alone) == 1 else None)


def lane(request_id: str) -> int:
    """Spread letters over a few lanes, one request always in the same, so that its letters leave in order."""
    return int(request_id[-2:], 16) % LANES


def _recipient(state: Correspondence, letter: Letter) -> Literal["given", "on_file"]:
    """Where a letter goes: what tells, or holds what only the person may hold, goes to the contact on file alone."""
    found = letter in _TELLING and state.subject is not None
    return "on_file" if letter in _SECRET or found else "given"


def _due(state: Correspondence, accepted: RequestAccepted) -> Iterator[type_due]:
    """Every letter the facts call for, as (name, letter, body). A browser's signal has nobody to write to."""
    if accepted.channel == SIGNAL:
        return
    if accepted.right is not Right.UNCLASSIFIED and acknowledged(accepted.right, accepted.channel):
        yield "acknowledgement", Letter.ACKNOWLEDGEMENT, {}
    yield from _asking(state)
    if state.extended_to and not state.settled:
        body = {"respond_by": state.extended_to.isoformat(), "reason": state.extended_why}
        yield f"extended/{state.extended_to}", Letter.EXTENDED, body
    if state.overdue and not state.settled:
        yield (
            f"overdue/{state.overdue.respond_by}",
            Letter.OVERDUE,
            {"respond_by": state.overdue.respond_by.isoformat()},
        )
    for client in sorted(state.passed_on):
        yield f"passed_on/{client}", Letter.PASSED_ON, {"client": client}
    if state.settled and not (accepted.right is Right.UNCLASSIFIED and state.settled.ending is Ending.FULFILLED):
        yield "end", _LAST[state.settled.ending], _account(state.settled)
    for part, amended in sorted(state.amended.items()):
        made = part == PACKAGE and amended.end.outcome is Outcome.EXPORTED
        yield f"amended/{part}", Letter.AMENDED, {"parts": {part: amended.end.model_dump(mode="json")}, "package": made}


def _asking(state: Correspondence) -> Iterator[type_due]:
    """What the person is asked, each with the code that goes to the contact on file, where there is one."""
    for asked in state.asked.values():
        if asked.waiting not in _ASKING or _overtaken(state, asked) or _said_with_proof(asked):
            continue
        body = {"round": asked.round, "kinds": asked.kinds, "declaration": asked.declaration, "why": asked.why}
        body |= {"until": asked.until.isoformat()}
        yield f"{asked.waiting}/{asked.round}", _ASKING[asked.waiting], body
        if asked.code_to:
            yield f"code/{asked.round}", Letter.CODE, {**body, "subject": asked.code_to}


def _overtaken(state: Correspondence, asked: PartWaiting) -> bool:
    proving = asked.waiting in {Waiting.PROOF, Waiting.DECLARATION}
    known = state.subject is not None or state.late is not None
    return (state.settled is not None and state.late is None) or (proving and known)


def _said_with_proof(asked: PartWaiting) -> bool:
    """A signature is asked for in the letter that asks for proof; a letter of its own is the reminder."""
    return asked.waiting is Waiting.DECLARATION and asked.round == 1


def _about(accepted: RequestAccepted) -> dict[str, Any]:
    return {
        "brand": accepted.brand,
        "right": accepted.right,
        "locale": accepted.locale,
        "law": accepted.law,
        "received_on": accepted.clock.receipt_date.isoformat(),
        "respond_by": accepted.clock.respond_by.isoformat(),
        "granted": accepted.granted,
        "law_why": accepted.law_why,
        "choice": accepted.right in OPT_OUTS,
        "media": accepted.media,
        "verify": accepted.verify,
        "by_agent": acts_for_another(accepted.role),
    }


def _account(settled: RequestSettled) -> dict[str, Any]:
    ends = settled.parts
    parts = {name: end.model_dump(mode="json") for name, end in ends.items()}
    said = (end.basis for end in ends.values() if end.outcome is Outcome.DENIED and end.reason == settled.reason)
    basis = next((basis for basis in said if basis), None)
    about = {"ending": settled.ending, "reason": settled.reason, "basis": basis, "package": settled.package}
    return {"parts": parts, "reopens": settled.reopens is not None, **about}
