"""Whether what was offered proves who asks: in one person's record, by independent groups, or not at all."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from rules.names import NameFit
from rules.points import PointPolicy
from schemas.values import Group, PointKind, Population, Right

HOUSEHOLD: Final = frozenset({Group.NAME, Group.ADDRESS})
"""Every housemate nearly holds these two; at least one point must come from elsewhere."""
LOCATING: Final = 2
"""Independent points inside one record that make it worth passing on, or worth an operator's look."""


class Verdict(StrEnum):
    """What the points say. Only VERIFIED may ever be told apart outside."""

    VERIFIED = "verified"
    NOT_ENOUGH = "not_enough"
    AMBIGUOUS = "ambiguous"
    NO_RECORD = "no_record"


@dataclass(frozen=True, slots=True)
class Matched:
    """A held point that equals an offered one.

    `held_since` is None where the system does not say; the value then counts as held all along. `reliable` is
    False for a value the system itself doubts: it never counts.
    """

    kind: PointKind
    source: str
    held_since: date | None
    reliable: bool = True


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person's record with the points that match; `name` says how well the name given fits it.

    A name that fits exactly is among `matched` too, with who holds it: that is what counts, as for any other point.
    `near` are kinds with an equal second key (folded, provider-specific): worth an operator's look, and no more.
    `proven` are kinds whose held value the person showed to control: what was sent there came back.
    """

    subject: str
    population: Population
    client: str | None
    matched: tuple[Matched, ...]
    name: NameFit = NameFit.UNKNOWN
    near: frozenset[PointKind] = frozenset()
    proven: frozenset[PointKind] = frozenset()


@dataclass(frozen=True, slots=True)
class Judgement:
    """The outcome.

    `subject` is the person verified, or the one an operator may look at, if there is exactly one; `groups`
    are what counted for them. `located` says that a review is worth while. `aimed_at` is every record that what was
    offered comes near to. Trust hangs on the verdict alone.
    """

    verdict: Verdict
    subject: str | None
    groups: frozenset[Group]
    located: bool
    aimed_at: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Terms:
    """Under which terms points count."""

    right: Right
    on: date
    policy: PointPolicy
    contested: frozenset[PointKind]


def weigh(  # noqa: PLR0913  every term of the rule is named
    candidates: Sequence[Candidate],
    *,
    needed: int,
    right: Right,
    on: date,
    policy: PointPolicy,
    contested: frozenset[PointKind] = frozenset(),
) -> Judgement:
    """Compare the points offered with each record on its own, never with several added up.

    Groups are counted, not points; one must come from outside name and address, however few are needed. A
    name that does not fit vetoes its record. Two persons who both satisfy the rule are no match. Recipients'
    records belong to clients and verify nobody. `contested` are the kinds a correction is about. Order never
    matters.
    Source: 11 CCR § 7060(h), § 7062(b), (c).
    """
    terms = _Terms(right, on, policy, contested)
    own = [c for c in candidates if c.population is not Population.RECIPIENT and c.name is not NameFit.NONE]
    enough = [c for c in own if _enough(_counted(c, terms), needed)]
    aimed_at = tuple(sorted({c.subject for c in enough}))
    if len(aimed_at) > 1:
        return Judgement(Verdict.AMBIGUOUS, None, frozenset(), located=True, aimed_at=aimed_at)
    if enough:
        best = max(enough, key=lambda c: _rank(c, terms))
        return Judgement(Verdict.VERIFIED, best.subject, _counted(best, terms), located=True, aimed_at=aimed_at)
    return _unverified(own, terms)


def locate(candidates: Sequence[Candidate], *, on: date, policy: PointPolicy) -> tuple[Candidate, ...]:  # noqa: ARG001
    """The recipients' records that are located well enough to pass a request on to their client.

    Two independent points inside one record, or a parcel or order number that fits with name or postcode.
    A client decides by itself whom it believes, so how long a value was held (`on`) has no say here.
    """
    found = [c for c in candidates if c.population is Population.RECIPIENT and c.client]
    return tuple(
        sorted(
            (c for c in found if c.name is not NameFit.NONE and _located(c, policy)),
            key=lambda c: (c.client or "", c.subject),
        )
    )


def _unverified(own: Sequence[Candidate], terms: _Terms) -> Judgement:
    seen = {c: _evidence(c, terms) for c in own}
    located = [c for c, groups in seen.items() if len(groups) >= LOCATING]
    verdict = Verdict.NOT_ENOUGH if any(seen.values()) else Verdict.NO_RECORD
    aimed_at = tuple(sorted({c.subject for c in located}))
    if len(aimed_at) != 1:
        return Judgement(verdict, None, frozenset(), located=bool(located), aimed_at=aimed_at)
    best = max(located, key=lambda c: _rank(c, terms))
    return Judgement(verdict, best.subject, _counted(best, terms), located=True, aimed_at=aimed_at)


def _enough(groups: frozenset[Group], needed: int) -> bool:
    return len(groups) >= needed and bool(groups - HOUSEHOLD)


def _rank(candidate: Candidate, terms: _Terms) -> tuple[int, list[Group]]:
    groups = _counted(candidate, terms)
    return len(groups), sorted(groups)


def _counted(candidate: Candidate, terms: _Terms) -> frozenset[Group]:
    """The groups in which this record proves something."""
    return frozenset(_counting(candidate, terms))


def _counting(candidate: Candidate, terms: _Terms) -> Iterator[Group]:
    for point in candidate.matched:
        unsure = point.kind is PointKind.NAME and candidate.name is not NameFit.EXACT
        if not unsure and _admitted(point.kind, terms) and _dependable(point, terms):
            yield terms.policy.group_of(point.kind)
    yield from (terms.policy.group_of(kind) for kind in candidate.proven if _admitted(kind, terms))


def _admitted(kind: PointKind, terms: _Terms) -> bool:
    return kind not in terms.contested and terms.policy.counts(kind, terms.right)


def _dependable(point: Matched, terms: _Terms) -> bool:
    """Whether the value was held reliably, and long enough not to come from who asks now."""
    if not point.reliable or not terms.policy.reliable(point.source, point.kind):
        return False
    return point.held_since is None or terms.on - point.held_since >= terms.policy.min_age(point.kind)


def _evidence(candidate: Candidate, terms: _Terms) -> frozenset[Group]:
    """The groups in which this record resembles what was offered: for a person's eye, not for a verdict."""
    policy = terms.policy
    kinds = {point.kind for point in candidate.matched} | candidate.near | candidate.proven
    groups = {policy.group_of(kind) for kind in kinds - terms.contested}
    if candidate.name in {NameFit.EXACT, NameFit.FUZZY} and PointKind.NAME not in terms.contested:
        groups.add(policy.group_of(PointKind.NAME))
    return frozenset(groups)


def _located(candidate: Candidate, policy: PointPolicy) -> bool:
    kinds = {point.kind for point in candidate.matched if point.reliable}
    named = candidate.name in {NameFit.EXACT, NameFit.FUZZY} or PointKind.NAME in kinds
    if (named or PointKind.POSTCODE in kinds) and any(policy.strong_locator(kind) for kind in kinds):
        return True
    if candidate.name is NameFit.EXACT:
        kinds.add(PointKind.NAME)
    elif candidate.name is NameFit.FUZZY:
        kinds.discard(PointKind.NAME)
    return len({policy.group_of(kind) for kind in kinds if policy.locates(kind)}) >= LOCATING
