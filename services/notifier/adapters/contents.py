"""What letters tell, in the words of one language: what was done, what is refused and why, what everybody may know."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from rules.brands import Brand
from rules.disclosures import CategoryRow
from rules.laws import Law
from rules.parts import (
    ANSWER,
    BUILT_IN,
    PIECES,
    client_of,
    is_copies,
    is_directory,
    is_handover,
    is_provider,
    is_task,
    is_third_party,
    system_of,
)
from rules.refusals import CitationNeeded, Refusal, Refused, refuse
from rules.rights import INFORMS, MEANINGS, By
from rules.statements import Written, appeals_to, refuses
from schemas.values import Letter, Outcome, Reason, Right

Words = Mapping[str, Any]
_NOBODY: Final[Mapping[str, str]] = MappingProxyType({})
_TOLD: Final = {ANSWER: "us", PIECES: "pieces"}
"""Parts that are nobody's system and yet told of, with the word for them."""


def account(parts: Mapping[str, Any], words: Words, ask: Mapping[str, str] = _NOBODY) -> list[str]:
    """One sentence per part that did something: what was done, to how much of which category, what was kept and why.

    `ask` says who a client is and how it is reached, for those the person is referred to.
    """
    lines = []
    for part, end in sorted(parts.items()):
        if not _concerns(part) or end["outcome"] == Outcome.WITHDRAWN:
            continue
        counts = ", ".join(
            f"{number} {words['categories'].get(category, category)}"
            for category, number in sorted(end["counts"].items())
        )
        denied = end["outcome"] == Outcome.DENIED
        why, ground = (words["reasons"].get(end.get("reason")), end.get("basis")) if denied else (None, None)
        whom = ask.get(client_of(part) or "") if end["outcome"] == Outcome.REFERRED else None
        outcome = "; ".join(said for said in (_became(part, end, words), whom, why, ground) if said)
        lines.append(f"{_where(part, words)}: {outcome}{f' ({counts})' if counts else ''}.")
        for kept in end.get("retained", []):
            category = words["categories"].get(kept["category"], kept["category"])
            until = f" {words['until']} {kept['until']}" if kept.get("until") else ""
            lines.append(f"  {words['kept']}: {kept['count']} {category} - {kept['citation']}{until}.")
    return lines


def _concerns(part: str) -> bool:
    """Whether a part is work one tells of: not what we do for ourselves."""
    ours = system_of(part) in BUILT_IN or is_directory(part)
    return not ours and bool(is_task(part) or client_of(part) or part in _TOLD)


def _became(part: str, end: Mapping[str, Any], words: Words) -> str:
    """How a part ended; of a sender who never answered, whom to ask now, for nobody here can look into it."""
    silent = is_handover(part) and end["outcome"] == Outcome.FAILED
    return str(words["silent"] if silent else words["outcomes"][end["outcome"]])


def _where(part: str, words: Words) -> str:
    if is_provider(part):
        return str(words["provider"])
    if is_third_party(part):
        return str(words["third_party"])
    if client_of(part) and not is_copies(part):
        return str(words["sender"])
    if part in _TOLD:
        return str(words[_TOLD[part]])
    return str(words["systems"].get(system_of(part), system_of(part)))


def general(brand: Brand, what: Written, words: Words) -> dict[str, Any]:
    """What the brand tells everybody, record or none: its categories, its service providers, that this is all."""
    informs = what.letter is Letter.UNVERIFIED and what.right in INFORMS
    listed = what.letter is Letter.CLOSED and what.right is Right.SERVICE_PROVIDER_LIST
    return {
        "informs": informs,
        "table": [line for row in brand.categories for line in _row(row, words)] if informs else [],
        "general": MEANINGS[what.right].by is By.BRAND,
        "providers": brand.providers.current if listed and brand.providers else [],
    }


def _row(row: CategoryRow, words: Words) -> Iterable[str]:
    labels = words["labels"]
    whom = _listed(row.populations, words["populations"])
    yield f"{words['categories'][row.category]} ({whom})"
    yield f"  {labels['origins']}: {_listed(row.origins, words['origins'])}"
    yield f"  {labels['purposes']}: {_listed(row.purposes, words['purposes'])}"
    yield f"  {labels['disclosed_to']}: {_listed(row.disclosed_to, words['recipients']) or labels['nobody']}"
    sold = [*row.sold_to, *row.shared_with]
    yield f"  {labels['sold_to']}: {_listed(sold, words['recipients']) or labels['nobody']}"


def _listed(codes: Iterable[str], names: Mapping[str, str]) -> str:
    return ", ".join(names[code] for code in codes)


def at_the_end(law: Law | None, brand: Brand, what: Written, body: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """Why something was refused or takes longer, on what ground, and what the person can do about it."""
    reason = body.get("reason") or body.get("why") or Reason.OTHER
    ground = _refused(law, brand, what, body) if refuses(what) else None
    reasons = words["delays"] if what.letter is Letter.EXTENDED else words["reasons"]
    return {
        "reason_text": reasons.get(reason, reasons["other"]),
        "citation": ground.citation if ground else _fee_rests_on(law, brand),
        "appeal_to": appeals_to(law, brand, what.right),
        "regulator": law.recourse.to if law else None,
        "regulator_contact": law.recourse.contact if law else None,
        "complain_until": ground.complain_until if ground else None,
        "deemed_by": law.deemed_refusal.source if law and law.deemed_refusal else None,
    }


def _fee_rests_on(law: Law | None, brand: Brand) -> str:
    """What lets a fee be asked: the law that applies, else the brand's own word."""
    fees = law.fees if law else brand.fees
    return fees.source if fees else law.citation if law else brand.source


def _refused(law: Law | None, brand: Brand, what: Written, body: Mapping[str, Any]) -> Refusal:
    """The refusal; where no ground was cited it rests on the law, or on the brand's own policy, as a whole."""
    reason, basis = Reason(body.get("reason") or Reason.OTHER), body.get("basis") or ""
    try:
        return refuse(law, brand, Refused(what.right, reason, what.on, basis))
    except CitationNeeded:
        whole = law.citation if law else brand.source
        return refuse(law, brand, Refused(what.right, reason, what.on, whole))
