"""How often the same was answered to one person before: counted only once it is known who asks, ended requests too."""

from collections.abc import Iterable
from datetime import UTC, datetime, time

from rules.frequency import Beyond, Limit, limit_of
from schemas.values import Right
from services.kernel.decision import Count
from services.verifier.decide.draft import Draft
from services.verifier.decide.facts import Facts
from services.verifier.decide.state import Verification


def limit_on(state: Verification, facts: Facts, right: Right | None = None) -> Limit | None:
    """The rule that limits a request, if one does; none for what an upheld appeal takes up once more."""
    right = right or state.right
    if state.again or right is None or state.received_on is None or state.brand not in facts.brands:
        return None
    return limit_of(facts.laws.get(state.law), facts.brands[state.brand], right, state.received_on)


def names_of(state: Verification, facts: Facts, subjects: Iterable[str]) -> list[str]:
    """Under which names the answers to these persons were counted, for what this request may become."""
    if state.received_on is None:
        return []
    found = (limit_on(state, facts, right) for right in (state.right, state.fallback))
    slots = {slot for limit in found if limit for slot in limit.slots(state.received_on)}
    return [facts.answered(subject, slot) for subject in subjects for slot in sorted(slots)]


def judge_number(draft: Draft, subject: str, right: Right | None = None) -> tuple[Beyond, str | None]:
    """What may follow for this person, by which rule; what is answered, or may cost something, counts as one more."""
    limit, on = limit_on(draft.state, draft.facts, right), draft.state.received_on
    if limit is None or on is None:
        return Beyond.ANSWER, None
    earlier = sum(draft.facts.tally.of(draft.facts.answered(subject, slot)) for slot in limit.slots(on))
    beyond = limit.judge(earlier)
    fees = draft.brand.fees
    if beyond is Beyond.FEE and not (fees and fees.estimate):
        beyond = Beyond.ANSWER
    if beyond is not Beyond.REFUSE:
        slot, until = limit.slot(on)
        draft.counts.append(Count(draft.facts.answered(subject, slot), datetime.combine(until, time(), UTC)))
    return (beyond, limit.source) if beyond is not Beyond.ANSWER else (beyond, None)
