"""Weigh what was offered: verify, ask for more, end at the fixed instant. What is asked tells nothing found."""

from datetime import datetime
from typing import Final

from rules import parts
from rules.matching import Judgement, Verdict
from schemas.base import Event
from schemas.events import PartWaiting, RequestVerified, VerificationFailed
from schemas.values import Assurance, Group, Party, PointKind, Right, Waiting
from services.verifier.decide.draft import Draft
from services.verifier.decide.judging import fitting, judge, signed_in
from services.verifier.decide.often import judge_number
from services.verifier.decide.review import show, verify
from services.verifier.decide.throttle import failure, throttled

CHOICE: Final = (PointKind.EMAIL, PointKind.PHONE, PointKind.ADDRESS, PointKind.ACCOUNT_NUMBER, PointKind.ORDER_NUMBER,
                 PointKind.TRANSACTION_AMOUNT)  # fmt: skip
"""Kinds of points a person may choose from; the same for everybody."""


def weigh_in(draft: Draft, cause: Event) -> None:
    """Compare the points offered with each candidate person on their own.

    Two persons who both satisfy the rule are no match. Two points for categories, deletion, correction; three and a
    signed declaration for specific pieces. Where too many tries have failed before, even what fits proves nothing. A
    fresh account session counts instead of points, never instead of the declaration (11 CCR § 7061).
    Source: 11 CCR § 7062(b), (c).
    """
    if draft.state.session is None and (account := signed_in(draft.state, draft.facts)):
        draft.state = draft.state.but(session=account)
    state = draft.state
    facts, declared = draft.facts, state.declared or not state.declaration_needed
    if state.session and declared:
        verify(draft, cause, (state.session, (Group.ACCOUNT,)), "session")
        return
    judged = judge(state, facts, draft.now)
    fits, held = judged.verdict is Verdict.VERIFIED, throttled(state.id, judged, facts)
    if fits and not held and declared:
        verify(draft, cause, (judged.subject or "", judged.groups), "points")
        return
    if not fits and not state.session:
        draft.counts += failure(state.id, judged, facts, draft.now)
    _ask(draft, None if held else _reachable(draft, judged))
    draft.state = draft.state.but(
        verdict=judged.verdict, located=_located(judged), fitting=None if held else fitting(state, facts, draft.now)
    )
    if held or len(state.answers) >= draft.brand.windows.proof_rounds:
        show(draft, "throttled" if held else draft.state.failing)


def _located(judged: Judgement) -> tuple[str, tuple[str, ...]] | None:
    return (judged.subject, tuple(sorted(judged.groups))) if judged.subject else None


def _reachable(draft: Draft, judged: Judgement) -> str | None:
    """Whose contact on file a code may prove: of the one record located, where that would add a group."""
    state, policy = draft.state, draft.facts.points
    counts = PointKind.EMAIL not in state.contested and policy.counts(PointKind.EMAIL, state.right or Right.INQUIRY)
    adds = judged.verdict is not Verdict.VERIFIED and policy.group_of(PointKind.EMAIL) not in judged.groups
    return judged.subject if counts and adds else None


def _ask(draft: Draft, code_to: str | None) -> None:
    """Ask for more, as often as was answered and once more, up to the brand's last round."""
    state = draft.state
    until = min(draft.now + draft.brand.windows.proof, state.ends_at or draft.now)
    rounds = range(state.rounds + 1, min(draft.brand.windows.proof_rounds, len(state.answers) + 1) + 1)
    draft.said += [_round(draft, number, until, code_to) for number in rounds]
    codes = dict.fromkeys(rounds, (code_to, until)) if code_to else {}
    asked_at = state.asked_at or (draft.now if rounds else None)
    draft.state = state.but(rounds=max(rounds, default=state.rounds), codes=state.codes | codes, asked_at=asked_at)


def _round(draft: Draft, number: int, until: datetime, code_to: str | None) -> PartWaiting:
    state = draft.state
    kinds = [kind for kind in CHOICE if kind not in state.contested]
    return PartWaiting.after(
        draft.cause, draft.now, on=f"proof/{number}", case_id=state.case_id, part=parts.VERIFICATION,
        party=Party.PERSON, waiting=Waiting.PROOF, until=until, kinds=kinds, round=number, code_to=code_to,
        declaration=state.declaration_needed and not state.declared,
    )  # fmt: skip


def wait_for_detail(draft: Draft) -> None:
    """Say that nobody is asked for proof yet: the request is held first, for what it is to correct."""
    state = draft.state
    draft.said.append(
        PartWaiting.after(
            draft.cause, draft.now, on="detail", request_id=state.id, case_id=state.case_id, part=parts.VERIFICATION,
            party=Party.SYSTEM, waiting=Waiting.DETAIL, until=state.ends_at or draft.now, who="fulfiller",
        )
    )  # fmt: skip


def fail(draft: Draft) -> None:
    """End it publicly as unverified; why is for the register alone. What the law makes of it instead goes on.

    Source: 11 CCR § 7024(a): specific pieces become categories, which two points must reach.
    """
    state = draft.state
    ids = {"request_id": state.id, "case_id": state.case_id}
    if state.fitting and state.fallback:
        subject, groups = state.fitting
        beyond, rule = judge_number(draft, subject, state.fallback)
        lower = RequestVerified.after(
            draft.cause, draft.now, subject=subject, groups=list(groups), assurance=Assurance.REASONABLE,
            instead=state.fallback, beyond=beyond.value, beyond_by=rule, **ids,
        )  # fmt: skip
        draft.said.append(lower)
        draft.state = state.but(ended="verified")
        return
    show(draft, state.failing)
    draft.said.append(VerificationFailed.after(draft.cause, draft.now, detail=state.failing, **ids))
    draft.state = draft.state.but(ended="unverified")
