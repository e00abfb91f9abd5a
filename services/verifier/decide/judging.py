"""What the rules say of the candidates among the company's own records."""

from dataclasses import replace
from datetime import datetime

from rules.matching import Candidate, Judgement, Matched, Verdict, weigh
from rules.names import NameFit
from rules.rights import reaches
from schemas.values import Group, PointKind, Population, Right
from services.verifier.decide.facts import Facts
from services.verifier.decide.state import Verification


def judge(state: Verification, facts: Facts, now: datetime) -> Judgement:
    """Weigh each candidate the request may be about, on its own."""
    reached = (c for c in facts.candidates.get(state.id, ()) if reaches(state.only_for, c.population))
    own = [_shown(c, state.proven) for c in reached if c.population is not Population.RECIPIENT]
    return weigh(
        own, needed=state.needed, right=state.right or Right.INQUIRY, on=now.date(), policy=facts.points,
        contested=state.contested,
    )  # fmt: skip


def signed_in(state: Verification, facts: Facts) -> str | None:
    """Whose account it is that an authenticator vouches for: one record that holds its number, and whose name fits."""
    found = {
        c.subject
        for c in facts.signed_in.get(state.id, ())
        if c.population is not Population.RECIPIENT and reaches(state.only_for, c.population)
        if c.name is not NameFit.NONE and any(_holds(point, facts) for point in c.matched)
    }
    return found.pop() if len(found) == 1 else None


def _holds(point: Matched, facts: Facts) -> bool:
    by = point.kind is PointKind.ACCOUNT_NUMBER and point.reliable
    return by and facts.points.reliable(point.source, point.kind)


def _shown(candidate: Candidate, proven: frozenset[str]) -> Candidate:
    """The record with what the person showed to control: codes go to e-mail addresses on file."""
    return replace(candidate, proven=frozenset({PointKind.EMAIL})) if candidate.subject in proven else candidate


def fitting(state: Verification, facts: Facts, now: datetime) -> tuple[str, tuple[Group, ...]] | None:
    """The one record that reaches the points of the fallback, though not those of the right itself."""
    if state.fallback is None:
        return None
    lower = judge(state.but(needed=state.fallback_points, right=state.fallback), facts, now)
    fits = lower.verdict is Verdict.VERIFIED and lower.subject
    return (lower.subject, tuple(sorted(lower.groups))) if fits and lower.subject else None
