"""The very rules of matching over tables of one's own: rows in, rows out, and how often they were right.

Nothing is read or written here. A directory row is one person's record; a claim is what somebody offered, with the
person it truly came from, or nobody. Every record that shares a point with a claim is weighed, also where a live
directory would not have found it, so that the rates are the rules' own.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from rules.compare import Record, compare
from rules.matching import Candidate, Judgement, Verdict, weigh
from rules.normalise import exact_keys, normalise, second_keys
from rules.points import PointPolicy
from rules.table import BETWEEN, Row, Written, cell, names, values
from schemas.values import PointKind, Population, Right

PERSON: Final = "person_id"
CLAIM: Final = "claim_id"
TRUTH: Final = "true_person_id"
SOURCE: Final = "file"

type_key = tuple[PointKind, str]


class TableProblem(ValueError):
    """A table that cannot be used: which, in which row, what would be right. Never says a value."""

    def __init__(self, table: str, row: int, reason: str) -> None:
        super().__init__(f"{table}: row {row}: {reason}")
        self.table, self.row, self.reason = table, row, reason


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which terms claims are weighed. `country` is how rows are written that name none."""

    right: Right
    needed: int
    policy: PointPolicy
    on: date
    country: str = "US"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one claim; `person` is who was located, verified or not."""

    claim_id: str
    verdict: Verdict
    groups: tuple[str, ...]
    person: str
    truth: str

    @property
    def wrong(self) -> bool:
        """Whether it was verified as somebody it does not come from."""
        return self.verdict is Verdict.VERIFIED and self.person != self.truth

    def row(self) -> dict[str, str]:
        """The result as a row of the table that is written."""
        groups = BETWEEN.join(self.groups)
        return {CLAIM: self.claim_id, "verdict": self.verdict, "matched_groups": groups, "located_person": self.person}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All results, in the order of the claims, and the two rates that matter."""

    people: int
    results: tuple[Result, ...]
    genuine: int
    """Claims that come from a person of the directory."""
    accepted: int
    """Of those, how many were verified as that person."""
    wrong: int
    """Claims verified as somebody they do not come from."""

    @property
    def acceptance(self) -> float:
        """The share of genuine claims that was verified; 0 when there are none."""
        return self.accepted / self.genuine if self.genuine else 0.0

    @property
    def false_acceptance(self) -> float:
        """The share of all claims that was verified as the wrong person; 0 when there are none."""
        return self.wrong / len(self.results) if self.results else 0.0

    @property
    def impostor_pairs(self) -> int:
        """Pairs of a claim and a person it does not come from: each could have been accepted."""
        return len(self.results) * self.people - self.genuine

    def tally(self) -> dict[str, int]:
        """How many claims got each verdict."""
        return {verdict.value: sum(r.verdict is verdict for r in self.results) for verdict in Verdict}


@dataclass(slots=True)
class People:
    """A directory in memory, found by equal keys instead of by comparing everybody with everybody."""

    country: str
    _records: dict[str, Record] = field(default_factory=dict)
    _found_by: dict[type_key, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Row], *, country: str = "US") -> "People":
        """Index the rows of a directory.

        Raises:
            TableProblem: a row without an id, or an id used twice.
        """
        people = cls(country)
        for number, row in enumerate(rows, start=2):
            person = cell(row, PERSON)
            if not person:
                raise TableProblem("directory", number, f"{PERSON} is missing; every person needs one")
            if person in people._records:
                raise TableProblem("directory", number, f"{PERSON} is used twice; a person is one row")
            people._add(person, row)
        return people

    def __contains__(self, person: object) -> bool:
        return person in self._records

    def __len__(self) -> int:
        return len(self._records)

    def candidates(self, claim: Row) -> list[Candidate]:
        """Every person who shares at least one point with a claim, by id."""
        written, offered = list(values(claim, self.country)), names(claim)
        wanted = {(v.kind, key) for v in written for key in exact_keys(v.kind, v.raw, country=v.country)}
        hits: dict[str, set[PointKind]] = {}
        for kind, key in {*wanted, *_second(written), *_named(offered)}:
            if kind is not PointKind.POSTCODE:
                for person in self._found_by.get((kind, key), ()):
                    hits.setdefault(person, set()).add(kind)
        return [self._candidate(person, hits[person], wanted, offered) for person in sorted(hits)]

    def _candidate(self, person: str, hits: set[PointKind], wanted: set[type_key], offered: Sequence[str]) -> Candidate:
        matched, name = compare([self._records[person]], wanted, offered)
        near = frozenset(hits - {one.kind for one in matched} - {PointKind.NAME})
        return Candidate(person, Population.ACCOUNT_HOLDER, None, matched, name, near)

    def _add(self, person: str, row: Row) -> None:
        written, held = list(values(row, self.country)), names(row)
        normal = ((v.kind, normalise(v.kind, v.raw, country=v.country)) for v in written)
        keys = {(kind, key) for kind, key in normal if key}
        self._records[person] = Record(
            source=SOURCE,
            reliable=True,
            names=[[name, None] for name in held],
            points=[[kind, key, None] for kind, key in sorted(keys)],
        )
        for found_by in {*keys, *_second(written), *_named(held)}:
            self._found_by.setdefault(found_by, []).append(person)


def _named(held: Iterable[str]) -> set[type_key]:
    return {(PointKind.NAME, key) for name in held if (key := normalise(PointKind.NAME, name))}


def _second(written: Iterable[Written]) -> Iterator[type_key]:
    for value in written:
        yield from ((value.kind, key) for key in second_keys(value.kind, value.raw, country=value.country))


def judge(candidates: Sequence[Candidate], terms: Terms) -> Judgement:
    """Weigh candidates as the verifier does."""
    return weigh(candidates, needed=terms.needed, right=terms.right, on=terms.on, policy=terms.policy)


def evaluate(directory: Iterable[Row], claims: Iterable[Row], terms: Terms) -> Evaluation:
    """Weigh every claim against a directory.

    Raises:
        TableProblem: a row of either table without an id, or an id used twice.
    """
    people = People.of(directory, country=terms.country)
    results = tuple(_results(people, claims, terms))
    genuine = [result for result in results if result.truth in people]
    accepted = sum(result.verdict is Verdict.VERIFIED and not result.wrong for result in genuine)
    return Evaluation(len(people), results, len(genuine), accepted, sum(result.wrong for result in results))


def _results(people: People, claims: Iterable[Row], terms: Terms) -> Iterator[Result]:
    seen: set[str] = set()
    for number, claim in enumerate(claims, start=2):
        name = cell(claim, CLAIM)
        if not name:
            raise TableProblem("claims", number, f"{CLAIM} is missing; every claim needs one")
        if name in seen:
            raise TableProblem("claims", number, f"{CLAIM} is used twice; a claim is one row")
        seen.add(name)
        verdict = judge(people.candidates(claim), terms)
        groups = tuple(sorted(verdict.groups))
        yield Result(name, verdict.verdict, groups, verdict.subject or "", cell(claim, TRUTH))
