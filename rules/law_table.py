"""The table of laws and rights as Markdown, from the compiled files. Pure; `rightsbus laws table` prints it."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final

from rules.clauses import Grant
from rules.facts import ClockRule, Dated, Sourced, Verify
from rules.handbook import Handbook
from rules.laws import Law
from rules.rights import UNPROVEN
from schemas.values import Right

_HEAD: Final = """# Laws

Generated from `policies/laws/` by `rightsbus laws table`; a test fails when they differ. This is no legal advice.

Every number carries its source and how sure we are: *verified* in the text of the law or rule, *secondary* from a
summary of others, *from memory*, or *unconfirmed*: a guess that somebody must check before the law takes effect.
Days count from the day after receipt, in the zone named; extensions count from receipt; an appeal counts from its own
receipt. Where a law sets no time the brand's own clock runs; where it gives no right the brand's own promise stands.
"""
_RIGHTS: Final = tuple(right for right in Right if right is not Right.UNCLASSIFIED)
_LATEST: Final = date.max
"""Rules that were replaced are not shown; grants that begin or end are."""
_LIST: Final = ("law", "place", "in force", "days in", "protects", "appeal", "signal", "regulator")
_ROWS: Final = ("right", "granted", "answer within", "acknowledge", "points", "free answers", "source")


def table(handbook: Handbook) -> str:
    """The whole page: one list of all laws, then one table of rights per law."""
    laws = sorted(handbook.laws.values(), key=lambda law: law.id)
    parts = [_HEAD, *_grid(_LIST, [_listed(law) for law in laws])]
    for law in laws:
        parts += ["", f"## {law.id}", "", f"{law.name}. {law.citation}.", *_notes(law), ""]
        parts += _grid(_ROWS, [_row(law, right) for right in _RIGHTS])
    return "\n".join(parts) + "\n"


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _listed(law: Law) -> list[str]:
    place = f"{law.country}-{law.region}" if law.region else law.country
    protects = "; ".join(f"{', '.join(part.contexts)}{_when(part)}" for part in law.protects)
    appeal = law.appeal.clock.text() if law.appeal.clock else "none in the law"
    signal = f"required{_when(law.signal)}" if law.signal else "no"
    return [law.id, place, _when(law).strip(), law.timezone, protects, appeal, signal, law.recourse.to]


def _notes(law: Law) -> Iterator[str]:
    yield ""
    yield f"* Applies to: {law.applies_to.who} ({_origin(law.applies_to)})."
    agents = "every right" if law.agents.rights == "all" else ", ".join(law.agents.rights) or "nothing"
    yield f"* Agents may act for: {agents} ({_origin(law.agents)})."
    appeal = law.appeal.clock
    yield f"* Appeal: {_clock(appeal) if appeal else 'none in the law'} ({_origin(law.appeal)})."
    within = f" within {law.recourse.within.text()}" if law.recourse.within else ""
    keep = "; the data is kept until then" if law.recourse.keep_data else ""
    yield f"* Recourse: {law.recourse.to}, {law.recourse.contact}{within}{keep} ({_origin(law.recourse)})."
    for demand in law.must_say:
        yield f"* {demand.occasion}{_when(demand)} must say: {', '.join(demand.says)} ({_origin(demand)})."
    for back in law.look_back:
        asked = f", on request from {back.on_request_since}" if back.on_request_since else ""
        yield f"* Looks back{_when(back)}: {back.months} months{asked} ({_origin(back)})."
    for again in law.repeats:
        unless = f"{again.within.text()} unless {again.unless}"
        yield f"* Not again within: {', '.join(again.rights)}, {unless} ({_origin(again)})."
    for text, fact in _rare(law):
        yield f"* {text} ({_origin(fact)})."


def _rare(law: Law) -> Iterator[tuple[str, Sourced]]:
    """What only some laws say."""
    if down := law.downgrade:
        yield f"Unverified, {', '.join(down.rights)} becomes {down.to} by {down.points} points", down
    if law.in_writing:
        yield f"To be asked in writing: {', '.join(law.in_writing.rights)}", law.in_writing
    if law.opt_out_proof:
        yield f"Verifying an opt-out: {law.opt_out_proof.level}", law.opt_out_proof
    if law.fees:
        yield f"A fee only when: {', '.join(law.fees.when)}", law.fees
    if law.records:
        yield f"Records: {law.records.months} months", law.records
    if law.pauses:
        yield f"The clock stops while waiting for: {', '.join(law.pauses.while_waiting_for)}", law.pauses
    if law.deemed_refusal:
        yield "Silence past the date is a refusal", law.deemed_refusal
    if work := law.business_contact:
        yield f"No personal information when they describe work: {', '.join(work.fields)}", work
    if law.stands_in_for:
        yield f"Also used for: {', '.join(law.stands_in_for.regions)}", law.stands_in_for


def _row(law: Law, right: Right) -> list[str]:
    grants = [grant for grant in law.grants if right in grant.rights]
    granted = "; ".join(f"yes{_limits(grant)}" for grant in grants)
    if right is Right.APPEAL and law.appeal.offered:
        granted = "yes"
    if not granted:
        return [right.value, "no", *["-"] * (len(_ROWS) - 2)]
    rule, proof, limit = law.clock(right, _LATEST), law.proof(right, _LATEST), law.limit(right, _LATEST)
    facts: list[Sourced | None] = [*grants, *_spans(rule), proof, limit]
    if right is Right.APPEAL:
        facts = [law.appeal, *_spans(rule)]
    return [
        right.value,
        granted,
        _clock(rule),
        rule.acknowledge.text() if rule and rule.acknowledge else "-",
        _points(right, proof),
        f"{limit.count} per {limit.window.replace('_', ' ')}, then {limit.beyond}" if limit else "-",
        "; ".join(dict.fromkeys(_origin(fact) for fact in facts if fact)),
    ]


def _spans(rule: ClockRule | None) -> list[Sourced]:
    return [span for span in (rule.respond, rule.extended, rule.acknowledge) if span] if rule else []


def _clock(rule: ClockRule | None) -> str:
    if rule is None or rule.respond is None:
        return "the brand's time"
    return f"{rule.respond.text()}, {f'extended {rule.extended.text()}' if rule.extended else 'no extension'}"


def _points(right: Right, proof: Verify | None) -> str:
    if right in UNPROVEN:
        return "none"
    if proof is None:
        return "the brand's"
    return f"{proof.points} and a declaration" if proof.declaration else str(proof.points)


def _limits(grant: Grant) -> str:
    said = [_when(grant).strip(), f"data {grant.scope.replace('_', ' ')}" if grant.scope else "", grant.note]
    told = ", ".join(part for part in said if part)
    return f" ({told})" if told else ""


def _when(fact: Dated) -> str:
    since = f" from {fact.effective_from}" if fact.effective_from else ""
    return f"{since} until {fact.effective_to}" if fact.effective_to else since


def _origin(fact: Sourced) -> str:
    return f"{fact.source}, {fact.confidence.replace('_', ' ')}"
