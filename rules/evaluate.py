"""The very rules of matching over tables of one's own: rows in, rows out, and how often they were right.

Nothing is read or written here. A directory row is one person's record; a claim is what somebody offered, with the
person it truly came from, or nobody.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from rules.matching import Candidate, Judgement, Matched, Verdict, weigh
from rules.names import NameFit, fit
from rules.normalise import PostalAddress, exact_keys, normalise, second_keys
from rules.points import PointPolicy
from schemas.values import PointKind, Population, Right

PERSON: Final = "person_id"
CLAIM: Final = "claim_id"
TRUTH: Final = "true_person_id"
BETWEEN: Final = "|"
"""What stands between several values of one cell."""
SOURCE: Final = "file"
_NAMES: Final = ("name", "given_name", "family_name")
_ADDRESS: Final = ("address_line", "city", "region", "postcode", "country")
_PLAIN: Final = tuple(kind for kind in PointKind if kind not in {PointKind.NAME, PointKind.ADDRESS, PointKind.POSTCODE})
COLUMNS: Final = frozenset({PERSON, CLAIM, TRUTH, *_NAMES, *_ADDRESS, *_PLAIN})
"""Every column that is understood; all but the id may be left out."""

Row = Mapping[str, str]
_Point = tuple[PointKind, str]


class TableProblem(Exception):
    """A table that cannot be used: which, in which row, what would be right. Never says a value."""

    def __init__(self, table: str, row: int, reason: str) -> None:
        super().__init__(f"{table}: row {row}: {reason}")
        self.table, self.row, self.reason = table, row, reason


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which terms claims are weighed."""

    right: Right
    needed: int
    policy: PointPolicy
    on: date
    country: str = "US"
    """How phone numbers, dates and addresses are written in rows that name no country."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one claim; `person` is who was located, verified or not."""

    claim_id: str
    verdict: Verdict
    groups: tuple[str, ...]
    person: str
    truth: str

    def row(self) -> dict[str, str]:
        """The result as a row of the table that is written."""
        groups = BETWEEN.join(self.groups)
        return {CLAIM: self.claim_id, "verdict": self.verdict, "groups": groups, "person_id": self.person}


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All results, in the order of the claims, and the two rates that matter."""

    results: tuple[Result, ...]
    genuine: int
    """Claims that come from a person of the directory."""
    accepted: int
    """Of those, how many were verified as that person."""
    falsely_accepted: int
    """Claims verified as somebody they do not come from."""

    @property
    def acceptance(self) -> float:
        """The share of genuine claims that was verified; 0 when there are none."""
        return self.accepted / self.genuine if self.genuine else 0.0

    @property
    def false_acceptance(self) -> float:
        """The share of all claims that was verified as the wrong person; 0 when there are none."""
        return self.falsely_accepted / len(self.results) if self.results else 0.0


@dataclass(slots=True)
class People:
    """A directory in memory, found by equal points, as the real one is: never by a name or postcode alone."""

    country: str
    _names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _postcodes: dict[str, frozenset[str]] = field(default_factory=dict)
    _exact: dict[_Point, list[str]] = field(default_factory=dict)
    _second: dict[_Point, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Row], *, country: str = "US") -> "People":
        """Index the rows of a directory.

        Raises:
            TableProblem: a row without an id, or an id used twice.
        """
        people = cls(country)
        for number, row in enumerate(rows, start=2):
            person = _cell(row, PERSON)
            if not person:
                raise TableProblem("directory", number, f"{PERSON} is missing; every person needs one")
            if person in people._names:
                raise TableProblem("directory", number, f"{PERSON} is used twice; a person is one row")
            people._add(person, row)
        return people

    def __contains__(self, person: object) -> bool:
        return person in self._names

    def __len__(self) -> int:
        return len(self._names)

    def candidates(self, claim: Row) -> list[Candidate]:
        """Every person who shares at least one point with a claim, by id; second keys are marked unreliable."""
        found: dict[str, dict[tuple[PointKind, bool], Matched]] = {}
        for kind, raw, country in _values(claim, self.country):
            for index, keys, reliable in (
                (self._exact, exact_keys(kind, raw, country=country), True),
                (self._second, second_keys(kind, raw, country=country), False),
            ):
                for person in (person for key in keys for person in index.get((kind, key), ())):
                    point = Matched(kind, SOURCE, None, reliable=reliable)
                    found.setdefault(person, {})[kind, reliable] = point
        return [self._candidate(person, list(points.values()), claim) for person, points in sorted(found.items())]

    def _add(self, person: str, row: Row) -> None:
        self._names[person] = _names(row)
        self._postcodes[person] = _postcodes(row, self.country)
        for kind, raw, country in _values(row, self.country):
            exact = normalise(kind, raw, country=country)
            for index, keys in ((self._exact, (exact,)), (self._second, second_keys(kind, raw, country=country))):
                for people in (index.setdefault((kind, key), []) for key in keys if key):
                    if not people or people[-1] != person:
                        people.append(person)

    def _candidate(self, person: str, points: list[Matched], claim: Row) -> Candidate:
        fits = {fit(offered, held) for offered in _names(claim) for held in self._names[person]}
        name = next((n for n in (NameFit.EXACT, NameFit.FUZZY, NameFit.NONE) if n in fits), NameFit.UNKNOWN)
        if _postcodes(claim, self.country) & self._postcodes[person]:
            points = [*points, Matched(PointKind.POSTCODE, SOURCE, None)]
        return Candidate(person, Population.ACCOUNT_HOLDER, None, tuple(points), name)


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
    verified = [result for result in results if result.verdict is Verdict.VERIFIED]
    right = sum(result.person == result.truth for result in verified)
    return Evaluation(results, len(genuine), right, len(verified) - right)


def unknown_columns(columns: Iterable[str]) -> list[str]:
    """The columns nothing is done with, sorted: a misspelt one is better said than ignored."""
    return sorted({column for column in columns if column.strip() not in COLUMNS})


def _results(people: People, claims: Iterable[Row], terms: Terms) -> Iterator[Result]:
    seen: set[str] = set()
    for number, claim in enumerate(claims, start=2):
        name = _cell(claim, CLAIM)
        if not name:
            raise TableProblem("claims", number, f"{CLAIM} is missing; every claim needs one")
        if name in seen:
            raise TableProblem("claims", number, f"{CLAIM} is used twice; a claim is one row")
        seen.add(name)
        verdict = judge(people.candidates(claim), terms)
        groups = tuple(sorted(verdict.groups))
        yield Result(name, verdict.verdict, groups, verdict.subject or "", _cell(claim, TRUTH))


def _values(row: Row, country: str) -> Iterator[tuple[PointKind, str | PostalAddress, str]]:
    """Every value of a row that people are found by: kind, value, and the country it is written in."""
    addresses = list(_addresses(row, country))
    written = next((address.country for address in addresses if address.country), country)
    for kind in _PLAIN:
        yield from ((kind, value, written) for value in _cells(row, kind))
    yield from ((PointKind.ADDRESS, address, address.country) for address in addresses if address.line1)


def _addresses(row: Row, country: str) -> Iterator[PostalAddress]:
    """The addresses of a row: the n-th of each column together, and a single value with each of them."""
    columns = [_cells(row, column, keep_empty=True) for column in _ADDRESS]
    for at in range(max((len(column) for column in columns), default=0)):
        line, city, region, code, where = (
            column[at] if at < len(column) else (column[0] if len(column) == 1 else "") for column in columns
        )
        yield PostalAddress(line, "", city, region, code, where.upper() or country)


def _postcodes(row: Row, country: str) -> frozenset[str]:
    keys = (normalise(PointKind.POSTCODE, address) for address in _addresses(row, country))
    return frozenset(key for key in keys if key)


def _names(row: Row) -> tuple[str, ...]:
    """The names of a row; given and family names are joined pair by pair when there is no whole name."""
    if whole := _cells(row, "name"):
        return tuple(whole)
    given, family = (_cells(row, column, keep_empty=True) for column in _NAMES[1:])
    pairs = range(max(len(given), len(family)))
    both = (tuple(part[at] if at < len(part) else "" for part in (family, given)) for at in pairs)
    return tuple(", ".join(pair).strip(", ") for pair in both if any(pair))


def _cells(row: Row, column: str, *, keep_empty: bool = False) -> list[str]:
    cell = _cell(row, column)
    values = [value.strip() for value in cell.split(BETWEEN)] if cell else []
    return values if keep_empty else [value for value in values if value]


def _cell(row: Row, column: str) -> str:
    return (row.get(column) or "").strip()
